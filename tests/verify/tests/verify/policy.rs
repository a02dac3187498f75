//! An attacker who has every key of the ring, the log key too: what the policy of that moment did
//! not admit still shows.

use kit::{DAY, Draft, ROOT_NAME, SubjectKey, dns, name};
use signer_proto::{Event, IdempotencyKey, Leaf, Wire};
use signer_verify::{Audit, Evidence, FaultKind, audit};
use verify_tests::{Gallery, Thief, gallery, publish, write_segments};
use x509::{KeyUsage, PublicKey, TbsCertificate, oids};

struct Forgery {
    gallery: Gallery,
    thief: Thief,
}

impl Forgery {
    fn begin() -> Self {
        let gallery = gallery(120);
        let thief = Thief::open(&gallery.ring.ring_dir(), &gallery.leaves);
        Self { gallery, thief }
    }

    /// Makes the journal anew with other leaves, checkpoint and all, and asks for the verdict.
    fn verdict(&self, leaves: &[Vec<u8>]) -> Option<(u64, FaultKind)> {
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("journal");
        write_segments(&journal, leaves, 1000);
        let tree = publish(&dir.path().join("log"), leaves);
        let note = self.thief.checkpoint(tree.size(), tree.root());
        let evidence = Evidence {
            checkpoints: vec![("its own".to_owned(), note.to_string().into_bytes())],
            tiles: Some(dir.path().join("log")),
            ..Evidence::default()
        };
        let report = audit(Audit {
            journal: &journal,
            evidence: &evidence,
            threads: 2,
            progress: &mut |_| {},
        });
        report.unwrap().fault.map(|fault| (fault.index, fault.kind))
    }

    /// Replaces the last certificate by a bent draft of it, signed with the CA's key.
    fn bent(&self, bend: impl FnOnce(&mut Draft)) -> (u64, Option<(u64, FaultKind)>) {
        self.replaced(|event| {
            let Event::CertificateSigned(signed) = event else { return false };
            let tbs = TbsCertificate::parse(signed.tbs.as_bytes()).unwrap();
            let mut draft = draft(&tbs);
            bend(&mut draft);
            signed.tbs = draft.tbs();
            signed.signature = self.thief.sign(signed.key, signed.scheme, signed.tbs.as_bytes());
            true
        })
    }

    /// Changes the last leaf that `change` takes; gives its position and the verdict.
    fn replaced(&self, change: impl FnOnce(&mut Event) -> bool) -> (u64, Option<(u64, FaultKind)>) {
        let mut leaves = self.gallery.leaves.clone();
        let is_certificate = |leaf: &Leaf| matches!(leaf.event, Event::CertificateSigned(_));
        let at = leaves.iter().rposition(|leaf| is_certificate(&Leaf::from_wire(leaf).unwrap()));
        let at = at.unwrap();
        let mut leaf = Leaf::from_wire(&leaves[at]).unwrap();
        assert!(change(&mut leaf.event));
        leaves[at] = leaf.to_wire();
        (at as u64, self.verdict(&leaves))
    }
}

fn draft(tbs: &TbsCertificate) -> Draft {
    Draft {
        serial: tbs.serial,
        signature: tbs.signature,
        issuer: tbs.issuer.clone(),
        not_before: tbs.not_before,
        not_after: tbs.not_after,
        subject: tbs.subject.clone(),
        key: tbs.public_key.clone(),
        extensions: tbs.extensions.iter().cloned().collect(),
    }
}

#[test]
fn the_forgers_own_work_passes_while_it_is_within_the_policy() {
    let forgery = Forgery::begin();
    assert_eq!(forgery.verdict(&forgery.gallery.leaves), None);
    let (_, verdict) = forgery.bent(|draft| draft.host("other.corp.example"));
    assert_eq!(verdict, None);
}

#[test]
fn names_the_certificate_that_the_policy_did_not_admit() {
    let forgery = Forgery::begin();
    let other = SubjectKey::new();
    let key: &PublicKey = other.public();
    type Bend<'a> = (&'static str, Box<dyn FnOnce(&mut Draft) + 'a>);
    let bends: Vec<Bend<'_>> = vec![
        ("another host", Box::new(|draft| draft.host("www.evil.example"))),
        ("an excluded host", Box::new(|draft| draft.host("x.secret.corp.example"))),
        (
            "one name more",
            Box::new(|draft| {
                draft.names(vec![dns("www.corp.example"), dns("evil.example")]);
            }),
        ),
        ("a CA", Box::new(|draft| draft.become_authority(None))),
        (
            "keyCertSign",
            Box::new(|draft| {
                draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_CERT_SIGN));
            }),
        ),
        ("code signing", Box::new(|draft| draft.extended(&[oids::EKU_CODE_SIGNING]))),
        ("OCSP signing", Box::new(|draft| draft.become_responder(key))),
        (
            "a long life",
            Box::new(|draft| {
                draft.not_after = draft.not_before.plus_seconds(400 * DAY);
            }),
        ),
        (
            "backdated",
            Box::new(|draft| {
                draft.not_before = draft.not_before.plus_seconds(-2 * DAY);
            }),
        ),
        ("another issuer", Box::new(|draft| draft.issuer = name(ROOT_NAME))),
        ("another issuer's key", Box::new(|draft| draft.issued_by(key))),
        ("no extended key usage", Box::new(|draft| draft.without(oids::EXT_EXTENDED_KEY_USAGE))),
    ];
    for (what, bend) in bends {
        let (at, verdict) = forgery.bent(bend);
        assert_eq!(verdict, Some((at, FaultKind::PolicyRefused)), "{what}");
    }
}

#[test]
fn names_a_signature_that_is_not_by_the_key() {
    let forgery = Forgery::begin();
    let (at, verdict) = forgery.replaced(|event| {
        let Event::CertificateSigned(signed) = event else { return false };
        let (scheme, signature) = SubjectKey::new().sign(signed.tbs.as_bytes());
        assert_eq!(scheme, signed.scheme);
        signed.signature = signature;
        true
    });
    assert_eq!(verdict, Some((at, FaultKind::Signature)));
}

#[test]
fn names_a_serial_that_has_two_certificates() {
    let forgery = Forgery::begin();
    let mut leaves = forgery.gallery.leaves.clone();
    let mut last = Leaf::from_wire(leaves.last().unwrap()).unwrap();
    let signed = leaves.iter().rev().find_map(|leaf| match Leaf::from_wire(leaf).unwrap().event {
        Event::CertificateSigned(signed) => Some(signed),
        _ => None,
    });
    let mut signed = signed.unwrap();
    signed.idempotency = IdempotencyKey([7; 16]);
    last.event = signed.into();
    leaves.push(last.to_wire());
    let verdict = forgery.verdict(&leaves);
    assert_eq!(verdict, Some((leaves.len() as u64 - 1, FaultKind::Serial)));
}

/// A CRL without a certificate that was revoked, digest and signature made anew.
#[test]
fn names_a_crl_that_leaves_a_revocation_out() {
    let forgery = Forgery::begin();
    let mut leaves = forgery.gallery.leaves.clone();
    // The revocation moves behind the CRL that had it.
    let is = |leaf: &Vec<u8>, name: &str| Leaf::from_wire(leaf).unwrap().event.name() == name;
    let crl = leaves.iter().rposition(|leaf| is(leaf, "CrlSigned")).unwrap();
    let change = leaves[..crl].iter().rposition(|leaf| is(leaf, "RevocationChanged")).unwrap();
    let mut moved = leaves.remove(change);
    let last = signer_log::segment::leaf_time(leaves.last().unwrap()).unwrap();
    signer_log::segment::set_leaf_time(&mut moved, last);
    leaves.push(moved);
    let (index, kind) = forgery.verdict(&leaves).expect("it shows");
    // The leaf before it now covers more changes than there are.
    assert!((change as u64..crl as u64 + 1).contains(&index), "{index} {kind}");
    assert!(matches!(kind, FaultKind::CrlOrder | FaultKind::CrlBytes | FaultKind::Ocsp), "{kind}");
}
