//! Subject keys that are weak, broken, or somebody's already.

use kit::der::{Node, bend, tbs, tlv};
use kit::{Plan, Ring, SubjectKey};
use num_bigint::BigUint;
use signer_proto::{KeySpec, Purpose, Rule, Socket};
use x509::{KeyKind, KeyUsage, PublicKey, oids};

/// RSA with any modulus and exponent.
fn rsa(modulus: &BigUint, exponent: u32) -> PublicKey {
    let integer = |number: &BigUint| {
        let mut octets = number.to_bytes_be();
        if octets[0] & 0x80 != 0 {
            octets.insert(0, 0);
        }
        tlv(0x02, &octets)
    };
    let key = tlv(0x30, &[integer(modulus), integer(&exponent.into())].concat());
    // rsaEncryption with NULL (RFC 3279 §2.3.1).
    let algorithm = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let bits = [&[0], key.as_slice()].concat();
    let spki = tlv(0x30, &[algorithm.to_vec(), tlv(0x03, &bits)].concat());
    PublicKey::parse(&spki).unwrap()
}

fn honest_modulus() -> BigUint {
    let key = SubjectKey::of(KeyKind::Rsa2048);
    let inner = Node::parse(key.public().subject_public_key()).at(&[0]).content().clone();
    BigUint::from_bytes_be(&inner)
}

fn looks_prime(number: &BigUint) -> bool {
    let two = BigUint::from(2_u8);
    two.modpow(&(number - 1_u8), number) == BigUint::from(1_u8)
}

fn next_prime(mut from: BigUint) -> BigUint {
    from.set_bit(0, true);
    while !looks_prime(&from) {
        from += 2_u8;
    }
    from
}

/// The primes below a limit.
fn primes_below(limit: u32) -> impl Iterator<Item = u32> {
    (2..limit).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0))
}

/// A modulus as the flawed library of CVE-2017-15361 made it: p = k·M + (65537^a mod M).
fn roca_modulus() -> BigUint {
    let m: BigUint = primes_below(702).map(BigUint::from).product();
    let k = ((BigUint::from(1_u8) << 1024_u32) - 1_u8) / &m - 2_u8;
    let flawed = |a: u32, k: BigUint| {
        let power = BigUint::from(65_537_u32).modpow(&a.into(), &m);
        k * &m + power
    };
    flawed(1_000, k.clone()) * flawed(9_000_000, k - 123_456_u32)
}

fn refuses_rsa(modulus: &BigUint, exponent: u32) {
    let ring = Ring::start();
    let mut draft = ring.leaf();
    draft.rekey(&rsa(modulus, exponent));
    ring.attack(Socket::Issue, &ring.order(&draft)).assert_refused(Rule::WeakKey);
}

#[test]
fn refuses_rsa_of_1024_bits() {
    refuses_rsa(&(honest_modulus() >> 1024_u32 | BigUint::from(1_u8)), 65_537);
}

#[test]
fn refuses_rsa_of_2047_bits() {
    refuses_rsa(&(honest_modulus() >> 1_u32 | BigUint::from(1_u8)), 65_537);
}

#[test]
fn refuses_rsa_with_exponent_three() {
    refuses_rsa(&honest_modulus(), 3);
}

#[test]
fn refuses_rsa_with_exponent_one() {
    refuses_rsa(&honest_modulus(), 1);
}

#[test]
fn refuses_rsa_with_an_even_exponent() {
    refuses_rsa(&honest_modulus(), 65_538);
}

#[test]
fn refuses_rsa_of_close_primes() {
    let p = next_prime((BigUint::from(3_u8) << 1022_u32) + 12_345_u32);
    let q = next_prime(&p + (BigUint::from(1_u8) << 100_u32));
    refuses_rsa(&(p * q), 65_537);
}

#[test]
fn refuses_rsa_with_a_small_factor() {
    let cofactor: BigUint = (honest_modulus() / 751_u32) | BigUint::from(1_u8);
    refuses_rsa(&(cofactor * 751_u32), 65_537);
}

#[test]
fn refuses_rsa_of_the_flawed_smart_cards() {
    refuses_rsa(&roca_modulus(), 65_537);
}

/// Replaces the point of the honest P-256 key and its identifier stays: the key is looked at
/// first.
fn with_point(der: &[u8], point: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    bend(der, |tbs| point(tbs.at(tbs::KEY).at(&[1]).content()))
}

/// Replaces the algorithm of the honest P-256 key.
fn with_algorithm(der: &[u8], algorithm: &[u8]) -> Vec<u8> {
    bend(der, |tbs| *tbs.at(tbs::KEY).at(&[0]) = Node::parse(algorithm))
}

refuses_bytes! {
    refuses_a_point_off_the_curve => WeakKey,
        |der| with_point(&der, |bits| *bits.last_mut().unwrap() ^= 1);
    refuses_the_point_at_infinity => WeakKey, |der| with_point(&der, |bits| *bits = vec![0, 0]);
    refuses_a_compressed_point => DerNotStrict, |der| with_point(&der, |bits| {
        bits.truncate(1 + 33);
        bits[1] = 0x02;
    });
    refuses_a_point_beyond_the_field => WeakKey,
        |der| with_point(&der, |bits| bits[2..].fill(0xff));
    refuses_a_point_cut_short => DerNotStrict, |der| with_point(&der, |bits| bits.truncate(60));
    refuses_unused_bits_in_a_key => DerNotStrict, |der| with_point(&der, |bits| bits[0] = 1);
    refuses_a_curve_that_is_not_known => KeyKindRefused,
        // secp256k1.
        |der| with_algorithm(&der, b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a");
    refuses_a_curve_by_its_parameters => DerNotStrict,
        |der| with_algorithm(&der, b"\x30\x0b\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x30\x00");
    refuses_a_dsa_key => KeyKindRefused,
        |der| with_algorithm(&der, b"\x30\x0b\x06\x07\x2a\x86\x48\xce\x38\x04\x01\x05\x00");
    refuses_an_x25519_key => KeyKindRefused,
        |der| with_algorithm(&der, b"\x30\x05\x06\x03\x2b\x65\x6e");
}

refuses_leaf! {
    refuses_the_issuers_own_key => KeyIsIssuers,
        |ring, draft| draft.rekey(&ring.public(kit::ISSUING));
    refuses_the_key_of_another_ca_of_the_ring => KeyIsIssuers,
        |ring, draft| draft.rekey(&ring.public(kit::OTHER));
    refuses_the_roots_key => KeyIsIssuers, |ring, draft| draft.rekey(&ring.public(kit::ROOT));
    refuses_the_responders_key_for_a_server => KeyIsIssuers,
        |ring, draft| draft.rekey(&ring.public(kit::RESPONDER));
    refuses_the_journals_own_key => KeyIsIssuers, |ring, draft| draft.rekey(&ring.public("log"));
    refuses_a_ca_key_that_has_no_policy_yet => KeyIsIssuers, |ring, draft| {
        draft.rekey(&ring.generate("new", Purpose::CertAndCrl, KeySpec::P256));
    };
    refuses_a_subject_key_identifier_of_another_key => SubjectKeyIdMismatch, |ring, draft| {
        let key = draft.key.clone();
        draft.rekey(SubjectKey::new().public());
        draft.key = key;
    };
    refuses_encipherment_with_an_elliptic_curve => KeyUsageRefused, |ring, draft| {
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT));
    };
    refuses_key_agreement_with_rsa => KeyUsageRefused, |ring, draft| {
        draft.rekey(SubjectKey::of(KeyKind::Rsa2048).public());
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_AGREEMENT));
    };
    refuses_key_agreement_with_ed25519 => KeyUsageRefused, |ring, draft| {
        draft.rekey(SubjectKey::of(KeyKind::Ed25519).public());
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_AGREEMENT));
    };
    refuses_encipherment_with_ml_dsa => KeyUsageRefused, |ring, draft| {
        draft.rekey(SubjectKey::of(KeyKind::MlDsa44).public());
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT));
    };
}

#[test]
fn refuses_a_kind_of_key_that_is_not_listed() {
    let listed = "[\"p-256\", \"p-384\", \"p-521\", \"ed25519\", \"rsa-2048\", \"rsa-3072\", \
                  \"rsa-4096\", \"ml-dsa-44\", \"ml-dsa-65\", \"ml-dsa-87\"]";
    let ring = Ring::start_with(Plan::default().issuing_but(listed, "[\"p-256\", \"p-384\"]"));
    let mut assault = ring.assault();
    for kind in [KeyKind::P521, KeyKind::Ed25519, KeyKind::Rsa2048, KeyKind::MlDsa65] {
        let mut draft = ring.leaf();
        draft.rekey(SubjectKey::of(kind).public());
        assault.refused_call(Rule::KeyKindRefused, &ring.order(&draft));
    }
    assault.assert_held();
}

#[test]
fn every_kind_of_key_that_is_listed_is_certified() {
    // What the refusals above would also look like if nothing were admitted.
    let ring = Ring::start();
    for kind in KeyKind::ALL {
        let mut draft = ring.leaf();
        draft.rekey(SubjectKey::of(kind).public());
        draft.usage(KeyUsage::DIGITAL_SIGNATURE);
        draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_CLIENT_AUTH]);
        ring.call(&ring.order(&draft)).unwrap();
    }
}
