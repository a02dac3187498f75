//! A process that is ended whatever becomes of the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end when it is asked to.
const END: Duration = Duration::from_secs(15);

/// A running program whose output is kept.
pub struct Process {
    name: &'static str,
    child: Child,
    /// What was told to watch it ends when this is closed, whatever stands between.
    stdin: Option<ChildStdin>,
    lines: Mutex<Receiver<String>>,
    text: Arc<Mutex<String>>,
    struck: AtomicBool,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.current_dir("/");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (tell, lines) = mpsc::channel();
        let text = Arc::new(Mutex::new(String::new()));
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in outputs.into_iter().flatten() {
            let (tell, text) = (tell.clone(), Arc::clone(&text));
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let mut text = text.lock().expect("no panic while it is held");
                    text.push_str(&line);
                    text.push('\n');
                    drop(text);
                    // Whoever waited for lines may be gone.
                    let _ = tell.send(line);
                }
            });
        }
        Self {
            name,
            stdin: child.stdin.take(),
            child,
            lines: Mutex::new(lines),
            text,
            struck: AtomicBool::new(false),
        }
    }

    /// Returns what it printed up to now, on both outputs.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.lock().expect("no panic while it is held").clone()
    }

    /// Waits for a line that begins so.
    ///
    /// # Panics
    /// If it does not come in time.
    pub fn await_line(&self, beginning: &str, limit: Duration) {
        let said = self.has_said(beginning, limit);
        assert!(said, "{} did not say `{beginning}`: {}", self.name, self.text());
    }

    /// Waits for a line that begins so; false if it ends without, or does not say it in time.
    ///
    /// # Panics
    /// If another thread panicked while it waited.
    #[must_use]
    pub fn has_said(&self, beginning: &str, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let lines = self.lines.lock().expect("no panic while it is held");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) if line.starts_with(beginning) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it (SIGKILL) and does not wait.
    pub fn strike(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.struck.store(true, Ordering::SeqCst);
    }

    /// Returns whether it was struck; it is gone then.
    pub fn is_gone(&mut self) -> bool {
        let struck = self.struck.load(Ordering::SeqCst);
        if struck {
            let _ = self.child.wait();
        }
        struck || !matches!(self.child.try_wait(), Ok(None))
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM), and returns how it did and what it printed.
    ///
    /// # Panics
    /// If it does not end in time.
    #[must_use]
    pub fn end(mut self) -> (ExitStatus, String) {
        self.ask_to_end();
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return (status, self.text());
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{} does not end: {}", self.name, self.text());
    }

    /// Waits until it ended by itself.
    ///
    /// # Panics
    /// If it does not in time.
    pub fn await_end(mut self) {
        let deadline = Instant::now() + END;
        while matches!(self.child.try_wait(), Ok(None)) {
            assert!(Instant::now() < deadline, "{} does not end: {}", self.name, self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask_to_end(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if matches!(self.child.try_wait(), Ok(None)) {
            // `up` ends its children when it is asked to; killed it could not.
            self.ask_to_end();
            let deadline = Instant::now() + Duration::from_secs(3);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
