//! Files, their modes and owners.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Check;
use crate::up::{Layout, Opener, RingFile};

/// Looks at every file whose loss or exposure matters.
pub fn checks(layout: &Layout) -> Vec<Check> {
    let mut checks = vec![users(layout)];
    checks.extend(admin_socket(layout));
    let ring = RingFile::read(&layout.ring()).ok().flatten();
    let opener = ring.and_then(|ring| ring.unlock().ok());
    let has_no_credential = matches!(opener, Some(Opener::Passphrase | Opener::Shares));
    for (subject, path, most) in [
        ("ring", layout.ring(), 0o700),
        ("unlock credential", layout.unlock(), 0o600),
        ("admin token", layout.admin_token(), 0o600),
        ("server directory", layout.server(), 0o700),
        ("server configuration", layout.server_config(), 0o600),
        ("sockets", layout.run(), 0o2750),
        ("root certificate", layout.root_pem(), 0o644),
    ] {
        if !(has_no_credential && path == layout.unlock()) {
            checks.push(mode(subject, &path, most));
        }
    }
    // It is not there where operators were named.
    if layout.operator_key().exists() {
        checks.push(mode("operator's key", &layout.operator_key(), 0o600));
    }
    checks
}

/// A path must be there and give nobody more than `most`.
fn mode(subject: &'static str, path: &Path, most: u32) -> Check {
    match std::fs::symlink_metadata(path) {
        Err(error) => Check::bad(
            subject,
            format!("{}: {error}", path.display()),
            "start `chancery up` once, or put the file back from a back-up (docs/operate/backup.md)",
        ),
        Ok(data) => {
            let found = data.mode() & 0o7777;
            if found & !most == 0 {
                Check::good(subject, format!("{} mode {found:04o}", path.display()))
            } else {
                Check::bad(
                    subject,
                    format!("{} has mode {found:04o}", path.display()),
                    format!("chmod {most:o} {}", path.display()),
                )
            }
        }
    }
}

/// The server's group must not reach the socket of whatever makes authority.
fn admin_socket(layout: &Layout) -> Option<Check> {
    let socket = std::fs::metadata(layout.run().join("admin.sock")).ok()?;
    let server = std::fs::metadata(layout.server()).ok()?;
    if socket.uid() == server.uid() {
        return None;
    }
    let seen =
        format!("uid {}, gid {}, mode {:04o}", socket.uid(), socket.gid(), socket.mode() & 0o7777);
    let is_open = socket.mode() & 0o007 != 0;
    let is_servers = socket.gid() == server.gid() && socket.mode() & 0o070 != 0;
    Some(if is_open || is_servers {
        Check::bad(
            "admin socket",
            seen,
            "the server's user reaches it: start `chancery up` again; without admin_gid in \
             ring.toml it has the signer's own group",
        )
    } else {
        Check::good("admin socket", seen)
    })
}

/// Signer and server must be different users for the boundary to hold.
fn users(layout: &Layout) -> Check {
    let owner = |path: &Path| std::fs::metadata(path).map(|data| data.uid());
    match (owner(&layout.ring()), owner(&layout.server())) {
        (Ok(signer), Ok(server)) if signer == server => Check::warning(
            "users",
            format!("ONE UID: the boundary is not enforced (uid {signer} runs both)"),
            "start `chancery up` as root: it runs signer and server as users of their own",
        ),
        (Ok(signer), Ok(server)) => {
            Check::good("users", format!("signer {signer}, server {server}"))
        }
        _ => Check::bad(
            "users",
            "the data directory cannot be read",
            "run doctor as the user who started `chancery up`, with the same --data",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_mode_that_is_too_wide_is_bad_and_says_how_to_mend_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        std::fs::write(&path, b"").expect("written");
        for (bits, expected) in
            [(0o600, Verdict::Good), (0o400, Verdict::Good), (0o640, Verdict::Bad)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bits)).expect("set");
            let check = mode("x", &path, 0o600);
            assert_eq!(check.verdict, expected, "{bits:o}");
            assert_eq!(check.mend.is_empty(), expected == Verdict::Good);
        }
        assert_eq!(mode("x", &dir.path().join("none"), 0o600).verdict, Verdict::Bad);
    }
}
