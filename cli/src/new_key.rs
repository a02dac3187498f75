//! Keys that are made here for the person who asks: the one place of this program that holds one.

use anyhow::{Context as _, anyhow};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use clap::ValueEnum;
use x509::{
    CertificationRequestInfo, Csr, Extensions, Name, PublicKey, Signature, SignatureScheme,
};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// The kinds of keys that are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// ECDSA over P-256
    #[value(name = "p-256")]
    P256,
    /// ECDSA over P-384
    #[value(name = "p-384")]
    P384,
    /// Ed25519
    #[value(name = "ed25519")]
    Ed25519,
    /// RSA with 2048 bits
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits
    #[value(name = "rsa-4096")]
    Rsa4096,
}

enum Pair {
    Ecdsa(EcdsaKeyPair, SignatureScheme),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A key that was made here. Its PKCS#8 form is wiped when dropped.
pub struct NewKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl NewKey {
    /// Makes a key.
    pub fn generate(kind: KeyKind) -> Outcome<Self> {
        let unspecified = |_| anyhow!("the key cannot be made");
        let ecdsa = |algorithm, scheme| -> anyhow::Result<Pair> {
            Ok(Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).map_err(unspecified)?, scheme))
        };
        let rsa = |size| -> anyhow::Result<Pair> {
            Ok(Pair::Rsa(RsaKeyPair::generate(size).map_err(unspecified)?))
        };
        let pair = match kind {
            KeyKind::P256 => {
                ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, SignatureScheme::EcdsaP256Sha256)?
            }
            KeyKind::P384 => {
                ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, SignatureScheme::EcdsaP384Sha384)?
            }
            KeyKind::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(unspecified)?),
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048)?,
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072)?,
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096)?,
        };
        Self::of(pair)
    }

    fn of(pair: Pair) -> Outcome<Self> {
        let bad = |_| anyhow!("the key cannot be encoded");
        let (pkcs8, spki) = match &pair {
            Pair::Ecdsa(key, _) => (
                key.to_pkcs8v1().map_err(bad)?.as_ref().to_vec(),
                key.public_key().as_der().map_err(bad)?.as_ref().to_vec(),
            ),
            Pair::Ed25519(key) => (
                key.to_pkcs8v1().map_err(bad)?.as_ref().to_vec(),
                key.public_key().as_der().map_err(bad)?.as_ref().to_vec(),
            ),
            Pair::Rsa(key) => (
                key.as_der().map_err(bad)?.as_ref().to_vec(),
                key.public_key().as_der().map_err(bad)?.as_ref().to_vec(),
            ),
        };
        let public = PublicKey::parse(&spki).context("read the new key back")?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8), public })
    }

    /// Returns a CSR with an empty subject: names are given beside it.
    pub fn csr_pem(&self) -> Outcome<String> {
        let info = CertificationRequestInfo {
            subject: Name::empty(),
            public_key: self.public.clone(),
            extensions: Extensions::default(),
        };
        let info = info.encode().context("encode the CSR")?;
        let scheme = match &self.pair {
            Pair::Ecdsa(_, scheme) => *scheme,
            Pair::Ed25519(_) => SignatureScheme::Ed25519,
            Pair::Rsa(_) => SignatureScheme::RsaPkcs1Sha256,
        };
        let signature = self.sign(info.as_bytes())?;
        let der = Csr::assemble(&info, scheme, &signature);
        Ok(x509::pem::encode("CERTIFICATE REQUEST", der.as_bytes()))
    }

    fn sign(&self, message: &[u8]) -> Outcome<Signature> {
        let random = SystemRandom::new();
        let bad = |_| anyhow!("the key cannot sign");
        let bytes = match &self.pair {
            Pair::Ecdsa(key, _) => key.sign(&random, message).map_err(bad)?.as_ref().to_vec(),
            Pair::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Pair::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(bad)?;
                signature
            }
        };
        Ok(Signature::from_vec(bytes))
    }

    /// Returns the key as PKCS#8 in PEM.
    pub fn pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(x509::pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    /// Returns a PKCS#12 file with the key and its path.
    pub fn pkcs12(&self, path_pem: &str, password: &str) -> Outcome<Vec<u8>> {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
        if password.is_empty() {
            return Err(Failure::Usage("--p12-password-file: the password is empty".into()));
        }
        let path = x509::pem::decode(path_pem).context("read the path")?;
        let chain = path
            .iter()
            .map(|(_, der)| Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()
            .context("read the path")?;
        let local_key_id = self.public.key_identifier();
        let entry = PrivateKeyChain::new(&self.pkcs8, local_key_id, chain);
        let mut store = KeyStore::new();
        store.add_entry("chancery", KeyStoreEntry::PrivateKeyChain(entry));
        Ok(store.writer(password).write().context("write the PKCS#12 file")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_keys_csr_proves_its_possession() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048] {
            let key = NewKey::generate(kind).expect("a key");
            let csr = Csr::from_pem(&key.csr_pem().expect("a CSR")).expect("strict");
            assert_eq!(csr.verify_self_signature(), Ok(()), "{kind:?}");
            assert!(key.pkcs8_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
        }
    }
}
