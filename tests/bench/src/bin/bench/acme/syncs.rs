//! fdatasyncs of an order, counted by strace apart from what is timed: it slows everything down,
//! and with many at a time slower commits hold more.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::stack::Stack;

/// A strace that runs until this is dropped.
pub(super) struct Counter {
    strace: Child,
    log: tempfile::NamedTempFile,
    before: usize,
}

impl Counter {
    /// Attaches to server and signer: the validation authority writes nothing.
    pub(super) async fn attach(stack: &Stack) -> anyhow::Result<Self> {
        let log = tempfile::NamedTempFile::new()?;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=fdatasync,fsync", "-o"]).arg(log.path());
        for id in stack.processes() {
            strace.args(["-p", &id.to_string()]);
        }
        let strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut strace = strace.context("strace")?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(strace.try_wait()?.is_none(), "strace could not attach");
        let before = synced(log.path())?;
        Ok(Self { strace, log, before })
    }

    /// Gives how many there were since.
    pub(super) fn count(&self) -> anyhow::Result<usize> {
        Ok(synced(self.log.path())? - self.before)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // SIGINT: it detaches and what it watched goes on.
        let _ = Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status();
        let _ = self.strace.wait();
    }
}

/// A call that another thread's line interrupts is told twice, and resumed in the second.
fn synced(log: &Path) -> anyhow::Result<usize> {
    Ok(counted(&std::fs::read_to_string(log)?))
}

fn counted(log: &str) -> usize {
    log.matches("sync(").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_two_lines_counts_once() {
        let log = "7 fdatasync(5) = 0\n8 fsync(6 <unfinished ...>\n7 fdatasync(5) = 0\n\
                   8 <... fsync resumed>) = 0\n";
        assert_eq!(counted(log), 3);
    }
}
