//! The real `signer-file`, under a uid of its own: what the attack suite runs against.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::account::{Account, SERVER_GROUP};
use crate::{CREDENTIAL, Process, program};

/// How long a start may take.
const START: Duration = Duration::from_secs(30);

/// What `signer-file init` is told besides, for a ring without operators.
pub const INIT: &[&str] = &["--dangerous-no-operators"];

/// Tells whether rings run as processes under uids of their own: `CHANCERY_ATTACK=process`, which
/// only root can.
///
/// # Panics
/// If it is asked for, impossible, and `CHANCERY_NO_SKIP=1` forbids skipping.
pub(crate) fn is_wanted() -> bool {
    std::env::var("CHANCERY_ATTACK").is_ok_and(|mode| mode == "process") && is_possible()
}

/// Tells whether this process may take other uids; a line says so if not.
pub(crate) fn is_possible() -> bool {
    if crate::uid() != 0 {
        crate::skip("root", "another uid cannot be taken without it");
    }
    crate::uid() == 0
}

/// Makes a ring below `dir`, which is root's and empty, as the signer's user.
///
/// # Panics
/// If it is not made.
pub(crate) fn create(dir: &Path) {
    let signer = Account::SIGNER.uid;
    mode(dir, 0o711);
    chown(dir, Some(signer), Some(signer)).expect("root gives directories away");
    let run = dir.join("run");
    chown(&run, Some(signer), Some(SERVER_GROUP)).expect("root gives directories away");
    mode(&run, 0o711);
    let credential = dir.join("credential");
    fs::write(&credential, CREDENTIAL).expect("a credential");
    mode(&credential, 0o600);
    chown(&credential, Some(signer), Some(signer)).expect("root gives files away");
    let mut init = command("init", dir);
    init.arg("--unlock-credential").arg(credential);
    init.args(["--server-uid", &Account::SERVER.uid.to_string()]);
    init.args(["--va-uid", &Account::VA.uid.to_string()]);
    init.args(["--server-gid", &SERVER_GROUP.to_string()]);
    init.args(["--admin-uid", &Account::ADMIN.uid.to_string()]);
    init.args(INIT);
    let made = Account::SIGNER.act(|| init.output()).expect("signer-file runs");
    assert!(made.status.success(), "{made:?}");
    // It is unlocked over admin.sock.
    fs::remove_file(dir.join("credential")).expect("the credential was there");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn command(act: &str, dir: &Path) -> Command {
    let mut command = Command::new(reachable("signer-file"));
    command.arg(act).arg("--ring").arg(dir.join("ring")).current_dir("/");
    command
}

/// Starts the signer, which stays locked.
///
/// # Errors
/// What it says instead of `ready`.
pub(crate) fn serve(dir: &Path) -> Result<Process, String> {
    let mut serve = command("serve", dir);
    serve.arg("--run").arg(dir.join("run")).arg("--parent-pipe");
    let process = Account::SIGNER.act(|| Process::start("signer-file", serve));
    if process.has_said("ready", START) { Ok(process) } else { Err(process.text()) }
}

/// Returns a path of a program under which every user can run it: a copy, if it lies in a folder
/// of somebody's own.
fn reachable(name: &str) -> PathBuf {
    let built = program(name);
    let passable = |path: &Path| path.metadata().is_ok_and(|found| found.mode() & 0o001 != 0);
    if built.ancestors().all(passable) {
        return built;
    }
    let found = built.metadata().expect("the program is there");
    let folder = std::env::temp_dir().join("chancery-kit");
    let copy = folder.join(format!("{name}-{}-{}", found.mtime(), found.ino()));
    if !copy.is_file() {
        fs::create_dir_all(&folder).expect("a folder for programs");
        mode(&folder, 0o755);
        let unborn = folder.join(format!("{name}.{}", std::process::id()));
        fs::copy(&built, &unborn).expect("a copy");
        mode(&unborn, 0o755);
        fs::rename(&unborn, &copy).expect("the copy gets its name");
    }
    copy
}
