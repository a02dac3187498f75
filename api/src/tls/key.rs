//! The server's TLS key: P-256, in `tls.key`, mode 0600.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::sign::SigningKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509::{
    CertificationRequestInfo, Csr, Extensions, Name, PublicKey, Signature, SignatureScheme, pem,
};
use zeroize::Zeroizing;

const LABEL: &str = "PRIVATE KEY";
const FILE: &str = "tls.key";

/// Is the server's TLS key. It has no Debug and no Clone.
pub struct OwnKey {
    pair: EcdsaKeyPair,
    signing: Arc<dyn SigningKey>,
    public: PublicKey,
}

/// Says why there is no TLS key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else. Removing it makes a new key.
    #[error("{} holds no P-256 key in PKCS#8: remove it and a new one is made", .0.display())]
    Content(PathBuf),
    /// The cryptographic library failed.
    #[error("the TLS key cannot be {0}")]
    Library(&'static str),
}

impl OwnKey {
    /// Takes the key in the folder, or makes it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_or_make(directory: &Path) -> Result<Self, KeyError> {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path)?,
            Err(source) => return Err(KeyError::File { path, source }),
        };
        let pkcs8 = pem::decode_one(&text, LABEL).map(Zeroizing::new);
        let pkcs8 = pkcs8.map_err(|_| KeyError::Content(path.clone()))?;
        Self::from_pkcs8(&pkcs8).ok_or(KeyError::Content(path))
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).ok()?;
        let spki = pair.public_key().as_der().ok()?;
        let public = PublicKey::parse(spki.as_ref()).ok()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        Some(Self { signing: any_ecdsa_type(&der).ok()?, pair, public })
    }

    /// Gives the public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Gives what rustls signs handshakes with.
    pub(super) fn signing(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.signing)
    }

    /// Signs a certificate that tests make.
    #[cfg(test)]
    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        Signature::from_vec(signature.expect("a signature").as_ref().to_vec())
    }

    /// Makes a CSR without any name: the names are given beside it.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn csr(&self) -> Result<Csr, KeyError> {
        let failed = || KeyError::Library("used to sign a CSR");
        let scheme = SignatureScheme::default_for(self.public.kind()).ok_or_else(failed)?;
        let info = CertificationRequestInfo {
            subject: Name::empty(),
            public_key: self.public.clone(),
            extensions: Extensions::default(),
        };
        let info = info.encode().map_err(|_| failed())?;
        let signature = self.pair.sign(&SystemRandom::new(), info.as_bytes());
        let signature = Signature::from_vec(signature.map_err(|_| failed())?.as_ref().to_vec());
        let der = Csr::assemble(&info, scheme, &signature);
        Csr::parse(der.as_bytes()).map_err(|_| failed())
    }
}

fn make(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let failed = |_| KeyError::Library("made");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
    let text = Zeroizing::new(pem::encode(LABEL, pkcs8.as_ref()));
    write_whole(path, text.as_bytes())
        .map_err(|source| KeyError::File { path: path.to_owned(), source })?;
    Ok(text)
}

/// Writes a file, mode 0600, that appears whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut making = path.as_os_str().to_owned();
    making.push(".making");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&making)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&making, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_made_once_and_signs_its_csr() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = OwnKey::load_or_make(folder.path()).expect("a key");
        let again = OwnKey::load_or_make(folder.path()).expect("the key");
        assert_eq!(first.public(), again.public());
        let metadata = fs::metadata(folder.path().join(FILE)).expect("the file");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let csr = again.csr().expect("a CSR");
        assert_eq!(csr.verify_self_signature(), Ok(()));
        assert!(csr.subject().is_empty() && csr.extensions().is_empty());
    }

    #[test]
    fn refuses_another_content() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE), "nonsense").expect("written");
        let refused = OwnKey::load_or_make(folder.path()).err();
        assert!(matches!(refused, Some(KeyError::Content(_))), "{refused:?}");
    }
}
