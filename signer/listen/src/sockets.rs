//! The socket files of a ring.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::process::getegid;
use signer_proto::Socket;
use thiserror::Error;

/// Where the sockets of a ring are, and whose groups may reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketPaths {
    /// The directory; it exists.
    pub dir: PathBuf,
    /// The group of issue.sock, status.sock and va.sock; none leaves the one that the directory
    /// gives. Only a group of the process, or the directory's with its set-group-id bit.
    pub server_gid: Option<u32>,
    /// The group of admin.sock; none is the process's own, whatever the directory gives: the
    /// server's group never reaches it.
    pub admin_gid: Option<u32>,
}

impl SocketPaths {
    /// Puts the sockets into `dir`, in the process's own group.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), server_gid: None, admin_gid: None }
    }

    /// Returns the path of a socket.
    #[must_use]
    pub fn path(&self, socket: Socket) -> PathBuf {
        self.dir.join(format!("{socket}.sock"))
    }

    fn gid(&self, socket: Socket) -> Option<u32> {
        match socket {
            Socket::Admin => Some(self.admin_gid.unwrap_or_else(|| getegid().as_raw())),
            Socket::Issue | Socket::Status | Socket::Va => self.server_gid,
        }
    }
}

/// Why the signer cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// A socket cannot be made.
    #[error("cannot listen on {}", path.display())]
    Bind {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Something that is no socket stands in its place.
    #[error("{} is there and is no socket", path.display())]
    NotASocket {
        /// Which one.
        path: PathBuf,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// Listens on a socket: mode 0660 before it has its name, and in the place of a stale one.
pub(super) fn bind(paths: &SocketPaths, socket: Socket) -> Result<UnixListener, ListenError> {
    let path = paths.path(socket);
    match fs::symlink_metadata(&path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path });
        }
        _ => {}
    }
    let unborn = paths.dir.join(format!(".{socket}.new"));
    bind_as(&unborn, &path, paths.gid(socket)).map_err(|source| ListenError::Bind { path, source })
}

fn bind_as(unborn: &Path, path: &Path, gid: Option<u32>) -> io::Result<UnixListener> {
    match fs::remove_file(unborn) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(unborn)?;
    fs::set_permissions(unborn, fs::Permissions::from_mode(0o660))?;
    if gid.is_some() {
        chown(unborn, None, gid)?;
    }
    fs::rename(unborn, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_has_its_mode_and_replaces_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let paths = SocketPaths::new(dir.path());
        drop(bind(&paths, Socket::Issue).unwrap());
        let path = paths.path(Socket::Issue);
        assert!(UnixStream::connect(&path).is_err(), "stale");
        let _listener = bind(&paths, Socket::Issue).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o660);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_admin_socket_never_takes_the_group_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let own = getegid().as_raw();
        let other = own + 64_802;
        // Only root can give a directory away; the directory's group then goes to what is in it.
        let given = chown(dir.path(), None, Some(other)).is_ok();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o2750)).unwrap();
        let inherited = if given { other } else { own };
        let mut paths = SocketPaths::new(dir.path());
        for server_gid in [None, Some(inherited)] {
            paths.server_gid = server_gid;
            for (socket, expected) in [
                (Socket::Issue, inherited),
                (Socket::Status, inherited),
                (Socket::Va, inherited),
                (Socket::Admin, own),
            ] {
                drop(bind(&paths, socket).unwrap());
                let found = fs::metadata(paths.path(socket)).unwrap();
                assert_eq!(found.gid(), expected, "{socket}");
                assert_eq!(found.mode() & 0o7777, 0o660, "{socket}");
            }
        }
    }

    #[test]
    fn refuses_to_take_the_place_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let paths = SocketPaths::new(dir.path());
        fs::write(paths.path(Socket::Admin), "precious").unwrap();
        let refused = bind(&paths, Socket::Admin);
        assert!(matches!(refused, Err(ListenError::NotASocket { .. })));
        let kept = fs::read_to_string(paths.path(Socket::Admin)).unwrap();
        assert_eq!(kept, "precious");
    }
}
