//! Acts of authority, and what opens a ring.

use super::*;

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
