//! Turns the list of what stays reachable into Landlock rules and binds the calling thread.

use super::siblings::Siblings;
use super::{KeepOutError, unreadable};
use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, make_bitflags,
};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;

/// The rights of ABI 5 (Linux 6.10). ABI 9 adds connecting to sockets by path, which must stay
/// free: the server talks to the sockets in the very directory that is closed to it.
const ABI_HANDLED: ABI = ABI::V5;

/// Enforces the rules; returns the kernel's answer and the number of entries allowed.
pub(super) fn enforce(siblings: &Siblings) -> Result<(RulesetStatus, usize), KeepOutError> {
    let everything = AccessFs::from_all(ABI_HANDLED);
    let mut rules = Ruleset::default()
        .handle_access(everything)
        .map_err(KeepOutError::Refused)?
        // Before ABI 6 the kernel does not know this and the crate leaves it out.
        .scope(Scope::Signal)?
        .create()?;
    let mut allowed = 0;
    for path in &siblings.allowed {
        let Some((entry, rights)) = open(path, everything)? else {
            continue;
        };
        rules = rules.add_rule(PathBeneath::new(entry, rights))?;
        allowed += 1;
    }
    Ok((rules.restrict_self()?.ruleset, allowed))
}

/// Opens an entry for naming it only, and tells which rights fit its kind.
///
/// A symbolic link needs none: what it leads to has its own rule. An entry that vanished or
/// cannot be named needs none either.
fn open(
    path: &Path,
    everything: BitFlags<AccessFs>,
) -> Result<Option<(OwnedFd, BitFlags<AccessFs>)>, KeepOutError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let entry = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(entry) => entry,
        Err(Errno::NOENT | Errno::ACCESS) => return Ok(None),
        Err(error) => return Err(unreadable(path, error.into())),
    };
    let status = rustix::fs::fstat(&entry).map_err(|error| unreadable(path, error.into()))?;
    let rights = match FileType::from_raw_mode(status.st_mode) {
        FileType::Symlink => return Ok(None),
        FileType::Directory => everything,
        _ => everything & rights_of_a_file(),
    };
    Ok(Some((entry, rights)))
}

/// The kernel refuses a rule that gives a file rights of a directory.
fn rights_of_a_file() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{Execute | WriteFile | ReadFile | Truncate | IoctlDev})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_fit_the_kind_of_entry() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let link = dir.path().join("link");
        std::fs::write(&file, b"").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let everything = AccessFs::from_all(ABI_HANDLED);
        let rights = |path: &Path| open(path, everything).unwrap().map(|(_, rights)| rights);
        assert_eq!(rights(dir.path()), Some(everything));
        assert_eq!(rights(&file), Some(rights_of_a_file()));
        assert_eq!(rights(&link), None);
        assert_eq!(rights(&dir.path().join("missing")), None);
    }

    #[test]
    fn connecting_to_sockets_is_not_handled() {
        assert!(!AccessFs::from_all(ABI_HANDLED).contains(AccessFs::ResolveUnix));
        assert!(AccessFs::from_all(ABI_HANDLED).contains(AccessFs::Truncate));
    }
}
