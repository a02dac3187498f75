//! Golden octets: one leaf of every type, one frame header, one refusal.
//!
//! These are final. A test that fails here means that journals in the field no longer read, or
//! that signer and server of different versions no longer understand each other: mend the code,
//! never the octets. The tables behind them stand in docs/wire/journal.md.
#![allow(clippy::unwrap_used)]

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
fn golden_unlock_attempt() {
    check(UnlockAttempt { opened: true, failed: 2 }, "01 03 000001926eb52401 01 00000002");
}

#[test]
fn golden_key_generated() {
    check(
        KeyGenerated {
            id: KeyId([0x31; 16]),
            label: KeyLabel::new("issuing-1").unwrap(),
            purpose: Purpose::CertAndCrl,
            spec: KeySpec::P256,
            spki: Some(SpkiDer::from_vec(vec![0x30, 0x01, 0x02])),
            warrant: warrant(),
        },
        "01 04 000001926eb52401
         31313131313131313131313131313131
         00000009 69737375696e672d31
         02 01
         01 00000003 300102
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_policy_set() {
    check(
        PolicySet {
            key: KeyId([0x31; 16]),
            version: 2,
            previous: Some(Digest([0x41; 32])),
            text: PolicyText("version = 1\n".to_owned()),
            warrant: warrant(),
        },
        "01 05 000001926eb52401
         31313131313131313131313131313131
         00000002
         01 4141414141414141414141414141414141414141414141414141414141414141
         0000000c 76657273696f6e203d20310a
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_unlock_rotated() {
    let rotated = |stage, opened_by, needed, shares| UnlockRotated {
        stage,
        unlock: Digest([0x48; 32]),
        opened_by,
        needed,
        shares,
    };
    check(
        rotated(RotationStage::Intended, OpenedBy::Shares, 3, 5),
        "01 0d 000001926eb52401
         01
         4848484848484848484848484848484848484848484848484848484848484848
         03 03 05",
    );
    check(
        rotated(RotationStage::Done, OpenedBy::Passphrase, 0, 0),
        "01 0d 000001926eb52401
         02
         4848484848484848484848484848484848484848484848484848484848484848
         01 00 00",
    );
}

#[test]
fn golden_operators_set() {
    let operators = vec![OperatorKey("ssh-ed25519 AAAA ann".to_owned())];
    let exceptions = vec![
        Threshold { action: Action::Root, operators: 3 },
        Threshold { action: Action::Freeze, operators: 2 },
    ];
    check(
        OperatorsSet {
            version: 2,
            previous: Digest([0x41; 32]),
            operators: OperatorKeys(operators),
            thresholds: Thresholds { default: 2, exceptions },
            warrant: warrant(),
        },
        "01 06 000001926eb52401
         00000002
         4141414141414141414141414141414141414141414141414141414141414141
         00000001 00000014 7373682d656432353531392041414141 20616e6e
         02 00000002 0703 0c02
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_key_state_set() {
    check(
        KeyStateSet {
            key: KeyId([0x31; 16]),
            from: KeyState::Active,
            to: KeyState::Compromised,
            warrant: warrant(),
        },
        "01 07 000001926eb52401
         31313131313131313131313131313131
         02 05
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_issuance_frozen() {
    check(
        IssuanceFrozen { frozen: true, reason: Reason("odd".to_owned()), warrant: Warrant::none() },
        "01 08 000001926eb52401
         01 00000003 6f6464
         00000000
         00000000",
    );
}

#[test]
fn golden_ceremony_recorded() {
    check(
        CeremonyRecorded {
            plan: Digest([0x46; 32]),
            transcript: CeremonyTranscript("done".to_owned()),
            warrant: warrant(),
        },
        "01 0c 000001926eb52401
         4646464646464646464646464646464646464646464646464646464646464646
         00000004 646f6e65
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_proposal_of_an_act() {
    let act = Act::from(SetFreeze {
        frozen: true,
        reason: Reason("odd".to_owned()),
        warrant: Warrant::none(),
    });
    let call = Propose { act: act.clone(), expires_in: 3600 };
    let golden = octets("48 01 00000003 6f6464 00000000 00000000 00000e10");
    assert_eq!(call.to_wire(), golden);
    assert_eq!(Propose::from_wire(&golden), Ok(call));
    let unknown = octets("01 01 00000003 6f6464 00000000 00000000 00000e10");
    assert_eq!(Propose::from_wire(&unknown), Err(WireError::UnknownValue("act")));
    assert_eq!(act.under(warrant()).warrant(), &warrant());
}

#[test]
fn golden_certificate_signed() {
    check(
        CertificateSigned {
            key: KeyId([0x31; 16]),
            policy: Digest([0x42; 32]),
            profile: Digest([0x43; 32]),
            idempotency: IdempotencyKey([0x44; 16]),
            evidence: EvidenceRecords(vec![EvidenceRecord { kind: 1, digest: Digest([0x45; 32]) }]),
            tbs: TbsCertificateDer::from_vec(vec![0x30, 0x03, 0x02, 0x01, 0x05]),
            scheme: SignatureScheme::EcdsaP256Sha256,
            signature: Signature::from_vec(vec![0xde, 0xad]),
        },
        "01 10 000001926eb52401
         31313131313131313131313131313131
         4242424242424242424242424242424242424242424242424242424242424242
         4343434343434343434343434343434343434343434343434343434343434343
         44444444444444444444444444444444
         00000001
           01 4545454545454545454545454545454545454545454545454545454545454545
         00000005 3003020105
         01
         00000002 dead",
    );
}

#[test]
fn golden_authority_signed() {
    check(
        AuthoritySigned {
            key: KeyId([0x32; 16]),
            policy: Digest([0x42; 32]),
            idempotency: IdempotencyKey([0x44; 16]),
            tbs: TbsCertificateDer::from_vec(vec![0x30, 0x00]),
            scheme: SignatureScheme::EcdsaP384Sha384,
            signature: Signature::from_vec(vec![0xbe, 0xef]),
            warrant: warrant(),
        },
        "01 11 000001926eb52401
         32323232323232323232323232323232
         4242424242424242424242424242424242424242424242424242424242424242
         44444444444444444444444444444444
         00000002 3000
         02
         00000002 beef
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_request_signed() {
    check(
        RequestSigned {
            key: KeyId([0x32; 16]),
            info: CertificationRequestInfoDer::from_vec(vec![0x30, 0x02, 0x05, 0x00]),
            scheme: SignatureScheme::MlDsa87,
            signature: Signature::from_vec(vec![0xf0]),
            warrant: unapproved(),
        },
        "01 12 000001926eb52401
         32323232323232323232323232323232
         00000004 30020500
         0d
         00000001 f0
         00000005 646f206974
         00000000",
    );
}

#[test]
fn golden_handshakes_signed() {
    check(
        HandshakesSigned { key: KeyId([0x34; 16]), count: 4096, root: Digest([0x48; 32]) },
        "01 14 000001926eb52401
         34343434343434343434343434343434
         00001000
         4848484848484848484848484848484848484848484848484848484848484848",
    );
}

#[test]
fn golden_sign_intended() {
    check(
        SignIntended {
            key: KeyId([0x31; 16]),
            tbs_digest: Digest([0x51; 32]),
            scheme: SignatureScheme::EcdsaP256Sha256,
        },
        "01 13 000001926eb52401
         31313131313131313131313131313131
         5151515151515151515151515151515151515151515151515151515151515151
         01",
    );
}

#[test]
fn golden_audit_anchored() {
    check(
        AuditAnchored { through: 4097, previous: Digest([0x52; 32]), digest: Digest([0x53; 32]) },
        "01 16 000001926eb52401
         0000000000001001
         5252525252525252525252525252525252525252525252525252525252525252
         5353535353535353535353535353535353535353535353535353535353535353",
    );
}

#[test]
fn golden_revocation_changed() {
    let changed = |status, reason, invalidity| RevocationChanged {
        key: KeyId([0x31; 16]),
        serial: serial(),
        status,
        reason,
        invalidity,
    };
    check(
        changed(RevocationStatus::Revoked, CrlReason::KeyCompromise, Some(UnixTime(1_728_432_000))),
        "01 20 000001926eb52401
         31313131313131313131313131313131
         00000003 018f00
         01 01
         01 000000006705c780",
    );
    check(
        changed(RevocationStatus::Released, CrlReason::RemoveFromCrl, None),
        "01 20 000001926eb52401
         31313131313131313131313131313131
         00000003 018f00
         03 08
         00",
    );
}

#[test]
fn golden_crl_signed() {
    check(
        CrlSigned {
            key: KeyId([0x31; 16]),
            shard: 7,
            number: 0x0102,
            this_update: UnixTime(1_728_432_000),
            next_update: UnixTime(1_728_518_400),
            revocations: 3,
            tbs_digest: Digest([0x46; 32]),
            scheme: SignatureScheme::Ed25519,
            signature: Signature::from_vec(vec![0x99]),
        },
        "01 21 000001926eb52401
         31313131313131313131313131313131
         0007
         0000000000000102
         000000006705c780
         0000000067071900
         0000000000000003
         4646464646464646464646464646464646464646464646464646464646464646
         04
         00000001 99",
    );
}

#[test]
fn golden_ocsp_signed() {
    check(
        OcspSigned {
            responder: KeyId([0x33; 16]),
            issuer: KeyId([0x31; 16]),
            this_update: UnixTime(1_728_432_000),
            next_update: UnixTime(1_728_518_400),
            revocations: 3,
            count: 500,
            root: Digest([0x47; 32]),
        },
        "01 22 000001926eb52401
         33333333333333333333333333333333
         31313131313131313131313131313131
         000000006705c780
         0000000067071900
         0000000000000003
         000001f4
         4747474747474747474747474747474747474747474747474747474747474747",
    );
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
