//! Where everything lies below the data directory.

use std::path::{Path, PathBuf};

/// The paths below one data directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The directory itself.
    pub data: PathBuf,
}

impl Layout {
    /// Takes the directory; it need not be there.
    pub fn new(data: &Path) -> std::io::Result<Self> {
        Ok(Self { data: std::path::absolute(data)? })
    }

    /// The signer's own folder.
    pub fn signer(&self) -> PathBuf {
        self.data.join("signer")
    }

    /// The ring: keys, journal, ring.toml.
    pub fn ring(&self) -> PathBuf {
        self.signer().join("ring")
    }

    /// The sockets.
    pub fn run(&self) -> PathBuf {
        self.data.join("run")
    }

    /// The signer's unlock credential.
    pub fn unlock(&self) -> PathBuf {
        self.data.join("unlock.key")
    }

    /// The configuration of a driver whose keys are no files of the ring.
    pub fn driver_config(&self) -> PathBuf {
        self.data.join("driver.toml")
    }

    /// The key of the operator that `up` made: it approves what this tool does to the ring.
    pub fn operator_key(&self) -> PathBuf {
        self.data.join("operator.key")
    }

    /// The server's: database, certificate, configuration.
    pub fn server(&self) -> PathBuf {
        self.data.join("server")
    }

    /// The server's configuration.
    pub fn server_config(&self) -> PathBuf {
        self.server().join("server.toml")
    }

    /// The default database.
    pub fn database(&self) -> PathBuf {
        self.server().join("chancery.db")
    }

    /// The validation authority's: configuration and socket.
    pub fn va(&self) -> PathBuf {
        self.data.join("va")
    }

    /// The validation authority's configuration.
    pub fn va_config(&self) -> PathBuf {
        self.va().join("va.toml")
    }

    /// Where the server asks for validations.
    pub fn va_socket(&self) -> PathBuf {
        self.va().join("va-work.sock")
    }

    /// The first admin token.
    pub fn admin_token(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    /// The API's URL, for the other commands.
    pub fn url(&self) -> PathBuf {
        self.data.join("url")
    }

    /// The root certificate, for whoever is to trust it.
    pub fn root_pem(&self) -> PathBuf {
        self.data.join("root.pem")
    }
}
