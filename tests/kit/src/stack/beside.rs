//! Rings beside the first one of a stack, each with a signer of its own.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::custody::signer_of;
use super::{START, Stack, as_owner_of};
use crate::{Process, program};

impl Stack {
    /// Returns the data directory of a ring beside the first.
    #[must_use]
    pub fn data_beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("beside-{name}"))
    }

    /// Returns the key of the operator of a ring beside the first, for `--operator-key`.
    #[must_use]
    pub fn operator_beside(&self, name: &str) -> String {
        self.data_beside(name).join("operator.key").display().to_string()
    }

    /// Makes a ring beside the first, without any key, starts its signer and names it in the
    /// server's configuration, which the server reads at its next start.
    ///
    /// # Panics
    /// If it cannot.
    pub fn add_ring(&mut self, name: &str) {
        self.add_ring_over(name, &[]);
    }

    /// The same with a driver, as `chancery init` is told of it.
    ///
    /// # Panics
    /// If it cannot.
    pub fn add_ring_over(&mut self, name: &str, driver: &[&str]) {
        let data = self.data_beside(name);
        let mut init = Command::new(program("chancery"));
        init.args(["init", "--ring-only", "--data"]).arg(&data).args(driver);
        let output = init.output().expect("the tool starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.start_signer_beside(name);
        let config = self.data().join("server").join("server.toml");
        let mut file = OpenOptions::new().append(true).open(config).expect("the configuration");
        let run = data.join("run").display().to_string();
        let table = format!("\n[[ring]]\nname = \"{name}\"\nrun = \"{run}\"\n");
        file.write_all(table.as_bytes()).expect("written");
    }

    /// Starts the signer of a ring beside the first.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start_signer_beside(&mut self, name: &str) {
        let data = self.data_beside(name);
        let (signer, more) = signer_of(&data);
        let mut command = Command::new(program(signer));
        command.arg("serve").args(more).arg("--ring").arg(data.join("signer").join("ring"));
        command.arg("--run").arg(data.join("run"));
        command.arg("--unlock-credential").arg(data.join("unlock.key"));
        command.arg("--parent-pipe");
        as_owner_of(&mut command, &data.join("signer"));
        let signer = Process::start(signer, command);
        signer.await_line("ready", START);
        self.beside.insert(name.to_owned(), signer);
    }

    /// Kills the signer of a ring beside the first (SIGKILL).
    ///
    /// # Panics
    /// If there is none.
    pub fn kill_signer_beside(&mut self, name: &str) {
        self.beside.remove(name).expect("a signer of that ring").kill();
    }

    /// Returns the octets of a file of the server's configuration.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn server_config(&self) -> String {
        fs::read_to_string(self.data().join("server").join("server.toml")).expect("readable")
    }
}
