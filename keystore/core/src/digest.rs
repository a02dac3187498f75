//! The digest that a key elsewhere is handed.

use x509::SignatureScheme;

use crate::Approved;

/// The hash of a scheme that signs a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A digest of approved bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// Which hash.
    pub algorithm: DigestAlgorithm,
    /// 32, 48 or 64 octets.
    pub octets: Vec<u8>,
}

/// Computes what a token or a service signs in the place of the message; none for schemes that
/// sign the message itself (Ed25519, ML-DSA) and for those that are only verified.
///
/// Here alone do digests come from: of bytes that policy admitted, never of what somebody sent.
#[must_use]
pub fn digest(scheme: SignatureScheme, message: Approved<'_>) -> Option<Digested> {
    let algorithm = algorithm(scheme)?;
    let octets = match algorithm {
        DigestAlgorithm::Sha256 => x509::sha256(message.as_bytes()).to_vec(),
        DigestAlgorithm::Sha384 => x509::sha384(message.as_bytes()).to_vec(),
        DigestAlgorithm::Sha512 => x509::sha512(message.as_bytes()).to_vec(),
    };
    Some(Digested { algorithm, octets })
}

fn algorithm(scheme: SignatureScheme) -> Option<DigestAlgorithm> {
    use SignatureScheme as S;
    Some(match scheme {
        S::EcdsaP256Sha256 | S::RsaPkcs1Sha256 | S::RsaPssSha256 => DigestAlgorithm::Sha256,
        S::EcdsaP384Sha384 | S::RsaPkcs1Sha384 | S::RsaPssSha384 => DigestAlgorithm::Sha384,
        S::EcdsaP521Sha512 | S::RsaPkcs1Sha512 | S::RsaPssSha512 => DigestAlgorithm::Sha512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_that_we_sign_with_has_its_digest_or_signs_the_message() {
        let whole = ["ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"];
        for scheme in SignatureScheme::ALL {
            let found = digest(scheme, Approved::admitted(b"abc"));
            let expected = scheme.is_matched() && !whole.contains(&scheme.as_str());
            assert_eq!(found.is_some(), expected, "{scheme}");
            let Some(found) = found else { continue };
            let (name, length) = match found.algorithm {
                DigestAlgorithm::Sha256 => ("sha256", 32),
                DigestAlgorithm::Sha384 => ("sha384", 48),
                DigestAlgorithm::Sha512 => ("sha512", 64),
            };
            assert!(scheme.as_str().ends_with(name), "{scheme}");
            assert_eq!(found.octets.len(), length, "{scheme}");
        }
    }
}
