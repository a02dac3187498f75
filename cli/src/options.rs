//! What every command takes.

use std::path::{Path, PathBuf};

use clap::Args;
use model::RingName;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::operator::Approving;
use crate::rings;
use crate::up::Layout;

/// Where the server is and how to speak to it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where the server is, and how to print")]
pub struct Global {
    /// The data directory of `chancery up`: root, token and sockets are found there
    #[arg(long, global = true, default_value = "data", env = "CHANCERY_DATA")]
    pub data: PathBuf,
    /// The API; default: what `chancery up` wrote to DATA/url
    #[arg(long, global = true, env = "CHANCERY_URL")]
    pub url: Option<String>,
    /// The root certificate that the server's must lead to; default: DATA/root.pem
    #[arg(long, global = true, env = "CHANCERY_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// The file with the API token; default: DATA/admin.token
    #[arg(long, global = true, env = "CHANCERY_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// The ring to act on: the server's name of it, or the directory of its signer's sockets.
    /// Default: the ring of the CA that the command is about, else the server's first one
    #[arg(long, global = true, env = "CHANCERY_RING")]
    pub ring: Option<String>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Who approves what the command does
    #[command(flatten)]
    pub approving: Approving,
}

impl Global {
    /// Returns the paths below the data directory.
    pub fn layout(&self) -> Outcome<Layout> {
        Ok(Layout::new(&self.data)?)
    }

    /// Returns the directory of the sockets of the ring to act on.
    pub fn run_dir(&self) -> Outcome<PathBuf> {
        self.run_dir_of(self.ring.as_deref())
    }

    /// Returns the directory of a ring's sockets: the ring by the server's name of it, or the
    /// directory itself.
    pub fn run_dir_of(&self, ring: Option<&str>) -> Outcome<PathBuf> {
        let layout = self.layout()?;
        match ring {
            None => Ok(layout.run()),
            Some(directory) if directory.contains('/') => Ok(PathBuf::from(directory)),
            Some(name) => Ok(rings::run_dir(&layout, name)?),
        }
    }

    /// Returns the name of the ring to act on, where the server is to be told.
    pub fn ring_name(&self) -> Outcome<Option<RingName>> {
        let name = self.ring.as_deref().map(RingName::new).transpose();
        name.map_err(|error| {
            Failure::Usage(format!("--ring: the server's name of a ring is meant: {error}"))
        })
    }

    /// Returns the file with the root certificate.
    pub fn ca_file(&self) -> Outcome<PathBuf> {
        Ok(match &self.ca_file {
            Some(path) => path.clone(),
            None => self.layout()?.root_pem(),
        })
    }

    /// Returns the API's URL.
    pub fn url(&self) -> Outcome<String> {
        match &self.url {
            Some(url) => Ok(url.clone()),
            None => {
                let path = self.layout()?.url();
                self.read(&path, "the API's URL (--url, --data)").map(|text| text.trim().to_owned())
            }
        }
    }

    /// Reads the API token.
    pub fn token(&self) -> Outcome<SecretString> {
        let path = match &self.token_file {
            Some(path) => path.clone(),
            None => self.layout()?.admin_token(),
        };
        let text = Zeroizing::new(self.read(&path, "the API token (--token-file, --data)")?);
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(Failure::Usage(format!(
                "{} holds no API token: one line of visible characters",
                path.display()
            )));
        }
        Ok(token.to_owned().into())
    }

    /// Reads a file that lies in the data directory unless the person named another.
    fn read(&self, path: &Path, what: &str) -> Outcome<String> {
        let data = self.layout()?.data;
        if path.starts_with(&data) && !data.exists() {
            return Err(Failure::Usage(format!(
                "--data: there is no {}: name the directory of `chancery up`, or give --url, \
                 --ca-file and --token-file",
                data.display()
            )));
        }
        read(path, what)
    }
}

/// Reads a text file that the person named.
pub fn read(path: &Path, what: &str) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, what, &error))
}

/// Reads a file of octets that the person named.
pub fn read_bytes(path: &Path, what: &str) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| unreadable(path, what, &error))
}

fn unreadable(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{what}: {} cannot be read: {error}", path.display()))
}
