//! What the sandbox of the real signer, and of the real `chancery-va`, takes away, tried from
//! outside on the programs that ship.
//!
//! No build of its own with hooks in it: system calls are put into a running signer by ptrace(2),
//! as root, by whom alone it can be traced.

mod allowances;
mod deploy;
mod exercise;
#[cfg(target_arch = "x86_64")]
mod inject;
pub mod memory;
mod process;
#[cfg(target_arch = "x86_64")]
mod validator;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kit::{Database, Stack, program};

/// A stack whose signer and server are down, with all that they made; none, with a line that says
/// so, without root.
fn prepared() -> Option<Stack> {
    if !rustix::process::getuid().is_root() {
        kit::skip("root", "the signer is not dumpable: only root traces it or reads its memory");
        return None;
    }
    let mut stack = Stack::start_with(Database::Sqlite, &["--driver", "file"]);
    stack.down();
    Some(stack)
}

/// A signer or a validator that is ready, killed when the test gives it up.
struct Confined(Child);

impl Confined {
    /// Starts a signer as `up` does, with a working directory of the test's choice.
    fn signer(stack: &Stack, directory: &Path) -> Self {
        Self::signer_by(Command::new(program("signer-file")), stack, directory)
    }

    /// Starts a signer by another program, which takes it and its arguments last.
    fn signer_by(mut command: Command, stack: &Stack, directory: &Path) -> Self {
        command.arg("serve").arg("--ring").arg(stack.ring()).arg("--run").arg(stack.run_dir());
        command.arg("--unlock-credential").arg(stack.data().join("unlock.key"));
        Self::start(command, &stack.ring(), directory, "ready\n")
    }

    /// Starts a command as the owner of a file, and waits until it says so.
    fn start(mut command: Command, owned: &Path, directory: &Path, ready: &str) -> Self {
        let owner = fs::metadata(owned).unwrap();
        command.arg("--parent-pipe").uid(owner.uid()).gid(owner.gid()).current_dir(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let confined = Self(child);
        assert!(line.starts_with(ready), "{line}");
        confined
    }

    fn id(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// A field of its status as the kernel tells it.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
    }

    /// Checks what the kernel says that it gave up: every thread of it, not the first alone, and
    /// there are more threads than so many.
    fn must_have_given_up(&self, threads: usize) {
        for (field, expected) in [
            ("Seccomp", "2"),
            ("Seccomp_filters", "3"),
            ("NoNewPrivs", "1"),
            ("CapInh", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapEff", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
        ] {
            assert_eq!(self.status(field), expected, "{field}");
        }
        let mut count = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id())).unwrap() {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            for line in [
                "Seccomp:\t2",
                "Seccomp_filters:\t3",
                "NoNewPrivs:\t1",
                "CapEff:\t0000000000000000",
            ] {
                assert!(status.contains(line), "{line}: {status}");
            }
            count += 1;
        }
        assert!(count > threads, "{count} threads");
        // Not dumpable: its files under /proc are root's, whoever runs it.
        assert_eq!(fs::metadata(format!("/proc/{}/mem", self.id())).unwrap().uid(), 0);
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // Whoever traced it may have taken its end already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
