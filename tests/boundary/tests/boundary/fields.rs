//! Bodies that are not the one encoding of their kind.

use kit::{Answered, ISSUING, RESPONDER, RawPeer, Ring, label};
use signer_proto::{
    AcceptGap, Act, AdoptKey, AnchorAudit, BuildCrl, Call, CeremonyTranscript, CertIdHash, Courier,
    CrlFloor, CrlFloors, Digest, EphemeralKey, Evidence, EvidenceList, Follow, GenerateKey,
    HelloRandom, Hold, Identifier, ImportInventory, InspectSerial, InstanceId, InventoryChunk,
    KeyLabel, KeyLocation, KeySource, KeySpec, KeyState, Kind, LeafBytes, Leaves, MintSerials,
    NamedGroup, NoteBytes, OcspItem, OcspItems, OcspNonce, OcspSubject, OcspSubjects,
    OfficerSignature, OldCertificate, OldRevocation, OperatorKey, OperatorKeys, Plaintext,
    PolicyText, Positions, Promote, ProofHashes, ProofKind, Propose, Purpose, ReadCheckpoint,
    ReadDriver, ReadJournal, ReadPolicy, ReadProof, ReadTile, Reason, RecordCeremony,
    RecordValidation, Release, Renewal, RevocationDelta, Revoke, Rule, ScepMessage, Seal,
    SealContext, Sealed, SetFreeze, SetKeyState, SetOperators, SetPolicy, ShowCheckpoint,
    SignCaRequest, SignCertificate, SignHandshake, SignKeyExchange, SignOcsp, Socket, Thresholds,
    Transcript, Unlock, UnlockShare, Unseal, ValidationMethod, Warrant, Wire,
};
use x509::{
    CertificateDer, CertificationRequestInfoDer, CrlReason, Serial, Signature, SignatureScheme,
    UnixTime,
};
use zeroize::Zeroizing;

fn socket_of(kind: Kind) -> Socket {
    *Socket::ALL.iter().find(|socket| kind.permitted_on(**socket)).unwrap()
}

fn secret(octets: &[u8]) -> Plaintext {
    Plaintext(Zeroizing::new(octets.to_vec()))
}

/// A sound body of every kind that has one.
fn bodies(ring: &Ring) -> Vec<(Kind, Vec<u8>)> {
    fn body<C: Call>(call: &C) -> (Kind, Vec<u8>) {
        (C::KIND, call.to_wire())
    }
    let key = label(ISSUING);
    let serial = ring.mint(ISSUING);
    let now = ring.clock.now();
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial };
    let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(vec![1, 2, 3]) };
    let csr = kit::SubjectKey::new().request(&kit::name("CN=a"), vec![]);
    let renewal = Renewal {
        renewed: 1,
        csr: csr.clone(),
        scheme: SignatureScheme::Ed25519,
        signature: Signature::from_vec(vec![7; 64]),
    };
    let mut order = ring.order(&ring.leaf());
    order.evidence = EvidenceList(vec![
        Evidence::Request(csr),
        Evidence::ScepRenewal(ScepMessage(vec![0x30, 0])),
        Evidence::Renewal(renewal),
        Evidence::Validation(Positions(vec![1, 2])),
        Evidence::Officer(OfficerSignature(b"-----BEGIN".to_vec())),
    ]);
    let old = adoption();
    let draft = ring.authority("CN=Sub", kit::SubjectKey::new().public());
    vec![
        body(&ReadPolicy { key: key.clone() }),
        body(&ReadJournal { from: 0, limit: 1 }),
        body(&AnchorAudit { anchor: None }),
        body(&ReadCheckpoint { least: 0 }),
        body(&ShowCheckpoint { note: NoteBytes(b"note".to_vec()) }),
        body(&ReadProof { kind: ProofKind::Inclusion, first: 0, size: 1 }),
        body(&ReadTile { level: 0, index: 0, width: 1 }),
        body(&InspectSerial { serial }),
        body(&ReadDriver { lines: true }),
        body(&MintSerials { key: key.clone(), count: 1 }),
        body(&order),
        body(&Seal { context: SealContext(b"row".to_vec()), plaintext: secret(b"x") }),
        body(&Unseal { context: SealContext(b"row".to_vec()), sealed: Sealed(vec![1; 40]) }),
        body(&SignHandshake {
            key: key.clone(),
            scheme: SignatureScheme::EcdsaP256Sha256,
            transcript: Transcript(vec![7; 32]),
        }),
        body(&SignKeyExchange {
            key: key.clone(),
            scheme: SignatureScheme::EcdsaP256Sha256,
            client_random: HelloRandom([1; 32]),
            server_random: HelloRandom([2; 32]),
            group: NamedGroup::X25519,
            ephemeral: EphemeralKey(vec![7; 32]),
        }),
        body(&RecordValidation {
            identifier: Identifier::dns("a.example").unwrap(),
            method: ValidationMethod::Dns01,
            account: Digest([1; 32]),
        }),
        body(&BuildCrl { key: key.clone(), shard: 0, next_update: now }),
        body(&SignOcsp {
            responder: label(RESPONDER),
            issuer: key.clone(),
            next_update: now,
            items: OcspItems(vec![item]),
        }),
        body(&Revoke {
            key: key.clone(),
            serial,
            reason: CrlReason::Superseded,
            invalidity: Some(now),
        }),
        body(&Hold { key: key.clone(), serial }),
        body(&Release { key: key.clone(), serial }),
        body(&RevocationDelta { key: key.clone(), from: 0, limit: 1 }),
        body(&Unlock { passphrase: secret(b"guess") }),
        body(&UnlockShare { index: 1, secret: secret(b"guess") }),
        body(&GenerateKey {
            label: label("new"),
            purpose: Purpose::Ocsp,
            spec: KeySpec::P256,
            warrant: Warrant::none(),
        }),
        body(&SetPolicy {
            key: key.clone(),
            previous: Some(ring.policy(ISSUING)),
            text: PolicyText("version = 1".to_owned()),
            warrant: Warrant::none(),
        }),
        body(&ring.authority_order(&draft)),
        body(&SignCaRequest {
            key: key.clone(),
            info: CertificationRequestInfoDer::from_vec(vec![0x30, 0]),
            warrant: Warrant::none(),
        }),
        body(&Propose { act: Act::from(freeze()), expires_in: 60 }),
        body(&SetOperators {
            previous: Digest([1; 32]),
            operators: OperatorKeys(vec![OperatorKey("ssh-ed25519 AAAA".to_owned())]),
            thresholds: Thresholds::all(1),
            warrant: Warrant::none(),
        }),
        body(&SetKeyState {
            key,
            from: KeyState::Active,
            to: KeyState::Suspended,
            warrant: Warrant::none(),
        }),
        body(&freeze()),
        body(&RecordCeremony {
            plan: Digest([1; 32]),
            transcript: CeremonyTranscript("done".to_owned()),
            warrant: Warrant::none(),
        }),
        body(&AcceptGap {
            seen_size: 9,
            seen_root: Digest([1; 32]),
            serial_prefix: 5,
            crl_floors: CrlFloors(vec![CrlFloor {
                key: KeyLabel::new("issuing").unwrap(),
                number: 7,
            }]),
            warrant: Warrant::none(),
        }),
        body(&Promote {
            serial_prefix: 5,
            fence: Reason("gone".to_owned()),
            warrant: Warrant::none(),
        }),
        body(&Follow { genesis: LeafBytes(vec![1; 40]), warrant: Warrant::none() }),
        body(&old.0),
        body(&ImportInventory { key: label(ISSUING), chunk: old.1 }),
        body(&Courier {
            instance: InstanceId([1; 16]),
            from: 1,
            leaves: Leaves(vec![LeafBytes(vec![1; 20])]),
            checkpoint: NoteBytes(b"none".to_vec()),
            proof: ProofHashes(vec![Digest([2; 32])]),
        }),
    ]
}

/// Taking over a CA, and a part of what it issued.
fn adoption() -> (AdoptKey, InventoryChunk) {
    let revoked = OldRevocation {
        at: UnixTime(9),
        reason: CrlReason::KeyCompromise,
        invalidity: Some(UnixTime(8)),
    };
    let serial = Serial::from_unsigned(&[1, 2]).unwrap();
    let old = OldCertificate { serial, not_after: UnixTime(99), revoked: Some(revoked) };
    let (inventory, mut chunks) = kit::chunks(&[old], 1);
    let call = AdoptKey {
        label: label("old"),
        purpose: Purpose::CertAndCrl,
        certificate: CertificateDer::from_vec(vec![0x30, 0]),
        source: KeySource::Location(KeyLocation::new("pkcs11:object=ca").unwrap()),
        crl_number: 7,
        inventory,
        file: kit::given(b"file", b"passphrase"),
        warrant: Warrant::none(),
    };
    (call, chunks.remove(0))
}

fn freeze() -> SetFreeze {
    SetFreeze { frozen: true, reason: Reason("odd".to_owned()), warrant: Warrant::none() }
}

#[test]
fn refuses_the_body_of_every_kind_cut_at_every_octet() {
    let ring = Ring::start();
    let bodies = bodies(&ring);
    let kinds = Kind::ALL.iter().filter(|kind| kind.request_limit() > 0);
    assert_eq!(bodies.len(), kinds.count(), "every kind is tried");
    let mut assault = ring.assault();
    for (kind, body) in bodies {
        for length in 0..body.len() {
            let attack = ring.attack_body(socket_of(kind), kind, &body[..length]);
            assault.refused(Rule::BodyMalformed, attack);
        }
    }
    assault.assert_held();
}

#[test]
fn refuses_an_octet_after_the_body_of_every_kind() {
    let ring = Ring::start();
    let bodies = bodies(&ring);
    let mut assault = ring.assault();
    for (kind, mut body) in bodies {
        body.push(0);
        assault.refused(Rule::BodyMalformed, ring.attack_body(socket_of(kind), kind, &body));
    }
    assault.assert_held();
}

/// Numbers at the ends of their ranges, in the place of every four or eight octets.
const EXTREMES: [&[u8]; 7] = [
    &[0; 4],
    &[0xff; 4],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0; 8],
    &[0xff; 8],
    &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0, 0, 0, 0, 0],
];

/// Asks for a body that is bent somewhere. Whatever comes of it, it is an answer: the signer
/// lives, and what it refuses it refuses by a rule.
fn is_answered(peer: &mut RawPeer, kind: Kind, body: &[u8]) -> bool {
    match peer.ask(kind, body) {
        Answered::Answer(_) => true,
        Answered::Refused(refusal) => {
            let fault = matches!(refusal.rule, Rule::StateCorrupt | Rule::JournalUnavailable);
            assert!(!fault, "{kind}: {refusal}");
            false
        }
        Answered::Closed => panic!("{kind}: the connection ended at {body:02x?}"),
    }
}

#[test]
fn extreme_numbers_in_the_body_of_every_kind_do_no_harm() {
    let ring = Ring::start();
    for (kind, body) in bodies(&ring) {
        let mut peer = ring.peer(socket_of(kind));
        // Long bodies are mostly certificates, which the attacks on DER bend.
        let places = (0..body.len()).filter(|at| *at < 160 || body.len() - at < 80);
        for at in places {
            for extreme in EXTREMES.iter().filter(|extreme| at + extreme.len() <= body.len()) {
                let mut bent = body.clone();
                bent[at..at + extreme.len()].copy_from_slice(extreme);
                // Zeroes over zeroes would be the honest act.
                if bent != body {
                    is_answered(&mut peer, kind, &bent);
                }
            }
        }
    }
    thaw(&ring);
    let _ = ring.issue();
}

#[test]
fn a_flipped_bit_in_the_body_of_any_kind_certifies_nothing() {
    let ring = Ring::start();
    let before = ring.ledger().certificates().count();
    for (kind, body) in bodies(&ring) {
        // What remains sound with a bit of its label, number or text changed is done, as it may.
        let mut peer = ring.peer(socket_of(kind));
        for at in 0..body.len() * 8 {
            let mut bent = body.clone();
            bent[at / 8] ^= 1 << (at % 8);
            let answered = is_answered(&mut peer, kind, &bent);
            // The profile's digest and the idempotency key are the server's own words.
            let may = kind != Kind::SignCertificate || certifies_the_same(&body, &bent);
            assert!(!answered || may, "{kind}: bit {at}");
        }
    }
    thaw(&ring);
    // The one honest order among them, signed once.
    assert!(ring.ledger().certificates().count() <= before + 1);
    let _ = ring.issue();
}

/// Lets issuance go on: a ring without operators does what it is told, and bent words freeze it.
fn thaw(ring: &Ring) {
    ring.call(&SetFreeze { frozen: false, ..freeze() }).unwrap();
}

/// Tells whether two orders are for the same bytes.
fn certifies_the_same(one: &[u8], other: &[u8]) -> bool {
    let tbs = |body: &[u8]| SignCertificate::from_wire(body).map(|order| order.tbs);
    tbs(one) == tbs(other)
}

/// Replaces the octets `from`, which stand once in the body of a kind.
fn refuses_bent(kind: Kind, from: &[u8], to: &[u8]) {
    let ring = Ring::start();
    let (_, body) = bodies(&ring).into_iter().find(|(found, _)| *found == kind).unwrap();
    let mut places = body.windows(from.len()).enumerate().filter(|(_, w)| *w == from);
    let (at, _) = places.next().expect("the octets stand there");
    assert!(places.next().is_none(), "they stand there once");
    let bent = [&body[..at], to, &body[at + from.len()..]].concat();
    ring.attack_body(socket_of(kind), kind, &bent).assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_a_label_outside_its_alphabet() {
    refuses_bent(Kind::MintSerials, b"issuing", b"Issuing");
}

#[test]
fn refuses_a_label_that_climbs_out_of_a_directory() {
    refuses_bent(Kind::GenerateKey, b"\0\0\0\x03new", b"\0\0\0\x09../../new");
}

#[test]
fn refuses_an_empty_label() {
    refuses_bent(Kind::ReadPolicy, b"\0\0\0\x07issuing", b"\0\0\0\0");
}

#[test]
fn refuses_a_text_that_is_not_utf8() {
    refuses_bent(Kind::SetPolicy, b"version", b"v\xffrsion");
}

#[test]
fn refuses_a_purpose_that_is_none() {
    let from = [b"new".as_slice(), &[Purpose::Ocsp.code()]].concat();
    refuses_bent(Kind::GenerateKey, &from, b"new\x63");
}

#[test]
fn refuses_evidence_of_an_unknown_kind() {
    let ring = Ring::start();
    let mut order = ring.order(&ring.leaf());
    order.evidence = EvidenceList(Vec::new());
    let body = order.to_wire();
    // The count of evidence stands before the idempotency key: one, of a kind that there is not.
    let at = body.len() - 16 - 4;
    let bent = [&body[..at], &[0, 0, 0, 1, 9, 0, 0, 0, 0], &body[at + 4..]].concat();
    ring.attack_body(Socket::Issue, Kind::SignCertificate, &bent)
        .assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_a_serial_with_a_leading_zero() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let honest = Hold { key: label(ISSUING), serial };
    let body = honest.to_wire();
    let at = body.len() - serial.as_bytes().len();
    let length = u8::try_from(serial.as_bytes().len() + 1).unwrap();
    let bent = [&body[..at - 1], &[length, 0], &body[at..]].concat();
    ring.attack_body(Socket::Status, Kind::Hold, &bent).assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_a_third_kind_of_bool() {
    let ring = Ring::start();
    let honest = Revoke {
        key: label(ISSUING),
        serial: ring.issue().tbs().serial,
        reason: CrlReason::Superseded,
        invalidity: None,
    };
    let mut body = honest.to_wire();
    *body.last_mut().unwrap() = 2;
    ring.attack_body(Socket::Status, Kind::Revoke, &body).assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_reasons_that_are_none() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let mut assault = ring.assault();
    for code in [7, 11, 255] {
        let honest =
            Revoke { key: label(ISSUING), serial, reason: CrlReason::Superseded, invalidity: None };
        let mut body = honest.to_wire();
        let at = body.len() - 2;
        assert_eq!(body[at], CrlReason::Superseded.code());
        body[at] = code;
        let attack = ring.attack_body(Socket::Status, Kind::Revoke, &body);
        assault.refused(Rule::BodyMalformed, attack);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_nonce_of_129_octets() {
    let ring = Ring::start();
    let subject = OcspSubject { hash: CertIdHash::Sha256, serial: ring.issue().tbs().serial };
    let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(vec![7; 129]) };
    let call = SignOcsp {
        responder: label(RESPONDER),
        issuer: label(ISSUING),
        next_update: ring.clock.now().plus_seconds(3600),
        items: OcspItems(vec![item]),
    };
    ring.attack(Socket::Status, &call).assert_refused(Rule::BodyMalformed);
}

/// Octets of this process that are resident.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn refuses_counts_and_lengths_that_would_allocate_gigabytes() {
    let ring = Ring::start();
    let lie = [0xff; 4];
    let labelled = ring.order(&ring.leaf()).to_wire();
    let mut assault = ring.assault();
    let before = resident();
    // The label's length; the items of a batch; the TBS after label and two digests.
    let head = 4 + ISSUING.len() + 32 + 32;
    let ocsp = SignOcsp {
        responder: label(RESPONDER),
        issuer: label(ISSUING),
        next_update: ring.clock.now(),
        items: OcspItems(Vec::new()),
    };
    let ocsp = ocsp.to_wire();
    let cases = [
        (Kind::SignCertificate, lie.to_vec()),
        (Kind::SignCertificate, [&labelled[..head], &lie].concat()),
        (Kind::SignOcsp, [&ocsp[..ocsp.len() - 4], &lie].concat()),
        (Kind::SignOcsp, [&ocsp[..ocsp.len() - 4], &4096_u32.to_be_bytes()].concat()),
        (Kind::Seal, lie.to_vec()),
        (Kind::SetPolicy, lie.to_vec()),
    ];
    for _ in 0..50 {
        for (kind, body) in &cases {
            let attack = ring.attack_body(socket_of(*kind), *kind, body);
            assault.refused(Rule::BodyMalformed, attack);
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} octets more");
    assault.assert_held();
}
