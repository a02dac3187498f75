//! The two processes: started, awaited, started again when they die, ended in order.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::identity::{Account, Identities};

/// How long a process may take from its start to its `ready` line.
const START: Duration = Duration::from_secs(30);
/// How long a process may take to end by itself.
const END: Duration = Duration::from_secs(10);

/// How to start a process.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What people call it.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<std::ffi::OsString>,
    /// As whom.
    pub account: Account,
    /// One user or several.
    pub identities: Identities,
}

/// A process that said that it is ready.
pub struct Running {
    recipe: Recipe,
    child: Child,
    /// The process ends when this is closed, as `up` may die without a word. `Child::wait`
    /// would close it, so it is kept apart.
    parent_pipe: Option<ChildStdin>,
}

/// Finds a program of ours beside the one that runs.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe().context("find the running program")?;
    let path = me.with_file_name(name);
    if !path.is_file() {
        bail!(
            "{} is missing: `make run` builds it, packages install it beside {}",
            path.display(),
            me.display()
        );
    }
    Ok(path)
}

impl Recipe {
    fn command(&self) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        for kept in ["PATH", "RUST_LOG", "RUST_BACKTRACE", "TZ"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // A process group of its own: Ctrl-C reaches `up` alone, which ends them in order.
        command.process_group(0).current_dir("/");
        self.identities.become_account(&mut command, self.account);
        command.into()
    }

    /// Runs a command that ends by itself, such as `init`, and gives it `input` to read.
    pub async fn run_to_end(&self, input: &[u8]) -> anyhow::Result<()> {
        use tokio::io::AsyncWriteExt as _;
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| self.not_started())?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever ends without reading it says why on its own.
            let _ = stdin.write_all(input).await;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!(
                "{} ended with {}: {}",
                self.name,
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    fn not_started(&self) -> String {
        let Account { uid, gid } = self.account;
        format!("start {} as uid {uid}, gid {gid}", self.program.display())
    }

    /// Starts the process and waits for the line that begins with `ready`.
    pub async fn start(self) -> anyhow::Result<Running> {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| self.not_started())?;
        let stdout = child.stdout.take().context("the child's output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with("ready") {
                    return Ok(true);
                }
            }
            Ok::<_, std::io::Error>(false)
        };
        match tokio::time::timeout(START, ready).await {
            Ok(Ok(true)) => {}
            Ok(_) => bail!("{} ended before it was ready: its last words stand above", self.name),
            Err(_) => bail!("{} was not ready after {} s", self.name, START.as_secs()),
        }
        // What it prints later is nobody's, but a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let parent_pipe = child.stdin.take();
        Ok(Running { recipe: self, child, parent_pipe })
    }
}

impl Running {
    /// Returns what people call it.
    pub fn name(&self) -> &'static str {
        self.recipe.name
    }

    /// Waits until it dies by itself and says how.
    pub async fn died(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Starts it again.
    pub async fn again(&self) -> anyhow::Result<Self> {
        self.recipe.clone().start().await
    }

    /// Asks it to end, and kills it if it does not.
    pub async fn end(mut self) {
        let id = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = id.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(END, self.child.wait()).await.is_err() {
            eprintln!(
                "chancery: {} did not end within {} s and was killed",
                self.recipe.name,
                END.as_secs()
            );
            let _ = self.child.kill().await;
        }
        drop(self.parent_pipe.take());
    }
}

/// Writes a file that appears whole or not at all, with exactly this mode.
pub fn write_private(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let name = path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    // The parent of a bare name is the empty path.
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut making = name.to_owned();
    making.push(".making");
    let making = directory.join(making);
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&making)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&making, path)?;
        std::fs::File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn recipe(script: &str) -> Recipe {
        let account = Account {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
        };
        Recipe {
            name: "sh",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            account,
            identities: Identities::One(account),
        }
    }

    #[tokio::test]
    async fn a_process_keeps_its_pipe_while_its_end_is_awaited() {
        // Ends with 7 when the pipe is closed, with 0 if that does not happen.
        let script = "echo ready; read line || exit 7";
        let mut running = recipe(script).start().await.expect("started");
        let waited = tokio::time::timeout(Duration::from_millis(300), running.died()).await;
        assert!(waited.is_err(), "{waited:?}");
        drop(running.parent_pipe.take());
        assert!(running.died().await.contains('7'));
    }

    #[tokio::test]
    async fn a_command_reads_its_input_and_tells_why_it_failed() {
        let script = "read line; test \"$line\" = secret || { echo wrong >&2; exit 1; }";
        recipe(script).run_to_end(b"secret\n").await.expect("read");
        let failed = recipe(script).run_to_end(b"guess\n").await;
        let why = format!("{:#}", failed.expect_err("wrong"));
        assert!(why.ends_with("wrong"), "{why}");
    }

    #[test]
    fn a_file_is_written_with_its_mode_and_replaced_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        for (content, mode) in [(&b"one"[..], 0o644), (b"two", 0o600)] {
            write_private(&path, content, mode).expect("written");
            assert_eq!(std::fs::read(&path).expect("there"), content);
            let found = std::fs::metadata(&path).expect("there").permissions();
            assert_eq!(found.mode() & 0o7777, mode);
        }
        assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 1);
        assert!(write_private(Path::new("/"), b"", 0o600).is_err());
    }
}
