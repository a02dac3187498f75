//! A CA that was elsewhere before: `openssl` made it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::{
    AdoptKey, Digest, FileGiven, InventoryChunk, InventoryDigest, KeyFile, KeySource,
    OldCertificate, OldCertificates, Plaintext, Purpose, Warrant, Wire,
};
use tempfile::TempDir;
use x509::{CertificateDer, ForeignCertificate, pem, sha256};
use zeroize::Zeroizing;

use crate::{ISSUING_NAME, Plan, label, name, tool};

/// The label of the adopted key.
pub const OLD: &str = "old";
/// What opens its file: told from everything else by any test that looks for it.
pub const PASSPHRASE: &[u8] = b"canary-of-the-old-passphrase-77aa";

/// A CA with a P-256 key.
pub struct OldCa {
    dir: TempDir,
    /// Its certificate.
    pub certificate: ForeignCertificate,
    /// Its key as an encrypted PKCS#8 file, DER.
    pub pkcs8: Vec<u8>,
}

impl OldCa {
    /// Makes one; none, with a line that says so, where `openssl` is missing.
    ///
    /// # Panics
    /// If `openssl` does not.
    #[must_use]
    pub fn make() -> Option<Self> {
        Self::make_with(&["basicConstraints=critical,CA:TRUE"])
    }

    /// Makes one with other extensions.
    ///
    /// # Panics
    /// If `openssl` does not.
    #[must_use]
    pub fn make_with(extensions: &[&str]) -> Option<Self> {
        let openssl = tool("openssl")?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let conf = "[req]\ndistinguished_name=dn\n[dn]\n";
        std::fs::write(dir.path().join("conf"), conf).expect("a file");
        let passphrase = String::from_utf8(PASSPHRASE.to_vec()).expect("a text");
        let pass = format!("pass:{passphrase}");
        let must = |arguments: &[&str]| run(&openssl, dir.path(), arguments);
        let mut request = vec!["req", "-x509", "-config", "conf", "-newkey", "ec"];
        request.extend(["-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]);
        request.extend(["-subj", "/O=Old/CN=Old CA", "-keyout", "key.pem", "-out", "ca.pem"]);
        for extension in extensions {
            request.extend(["-addext", *extension]);
        }
        must(&request);
        must(&[
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-in",
            "key.pem",
            "-outform",
            "DER",
            "-out",
            "key.p8",
            "-passout",
            &pass,
        ]);
        let read = |name: &str| std::fs::read(dir.path().join(name)).expect("it was written");
        let pem = String::from_utf8(read("ca.pem")).expect("a text");
        let der = pem::decode_one(&pem, pem::CERTIFICATE).expect("a certificate");
        let certificate = ForeignCertificate::parse(&der).expect("a certificate that is read");
        let pkcs8 = read("key.p8");
        Some(Self { dir, certificate, pkcs8 })
    }

    /// Returns the directory with its files: `key.pem`, `key.p8`, `ca.pem`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Drafts its adoption, and the parts of its inventory.
    #[must_use]
    pub fn adopt(
        &self,
        old: &[OldCertificate],
        crl_number: u64,
    ) -> (AdoptKey, Vec<InventoryChunk>) {
        let (inventory, chunks) = chunks(old, 2);
        let call = AdoptKey {
            label: label(OLD),
            purpose: Purpose::CertAndCrl,
            certificate: CertificateDer::from_vec(self.certificate.raw().as_bytes().to_vec()),
            source: KeySource::File(Digest(sha256(&self.pkcs8))),
            crl_number,
            inventory,
            file: given(&self.pkcs8, PASSPHRASE),
            warrant: Warrant::none(),
        };
        (call, chunks)
    }

    /// Returns a policy for its key.
    #[must_use]
    pub fn policy(&self, imported: bool) -> String {
        let old = STANDARD.encode(self.certificate.subject().der().as_bytes());
        let other = STANDARD.encode(name(ISSUING_NAME).der().as_bytes());
        let text = Plan::default().issuing.replace(&other, &old);
        text.replacen("version = 1\n", &format!("version = 1\nimported = {imported}\n"), 1)
    }

    /// Returns the policy of a responder that speaks for it.
    #[must_use]
    pub fn responder(&self) -> String {
        let old = STANDARD.encode(self.certificate.subject().der().as_bytes());
        let other = STANDARD.encode(name(ISSUING_NAME).der().as_bytes());
        let text = Plan::default().responder.replace(&other, &old);
        text.replace("issuer_key = \"issuing\"", &format!("issuer_key = \"{OLD}\""))
    }
}

/// Puts a file and a passphrase into a call.
#[must_use]
pub fn given(file: &[u8], passphrase: &[u8]) -> FileGiven {
    let plaintext = |octets: &[u8]| Plaintext(Zeroizing::new(octets.to_vec()));
    let (encrypted, passphrase) = (plaintext(file), plaintext(passphrase));
    FileGiven(Some(Arc::new(KeyFile { encrypted, passphrase })))
}

/// Cuts an inventory, by ascending serials, into parts.
#[must_use]
pub fn chunks(old: &[OldCertificate], size: usize) -> (InventoryDigest, Vec<InventoryChunk>) {
    let mut next = None;
    let mut chunks = Vec::new();
    for part in old.chunks(size).rev() {
        let chunk = InventoryChunk { certificates: OldCertificates(part.to_vec()), next };
        next = Some(Digest(sha256(&chunk.to_wire())));
        chunks.push(chunk);
    }
    chunks.reverse();
    (InventoryDigest { certificates: old.len() as u64, first: next }, chunks)
}

fn run(openssl: &Path, dir: &Path, arguments: &[&str]) {
    let ran = Command::new(openssl).args(arguments).current_dir(dir).output();
    let ran = ran.expect("openssl runs");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
