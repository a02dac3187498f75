//! Where a ring's sockets are.

use std::path::{Path, PathBuf};

use signer_proto::Socket;

/// The paths of a ring's sockets, as far as the caller may reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Certificates, serials, sealing.
    pub issue: Option<PathBuf>,
    /// CRLs, OCSP, revocation.
    pub status: Option<PathBuf>,
    /// Validation records.
    pub va: Option<PathBuf>,
    /// Whatever makes authority.
    pub admin: Option<PathBuf>,
}

impl Sockets {
    /// Names what the server speaks on: `issue.sock` and `status.sock` of a folder.
    #[must_use]
    pub fn of_server(folder: &Path) -> Self {
        Self {
            issue: Some(folder.join("issue.sock")),
            status: Some(folder.join("status.sock")),
            ..Self::default()
        }
    }

    /// Names what an operator speaks on: `admin.sock` of a folder.
    #[must_use]
    pub fn of_operator(folder: &Path) -> Self {
        Self { admin: Some(folder.join("admin.sock")), ..Self::default() }
    }

    /// Names all four sockets of a folder, for a process that has every role.
    #[must_use]
    pub fn of_everyone(folder: &Path) -> Self {
        Self {
            va: Some(folder.join("va.sock")),
            admin: Some(folder.join("admin.sock")),
            ..Self::of_server(folder)
        }
    }

    /// Returns the path of a socket.
    #[must_use]
    pub fn path(&self, socket: Socket) -> Option<&Path> {
        match socket {
            Socket::Issue => self.issue.as_deref(),
            Socket::Status => self.status.as_deref(),
            Socket::Va => self.va.as_deref(),
            Socket::Admin => self.admin.as_deref(),
        }
    }
}
