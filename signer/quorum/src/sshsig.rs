//! OpenSSH's detached signatures (PROTOCOL.sshsig), as `ssh-keygen -Y sign` makes them.

use x509::sha512;

use crate::Malformed;
use crate::armour;
use crate::key::{Presence, SshKey, VerifyError};
use crate::ssh::{SshReader, put_string};

const MAGIC: &[u8; 6] = b"SSHSIG";
/// The longest armoured signature, in octets. The longest that a taken kind of key makes has 600.
pub const MAX_SIGNATURE: usize = 1024;

/// A signature that was read and not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSignature {
    key: SshKey,
    namespace: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Its fields are none of a signature. Malformed.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// It was made for something else. Refused.
    #[error("it was made in another namespace")]
    Namespace,
    /// It is over other octets, or by another key. Refused.
    #[error("it does not verify over these octets")]
    Faulty,
    /// A security key made it by itself. Refused.
    #[error("nobody touched the security key")]
    NobodyThere,
}

impl SshSignature {
    /// Reads an armoured signature: version 1, SHA-512, by a key of a kind that is taken.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        if text.len() > MAX_SIGNATURE {
            return Err(Malformed("it is too long"));
        }
        let octets = armour::open(text)?;
        let mut fields = SshReader::new(&octets);
        if &fields.array::<6>()? != MAGIC || fields.number()? != 1 {
            return Err(Malformed("it is no SSHSIG of version 1"));
        }
        let key = SshKey::from_blob(fields.string()?)?;
        let namespace = fields.string()?.to_vec();
        if !fields.string()?.is_empty() {
            return Err(Malformed("its reserved field is not empty"));
        }
        if fields.string()? != b"sha512" {
            return Err(Malformed("its hash is not SHA-512"));
        }
        let signature = fields.string()?.to_vec();
        fields.finish()?;
        Ok(Self { key, namespace, signature })
    }

    /// Returns the key that it says it was made by.
    #[must_use]
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Verifies it over a message in a namespace; tells who was there where the key knows.
    ///
    /// # Errors
    /// [`SignatureFault`].
    pub fn verify(
        &self,
        namespace: &str,
        message: &[u8],
    ) -> Result<Option<Presence>, SignatureFault> {
        if self.namespace != namespace.as_bytes() {
            return Err(SignatureFault::Namespace);
        }
        let mut signed = MAGIC.to_vec();
        put_string(&mut signed, namespace.as_bytes());
        put_string(&mut signed, b"");
        put_string(&mut signed, b"sha512");
        put_string(&mut signed, &sha512(message));
        self.key.verify(&signed, &self.signature).map_err(|error| match error {
            VerifyError::Malformed(why) => SignatureFault::Malformed(why),
            VerifyError::Faulty => SignatureFault::Faulty,
            VerifyError::NobodyThere => SignatureFault::NobodyThere,
        })
    }
}
