//! The witness' own key: no key of any ring, and on another host than the signer.
//!
//! The file has one line in the form of golang.org/x/mod/sumdb/note:
//! `PRIVATE+KEY+<name>+<key id>+<base64 of the algorithm's number and the seed>`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_log::checkpoint::Cosignature;
use signer_log::note::{Algorithm, ED25519_SIGNATURE, NoteError, NoteKey, SignatureLine};
use thiserror::Error;
use zeroize::Zeroizing;

const PREFIX: &str = "PRIVATE+KEY+";
const SEED: usize = 32;

/// Why there is no key to cosign with.
#[derive(Debug, Error)]
pub enum CosignerError {
    /// The file cannot be read or made.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read the file.
    #[error("{} may be read by others: chmod 600 it after asking who was in it", .0.display())]
    Exposed(PathBuf),
    /// The file is no key file.
    #[error("{} is no key of a witness: {why}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// The name cannot stand in a note.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// No randomness, or no signature.
    #[error("the cryptographic library failed")]
    Crypto,
}

/// An Ed25519 key that cosigns checkpoints.
pub struct CosignerKey {
    pair: Ed25519KeyPair,
    key: NoteKey,
}

impl CosignerKey {
    /// Draws a key and writes its file, which must not be there.
    ///
    /// # Errors
    /// [`CosignerError`].
    pub fn generate(path: &Path, name: &str) -> Result<Self, CosignerError> {
        let mut seed = Zeroizing::new([0; SEED]);
        aws_lc_rs::rand::fill(seed.as_mut_slice()).map_err(|_| CosignerError::Crypto)?;
        let made = Self::of_seed(name, &seed)?;
        let octets = [[Algorithm::CosignatureV1.code()].as_slice(), seed.as_slice()].concat();
        let octets = Zeroizing::new(octets);
        let encoded = Zeroizing::new(STANDARD.encode(octets.as_slice()));
        let line = format!("{PREFIX}{name}+{}+{}\n", id(&made.key), *encoded);
        let line = Zeroizing::new(line);
        let failed = |source| CosignerError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(made)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`CosignerError`].
    pub fn load(path: &Path) -> Result<Self, CosignerError> {
        let failed = |source| CosignerError::Io { path: path.to_owned(), source };
        let malformed = |why| CosignerError::Malformed { path: path.to_owned(), why };
        if std::fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
            return Err(CosignerError::Exposed(path.to_owned()));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
        let line = text.trim_end().strip_prefix(PREFIX).ok_or(malformed("it has no prefix"))?;
        let mut parts = line.splitn(3, '+');
        let (Some(name), Some(told), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("it has not three parts"));
        };
        let octets = STANDARD.decode(encoded).map_err(|_| malformed("it is no base64"))?;
        let octets = Zeroizing::new(octets);
        let seed = match octets.split_first() {
            Some((4, seed)) => seed.try_into().map_err(|_| malformed("it has not 32 octets"))?,
            _ => return Err(malformed("its algorithm is not 4, cosignature/v1")),
        };
        let found = Self::of_seed(name, &Zeroizing::new(seed))?;
        if id(&found.key) == told { Ok(found) } else { Err(malformed("its id is another's")) }
    }

    /// Returns the verifier key, which goes into the signer's configuration.
    #[must_use]
    pub fn verifier(&self) -> &NoteKey {
        &self.key
    }

    /// Cosigns a checkpoint's text at a time in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, time: u64, text: &str) -> Option<SignatureLine> {
        let octets = self.pair.sign(&Cosignature::message(time, text));
        let signature: [u8; ED25519_SIGNATURE] = octets.as_ref().try_into().ok()?;
        Some(Cosignature { time, signature }.line(&self.key))
    }

    fn of_seed(name: &str, seed: &[u8; SEED]) -> Result<Self, CosignerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CosignerError::Crypto)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| CosignerError::Crypto)?;
        let key = NoteKey::new(name, Algorithm::CosignatureV1, public)?;
        Ok(Self { pair, key })
    }
}

fn id(key: &NoteKey) -> String {
    key.id().iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_cosigns() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness.key");
        let made = CosignerKey::generate(&path, "witness.example/1").unwrap();
        assert!(CosignerKey::generate(&path, "again").is_err());
        let read = CosignerKey::load(&path).unwrap();
        assert_eq!(read.verifier(), made.verifier());
        let text = "chancery/00\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_owned();
        let line = read.cosign(1_700_000_000, &text).unwrap();
        let note = signer_log::note::Note { text, signatures: vec![line] };
        assert_eq!(Cosignature::verify(&note, made.verifier()).unwrap().time, 1_700_000_000);
    }

    #[test]
    fn refuses_files_that_others_read_and_other_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness.key");
        let _ = CosignerKey::generate(&path, "w").unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(CosignerKey::load(&path), Err(CosignerError::Exposed(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for other in ["", "PRIVATE+KEY+w", &whole.replace("+w+", "+x+"), &whole[..whole.len() / 2]]
        {
            std::fs::write(&path, other).unwrap();
            let refused = CosignerKey::load(&path);
            assert!(matches!(refused, Err(CosignerError::Malformed { .. })), "{other}");
        }
    }
}
