//! RSA public keys as numbers.

use der::asn1::UintRef;
use der::{Reader as _, SliceReader};
use num_bigint::BigUint;

use super::KeyError;

/// A modulus and an exponent.
///
/// ```text
/// RSAPublicKey ::= SEQUENCE {
///     modulus         INTEGER,   -- n
///     publicExponent  INTEGER }  -- e
/// ```
#[derive(Clone)]
pub(crate) struct RsaPublicKey {
    modulus: BigUint,
    exponent: BigUint,
    bits: u16,
}

impl RsaPublicKey {
    /// Parses the DER of an RSAPublicKey (RFC 8017 §A.1.1); minimal, non-negative integers.
    pub(super) fn parse(der: &[u8]) -> Result<Self, KeyError> {
        let mut reader = SliceReader::new(der).map_err(KeyError::RsaPublicKey)?;
        let (modulus, exponent) = reader
            .sequence(|fields| {
                let modulus: UintRef<'_> = fields.decode()?;
                let exponent: UintRef<'_> = fields.decode()?;
                Ok::<_, der::Error>((modulus, exponent))
            })
            .map_err(KeyError::RsaPublicKey)?;
        reader.finish().map_err(KeyError::RsaPublicKey)?;
        let modulus = BigUint::from_bytes_be(modulus.as_bytes());
        // The SubjectPublicKeyInfo is capped, so the count of bits fits.
        let bits = u16::try_from(modulus.bits()).map_err(|_| KeyError::TooLarge(der.len()))?;
        if bits == 0 {
            return Err(KeyError::RsaModulus);
        }
        Ok(Self { modulus, exponent: BigUint::from_bytes_be(exponent.as_bytes()), bits })
    }

    /// Returns the size of the modulus in bits.
    pub(crate) fn bits(&self) -> u16 {
        self.bits
    }

    /// Returns the length of every signature, in octets.
    pub(crate) fn signature_len(&self) -> usize {
        usize::from(self.bits).div_ceil(8)
    }

    pub(super) fn modulus(&self) -> &BigUint {
        &self.modulus
    }

    pub(super) fn exponent(&self) -> &BigUint {
        &self.exponent
    }
}
