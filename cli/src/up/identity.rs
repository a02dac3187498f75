//! Under which users the processes run.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Numeric ids for a machine whose packages made no users: below the range of people (1000) is
/// the distributions', above 60000 nobody gives out ids by default.
const FALLBACK_SIGNER: u32 = 64_801;
const FALLBACK_SERVER: u32 = 64_802;
const FALLBACK_VALIDATOR: u32 = 64_803;

/// A user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The uid.
    pub uid: u32,
    /// The gid.
    pub gid: u32,
}

/// Who runs what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identities {
    /// One user for everything: the boundary is not enforced.
    One(Account),
    /// A user for each process; started by root.
    Several {
        /// Runs signer-file.
        signer: Account,
        /// Runs chancery-server.
        server: Account,
        /// Runs chancery-va, in the server's group: that is the one of va.sock.
        validator: Account,
    },
}

impl Identities {
    /// Chooses: several as root, one otherwise.
    pub fn choose() -> anyhow::Result<Self> {
        let me = Account {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
        };
        if me.uid != 0 {
            return Ok(Self::One(me));
        }
        let passwd = std::fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
        Self::several(&passwd)
    }

    /// Looks the users up and refuses those that nothing keeps apart.
    fn several(passwd: &str) -> anyhow::Result<Self> {
        let signer = account(passwd, "chancery-signer", FALLBACK_SIGNER);
        let server = account(passwd, "chancery", FALLBACK_SERVER);
        let validator = account(passwd, "chancery-va", FALLBACK_VALIDATOR);
        for (what, one, other) in [("uid", signer.uid, server.uid), ("gid", signer.gid, server.gid)]
        {
            if one == other || one == 0 || other == 0 {
                bail!(
                    "the users chancery-signer and chancery have the {what}s {one} and {other} in \
                     /etc/passwd: they must differ from each other and from root's"
                );
            }
        }
        if [0, signer.uid, server.uid].contains(&validator.uid) {
            bail!(
                "the user chancery-va has the uid {} in /etc/passwd: it must differ from those of \
                 chancery-signer, chancery and root",
                validator.uid
            );
        }
        let validator = Account { gid: server.gid, ..validator };
        Ok(Self::Several { signer, server, validator })
    }

    /// Returns the signer's account.
    pub fn signer(&self) -> Account {
        match self {
            Self::One(account) => *account,
            Self::Several { signer, .. } => *signer,
        }
    }

    /// Returns the server's account.
    pub fn server(&self) -> Account {
        match self {
            Self::One(account) => *account,
            Self::Several { server, .. } => *server,
        }
    }

    /// Returns the validation authority's account.
    pub fn validator(&self) -> Account {
        match self {
            Self::One(account) => *account,
            Self::Several { validator, .. } => *validator,
        }
    }

    /// Returns whether the processes are kept apart by their users.
    pub fn are_several(&self) -> bool {
        matches!(self, Self::Several { .. })
    }

    /// Lets a child run as `account`; supplementary groups are dropped along with root.
    pub fn become_account(&self, command: &mut Command, account: Account) {
        use std::os::unix::process::CommandExt as _;
        if self.are_several() {
            command.gid(account.gid).uid(account.uid);
        }
    }

    /// Makes a directory that belongs to `account`.
    pub fn make_dir(
        &self,
        path: &Path,
        account: Account,
        group: u32,
        mode: u32,
    ) -> anyhow::Result<()> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("make {}", path.display()));
            }
            _ => {}
        }
        self.give(path, account, group, mode)
    }

    /// Gives a directory and all below it to `account`; modes stay. For trees that nobody else
    /// can change meanwhile.
    pub fn give_tree(&self, path: &Path, account: Account) -> anyhow::Result<()> {
        if !self.are_several() {
            return Ok(());
        }
        let failed = || format!("change the owner of {}", path.display());
        lchown(path, Some(account.uid), Some(account.gid)).with_context(failed)?;
        if path.symlink_metadata().with_context(failed)?.is_dir() {
            for entry in std::fs::read_dir(path).with_context(failed)? {
                self.give_tree(&entry?.path(), account)?;
            }
        }
        Ok(())
    }

    /// Fails unless all users can pass through every directory above `path`.
    pub fn check_reach(&self, path: &Path) -> anyhow::Result<()> {
        let Self::Several { signer, server, validator } = self else {
            return Ok(());
        };
        for above in path.ancestors().skip(1) {
            let Ok(found) = above.metadata() else {
                continue;
            };
            for account in [signer, server, validator] {
                if !may_pass(&found, *account) {
                    bail!(
                        "uid {} cannot pass through {} (mode {:04o}), which is above {}: choose \
                         another place, such as /var/lib/chancery, or chmod o+x it",
                        account.uid,
                        above.display(),
                        found.mode() & 0o7777,
                        path.display()
                    );
                }
            }
        }
        Ok(())
    }

    /// Gives a file or directory to `account` with exactly this mode.
    pub fn give(&self, path: &Path, account: Account, group: u32, mode: u32) -> anyhow::Result<()> {
        if self.are_several() {
            chown(path, Some(account.uid), Some(group))
                .with_context(|| format!("change the owner of {}", path.display()))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .with_context(|| format!("change the mode of {}", path.display()))
    }
}

fn may_pass(directory: &Metadata, account: Account) -> bool {
    let shift = match (directory.uid(), directory.gid()) {
        (uid, _) if uid == account.uid => 6,
        (_, gid) if gid == account.gid => 3,
        _ => 0,
    };
    directory.mode() >> shift & 0o1 != 0
}

/// Looks a user up by name (passwd(5)); a machine without it gets fixed numbers.
fn account(passwd: &str, name: &str, fallback: u32) -> Account {
    passwd
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Account { uid, gid })
        })
        .unwrap_or(Account { uid: fallback, gid: fallback })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_that_nothing_keeps_apart_are_refused() {
        let both = |server: &str| {
            let passwd = format!("chancery-signer:x:991:991::/:\nchancery:x:{server}::/:\n");
            Identities::several(&passwd)
        };
        assert!(both("992:992").is_ok());
        for server in ["991:992", "992:991", "0:992", "992:0"] {
            assert!(both(server).is_err(), "{server}");
        }
        let three = |validator: u32| {
            let passwd = format!(
                "chancery-signer:x:991:991::/:\nchancery:x:992:992::/:\nchancery-va:x:{validator}:7::/:\n"
            );
            Identities::several(&passwd)
        };
        assert_eq!(three(993).expect("apart").validator(), Account { uid: 993, gid: 992 });
        for validator in [0, 991, 992] {
            assert!(three(validator).is_err(), "{validator}");
        }
    }

    #[test]
    fn a_directory_that_a_user_cannot_pass_through_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let account = |id| Account { uid: id, gid: id };
        let several = Identities::Several {
            signer: account(64_801),
            server: account(64_802),
            validator: account(64_803),
        };
        let closed = dir.path().join("closed");
        std::fs::create_dir(&closed).expect("made");
        for (mode, expected) in [(0o711, true), (0o750, false), (0o700, false)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&closed, mode.clone()).expect("set");
            let found = std::fs::metadata(&closed).expect("there");
            assert_eq!(may_pass(&found, account(64_801)), expected, "{mode:?}");
        }
        assert!(several.check_reach(&closed.join("data")).is_err());
    }

    #[test]
    fn users_are_looked_up_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nchancery-signer:x:991:992::/:/bin/false\n";
        let found = Account { uid: 991, gid: 992 };
        assert_eq!(account(passwd, "chancery-signer", 7), found);
        assert_eq!(account(passwd, "chancery", 7), Account { uid: 7, gid: 7 });
    }
}
