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

/// A signer that is ready and unlocked, killed when the test gives it up.
struct Signer(Child);

impl Signer {
    /// Starts it as `up` does, with a working directory of the test's choice.
    fn start(stack: &Stack, directory: &Path) -> Self {
        Self::start_by(Command::new(program("signer-file")), stack, directory)
    }

    /// Starts it by another program, which takes it and its arguments last.
    fn start_by(mut command: Command, stack: &Stack, directory: &Path) -> Self {
        let owner = fs::metadata(stack.ring()).unwrap();
        command.arg("serve").arg("--ring").arg(stack.ring()).arg("--run").arg(stack.run_dir());
        command.arg("--unlock-credential").arg(stack.data().join("unlock.key"));
        command.arg("--parent-pipe").uid(owner.uid()).gid(owner.gid()).current_dir(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let signer = Self(child);
        assert_eq!(line, "ready\n");
        signer
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
}

impl Drop for Signer {
    fn drop(&mut self) {
        // Whoever traced it may have taken its end already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
