//! What stays within reach besides the ring: what the C library's resolver and TLS read.

use std::path::{Path, PathBuf};

use hardening::Reach;
use keystore_kms::Config;

/// The certificates of CAs, on Debian and Red Hat, and the resolver's files.
const SYSTEM: [&str; 11] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
];

/// Lists what is there of it, and what the configuration names.
pub(crate) fn of(config: &Config) -> Vec<(PathBuf, Reach)> {
    let system = SYSTEM.iter().map(PathBuf::from);
    let configured = config.files().into_iter().map(Path::to_path_buf);
    let mut places: Vec<PathBuf> = system.chain(configured).filter(|path| path.exists()).collect();
    places.extend(places.iter().filter_map(|path| replaced_beside(path)).collect::<Vec<_>>());
    places.into_iter().map(|path| (path, Reach::Read)).collect()
}

/// A file behind a link outside of /etc, as systemd-resolved's in /run and a token's in a
/// Kubernetes volume, is replaced and not rewritten: then its directory must stay within reach.
fn replaced_beside(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let is_elsewhere = real != path && !real.starts_with("/etc") && real.is_file();
    is_elsewhere.then(|| real.parent().map(Path::to_path_buf)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_brings_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap().join("volume");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("token"), "x").unwrap();
        let link = dir.path().canonicalize().unwrap().join("token");
        std::os::unix::fs::symlink(real.join("token"), &link).unwrap();
        assert_eq!(replaced_beside(&link), Some(real.clone()));
        assert_eq!(replaced_beside(&real.join("token")), None);
    }

    #[test]
    fn only_what_is_there_is_listed_and_only_for_reading() {
        let text = "version = 1\nread = [\"/nowhere/at/all\", \"/etc\"]\n[aws]\nregion = \"x\"\n";
        let places = of(&Config::read(text).unwrap());
        assert!(places.iter().all(|(path, reach)| path.exists() && *reach == Reach::Read));
        assert!(places.iter().any(|(path, _)| path == Path::new("/etc")));
    }
}
