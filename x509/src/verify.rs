//! Signature verification.

use aws_lc_rs::signature::{self, RsaParameters, UnparsedPublicKey};
use der::asn1::UintRef;
use der::{Reader as _, SliceReader};
use thiserror::Error;

use crate::key::Material;
use crate::{KeyKind, PublicKey, Signature, SignatureScheme};

/// Why a signature is not accepted; always the fault of whoever sent key, message or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The key cannot sign with that scheme; an RSA key outside 2048..=4096 bits with none.
    #[error("a key of kind {kind} does not sign with {scheme}")]
    SchemeMismatch {
        /// The scheme that was asked for.
        scheme: SignatureScheme,
        /// The kind of the key.
        kind: KeyKind,
    },
    /// The signature is not of its scheme's length, or not the DER of an Ecdsa-Sig-Value.
    #[error("signature is not a well-formed {0} signature")]
    Malformed(SignatureScheme),
    /// The signature does not verify.
    #[error("signature does not verify")]
    BadSignature,
}

impl PublicKey {
    /// Verifies a signature over the message by this key. The message is hashed here: there is no
    /// way to verify over a digest.
    ///
    /// # Errors
    /// [`VerifyError`]: scheme of another key kind, malformed signature, or one that does not
    /// verify.
    pub fn verify(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), VerifyError> {
        let kind = self.kind();
        if !scheme.fits(kind) {
            return Err(VerifyError::SchemeMismatch { scheme, kind });
        }
        let octets = signature.as_bytes();
        let well_formed = match &self.material {
            Material::Rsa(key) => octets.len() == key.signature_len(),
            Material::Parsed(_) => is_well_formed(scheme, octets),
        };
        if !well_formed {
            return Err(VerifyError::Malformed(scheme));
        }
        let verdict = match &self.material {
            Material::Rsa(_) => {
                let parameters =
                    rsa_parameters(scheme).ok_or(VerifyError::SchemeMismatch { scheme, kind })?;
                UnparsedPublicKey::new(parameters, self.subject_public_key())
                    .verify(message, octets)
            }
            Material::Parsed(key) => key.verify_sig(message, octets),
        };
        verdict.map_err(|_| VerifyError::BadSignature)
    }
}

fn rsa_parameters(scheme: SignatureScheme) -> Option<&'static RsaParameters> {
    match scheme {
        SignatureScheme::RsaPkcs1Sha256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        SignatureScheme::RsaPkcs1Sha384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        SignatureScheme::RsaPkcs1Sha512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        // RFC 4055 §3.1: the salt has the digest's length; aws-lc accepts no other.
        SignatureScheme::RsaPssSha256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        SignatureScheme::RsaPssSha384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        SignatureScheme::RsaPssSha512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn is_well_formed(scheme: SignatureScheme, octets: &[u8]) -> bool {
    match scheme {
        SignatureScheme::EcdsaP256Sha256 => is_ecdsa_sig_value(octets, 32),
        SignatureScheme::EcdsaP384Sha384 => is_ecdsa_sig_value(octets, 48),
        SignatureScheme::EcdsaP521Sha512 => is_ecdsa_sig_value(octets, 66),
        // RFC 8032 §5.1.6
        SignatureScheme::Ed25519 => octets.len() == 64,
        // FIPS 204 §4 table 2
        SignatureScheme::MlDsa44 => octets.len() == 2420,
        SignatureScheme::MlDsa65 => octets.len() == 3309,
        SignatureScheme::MlDsa87 => octets.len() == 4627,
        _ => false,
    }
}

/// Tells whether the octets are the one DER encoding of two positive integers of at most `field`
/// octets, so that a signature has no second spelling.
///
/// ```text
/// Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }   -- RFC 3279 §2.2.3
/// ```
fn is_ecdsa_sig_value(octets: &[u8], field: usize) -> bool {
    let parse = || -> Result<bool, der::Error> {
        let mut reader = SliceReader::new(octets)?;
        let (r, s) = reader.sequence(|fields| {
            let r: UintRef<'_> = fields.decode()?;
            let s: UintRef<'_> = fields.decode()?;
            Ok::<_, der::Error>((r, s))
        })?;
        reader.finish()?;
        let in_range = |n: UintRef<'_>| n.as_bytes() != [0] && n.as_bytes().len() <= field;
        Ok(in_range(r) && in_range(s))
    };
    parse().unwrap_or(false)
}
