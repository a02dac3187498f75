//! CAs that are taken over: keys and inventories that are not what operators approved, and what
//! an adopted key must not sign.

use kit::{Assault, DAY, OLD, OldCa, PASSPHRASE, Ring, chunks, given, label};
use signer_proto::{
    AdoptKey, BuildCrl, CertIdHash, Digest, Event, FileGiven, Hold, ImportInventory,
    InventoryChunk, KeyLocation, KeySource, KeySpec, KeyState, OcspItem, OcspItems, OcspNonce,
    OcspOutcome, OcspSubject, OcspSubjects, OldCertificate, OldRevocation, Propose, Purpose,
    Release, Revoke, Rule, SetKeyState, SignCertificate, SignOcsp, Socket, Warrant,
};
use x509::{
    CertStatus, CertificateDer, Crl, CrlReason, ResponseData, Serial, SignatureScheme, UnixTime,
    sha256,
};

/// The responder for the adopted key.
const RESPONDER: &str = "old.ocsp";

fn serial(octets: &[u8]) -> Serial {
    Serial::from_unsigned(octets).unwrap()
}

/// Five certificates: good, revoked, on hold, revoked with an invalidity date, good.
fn inventory() -> Vec<OldCertificate> {
    let revoked = |at, reason, invalidity| {
        let at = UnixTime(at);
        Some(OldRevocation { at, reason, invalidity })
    };
    let old = |octets: &[u8], revoked| OldCertificate {
        serial: serial(octets),
        not_after: UnixTime(4_000_000_000),
        revoked,
    };
    vec![
        old(&[1], None),
        old(&[2], revoked(1_600_000_000, CrlReason::Superseded, None)),
        old(&[3], revoked(1_600_000_001, CrlReason::CertificateHold, None)),
        old(&[0x7f; 20], revoked(1_600_000_002, CrlReason::KeyCompromise, Some(UnixTime(9)))),
    ]
}

fn import(chunk: &InventoryChunk) -> ImportInventory {
    ImportInventory { key: label(OLD), chunk: chunk.clone() }
}

fn import_all(ring: &Ring, chunks: &[InventoryChunk]) {
    for chunk in chunks {
        ring.call(&import(chunk)).expect("the next part of the inventory");
    }
}

/// A ring that adopted a CA, with nothing of its inventory yet.
fn adopted() -> Option<(Ring, OldCa, Vec<InventoryChunk>)> {
    let (ring, ca) = (Ring::inside(), OldCa::make()?);
    let (call, chunks) = ca.adopt(&inventory(), 41);
    ring.call(&call).expect("the key is adopted");
    Some((ring, ca, chunks))
}

/// Gives the adopted key its policy, and a responder.
fn rule(ring: &Ring, ca: &OldCa) {
    ring.set_policy(OLD, &ca.policy(true));
    ring.generate(RESPONDER, Purpose::Ocsp, KeySpec::P256);
    ring.set_policy(RESPONDER, &ca.responder());
}

fn crl(ring: &Ring) -> BuildCrl {
    BuildCrl { key: label(OLD), shard: 0, next_update: ring.clock.now().plus_seconds(DAY) }
}

fn ocsp(ring: &Ring, serial: Serial) -> SignOcsp {
    let subjects = OcspSubjects(vec![OcspSubject { hash: CertIdHash::Sha1, serial }]);
    SignOcsp {
        responder: label(RESPONDER),
        issuer: label(OLD),
        next_update: ring.clock.now().plus_seconds(DAY),
        items: OcspItems(vec![OcspItem { subjects, nonce: OcspNonce(Vec::new()) }]),
    }
}

fn certificate(ring: &Ring, serial: Serial) -> SignCertificate {
    let mut draft = ring.leaf_of(OLD, "CN=Old CA,O=Old");
    draft.serial = serial;
    SignCertificate {
        key: label(OLD),
        policy: ring.describe(OLD).policy.map_or(Digest([0; 32]), |policy| policy.digest),
        ..ring.order_der(draft.tbs())
    }
}

fn key_files(ring: &Ring) -> usize {
    std::fs::read_dir(ring.ring_dir().join("keys")).unwrap().count()
}

/// Tries adoptions that must be refused; no key file is left of them.
fn refuses(ring: &Ring, tries: impl IntoIterator<Item = (Rule, AdoptKey)>) {
    let files = key_files(ring);
    let mut assault = ring.assault();
    for (rule, call) in tries {
        assault.refused_call(rule, &call);
    }
    assault.assert_held();
    assert_eq!(key_files(ring), files, "a key file was left");
}

#[test]
fn refuses_a_key_file_that_was_not_approved() {
    let (ring, Some(ca)) = (Ring::inside(), OldCa::make()) else { return };
    let (call, _) = ca.adopt(&inventory(), 0);
    let mut other = ca.pkcs8.clone();
    other[40] ^= 1;
    let location = KeySource::Location(KeyLocation::new("pkcs11:object=ca").unwrap());
    let tries = [
        AdoptKey { file: given(&other, PASSPHRASE), ..call.clone() },
        AdoptKey { file: FileGiven(None), ..call.clone() },
        AdoptKey { source: location.clone(), ..call.clone() },
        // A ring of files has no places for keys but its own.
        AdoptKey { source: location, file: FileGiven(None), ..call.clone() },
    ];
    refuses(&ring, tries.map(|call| (Rule::AdoptionRefused, call)));
    ring.call(&call).expect("the file that was approved");
}

#[test]
fn refuses_the_wrong_passphrase_of_a_key_file() {
    let (ring, Some(ca)) = (Ring::inside(), OldCa::make()) else { return };
    let (call, _) = ca.adopt(&inventory(), 0);
    let with = |passphrase: &[u8]| AdoptKey { file: given(&ca.pkcs8, passphrase), ..call.clone() };
    let tries = [with(b""), with(&PASSPHRASE[1..]), with(&[PASSPHRASE, b"\n"].concat())];
    refuses(&ring, tries.map(|call| (Rule::AdoptionRefused, call)));
    ring.call(&call).expect("the right one");
}

#[test]
fn refuses_a_key_file_of_another_key_than_the_certificates() {
    let (ring, Some(ca)) = (Ring::inside(), OldCa::make()) else { return };
    let Some(other) = OldCa::make() else { return };
    let (mut call, _) = ca.adopt(&inventory(), 0);
    call.source = KeySource::File(Digest(sha256(&other.pkcs8)));
    call.file = given(&other.pkcs8, PASSPHRASE);
    refuses(&ring, [(Rule::AdoptionRefused, call)]);
}

#[test]
fn refuses_the_certificate_of_no_ca() {
    let (ring, Some(ca)) = (Ring::inside(), OldCa::make()) else { return };
    let (call, _) = ca.adopt(&inventory(), 0);
    let with = |extensions: &[&str]| {
        let other = OldCa::make_with(extensions).unwrap();
        other.adopt(&inventory(), 0).0
    };
    let of = |octets: Vec<u8>| AdoptKey {
        certificate: CertificateDer::from_vec(octets),
        ..call.clone()
    };
    let ca_bit = "basicConstraints=critical,CA:TRUE";
    let key_id = "subjectKeyIdentifier=01:02:03:04";
    let whole = call.certificate.as_bytes().to_vec();
    refuses(
        &ring,
        [
            (Rule::BasicConstraintsRefused, with(&["basicConstraints=critical,CA:FALSE"])),
            (Rule::BasicConstraintsRefused, with(&["keyUsage=keyCertSign,cRLSign"])),
            (Rule::KeyUsageRefused, with(&[ca_bit, "keyUsage=critical,digitalSignature"])),
            (Rule::SubjectKeyIdMismatch, with(&[ca_bit, key_id])),
            (Rule::DerNotStrict, of(whole[..whole.len() - 1].to_vec())),
            (Rule::FieldMalformed, of(vec![0x30; 17 * 1024])),
            (Rule::PurposeMismatch, AdoptKey { purpose: Purpose::Ocsp, ..call.clone() }),
            (Rule::PurposeMismatch, AdoptKey { purpose: Purpose::Log, ..call.clone() }),
            (Rule::KeyExists, AdoptKey { label: label(kit::ISSUING), ..call.clone() }),
            (
                Rule::PurposeMismatch,
                AdoptKey { label: label("serial"), purpose: Purpose::Tls, ..call.clone() },
            ),
            (Rule::FieldMalformed, AdoptKey { crl_number: u64::MAX, ..call.clone() }),
        ],
    );
}

#[test]
fn refuses_a_proposal_with_the_file_of_a_key() {
    let (ring, Some(ca)) = (Ring::inside(), OldCa::make()) else { return };
    let (call, _) = ca.adopt(&inventory(), 0);
    let act = Propose { act: call.into(), expires_in: 60 };
    ring.attack(Socket::Admin, &act).assert_refused(Rule::FieldMalformed);
}

#[test]
fn refuses_a_part_of_an_inventory_that_is_bent_or_comes_twice() {
    let Some((ring, _, chunks)) = adopted() else { return };
    let refused = |assault: &mut Assault<'_>, chunk: &InventoryChunk| {
        assault.refused_call(Rule::AdoptionRefused, &import(chunk));
    };
    let mut assault = ring.assault();
    refused(&mut assault, &chunks[1]);
    let bends: [fn(&mut InventoryChunk); 7] = [
        |chunk| chunk.certificates.0[0].serial = serial(&[9]),
        |chunk| chunk.certificates.0[0].not_after = UnixTime(4_000_000_001),
        |chunk| chunk.certificates.0[1].revoked = None,
        |chunk| chunk.certificates.0.truncate(1),
        |chunk| chunk.certificates.0.clear(),
        |chunk| chunk.next = None,
        |chunk| chunk.next = Some(Digest([7; 32])),
    ];
    for bend in bends {
        let mut bent = chunks[0].clone();
        bend(&mut bent);
        refused(&mut assault, &bent);
    }
    let mut of_another = import(&chunks[0]);
    of_another.key = label(kit::ISSUING);
    assault.refused_call(Rule::AdoptionRefused, &of_another);
    assault.assert_held();
    assert_eq!(ring.call(&import(&chunks[0])).unwrap().missing, 2);
    let mut assault = ring.assault();
    refused(&mut assault, &chunks[0]);
    assault.assert_held();
    assert_eq!(ring.call(&import(&chunks[1])).unwrap().missing, 0);
    let mut assault = ring.assault();
    refused(&mut assault, &chunks[1]);
    assault.assert_held();
    assert_eq!(ring.describe(OLD).issued, 4);
}

#[test]
fn refuses_an_inventory_that_cannot_have_been() {
    let Some(ca) = OldCa::make() else { return };
    let one = |n: u8| OldCertificate { serial: serial(&[n]), ..inventory()[0] };
    let revoked = |at, reason, invalidity| {
        let at = UnixTime(at);
        OldCertificate { revoked: Some(OldRevocation { at, reason, invalidity }), ..one(1) }
    };
    let later = Ring::inside().clock.now().0 + DAY;
    let wrong = [
        vec![one(2), one(1)],
        vec![one(1), one(1)],
        vec![revoked(later, CrlReason::Superseded, None)],
        vec![revoked(-1, CrlReason::Superseded, None)],
        vec![revoked(1, CrlReason::RemoveFromCrl, None)],
        vec![revoked(1, CrlReason::KeyCompromise, Some(UnixTime(later)))],
        vec![revoked(1, CrlReason::CertificateHold, Some(UnixTime(1)))],
    ];
    for old in &wrong {
        let ring = Ring::inside();
        let (call, parts) = ca.adopt(old, 0);
        ring.call(&call).expect("what was approved is known by its digest");
        ring.attack(Socket::Admin, &import(&parts[0])).assert_refused(Rule::AdoptionRefused);
    }
    // More or fewer than were approved.
    for said in [1, 3] {
        let ring = Ring::inside();
        let (inventory, parts) = chunks(&[one(1), one(2)], 9);
        let (mut call, _) = ca.adopt(&[], 0);
        call.inventory = signer_proto::InventoryDigest { certificates: said, ..inventory };
        ring.call(&call).unwrap();
        ring.attack(Socket::Admin, &import(&parts[0])).assert_refused(Rule::AdoptionRefused);
    }
}

#[test]
fn refuses_a_ca_that_is_adopted_already() {
    let Some((ring, ca, _)) = adopted() else { return };
    // Under a second label its CRLs would lack what was revoked under the first.
    let (call, _) = ca.adopt(&[], 0);
    let again = AdoptKey { label: label("again"), ..call };
    refuses(&ring, [(Rule::KeyExists, again.clone())]);
    let (from, to) = (KeyState::PreActive, KeyState::Destroyed);
    ring.call(&SetKeyState { key: label(OLD), from, to, warrant: Warrant::none() }).unwrap();
    ring.call(&again).expect("the first is no more");
}

#[test]
fn an_adopted_key_signs_nothing_before_its_inventory_is_whole() {
    let Some((ring, ca, chunks)) = adopted() else { return };
    rule(&ring, &ca);
    ring.call(&import(&chunks[0])).unwrap();
    let new = certificate(&ring, ring.mint(OLD));
    let request = crate::authority::ca_request(OLD, ca.certificate.public_key());
    let mut assault = ring.assault();
    assault.refused_call(Rule::AdoptionIncomplete, &new);
    assault.refused_call(Rule::AdoptionIncomplete, &request);
    assault.refused_call(Rule::AdoptionIncomplete, &crl(&ring));
    // What the responder would say of the rest is not known either.
    assault.refused_call(Rule::AdoptionIncomplete, &ocsp(&ring, serial(&[1])));
    assault.assert_held();
    ring.call(&import(&chunks[1])).unwrap();
    ring.call(&new).expect("a certificate");
    ring.call(&crl(&ring)).expect("a CRL");
    ring.call(&ocsp(&ring, serial(&[1]))).expect("a response");
    ring.call(&request).expect("a request");
}

#[test]
fn an_imported_key_signs_only_where_its_policy_says_so() {
    let Some((ring, ca, chunks)) = adopted() else { return };
    import_all(&ring, &chunks);
    let request = crate::authority::ca_request(OLD, ca.certificate.public_key());
    ring.attack(Socket::Admin, &request).assert_refused(Rule::ImportedRefused);
    ring.set_policy(OLD, &ca.policy(false));
    let new = certificate(&ring, ring.mint(OLD));
    let mut assault = ring.assault();
    assault.refused_call(Rule::ImportedRefused, &new);
    assault.refused_call(Rule::ImportedRefused, &crl(&ring));
    assault.refused_call(Rule::ImportedRefused, &request);
    assault.assert_held();
    ring.set_policy(OLD, &ca.policy(true));
    ring.call(&crl(&ring)).expect("a CRL");
    ring.set_policy(OLD, &ca.policy(false).replace("398d", "397d"));
    ring.attack(Socket::Status, &crl(&ring)).assert_refused(Rule::ImportedRefused);
}

#[test]
fn refuses_a_new_certificate_with_an_old_serial() {
    let Some((ring, ca, chunks)) = adopted() else { return };
    import_all(&ring, &chunks);
    rule(&ring, &ca);
    let mut assault = ring.assault();
    for old in inventory() {
        assault.refused_call(Rule::SerialUsed, &certificate(&ring, old.serial));
    }
    assault.assert_held();
}

#[test]
fn status_of_what_was_issued_before_is_right_from_the_first_minute() {
    let Some((mut ring, ca, chunks)) = adopted() else { return };
    import_all(&ring, &chunks);
    rule(&ring, &ca);
    let before = told(&ring);
    assert_eq!(before.0, 42, "above the last number");
    assert_eq!(before.1.len(), 3);
    for (old, status) in inventory().iter().zip(&before.2) {
        match (old.revoked, status) {
            (None, CertStatus::Good) => {}
            (Some(revoked), CertStatus::Revoked { at, reason }) => {
                assert_eq!((*at, *reason), (revoked.at, Some(revoked.reason)));
            }
            other => panic!("{other:?}"),
        }
    }
    // The old are revoked and released like any other, and a restart forgets none of it.
    let key = || label(OLD);
    let compromised = CrlReason::KeyCompromise;
    let revoke = |octets: &[u8]| Revoke {
        key: key(),
        serial: serial(octets),
        reason: compromised,
        invalidity: None,
    };
    ring.call(&revoke(&[1])).unwrap();
    ring.attack(Socket::Status, &Hold { key: key(), serial: serial(&[2]) })
        .assert_refused(Rule::HoldNotAllowed);
    ring.attack(Socket::Status, &revoke(&[5])).assert_refused(Rule::NeverIssued);
    ring.attack(Socket::Status, &Release { key: key(), serial: serial(&[2]) })
        .assert_refused(Rule::AlreadyRevoked);
    ring.call(&Release { key: key(), serial: serial(&[3]) }).unwrap();
    let after = told(&ring);
    let serials: Vec<Serial> = after.1.clone();
    assert_eq!(serials, [serial(&[2]), serial(&[0x7f; 20]), serial(&[1])]);
    ring.restart();
    let again = told(&ring);
    assert_eq!((again.0, again.1, again.2), (44, after.1, after.2));
    assert_eq!(ring.describe(OLD).state, KeyState::Active);
}

/// Returns what a CRL and OCSP say of the inventory: number, serials, statuses.
fn told(ring: &Ring) -> (u64, Vec<Serial>, Vec<CertStatus>) {
    let built = ring.call(&crl(ring)).unwrap();
    let der = Crl::assemble(&built.tbs, SignatureScheme::EcdsaP256Sha256, &built.signature);
    let listed = Crl::parse(der.as_bytes()).unwrap();
    let statuses = inventory().into_iter().map(|old| {
        let answer = ring.call(&ocsp(ring, old.serial)).unwrap();
        let OcspOutcome::Signed { response_data, .. } = &answer.outcomes.0[0] else {
            panic!("never issued")
        };
        ResponseData::parse(response_data.as_bytes()).unwrap().responses[0].status
    });
    let statuses = statuses.collect();
    let serials = listed.entries().iter().map(|entry| entry.serial).collect();
    (listed.number(), serials, statuses)
}

#[test]
fn neither_passphrase_nor_file_of_an_adopted_key_is_anywhere() {
    let Some((ring, ca, _)) = adopted() else { return };
    let holds = |octets: &[u8], what: &[u8]| octets.windows(what.len()).any(|piece| piece == what);
    let secret = ca.pkcs8[ca.pkcs8.len() - 32..].to_vec();
    let ledger = ring.ledger();
    for (leaf, octets) in &ledger.leaves {
        assert!(!holds(octets, PASSPHRASE) && !holds(octets, &secret), "{}", leaf.event.name());
        if let Event::KeyAdopted(adopted) = &leaf.event {
            assert!(adopted.imported, "it came as a file");
        }
    }
    let shown = format!("{:?}", ca.adopt(&[], 0).0);
    let passphrase = String::from_utf8(PASSPHRASE.to_vec()).unwrap();
    assert!(!shown.contains(&passphrase) && !shown.contains("KeyFile(["), "{shown}");
    let bare = AdoptKey { warrant: Warrant::none(), file: FileGiven(None), ..ca.adopt(&[], 0).0 };
    let proposed = ring.call(&Propose { act: bare.into(), expires_in: 60 }).unwrap();
    assert!(!proposed.proposal.0.contains(&passphrase));
}
