//! Signature verification.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, UnparsedPublicKey,
};
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
        if !scheme.is_verified_for(kind) {
            return Err(VerifyError::SchemeMismatch { scheme, kind });
        }
        let octets = signature.as_bytes();
        let well_formed = match &self.material {
            Material::Rsa(key, _) => octets.len() == key.signature_len(),
            Material::Parsed(_) => is_well_formed(scheme, octets),
        };
        if !well_formed {
            return Err(VerifyError::Malformed(scheme));
        }
        let verdict = match &self.material {
            Material::Rsa(_, parsed) => {
                let parameters =
                    rsa_parameters(scheme).ok_or(VerifyError::SchemeMismatch { scheme, kind })?;
                if parsed.get().is_none()
                    && let Ok(key) = ParsedPublicKey::new(parameters, self.subject_public_key())
                {
                    // Another thread may have been first, with the same or with another scheme.
                    let _ = parsed.set((scheme, key));
                }
                match parsed.get() {
                    Some((bound, key)) if *bound == scheme => key.verify_sig(message, octets),
                    _ => UnparsedPublicKey::new(parameters, self.subject_public_key())
                        .verify(message, octets),
                }
            }
            // A key that aws-lc parsed is bound to its kind's matched scheme.
            Material::Parsed(key) => match unmatched_ecdsa(scheme) {
                None => key.verify_sig(message, octets),
                Some(algorithm) => UnparsedPublicKey::new(algorithm, self.subject_public_key())
                    .verify(message, octets),
            },
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

/// Gives the algorithm of a scheme that is verified only, `None` for one that we sign with.
fn unmatched_ecdsa(scheme: SignatureScheme) -> Option<&'static EcdsaVerificationAlgorithm> {
    match scheme {
        SignatureScheme::EcdsaP256Sha384 => Some(&signature::ECDSA_P256_SHA384_ASN1),
        SignatureScheme::EcdsaP256Sha512 => Some(&signature::ECDSA_P256_SHA512_ASN1),
        SignatureScheme::EcdsaP384Sha256 => Some(&signature::ECDSA_P384_SHA256_ASN1),
        SignatureScheme::EcdsaP384Sha512 => Some(&signature::ECDSA_P384_SHA512_ASN1),
        SignatureScheme::EcdsaP521Sha256 => Some(&signature::ECDSA_P521_SHA256_ASN1),
        SignatureScheme::EcdsaP521Sha384 => Some(&signature::ECDSA_P521_SHA384_ASN1),
        _ => None,
    }
}

fn is_well_formed(scheme: SignatureScheme, octets: &[u8]) -> bool {
    use SignatureScheme as S;
    match scheme {
        S::EcdsaP256Sha256 | S::EcdsaP256Sha384 | S::EcdsaP256Sha512 => {
            is_ecdsa_sig_value(octets, 32)
        }
        S::EcdsaP384Sha256 | S::EcdsaP384Sha384 | S::EcdsaP384Sha512 => {
            is_ecdsa_sig_value(octets, 48)
        }
        S::EcdsaP521Sha256 | S::EcdsaP521Sha384 | S::EcdsaP521Sha512 => {
            is_ecdsa_sig_value(octets, 66)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::samples::{sample, sample_key, tlv};
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{KeyPair as _, PqdsaKeyPair};

    fn signature(name: &str) -> Signature {
        Signature::from_vec(sample(&format!("{name}.sig")))
    }

    fn key_for(scheme: SignatureScheme) -> PublicKey {
        sample_key(match scheme {
            SignatureScheme::EcdsaP256Sha256 => "p-256",
            SignatureScheme::EcdsaP384Sha384 => "p-384",
            SignatureScheme::EcdsaP521Sha512 => "p-521",
            SignatureScheme::Ed25519 => "ed25519",
            _ => "rsa-2048",
        })
    }

    #[test]
    fn accepts_signatures_by_openssl_and_only_over_that_message() {
        let message = sample("message.bin");
        for scheme in &SignatureScheme::ALL[..10] {
            let (key, signature) = (key_for(*scheme), signature(scheme.as_str()));
            assert_eq!(key.verify(*scheme, &message, &signature), Ok(()), "{scheme}");
            assert_eq!(
                key.verify(*scheme, b"signed by openssL", &signature),
                Err(VerifyError::BadSignature),
                "{scheme}"
            );
        }
        let key = sample_key("rsa-2560");
        let scheme = SignatureScheme::RsaPkcs1Sha256;
        assert_eq!(key.verify(scheme, &message, &signature("rsa-2560")), Ok(()));
    }

    #[test]
    fn refuses_every_flipped_bit() {
        let message = sample("message.bin");
        for scheme in &SignatureScheme::ALL[..10] {
            let key = key_for(*scheme);
            let good = sample(&format!("{scheme}.sig"));
            for index in 0..good.len() {
                let mut bad = good.clone();
                bad[index] ^= 1 << (index % 8);
                let verdict = key.verify(*scheme, &message, &Signature::from_vec(bad));
                assert!(
                    matches!(verdict, Err(VerifyError::BadSignature | VerifyError::Malformed(_))),
                    "{scheme} {index}"
                );
            }
        }
    }

    #[test]
    fn refuses_schemes_of_other_kinds() {
        let message = sample("message.bin");
        for name in ["p-256", "p-384", "p-521", "ed25519", "rsa-2048", "rsa-1024"] {
            let key = sample_key(name);
            let kind = key.kind();
            for scheme in SignatureScheme::ALL {
                let verdict = key.verify(scheme, &message, &Signature::from_vec(vec![0; 8]));
                let expected = if scheme.is_verified_for(kind) {
                    VerifyError::Malformed(scheme)
                } else {
                    VerifyError::SchemeMismatch { scheme, kind }
                };
                assert_eq!(verdict, Err(expected), "{name} {scheme}");
            }
        }
    }

    #[test]
    fn refuses_one_rsa_scheme_for_another_and_other_salt_lengths() {
        let (key, message) = (sample_key("rsa-2048"), sample("message.bin"));
        let rsa = &SignatureScheme::ALL[4..10];
        for made_by in rsa {
            // One key serves them all, whichever it was parsed for.
            let verdict = key.verify(*made_by, &message, &signature(made_by.as_str()));
            assert_eq!(verdict, Ok(()), "{made_by}");
            for asked in rsa.iter().filter(|asked| *asked != made_by) {
                let verdict = key.verify(*asked, &message, &signature(made_by.as_str()));
                assert_eq!(verdict, Err(VerifyError::BadSignature));
            }
        }
        assert_eq!(
            key.verify(
                SignatureScheme::RsaPssSha256,
                &message,
                &signature("rsa-pss-sha256-salt20")
            ),
            Err(VerifyError::BadSignature)
        );
    }

    #[test]
    fn ml_dsa_verifies_and_refuses() {
        let kinds = [
            (SignatureScheme::MlDsa44, &signature::ML_DSA_44_SIGNING),
            (SignatureScheme::MlDsa65, &signature::ML_DSA_65_SIGNING),
            (SignatureScheme::MlDsa87, &signature::ML_DSA_87_SIGNING),
        ];
        for (scheme, algorithm) in kinds {
            let pair = PqdsaKeyPair::generate(algorithm).unwrap();
            let key = PublicKey::parse(pair.public_key().as_der().unwrap().as_ref()).unwrap();
            let mut octets = vec![0; algorithm.signature_len()];
            pair.sign(b"message", &mut octets).unwrap();
            let good = Signature::from_vec(octets.clone());
            assert_eq!(key.verify(scheme, b"message", &good), Ok(()));
            let other = key.verify(scheme, b"massage", &good);
            assert_eq!(other, Err(VerifyError::BadSignature));
            octets.push(0);
            let long = key.verify(scheme, b"message", &Signature::from_vec(octets));
            assert_eq!(long, Err(VerifyError::Malformed(scheme)));
        }
    }

    #[test]
    fn refuses_every_second_spelling_of_an_ecdsa_signature() {
        let (key, message) = (sample_key("p-256"), sample("message.bin"));
        let scheme = SignatureScheme::EcdsaP256Sha256;
        let good = sample("ecdsa-p256-sha256.sig");
        let r_len = usize::from(good[3]);
        let (r, s) = (&good[2..4 + r_len], &good[4 + r_len..]);
        let pad = |n: &[u8]| tlv(0x02, &[&[0], &n[2..]].concat());
        let zero = tlv(0x02, &[0]);
        let minus = tlv(0x02, &[0xff]);
        let wide = tlv(0x02, &[1; 33]);
        let cases = [
            ("padded r", tlv(0x30, &[&pad(r), s].concat())),
            ("padded s", tlv(0x30, &[r, &pad(s)].concat())),
            ("third integer", tlv(0x30, &[r, s, &zero].concat())),
            ("only r", tlv(0x30, r)),
            ("r zero", tlv(0x30, &[&zero, s].concat())),
            ("s zero", tlv(0x30, &[r, &zero].concat())),
            ("r negative", tlv(0x30, &[&minus, s].concat())),
            ("s too wide", tlv(0x30, &[r, &wide].concat())),
            ("trailing", [&good[..], &[0]].concat()),
            ("long length", [&[0x30, 0x81], &good[1..]].concat()),
            ("indefinite", [&[0x30, 0x80], &good[2..], &[0, 0]].concat()),
            ("raw", [&r[r.len() - 32..], &s[s.len() - 32..]].concat()),
            ("empty", vec![]),
        ];
        for (case, octets) in cases {
            let verdict = key.verify(scheme, &message, &Signature::from_vec(octets));
            assert_eq!(verdict, Err(VerifyError::Malformed(scheme)), "{case}");
        }
    }
}
