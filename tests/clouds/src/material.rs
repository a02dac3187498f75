//! The keys of the fakes.

use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Seed, SigningKey};

/// Algorithms of keys, in no vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa(u32),
    MlDsa(u32),
}

/// How a key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    None,
    Pkcs1,
    Pss,
}

/// A hash, by its bits.
pub(crate) type Bits = u32;

/// A private key.
pub(crate) enum Material {
    Ecdsa(EcdsaKeyPair, Bits),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    MlDsa(MlDsaKey),
}

/// What signs something.
type Signing<T> = Box<dyn Fn(&T) -> Vec<u8> + Send + Sync>;

/// An ML-DSA key of any parameter set.
pub(crate) struct MlDsaKey {
    spki: Vec<u8>,
    sign_mu: Signing<[u8; 64]>,
    sign: Signing<[u8]>,
}

impl MlDsaKey {
    fn generate<P: MlDsaParams + Send + Sync + 'static>(last: u8) -> Self
    where
        SigningKey<P>: Send + Sync,
    {
        let mut seed = Seed::default();
        fill(&mut seed).expect("random octets");
        let signer = std::sync::Arc::new(SigningKey::<P>::from_seed(&seed));
        let other = std::sync::Arc::clone(&signer);
        let raw = signer.expanded_key().verifying_key().encode().to_vec();
        Self {
            spki: ml_dsa_spki(last, &raw),
            sign_mu: Box::new(move |mu| {
                signer.expanded_key().sign_mu_deterministic(&(*mu).into()).encode().to_vec()
            }),
            sign: Box::new(move |message| {
                let signed = other.expanded_key().sign_deterministic(message, &[]);
                signed.expect("an empty context is short").encode().to_vec()
            }),
        }
    }
}

/// RFC 9881 §4.
fn ml_dsa_spki(last: u8, raw: &[u8]) -> Vec<u8> {
    let sequence = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).expect("it is short").to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    };
    let oid = [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last];
    let bits = sequence(0x03, &[&[0], raw].concat());
    sequence(0x30, &[&oid[..], &bits].concat())
}

impl Material {
    pub(crate) fn generate(kind: Kind) -> Self {
        let ecdsa =
            |curve, bits| Self::Ecdsa(EcdsaKeyPair::generate(curve).expect("a key is drawn"), bits);
        match kind {
            Kind::P256 => ecdsa(&lc::ECDSA_P256_SHA256_ASN1_SIGNING, 256),
            Kind::P384 => ecdsa(&lc::ECDSA_P384_SHA384_ASN1_SIGNING, 384),
            Kind::P521 => ecdsa(&lc::ECDSA_P521_SHA512_ASN1_SIGNING, 512),
            Kind::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().expect("a key is drawn")),
            Kind::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    _ => KeySize::Rsa4096,
                };
                Self::Rsa(RsaKeyPair::generate(size).expect("a key is drawn"))
            }
            Kind::MlDsa(44) => Self::MlDsa(MlDsaKey::generate::<MlDsa44>(0x11)),
            Kind::MlDsa(65) => Self::MlDsa(MlDsaKey::generate::<MlDsa65>(0x12)),
            Kind::MlDsa(_) => Self::MlDsa(MlDsaKey::generate::<MlDsa87>(0x13)),
        }
    }

    /// Takes a P-256 key out of a PKCS#8 structure, DER.
    pub(crate) fn p_256(pkcs8: &[u8]) -> Self {
        let curve = &lc::ECDSA_P256_SHA256_ASN1_SIGNING;
        Self::Ecdsa(EcdsaKeyPair::from_pkcs8(curve, pkcs8).expect("a P-256 key"), 256)
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair, _) => pair.public_key().as_der().expect("encodes").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_der().expect("encodes").as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_der().expect("encodes").as_ref().to_vec(),
            Self::MlDsa(key) => key.spki.clone(),
        }
    }

    /// Signs a digest; none if it is not as long as it must be, or the key takes none.
    pub(crate) fn sign_digest(
        &self,
        padding: Padding,
        bits: Bits,
        octets: &[u8],
    ) -> Option<Vec<u8>> {
        let digest = Digest::import_less_safe(octets, hash(bits)).ok()?;
        match self {
            Self::Ecdsa(pair, own) if *own == bits => {
                Some(pair.sign_digest(&digest).ok()?.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(encoding(padding, bits)?, &digest, &mut signature).ok()?;
                Some(signature)
            }
            _ => None,
        }
    }

    /// Signs a message.
    pub(crate) fn sign(&self, padding: Padding, bits: Bits, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair, own) if *own == bits => {
                Some(pair.sign(&random, message).ok()?.as_ref().to_vec())
            }
            Self::Ecdsa(..) => None,
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding(padding, bits)?, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::MlDsa(key) => Some((key.sign)(message)),
        }
    }

    /// Signs the message representative of ML-DSA.
    pub(crate) fn sign_mu(&self, mu: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::MlDsa(key) => Some((key.sign_mu)(mu.try_into().ok()?)),
            _ => None,
        }
    }
}

fn hash(bits: Bits) -> &'static Algorithm {
    match bits {
        256 => &SHA256,
        384 => &SHA384,
        _ => &SHA512,
    }
}

fn encoding(padding: Padding, bits: Bits) -> Option<&'static dyn lc::RsaEncoding> {
    Some(match (padding, bits) {
        (Padding::Pkcs1, 256) => &lc::RSA_PKCS1_SHA256,
        (Padding::Pkcs1, 384) => &lc::RSA_PKCS1_SHA384,
        (Padding::Pkcs1, 512) => &lc::RSA_PKCS1_SHA512,
        (Padding::Pss, 256) => &lc::RSA_PSS_SHA256,
        (Padding::Pss, 384) => &lc::RSA_PSS_SHA384,
        (Padding::Pss, 512) => &lc::RSA_PSS_SHA512,
        _ => return None,
    })
}
