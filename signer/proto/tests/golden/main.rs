//! Golden octets: one leaf of every type, one frame header, one refusal.
//!
//! These are final. A test that fails here means that journals in the field no longer read, or
//! that signer and server of different versions no longer understand each other: mend the code,
//! never the octets. The tables behind them stand in docs/wire/journal.md.
#![allow(clippy::unwrap_used)]

mod adopted;
mod authority;
mod rings;
mod signed;

use signer_proto::*;
use x509::{
    CertificationRequestInfoDer, CrlReason, CsrDer, Serial, Signature, SignatureScheme, SpkiDer,
    TbsCertificateDer, UnixTime,
};

/// 2024-10-09 00:36:57.985 UTC.
const AT_MS: i64 = 0x0000_0192_6eb5_2401;

/// Octets in hex; blanks and line ends only group them.
fn octets(golden: &str) -> Vec<u8> {
    let digits: String = golden.chars().filter(|c| !c.is_whitespace()).collect();
    hex::decode(digits).unwrap()
}

/// Holds a leaf against its golden octets, both ways, and every shorter or longer string against
/// being one.
fn check(event: impl Into<Event>, golden: &str) {
    let leaf = Leaf { at_ms: AT_MS, event: event.into() };
    let name = leaf.event.name();
    let golden = octets(golden);
    assert_eq!(hex::encode(leaf.to_wire()), hex::encode(&golden), "{name}");
    for length in 0..golden.len() {
        let short = Leaf::from_wire(&golden[..length]);
        assert_eq!(short, Err(WireError::Truncated), "{name} cut to {length}");
    }
    let long = [golden.as_slice(), &[0]].concat();
    assert_eq!(Leaf::from_wire(&long), Err(WireError::Trailing), "{name}");
    assert_eq!(Leaf::from_wire(&golden), Ok(leaf), "{name}");
}

fn warrant() -> Warrant {
    let approvals = vec![Approval(vec![0xaa, 0xbb]), Approval(vec![0xcc])];
    Warrant { proposal: Proposal("do it".to_owned()), approvals: Approvals(approvals) }
}

fn unapproved() -> Warrant {
    Warrant { approvals: Approvals(Vec::new()), ..warrant() }
}

fn serial() -> Serial {
    Serial::from_unsigned(&[0x01, 0x8f, 0x00]).unwrap()
}

#[test]
fn golden_genesis() {
    let house = |id, purpose, spec, spki: Option<&[u8]>| HouseKey {
        id: KeyId([id; 16]),
        purpose,
        spec,
        spki: spki.map(|spki| SpkiDer::from_vec(spki.to_vec())),
    };
    check(
        Genesis {
            instance: InstanceId([0x11; 16]),
            serial_prefix: 0x4d,
            house_keys: HouseKeys(vec![
                house(0x21, Purpose::Log, KeySpec::Ed25519, Some(&[0x30, 0x00])),
                house(0x22, Purpose::Serial, KeySpec::HmacSha256, None),
                house(0x23, Purpose::Seal, KeySpec::Aes256, None),
            ]),
            operators: OperatorKeys(vec![OperatorKey("ssh-ed25519 A".to_owned())]),
            threshold: 1,
            made_by: Version("chancery 0.1.0".to_owned()),
        },
        "01 01 000001926eb52401
         11111111111111111111111111111111
         4d
         00000003
           21212121212121212121212121212121 10 04 01 00000002 3000
           22222222222222222222222222222222 11 20 00
           23232323232323232323232323232323 12 21 00
         00000001
           0000000d 7373682d656432353531392041
         01
         0000000e 6368616e6365727920302e312e30",
    );
}

#[test]
fn golden_opened() {
    check(
        Opened {
            version: Version("0.1.0".to_owned()),
            report: Report("fit".to_owned()),
            cut: 4097,
        },
        "01 02 000001926eb52401
         00000005 302e312e30
         00000003 666974
         0000000000001001",
    );
}

#[test]
fn golden_validation_recorded() {
    check(
        ValidationRecorded {
            identifier: Identifier::dns("A.example").unwrap(),
            method: ValidationMethod::Dns01,
            account: Digest([0x5a; 32]),
        },
        "01 15 000001926eb52401
         01 00000009 612e6578616d706c65
         02
         5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
    );
    check(
        ValidationRecorded {
            identifier: Identifier::ip("10.0.0.1".parse().unwrap()).unwrap(),
            method: ValidationMethod::Http01,
            account: Digest([0; 32]),
        },
        "01 15 000001926eb52401
         02 00000004 0a000001
         01
         0000000000000000000000000000000000000000000000000000000000000000",
    );
}

/// Evidence crosses the boundary; its kinds stand in leaves.
#[test]
fn golden_evidence() {
    let csr = || CsrDer::from_vec(vec![0x30, 0x00]);
    let renewal = Renewal {
        renewed: 7,
        csr: csr(),
        scheme: SignatureScheme::Ed25519,
        signature: Signature::from_vec(vec![0xaa]),
    };
    assert_eq!(
        hex::encode(Renewal::message(&csr())),
        format!(
            "{}00{}",
            hex::encode("chancery/renew/v1"),
            hex::encode(x509::sha256(&[0x30, 0x00]))
        )
    );
    for (evidence, golden) in [
        (Evidence::Request(csr()), "01 00000002 3000"),
        (Evidence::ScepRenewal(ScepMessage(vec![0x30])), "02 00000001 30"),
        (Evidence::Renewal(renewal), "03 0000000000000007 00000002 3000 04 00000001 aa"),
        (
            Evidence::Validation(Positions(vec![1, 0x0102])),
            "04 00000002 0000000000000001 0000000000000102",
        ),
        (Evidence::Officer(OfficerSignature(vec![0x2d])), "05 00000001 2d"),
    ] {
        let golden = octets(golden);
        assert_eq!(hex::encode(evidence.to_wire()), hex::encode(&golden));
        assert_eq!(Evidence::from_wire(&golden), Ok(evidence));
    }
    assert_eq!(Evidence::from_wire(&[6]), Err(WireError::UnknownValue("evidence")));
}

#[test]
fn golden_refused() {
    check(
        Refused {
            socket: Socket::Issue.code(),
            uid: 1000,
            kind: Kind::SignCertificate.code(),
            rule: Rule::SerialUsed,
            count: 3,
            detail: Detail("018f00".to_owned()),
        },
        "01 30 000001926eb52401
         01 000003e8 11 001d 00000003
         00000006 303138663030",
    );
}

#[test]
fn unknown_versions_and_types_of_leaves_are_refused() {
    for (octets, why) in [
        ("02 03 0000000000000000 01 00000002", "leaf version"),
        ("00 03 0000000000000000 01 00000002", "leaf version"),
        ("01 00 0000000000000000 01 00000002", "leaf type"),
        ("01 18 0000000000000000 01 00000002", "leaf type"),
        ("01 ff 0000000000000000 01 00000002", "leaf type"),
    ] {
        let found = Leaf::from_wire(&self::octets(octets));
        assert_eq!(found, Err(WireError::UnknownValue(why)), "{octets}");
    }
}

#[test]
fn golden_frame_header_and_refusal() {
    let header = Header {
        kind: Kind::SignCertificate,
        flags: Flags::REQUEST,
        length: 0x0001_0203,
        sequence: 0x0a0b_0c0d,
        deadline_ms: 1000,
    };
    let golden = octets("01 11 00 00 00010203 0a0b0c0d 000003e8");
    assert_eq!(header.encode().as_slice(), golden);
    let refusal = Refusal::new(Rule::KeyUnknown, "no key");
    assert_eq!(refusal.to_wire(), octets("0016 00000006 6e6f206b6579"));
}
