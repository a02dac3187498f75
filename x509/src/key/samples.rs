//! Keys that tests share: from testdata/keys and made by hand.

use num_bigint::BigUint;

use super::PublicKey;

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../testdata/keys/", $name)).as_slice())
    };
}

/// Gives a file of testdata/keys.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let files = [
        sample!("ed25519.spki"),
        sample!("ed448.spki"),
        sample!("p-224.spki"),
        sample!("p-256-compressed.spki"),
        sample!("p-256-explicit.spki"),
        sample!("p-256-hybrid.spki"),
        sample!("p-256.spki"),
        sample!("p-384.spki"),
        sample!("p-521.spki"),
        sample!("rsa-1024.spki"),
        sample!("rsa-2048-e3.spki"),
        sample!("rsa-2048-e4294967297.spki"),
        sample!("rsa-2048.spki"),
        sample!("rsa-2560.spki"),
        sample!("rsa-3072.spki"),
        sample!("rsa-4096.spki"),
        sample!("rsa-pss-2048.spki"),
        sample!("secp256k1.spki"),
        sample!("x25519.spki"),
        sample!("message.bin"),
        sample!("ecdsa-p256-sha256.sig"),
        sample!("ecdsa-p384-sha384.sig"),
        sample!("ecdsa-p521-sha512.sig"),
        sample!("ed25519.sig"),
        sample!("rsa-2560.sig"),
        sample!("rsa-pkcs1-sha256.sig"),
        sample!("rsa-pkcs1-sha384.sig"),
        sample!("rsa-pkcs1-sha512.sig"),
        sample!("rsa-pss-sha256-salt20.sig"),
        sample!("rsa-pss-sha256.sig"),
        sample!("rsa-pss-sha384.sig"),
        sample!("rsa-pss-sha512.sig"),
    ];
    let (_, octets) = files.iter().find(|(file, _)| *file == name).unwrap();
    octets.to_vec()
}

/// Gives a key of testdata/keys.
pub(crate) fn sample_key(name: &str) -> PublicKey {
    PublicKey::parse(&sample(&format!("{name}.spki"))).unwrap()
}

/// Encodes any modulus and exponent as a SubjectPublicKeyInfo.
pub(crate) fn rsa_spki(modulus: &BigUint, exponent: &BigUint) -> Vec<u8> {
    let integers = [integer(modulus), integer(exponent)].concat();
    let mut bits = vec![0];
    bits.extend(tlv(0x30, &integers));
    let algorithm = hex::decode("300d06092a864886f70d0101010500").unwrap();
    tlv(0x30, &[algorithm, tlv(0x03, &bits)].concat())
}

/// Encodes a tag, a length and a value.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match value.len() {
        short @ 0..0x80 => der.push(u8::try_from(short).unwrap()),
        medium @ 0x80..0x100 => der.extend([0x81, u8::try_from(medium).unwrap()]),
        long => {
            der.push(0x82);
            der.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    der.extend(value);
    der
}

fn integer(number: &BigUint) -> Vec<u8> {
    let mut octets = number.to_bytes_be();
    if octets[0] >= 0x80 {
        octets.insert(0, 0);
    }
    tlv(0x02, &octets)
}
