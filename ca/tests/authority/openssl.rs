//! What openssl says of what we make: somebody else's eyes.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use x509::{CertificateDer, UnixTime, pem};

pub struct Openssl(TempDir);

impl Openssl {
    /// None if there is no openssl; the test is then reported as skipped.
    pub fn new() -> Option<Self> {
        kit::tool("openssl")?;
        Some(Self(tempfile::tempdir().expect("a folder")))
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes certificates as PEM and returns the file's name.
    pub fn certificates(&self, name: &str, certificates: &[&CertificateDer]) -> String {
        let text: String =
            certificates.iter().map(|der| pem::encode("CERTIFICATE", der.as_bytes())).collect();
        self.file(name, text.as_bytes())
    }

    pub fn file(&self, name: &str, octets: &[u8]) -> String {
        std::fs::write(self.folder().join(name), octets).expect("written");
        name.to_owned()
    }

    /// Runs openssl; gives what it printed if it succeeded.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder())
            .output()
            .expect("openssl starts");
        let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let text = said(&output.stdout) + &said(&output.stderr);
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    /// Verifies a path strictly, as of a time.
    pub fn verify(
        &self,
        leaf: &CertificateDer,
        path: &[CertificateDer],
        at: UnixTime,
    ) -> Result<String, String> {
        let (root, middle) = path.split_last().expect("a path has a root");
        let root = self.certificates("root.pem", &[root]);
        let middle: Vec<_> = middle.iter().collect();
        let middle = self.certificates("middle.pem", &middle);
        let leaf = self.certificates("leaf.pem", &[leaf]);
        let at = at.0.to_string();
        self.run(&[
            "verify",
            "-x509_strict",
            "-attime",
            &at,
            "-CAfile",
            &root,
            "-untrusted",
            &middle,
            &leaf,
        ])
    }
}
