//! Servers beside the one that `up` runs: of the same ring and the same database, at other ports.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::Command;

use super::{Api, START, Stack, as_owner_of, free_port};
use crate::{Process, program};

/// A server beside the first.
pub struct ServerBeside {
    https: u16,
    root: String,
    token: String,
    process: Process,
}

impl ServerBeside {
    /// Returns the port of its API and of ACME, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.https
    }

    /// Speaks to its API with the first admin token.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.https, &self.root, &self.token)
    }

    /// Returns what it printed.
    #[must_use]
    pub fn text(&self) -> String {
        self.process.text()
    }
}

impl Stack {
    /// Returns the port of the first server's API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.https
    }

    /// Starts a server beside the first, as the same user and with the same configuration but for
    /// ports and the folder of its own certificate.
    ///
    /// # Panics
    /// If it is not ready in time, or the database is one that servers cannot share.
    #[must_use]
    pub fn start_server_beside(&self, name: &str) -> ServerBeside {
        assert!(self.database != super::Database::Sqlite, "one server has a SQLite file");
        let first = self.data().join("server");
        let folder = self.data().join(format!("server-{name}"));
        fs::create_dir(&folder).expect("a folder");
        let https = free_port();
        let line = |line: &str| {
            if line.starts_with("https = ") {
                format!("https = \"127.0.0.1:{https}\"")
            } else if line.starts_with("http = ") {
                format!("http = \"127.0.0.1:{}\"", free_port())
            } else if line.starts_with("directory = ") {
                format!("directory = \"{}\"", folder.display())
            } else {
                line.to_owned()
            }
        };
        let config: Vec<String> = self.server_config().lines().map(line).collect();
        let file = folder.join("server.toml");
        fs::write(&file, config.join("\n")).expect("written");
        let owner = fs::metadata(&first).expect("the first server's folder");
        for (path, mode) in [(&folder, 0o700), (&file, 0o600)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
            if crate::uid() == 0 {
                chown(path, Some(owner.uid()), Some(owner.gid())).expect("root gives files away");
            }
        }
        let mut command = Command::new(program("chancery-server"));
        command.arg("serve").arg("--config").arg(&file);
        as_owner_of(&mut command, &folder);
        let process = Process::start("chancery-server", command);
        process.await_line("ready", START);
        let read = |path| fs::read_to_string(path).expect("readable");
        let token = read(self.data().join("admin.token")).trim().to_owned();
        ServerBeside { https, root: read(self.root()), token, process }
    }
}
