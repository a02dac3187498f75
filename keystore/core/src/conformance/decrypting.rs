//! Decryption, for the registration authorities of SCEP.

use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use signer_proto::{KeySpec, Purpose};
use x509::PublicKey;

use super::bench::identity;
use super::{Bench, Checked, Skip};
use crate::{DriverError, KeyIdentity};

/// What is encrypted: a content key.
const SECRET: [u8; 32] = [0x5c; 32];

fn key_for_scep(bench: &mut Bench) -> Result<(KeyIdentity, PublicKey), Skip> {
    if bench.driver().unwrapper().is_none() {
        return Err(Skip("it decrypts nothing".to_owned()));
    }
    bench.has(KeySpec::Rsa2048)?;
    let key = KeyIdentity { purpose: Purpose::Scep, ..identity(0, KeySpec::Rsa2048) };
    let spki = bench.driver().generate(&key).expect("generates");
    let public = PublicKey::parse(spki.as_bytes()).expect("a public key parses");
    bench.know(&key, &public, None);
    Ok((key, public))
}

fn encrypt(public: &PublicKey) -> Vec<u8> {
    let key = PublicEncryptingKey::from_der(public.spki().as_bytes()).expect("an RSA key");
    let key = Pkcs1PublicEncryptingKey::new(key).expect("an RSA key");
    let mut room = vec![0; key.ciphertext_size()];
    key.encrypt(&SECRET, &mut room).expect("encrypts").to_vec()
}

fn decrypt(bench: &Bench, key: &KeyIdentity, ciphertext: &[u8]) -> Result<Vec<u8>, DriverError> {
    let driver = bench.driver();
    let unwrapper = driver.unwrapper().expect("it was asked before");
    unwrapper.unwrap(key, ciphertext).map(|secret| secret.to_vec())
}

/// By the key's own public half, also after a restart.
pub(super) fn decrypts_what_was_encrypted_to_it(bench: &mut Bench) -> Checked {
    let (key, public) = key_for_scep(bench)?;
    let ciphertext = encrypt(&public);
    assert_eq!(decrypt(bench, &key, &ciphertext).expect("decrypts"), SECRET);
    bench.restart();
    assert_eq!(decrypt(bench, &key, &ciphertext).expect("decrypts"), SECRET);
    Ok(())
}

/// Bent ones give random octets, or one and the same error: never the secret, never a word on what
/// was wrong with the padding (RFC 8017 §7.2.2).
pub(super) fn tells_nothing_of_bent_ciphertexts(bench: &mut Bench) -> Checked {
    let (key, public) = key_for_scep(bench)?;
    let ciphertext = encrypt(&public);
    let mut told = Vec::new();
    for place in [1, 17, ciphertext.len() - 1] {
        let mut bent = ciphertext.clone();
        bent[place] ^= 1;
        match decrypt(bench, &key, &bent) {
            Ok(octets) => assert_ne!(octets, SECRET),
            Err(error) => told.push(error.to_string()),
        }
    }
    told.dedup();
    assert!(told.len() <= 1, "{told:?}");
    for short in [&ciphertext[..0], &ciphertext[1..]] {
        assert!(decrypt(bench, &key, short).is_err());
    }
    assert_eq!(decrypt(bench, &key, &ciphertext).expect("decrypts after all this"), SECRET);
    Ok(())
}

/// Keys that are none of RSA, and keys that are not there.
pub(super) fn decrypts_by_no_other_kind_of_key(bench: &mut Bench) -> Checked {
    let (_, public) = key_for_scep(bench)?;
    let ciphertext = encrypt(&public);
    bench.has(KeySpec::P256)?;
    let (other, _) = bench.generate(1, KeySpec::P256)?;
    let refused = decrypt(bench, &other, &ciphertext);
    assert!(matches!(refused, Err(DriverError::SchemeMismatch)), "{refused:?}");
    let missing = decrypt(bench, &identity(2, KeySpec::Rsa2048), &ciphertext);
    assert!(matches!(missing, Err(DriverError::KeyMissing(_))), "{missing:?}");
    Ok(())
}
