//! An encrypted PKCS#8 file of a new key, as `openssl pkcs8 -topk8 -v2 aes-256-cbc` writes it.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::pbkdf2;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use x509::SpkiDer;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
const SALT: &[u8; 8] = b"the salt";
const ITERATIONS: u8 = 100;

/// Makes a P-256 key; gives its file under a passphrase, and its public key.
pub fn p256(passphrase: &[u8]) -> (Vec<u8>, SpkiDer) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
    let pkcs8 = pair.to_pkcs8v1().expect("PKCS#8");
    let public = pair.public_key().as_der().expect("a public key");
    let mut key = [0; 32];
    let iterations = NonZeroU32::from(std::num::NonZeroU8::new(ITERATIONS).expect("not zero"));
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, SALT, passphrase, &mut key);
    let cipher = UnboundCipherKey::new(&AES_256, &key).expect("an AES key");
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(cipher).expect("CBC");
    let mut sealed = pkcs8.as_ref().to_vec();
    let context = cipher
        .less_safe_encrypt(&mut sealed, EncryptionContext::Iv128([7; 16].into()))
        .expect("it encrypts");
    assert!(format!("{context:?}").contains("Iv128"));
    (file(&sealed), SpkiDer::from_vec(public.as_ref().to_vec()))
}

fn file(sealed: &[u8]) -> Vec<u8> {
    let null = tlv(5, &[]);
    let prf = tlv(0x30, &[tlv(6, HMAC_SHA256), null].concat());
    let count = tlv(2, &[ITERATIONS]);
    let kdf = tlv(0x30, &[tlv(4, SALT), count, prf].concat());
    let kdf = tlv(0x30, &[tlv(6, PBKDF2), kdf].concat());
    let cipher = tlv(0x30, &[tlv(6, AES_256_CBC), tlv(4, &[7; 16])].concat());
    let scheme = tlv(0x30, &[kdf, cipher].concat());
    let scheme = tlv(0x30, &[tlv(6, PBES2), scheme].concat());
    tlv(0x30, &[scheme, tlv(4, sealed)].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()).expect("short") {
        length @ 0..0x80 => out.push(length),
        length => out.extend([0x81, length]),
    }
    out.extend_from_slice(content);
    out
}
