//! ring.toml as `up` and `restore` see it: what opens the ring, and whom it admits.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml::{Table, Value};

use super::child::write_private;
use super::identity::Identities;

/// What opens a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// A passphrase.
    Passphrase,
    /// A credential.
    Credential,
    /// Shares of its custodians.
    Shares,
}

/// How an unlock file begins; the derivation follows.
const MAGIC: &[u8] = b"CHUNL1\0\x01";

/// A ring's configuration. What this program has no business with stays as it is.
pub struct RingFile {
    path: PathBuf,
    table: Table,
}

impl RingFile {
    /// Reads it; none if there is no ring.
    pub fn read(ring: &Path) -> anyhow::Result<Option<Self>> {
        let path = ring.join("ring.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        let table = text.parse().with_context(|| format!("read {}", path.display()))?;
        Ok(Some(Self { path, table }))
    }

    /// Returns what opens the ring: its unlock file says so, and a rotation replaces that file
    /// (docs/wire/key-file.md).
    pub fn unlock(&self) -> anyhow::Result<Opener> {
        let path = self.path.with_file_name("unlock");
        let file = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        match (file.strip_prefix(MAGIC), file.get(MAGIC.len())) {
            (Some(_), Some(1)) => Ok(Opener::Passphrase),
            (Some(_), Some(2)) => Ok(Opener::Credential),
            (Some(_), Some(3)) => Ok(Opener::Shares),
            _ => bail!("{} is no unlock file that this program knows", path.display()),
        }
    }

    /// Returns what holds the ring's keys.
    pub fn driver(&self) -> String {
        let name = self.table.get("driver").and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    }

    fn numbers(&self, field: &str) -> Vec<i64> {
        let list = self.table.get(field).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_integer).collect()
    }

    /// Fails unless it admits whom `up` runs, and says what to change.
    pub fn check_admits(&self, identities: &Identities) -> anyhow::Result<()> {
        let file = self.path.display();
        if self.table.contains_key("admin_gid") {
            // The signer would have to be in that group, and `up` starts it in its own alone.
            bail!("{file} has an admin_gid, which `up` cannot serve: take the line out");
        }
        let server = i64::from(identities.server().uid);
        let me = i64::from(rustix::process::getuid().as_raw());
        if self.numbers("server_uids").contains(&server) && self.numbers("admin_uids").contains(&me)
        {
            return Ok(());
        }
        bail!(
            "{file} admits other users: set server_uids = [{server}] and admin_uids = [{me}] in it, \
             or start `up` as the user who made the ring"
        )
    }

    /// Admits who validates, in a ring that was made when nobody did. Says whether that was a
    /// change.
    pub fn admit_validator(mut self, identities: &Identities) -> anyhow::Result<bool> {
        if !self.numbers("va_uids").is_empty() {
            return Ok(false);
        }
        let uid = i64::from(identities.validator().uid);
        self.table.insert("va_uids".into(), vec![uid].into());
        self.write()?;
        Ok(true)
    }

    fn write(&self) -> anyhow::Result<()> {
        let text = toml::to_string(&self.table).context("write ring.toml")?;
        write_private(&self.path, text.as_bytes(), 0o600)
    }

    /// Admits whom `up` runs here, and nobody else. Says whether that was a change.
    pub fn admit(mut self, identities: &Identities) -> anyhow::Result<bool> {
        let before = self.table.clone();
        let uid = |uid: u32| Value::from(vec![i64::from(uid)]);
        let server = identities.server();
        let me = rustix::process::getuid().as_raw();
        self.table.insert("server_uids".into(), uid(server.uid));
        self.table.insert("va_uids".into(), uid(identities.validator().uid));
        self.table.insert("admin_uids".into(), uid(me));
        self.table.remove("admin_gid");
        if identities.are_several() {
            self.table.insert("server_gid".into(), i64::from(server.gid).into());
        } else {
            self.table.remove("server_gid");
        }
        if self.table == before {
            return Ok(false);
        }
        self.write()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Account;
    use super::*;

    #[test]
    fn a_ring_of_elsewhere_is_noticed_and_admits_us_afterwards() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(RingFile::read(dir.path()).expect("nothing").is_none());
        let text = "version = 1\nunlock = \"credential\"\nserver_uids = [4711]\nadmin_uids = [4711]\nserver_gid = 4711\nadmin_gid = 4711\n";
        std::fs::write(dir.path().join("ring.toml"), text).expect("written");
        let read = || {
            let ring = RingFile::read(dir.path()).expect("readable");
            ring.expect("a ring")
        };
        let account = |id| Account { uid: id, gid: id };
        let one = Identities::One(account(4712));
        let several = Identities::Several {
            signer: account(64_801),
            server: account(64_802),
            validator: account(64_803),
        };
        for (derivation, expected) in
            [(1, Opener::Passphrase), (2, Opener::Credential), (3, Opener::Shares)]
        {
            // Whatever ring.toml says.
            let file = [MAGIC, &[derivation]].concat();
            std::fs::write(dir.path().join("unlock"), file).expect("written");
            assert_eq!(read().unlock().expect("known"), expected);
        }
        for unknown in [&[][..], b"CHUNL2\0\x01\x01", MAGIC, &[MAGIC, &[4]].concat()] {
            std::fs::write(dir.path().join("unlock"), unknown).expect("written");
            assert!(read().unlock().is_err());
        }
        for identities in [one, several] {
            assert!(read().check_admits(&identities).is_err());
            assert!(read().admit(&identities).expect("written"));
            assert!(!read().admit(&identities).expect("as it is"));
            read().check_admits(&identities).expect("admitted");
        }
        assert_eq!(read().table.get("server_gid"), Some(&Value::from(64_802)));
        assert_eq!(read().table.get("version"), Some(&Value::from(1)));
    }
}
