//! Signatures that the real `ssh-keygen` 9.2 made, and what is left of them when they are bent.
//!
//! `tests/data`: `ssh-keygen -t KIND -f NAME`, `ssh-keygen -Y sign -n chancery/quorum/v1 -f NAME
//! < message`; the `-sk` ones by the middleware of `tests/kit/sk`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_quorum::{
    Malformed, NAMESPACE, Operator, SignatureFault, SshSignature, USER_PRESENT, armour,
};

const MESSAGE: &[u8] = include_bytes!("data/message");
const TAKEN: [(&str, &[u8], &str); 5] = [
    ("ed25519", include_bytes!("data/ed25519.sig"), include_str!("data/ed25519.pub")),
    ("ecdsa-256", include_bytes!("data/ecdsa-256.sig"), include_str!("data/ecdsa-256.pub")),
    ("ecdsa-384", include_bytes!("data/ecdsa-384.sig"), include_str!("data/ecdsa-384.pub")),
    ("ed25519-sk", include_bytes!("data/ed25519-sk.sig"), include_str!("data/ed25519-sk.pub")),
    ("ecdsa-sk", include_bytes!("data/ecdsa-sk.sig"), include_str!("data/ecdsa-sk.pub")),
];

fn open(armoured: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(armoured).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

fn operator(line: &str) -> Operator {
    Operator::parse(line.trim_end()).unwrap()
}

/// A string of RFC 4251 §5.
fn string(octets: &[u8]) -> Vec<u8> {
    [&u32::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat()
}

fn outcome(octets: &[u8]) -> Result<(), SignatureFault> {
    let signature = SshSignature::parse(armour(octets).as_bytes())?;
    signature.verify(NAMESPACE, MESSAGE).map(|_| ())
}

#[test]
fn takes_what_ssh_keygen_makes() {
    for (name, armoured, public) in TAKEN {
        let signature = SshSignature::parse(armoured).unwrap();
        let operator = operator(public);
        assert_eq!(signature.key(), operator.key(), "{name}");
        assert_eq!(operator.name(), format!("{name}@fixture"));
        assert_eq!(operator.to_line(), public.trim_end());
        let presence = signature.verify(NAMESPACE, MESSAGE).unwrap();
        assert_eq!(presence.is_some(), name.ends_with("-sk"), "{name}");
        if let Some(presence) = presence {
            assert_eq!((presence.flags, presence.counter), (USER_PRESENT, 0x0102_0304));
        }
        assert_eq!(armour(&open(armoured)).as_bytes(), armoured, "{name}");
    }
}

#[test]
fn refuses_other_octets_and_other_namespaces() {
    for (name, armoured, _) in TAKEN {
        let signature = SshSignature::parse(armoured).unwrap();
        let longer = [MESSAGE, b"\n"].concat();
        for message in [&b""[..], &longer, &MESSAGE[1..]] {
            let refused = signature.verify(NAMESPACE, message);
            assert_eq!(refused, Err(SignatureFault::Faulty), "{name}");
        }
        let refused = signature.verify("chancery/renew/v1", MESSAGE);
        assert_eq!(refused, Err(SignatureFault::Namespace), "{name}");
    }
    let other = include_bytes!("data/ed25519.other-namespace.sig");
    let other = SshSignature::parse(other).unwrap();
    assert_eq!(other.verify(NAMESPACE, MESSAGE), Err(SignatureFault::Namespace));
}

#[test]
fn refuses_rsa_p521_and_sha256() {
    for (armoured, why) in [
        (&include_bytes!("data/rsa.sig")[..], "it is of a kind that is not taken"),
        (include_bytes!("data/ecdsa-521.sig"), "it is of a kind that is not taken"),
        (include_bytes!("data/ed25519.sha256.sig"), "its hash is not SHA-512"),
    ] {
        // An RSA-3072 signature is longer than any that is taken.
        let refused = SshSignature::parse(armoured).unwrap_err();
        assert!([why, "it is too long"].contains(&refused.0), "{refused}");
    }
    for line in [include_str!("data/rsa.pub"), include_str!("data/ecdsa-521.pub")] {
        let refused = Operator::parse(line.trim_end()).unwrap_err();
        assert_eq!(refused, Malformed("it is of a kind that is not taken"));
    }
}

#[test]
fn refuses_a_security_key_that_nobody_touched() {
    let signature = SshSignature::parse(include_bytes!("data/untouched.sig")).unwrap();
    let refused = signature.verify(NAMESPACE, MESSAGE);
    assert_eq!(refused, Err(SignatureFault::NobodyThere));
}

#[test]
fn refuses_every_flipped_bit() {
    for (name, armoured, _) in TAKEN {
        let good = open(armoured);
        assert_eq!(outcome(&good), Ok(()));
        for bit in 0..good.len() * 8 {
            let mut bent = good.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(outcome(&bent).is_err(), "{name}: bit {bit}");
        }
    }
}

#[test]
fn refuses_what_is_cut_or_longer() {
    for (name, armoured, _) in TAKEN {
        let good = open(armoured);
        for length in 0..good.len() {
            assert!(outcome(&good[..length]).is_err(), "{name} cut to {length}");
        }
        let longer = [&good[..], &[0]].concat();
        let why = Malformed("octets follow its last field");
        assert_eq!(outcome(&longer), Err(SignatureFault::Malformed(why)), "{name}");
    }
}

#[test]
fn refuses_another_armour() {
    let (_, armoured, _) = TAKEN[0];
    let text = std::str::from_utf8(armoured).unwrap();
    let bent = [
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!(" {text}"),
        text.replace('\n', "\r\n"),
        text.replacen("\nU1", "\n\nU1", 1),
        text.replacen("SSHSIG", "SSHSIH", 1).replace("BEGIN SSH", "BEGIN SSH2"),
        text.replacen("\n-----END", "=\n-----END", 1),
        text.replace("=\n", "\n"),
        text.replace("DgM=", "DgN="),
        "x".repeat(2000),
        String::new(),
    ];
    for text in bent {
        let refused = SshSignature::parse(text.as_bytes());
        assert!(refused.is_err(), "{text}");
    }
    assert!(SshSignature::parse(&[0xff; 100]).is_err());
}

/// Fields in an order and form of our choice.
fn sshsig(version: u32, key: &[u8], reserved: &[u8], hash: &[u8], signature: &[u8]) -> Vec<u8> {
    let namespace = NAMESPACE.as_bytes();
    let fields = [key, namespace, reserved, hash, signature].map(string).concat();
    [&b"SSHSIG"[..], &version.to_be_bytes(), &fields].concat()
}

#[test]
fn refuses_a_field_that_is_not_as_it_must_be() {
    let good = open(TAKEN[0].1);
    let key = good[14..14 + 51].to_vec();
    let signature = good[good.len() - 83..].to_vec();
    let made = sshsig(1, &key, b"", b"sha512", &signature);
    assert_eq!(made, good);
    let malformed = |why| Err(SignatureFault::Malformed(Malformed(why)));
    for (bent, why) in [
        (sshsig(2, &key, b"", b"sha512", &signature), "it is no SSHSIG of version 1"),
        (sshsig(1, &key, b"x", b"sha512", &signature), "its reserved field is not empty"),
        (sshsig(1, &key, b"", b"sha384", &signature), "its hash is not SHA-512"),
        (sshsig(1, &key, b"", b"", &signature), "its hash is not SHA-512"),
        (sshsig(1, &[], b"", b"sha512", &signature), "it ends early"),
        (
            sshsig(1, &key, b"", b"sha512", &[&signature[..], &[0]].concat()),
            "octets follow its last field",
        ),
        (
            sshsig(1, &key, b"", b"sha512", &[string(b"ssh-rsa"), string(&[0; 64])].concat()),
            "the signature is of another kind than the key",
        ),
    ] {
        assert_eq!(outcome(&bent), malformed(why));
    }
    let mut odd = sshsig(1, &key, b"", b"sha512", &signature);
    odd[0] = b's';
    assert_eq!(outcome(&odd), malformed("it is no SSHSIG of version 1"));
}

#[test]
fn refuses_points_that_are_none() {
    let ed25519 = |point: &[u8]| [string(b"ssh-ed25519"), string(point)].concat();
    let p256 = |curve: &[u8], point: &[u8]| {
        [string(b"ecdsa-sha2-nistp256"), string(curve), string(point)].concat()
    };
    let mut infinity = [0; 65];
    infinity[0] = 4;
    for (blob, why) in [
        (ed25519(&[0; 31]), "its point is none of its curve"),
        // The neutral element and a point of order two: they verify whatever they are given.
        (ed25519(&[&[1][..], &[0; 31]].concat()), "its point is a weak one"),
        (ed25519(&[0; 32]), "its point is a weak one"),
        (p256(b"nistp256", &infinity), "its point is none of its curve"),
        (p256(b"nistp256", &[0]), "its point is none of its curve"),
        (p256(b"nistp256", &[2; 33]), "its point is none of its curve"),
        (p256(b"nistp384", &infinity), "its curve is not that of its kind"),
        (string(b"ssh-dss"), "it is of a kind that is not taken"),
    ] {
        let text = STANDARD.encode(&blob);
        let kind = std::str::from_utf8(&blob[4..4 + usize::from(blob[3])]).unwrap();
        let refused = Operator::parse(&format!("{kind} {text} someone")).unwrap_err();
        assert_eq!(refused.0, why);
    }
}

#[test]
fn an_operator_has_one_line() {
    let line = TAKEN[0].2.trim_end();
    for bent in [
        format!("{line}\n"),
        format!(" {line}"),
        line.replacen(' ', "  ", 1),
        format!("{line} "),
        format!("{line}\u{7f}"),
        format!("{line}\u{e9}"),
        format!("{line}{}", "x".repeat(64)),
        format!("restrict {line}"),
        line.replacen("ssh-ed25519", "ssh-rsa", 1),
        line.split(' ').next().unwrap().to_owned(),
        String::new(),
    ] {
        assert!(Operator::parse(&bent).is_err(), "{bent:?}");
    }
    let bare = line.rsplit_once(' ').unwrap().0;
    let operator = Operator::parse(bare).unwrap();
    assert_eq!((operator.name(), operator.person()), ("", operator.key().fingerprint()));
}
