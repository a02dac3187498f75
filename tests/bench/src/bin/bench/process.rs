//! Our programs as processes: started, measured, ended.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a process may take to end by itself.
const END: Duration = Duration::from_secs(20);
/// Clock ticks a second in /proc (USER_HZ, which Linux fixes for user space).
const TICKS: f64 = 100.0;

/// Finds a program of ours beside the one that runs.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        bail!("{name} is not built beside the bench: use `make bench`")
    }
}

/// A program that runs until this is dropped. It ends when its standard input does, or by
/// SIGTERM.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program and waits for a line that begins with the word. What it logs goes to a
    /// file, as where it is installed.
    pub fn start(command: &mut Command, word: &str, log: &Path) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(log)?)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        let mut process = Self { child };
        let stdout = process.child.stdout.take().context("a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        for line in &mut lines {
            if line?.starts_with(word) {
                // What it prints later is nobody's, but a full pipe would stop it.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(process);
            }
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        let last = log.trim().lines().last().unwrap_or("no word");
        bail!("{} ended with: {last}", command.get_program().display())
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // There is no signal in std; /bin/kill is everywhere.
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        let began = Instant::now();
        while began.elapsed() < END {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Finds a child of a process by its program's name.
pub fn child_of(parent: u32, name: &str) -> anyhow::Result<u32> {
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        if let Some(stat) = Stat::parse(&stat)
            && stat.parent == parent
            && stat.name == name
        {
            return Ok(id);
        }
    }
    bail!("process {parent} has no child {name}")
}

/// Returns the CPU that a process has used, user and system, in seconds.
pub fn cpu(id: u32) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let stat = Stat::parse(&text).context("/proc/PID/stat is not understood")?;
    Ok(stat.ticks as f64 / TICKS)
}

/// Returns the resident memory of a process, in MB of 10^6 octets.
pub fn resident(id: u32) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/status"))?;
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok())
        .context("no VmRSS in /proc/PID/status")?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// What is read of /proc/PID/stat (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat<'a> {
    name: &'a str,
    parent: u32,
    ticks: u64,
}

impl<'a> Stat<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // The name stands in parentheses and may hold any character.
        let (head, tail) = text.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let mut fields = tail.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let mut times = fields.skip(9).map_while(|field| field.parse::<u64>().ok());
        Some(Self { name, parent, ticks: times.next()? + times.next()? })
    }
}

/// A directory that everybody may pass through and that is removed in the end.
pub fn directory(base: &Path) -> anyhow::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("chancery-bench")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(base)
        .with_context(|| format!("make a directory in {}", base.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_statistics_of_a_process() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 500 60 0 0 20 0 3 0 9 8 7";
        let stat = Stat { name: "a) b (c", parent: 7, ticks: 560 };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("42 (a"), None);
    }

    #[test]
    fn reads_its_own() {
        let own = std::process::id();
        let began = Instant::now();
        while cpu(own).expect("own statistics") < 0.05 {
            assert!(began.elapsed() < Duration::from_secs(30));
        }
        assert!(resident(own).expect("own memory") > 1.0);
    }

    #[test]
    fn ends_what_it_started() {
        let directory = directory(&std::env::temp_dir()).expect("a directory");
        let log = directory.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo begin; echo ready now; exec sleep 600"]);
        let process = Process::start(&mut command, "ready", &log).expect("it starts");
        let id = process.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
        let mut command = Command::new("sh");
        command.args(["-c", "echo no room >&2"]);
        let failed = Process::start(&mut command, "ready", &log).err().expect("it fails");
        assert_eq!(failed.to_string(), "sh ended with: no room");
    }
}
