//! Encryption to an age X25519 recipient, so that stock `age -d` opens it.
//!
//! The format is age-encryption.org/v1 (C2SP age.md): a header with the file key wrapped for the
//! recipient, a MAC over it, and the payload in chunks. A share fits one chunk.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hmac;
use keystore::DriverError;
use zeroize::Zeroizing;

use crate::cipher::{NONCE, SECRET, random};
use crate::factor::hkdf;
use crate::recipient::Recipient;

/// Octets of the file key.
const FILE_KEY: usize = 16;
/// One chunk of the payload; nothing longer is encrypted here.
const CHUNK: usize = 64 * 1024;

/// What is drawn for one file.
struct Drawn {
    ephemeral: Zeroizing<[u8; 32]>,
    file_key: Zeroizing<[u8; FILE_KEY]>,
    nonce: [u8; 16],
}

/// Encrypts at most 64 KiB; the result is public.
pub(crate) fn encrypt(recipient: &Recipient, plaintext: &[u8]) -> Result<Vec<u8>, DriverError> {
    let drawn = Drawn {
        ephemeral: Zeroizing::new(random()?),
        file_key: Zeroizing::new(random()?),
        nonce: random()?,
    };
    encrypt_with(&drawn, recipient, plaintext)
}

fn encrypt_with(
    drawn: &Drawn,
    recipient: &Recipient,
    plaintext: &[u8],
) -> Result<Vec<u8>, DriverError> {
    if plaintext.is_empty() || plaintext.len() > CHUNK {
        return Err(DriverError::Crypto("one chunk of age has 1 to 65,536 octets"));
    }
    let mut file = String::from("age-encryption.org/v1\n");
    let (share, body) = wrap(drawn, recipient)?;
    file.push_str(&format!("-> X25519 {}\n{}\n---", base64(&share), base64(&body)));
    let mac_key = derive(&*drawn.file_key, &[], b"header")?;
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &mac_key), file.as_bytes());
    file.push_str(&format!(" {}\n", base64(mac.as_ref())));
    let mut file = file.into_bytes();
    file.extend_from_slice(&drawn.nonce);
    let payload_key = derive(&*drawn.file_key, &drawn.nonce, b"payload")?;
    // STREAM: a counter of eleven octets, here zero, and 1 for the last chunk.
    let mut nonce = [0; NONCE];
    if let Some(last) = nonce.last_mut() {
        *last = 1;
    }
    file.extend(seal(&payload_key, nonce, plaintext)?);
    Ok(file)
}

/// Returns the ephemeral public key and the wrapped file key.
fn wrap(drawn: &Drawn, recipient: &Recipient) -> Result<([u8; 32], Vec<u8>), DriverError> {
    let refused = |_| DriverError::Crypto("X25519 refused a key");
    let ephemeral = PrivateKey::from_private_key(&X25519, &*drawn.ephemeral)
        .map_err(|_| DriverError::Crypto("X25519 refused a key"))?;
    let public = ephemeral.compute_public_key().map_err(refused)?;
    let public: [u8; 32] = public
        .as_ref()
        .try_into()
        .map_err(|_| DriverError::Crypto("an X25519 key has 32 octets"))?;
    let salt = [public, recipient.0].concat();
    // A recipient of low order gives an all-zero secret, which AWS-LC refuses (RFC 7748 §6.1).
    let wrapping_key = agree(
        &ephemeral,
        UnparsedPublicKey::new(&X25519, recipient.0),
        DriverError::Crypto("the recipient is no point that a secret can be shared with"),
        |shared| derive(shared, &salt, b"age-encryption.org/v1/X25519"),
    )?;
    Ok((public, seal(&wrapping_key, [0; NONCE], &*drawn.file_key)?))
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Zeroizing<Vec<u8>>, DriverError> {
    let mut key = Zeroizing::new(vec![0; SECRET]);
    hkdf(secret, salt, info, &mut key).ok_or(DriverError::Crypto("HKDF refused it"))?;
    Ok(key)
}

/// ChaCha20-Poly1305 (RFC 8439) under a key that is used once.
fn seal(key: &[u8], nonce: [u8; NONCE], plaintext: &[u8]) -> Result<Vec<u8>, DriverError> {
    let refused = |_| DriverError::Crypto("ChaCha20-Poly1305 did not seal");
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(refused)?;
    // The capacity is final, so that no growth leaves a copy of the plaintext behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len() + 16));
    sealed.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut sealed).map_err(refused)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(core::mem::take(&mut *sealed))
}

/// Base64 without padding (RFC 4648 §4), of public octets: it looks up a table.
fn base64(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let joined = group.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
        let joined = joined << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let letter = ALPHABET.get(joined >> (18 - 6 * place) & 63);
            text.push(char::from(letter.copied().unwrap_or_default()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648 §10, without padding.
        for (octets, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(octets.as_bytes()), text);
        }
    }

    #[test]
    fn the_golden_file_is_these_octets() {
        // By Python's cryptography, hmac and base64, and opened by age 1.1.1 with
        // AGE-SECRET-KEY-1LP8676TADJP7D4AYCCGAVQHH544ZY6R3MY904MS3PHZK3HWWXLNS2CXSV7.
        let recipient = "age1nwa6jpmlh8pcuz2jqnxg2za98c3qp20ckrsfjkslpq5hjwgunuvs9pz2wx";
        let drawn = Drawn {
            ephemeral: Zeroizing::new([0x42; 32]),
            file_key: Zeroizing::new([0x24; FILE_KEY]),
            nonce: [0x33; 16],
        };
        let file = encrypt_with(&drawn, &Recipient::parse(recipient).unwrap(), b"secret").unwrap();
        let mut expected = b"age-encryption.org/v1\n\
                             -> X25519 EyxEK+AQ+9V+cmAzKKp25x/MwVA6riGTJ9FNnJmT9HI\n\
                             EIM4AtgHWDHCZ2K/APM2s5stlWGl2Tv5WLJ1WtooJQQ\n\
                             --- 0Cg37abvykniR0Vbi3WlUNdEA5tt8+BdwliFD9JzfnA\n\
                             "
        .to_vec();
        expected.extend(
            hex::decode(
                "333333333333333333333333333333337c0367c89aeea459a1b8e0bb9f2f75347b093095aac6",
            )
            .unwrap(),
        );
        assert_eq!(file, expected);
    }

    #[test]
    fn refuses_a_point_of_low_order_and_what_is_too_long() {
        let refused = |recipient, plaintext: &[u8]| match encrypt(&Recipient(recipient), plaintext)
        {
            Err(DriverError::Crypto(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused([0; 32], b"secret").contains("no point"));
        assert!(refused([9; 32], b"").contains("65,536"));
        assert!(refused([9; 32], &[0; CHUNK + 1]).contains("65,536"));
    }
}
