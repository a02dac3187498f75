//! Under which users the processes run.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// Numeric ids for a machine whose packages made no users: below the range of people (1000) is
/// the distributions', above 60000 nobody gives out ids by default.
const FALLBACK_SIGNER: u32 = 64_801;
const FALLBACK_SERVER: u32 = 64_802;

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
        Ok(Self::Several {
            signer: account(&passwd, "chancery-signer", FALLBACK_SIGNER),
            server: account(&passwd, "chancery", FALLBACK_SERVER),
        })
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
        .unwrap_or(Account {
            uid: fallback,
            gid: fallback,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_looked_up_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nchancery-signer:x:991:992::/:/bin/false\n";
        let found = Account { uid: 991, gid: 992 };
        assert_eq!(account(passwd, "chancery-signer", 7), found);
        assert_eq!(account(passwd, "chancery", 7), Account { uid: 7, gid: 7 });
    }
}
