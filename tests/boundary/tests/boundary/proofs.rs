//! Evidence besides the CSR: renewals, validation records, and what only looks like them.
//!
//! Evidence is checked also where none is demanded, so most attacks come along with a request
//! that would be honest without it.

use kit::{
    DAY, Draft, ISSUING, OTHER, OTHER_NAME, Operators, Plan, Ring, SubjectKey, dns, label, name,
};
use signer_policy::OFFICER_NAMESPACE;
use signer_proto::{
    Digest, Evidence, EvidenceList, Hold, Identifier, OfficerSignature, Positions,
    RecordValidation, Renewal, Revoke, Rule, ScepMessage, SignCertificate, SignedCertificate,
    Socket, ValidationMethod,
};
use x509::{CrlReason, CsrDer, Signature};

const DEMAND: &str = "proof_of_possession = false";

fn demanding(evidence: &str) -> Ring {
    Ring::start_with(Plan::default().inside().issuing_but(DEMAND, evidence))
}

fn with(ring: &Ring, draft: &Draft, evidence: Evidence) -> SignCertificate {
    SignCertificate { evidence: EvidenceList(vec![evidence]), ..ring.order(draft) }
}

/// A certificate in force and the key that renews it.
struct Holder {
    old: SubjectKey,
    new: SubjectKey,
    position: u64,
    csr: CsrDer,
}

impl Holder {
    fn of(ring: &Ring, bend: impl FnOnce(&mut Draft)) -> Self {
        let old = SubjectKey::new();
        let mut draft = ring.leaf();
        draft.rekey(old.public());
        bend(&mut draft);
        let signed = ring.call(&ring.order(&draft)).unwrap();
        Self::after(old, &signed)
    }

    fn after(old: SubjectKey, signed: &SignedCertificate) -> Self {
        let new = SubjectKey::new();
        let csr = new.request(&name("CN=www.corp.example"), Vec::new());
        Self { old, new, position: signed.position, csr }
    }

    fn draft(&self, ring: &Ring) -> Draft {
        let mut draft = ring.leaf();
        draft.rekey(self.new.public());
        draft
    }

    fn renewal(&self) -> Renewal {
        let (scheme, signature) = self.old.sign(&Renewal::message(&self.csr));
        Renewal { renewed: self.position, csr: self.csr.clone(), scheme, signature }
    }

    fn order(&self, ring: &Ring) -> SignCertificate {
        with(ring, &self.draft(ring), Evidence::Renewal(self.renewal()))
    }
}

fn refused(ring: &Ring, call: &SignCertificate, rule: Rule) {
    ring.attack(Socket::Issue, call).assert_refused(rule);
}

#[test]
fn the_old_key_renews_and_the_journal_says_which_certificate() {
    let mut ring = demanding("evidence = [[\"possession\"], [\"renewal\"]]");
    let old = SubjectKey::new();
    let csr = old.request(&name("CN=www.corp.example"), Vec::new());
    let mut draft = ring.leaf();
    draft.rekey(old.public());
    let signs = ring.counts.signs();
    let bare = ring.call(&ring.order(&draft)).unwrap_err();
    assert_eq!((bare.rule, ring.counts.signs()), (Rule::EvidenceMissing, signs));
    let first = ring.call(&with(&ring, &draft, Evidence::Request(csr))).unwrap();

    let holder = Holder::after(old, &first);
    let order = holder.order(&ring);
    let second = ring.call(&order).unwrap();
    ring.restart();
    let again = ring.call(&order).unwrap();
    assert!(again.replayed && again.position == second.position);
    let ledger = ring.ledger();
    let (_, signed) = ledger.certificates().last().unwrap();
    let record = signed.evidence.0[0];
    assert_eq!((record.kind, &record.digest.0[24..]), (3, &first.position.to_be_bytes()[..]));
}

#[test]
fn refuses_a_renewal_by_a_revoked_certificate() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    let draft = holder.draft(&ring);
    let serial =
        *ring.ledger().certificates().last().map(|(_, signed)| serial(signed)).as_ref().unwrap();
    let reason = CrlReason::KeyCompromise;
    ring.call(&Revoke { key: label(ISSUING), serial, reason, invalidity: None }).unwrap();
    let call = with(&ring, &draft, Evidence::Renewal(holder.renewal()));
    refused(&ring, &call, Rule::RenewalRefused);
}

fn serial(signed: &signer_proto::CertificateSigned) -> x509::Serial {
    x509::TbsCertificate::parse(signed.tbs.as_bytes()).unwrap().serial
}

#[test]
fn refuses_a_renewal_by_a_certificate_on_hold() {
    let ring = Ring::start_with(Plan::default().issuing_but("hold = false", "hold = true"));
    let holder = Holder::of(&ring, |_| {});
    let draft = holder.draft(&ring);
    let serial = ring.ledger().certificates().last().map(|(_, signed)| serial(signed)).unwrap();
    ring.call(&Hold { key: label(ISSUING), serial }).unwrap();
    let call = with(&ring, &draft, Evidence::Renewal(holder.renewal()));
    refused(&ring, &call, Rule::RenewalRefused);
}

#[test]
fn refuses_a_renewal_by_an_expired_certificate() {
    let ring = Ring::inside();
    let holder = Holder::of(&ring, |draft| draft.not_after = draft.not_before.plus_seconds(600));
    ring.clock.pass(3_600);
    refused(&ring, &holder.order(&ring), Rule::RenewalRefused);
}

#[test]
fn refuses_a_renewal_by_a_certificate_of_other_names() {
    let ring = Ring::start();
    let names =
        Holder::of(&ring, |draft| draft.names(vec![dns("www.corp.example"), dns("corp.example")]));
    refused(&ring, &names.order(&ring), Rule::RenewalRefused);
    let subject = Holder::of(&ring, |draft| draft.subject = name("CN=www.corp.example,O=Corp"));
    refused(&ring, &subject.order(&ring), Rule::RenewalRefused);
}

#[test]
fn refuses_a_renewal_by_a_certificate_of_another_issuer() {
    let ring = Ring::start();
    let old = SubjectKey::new();
    let mut draft = ring.leaf_of(OTHER, OTHER_NAME);
    draft.rekey(old.public());
    let order =
        SignCertificate { key: label(OTHER), policy: ring.policy(OTHER), ..ring.order(&draft) };
    let holder = Holder::after(old, &ring.call(&order).unwrap());
    refused(&ring, &holder.order(&ring), Rule::RenewalRefused);
}

#[test]
fn refuses_a_renewal_over_another_csr() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    let other = holder.new.request(&name("CN=another"), Vec::new());
    let (scheme, signature) = holder.old.sign(&Renewal::message(&other));
    let renewal = Renewal { scheme, signature, ..holder.renewal() };
    refused(
        &ring,
        &with(&ring, &holder.draft(&ring), Evidence::Renewal(renewal)),
        Rule::RenewalRefused,
    );
}

#[test]
fn refuses_a_renewal_that_the_new_key_signed() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    let (scheme, signature) = holder.new.sign(&Renewal::message(&holder.csr));
    let renewal = Renewal { scheme, signature, ..holder.renewal() };
    refused(
        &ring,
        &with(&ring, &holder.draft(&ring), Evidence::Renewal(renewal)),
        Rule::RenewalRefused,
    );
}

#[test]
fn refuses_a_renewal_whose_signature_is_for_something_else() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    let digest = x509::sha256(holder.csr.as_bytes());
    for message in [holder.csr.as_bytes().to_vec(), digest.to_vec(), Vec::new()] {
        let (scheme, signature) = holder.old.sign(&message);
        let renewal = Renewal { scheme, signature, ..holder.renewal() };
        let call = with(&ring, &holder.draft(&ring), Evidence::Renewal(renewal));
        refused(&ring, &call, Rule::RenewalRefused);
    }
    let renewal = Renewal { signature: Signature::from_vec(Vec::new()), ..holder.renewal() };
    refused(
        &ring,
        &with(&ring, &holder.draft(&ring), Evidence::Renewal(renewal)),
        Rule::RenewalRefused,
    );
}

#[test]
fn refuses_a_renewal_for_another_key_than_the_csrs() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    let call = with(&ring, &ring.leaf(), Evidence::Renewal(holder.renewal()));
    refused(&ring, &call, Rule::ProofOfPossessionRefused);
}

#[test]
fn refuses_a_renewal_of_what_is_no_certificate() {
    let ring = Ring::start();
    let holder = Holder::of(&ring, |_| {});
    for renewed in [0, 1, u64::MAX] {
        let renewal = Renewal { renewed, ..holder.renewal() };
        let call = with(&ring, &holder.draft(&ring), Evidence::Renewal(renewal));
        refused(&ring, &call, Rule::RenewalRefused);
    }
}

#[test]
fn refuses_a_scep_message_that_nobody_here_opens() {
    let ring = Ring::start();
    let message = Evidence::ScepRenewal(ScepMessage(vec![0x30, 0x00]));
    let refusal = ring
        .attack(Socket::Issue, &with(&ring, &ring.leaf(), message))
        .assert_refused(Rule::RenewalRefused);
    assert!(refusal.detail.contains("scep key"), "{refusal}");
}

fn validated(identifier: &str, method: ValidationMethod) -> RecordValidation {
    let identifier = match identifier.parse() {
        Ok(address) => Identifier::ip(address).unwrap(),
        Err(_) => Identifier::dns(identifier).unwrap(),
    };
    RecordValidation { identifier, method, account: Digest([0x44; 32]) }
}

/// A leaf whose only name has a record, if any has.
fn www(ring: &Ring) -> Draft {
    let mut draft = ring.leaf();
    draft.host("www.corp.example");
    draft
}

fn records(positions: &[u64]) -> Evidence {
    Evidence::Validation(Positions(positions.to_vec()))
}

#[test]
fn refuses_a_validation_record_written_through_another_socket() {
    let ring = Ring::start();
    let call = validated("www.corp.example", ValidationMethod::Http01);
    for socket in [Socket::Issue, Socket::Status, Socket::Admin] {
        ring.attack(socket, &call).assert_refused(Rule::KindNotPermitted);
    }
}

#[test]
fn refuses_a_dns_record_of_an_address() {
    let ring = Ring::start();
    let call = validated("10.0.0.1", ValidationMethod::Dns01);
    ring.attack(Socket::Va, &call).assert_refused(Rule::FieldMalformed);
}

#[test]
fn fresh_records_of_every_name_are_enough_also_after_a_restart() {
    let mut ring = demanding("evidence = [[\"validation\"]]\nvalidation_max_age = \"1h\"");
    let signs = ring.counts.signs();
    let bare = ring.call(&ring.order(&www(&ring))).unwrap_err();
    assert_eq!((bare.rule, ring.counts.signs()), (Rule::EvidenceMissing, signs));
    let record = ring.call(&validated("WWW.corp.example", ValidationMethod::Http01)).unwrap();
    let order = with(&ring, &www(&ring), records(&[record.position]));
    let signed = ring.call(&order).unwrap();
    ring.restart();
    ring.call(&with(&ring, &www(&ring), records(&[record.position]))).unwrap();
    assert_eq!(ring.call(&order).unwrap().position, signed.position);

    ring.clock.pass(3_601);
    let signs = ring.counts.signs();
    let stale = ring.call(&with(&ring, &www(&ring), records(&[record.position]))).unwrap_err();
    assert_eq!((stale.rule, ring.counts.signs()), (Rule::ValidationRefused, signs));
    ring.await_refused(Rule::ValidationRefused, 1);
}

#[test]
fn refuses_a_stale_validation_record() {
    let ring = Ring::inside();
    let record = ring.call(&validated("www.corp.example", ValidationMethod::Http01)).unwrap();
    // Days pass slowly: a clock that jumps a month is not believed.
    ring.clock.pass(20 * DAY);
    let _ = ring.issue();
    ring.clock.pass(10 * DAY + 60);
    let call = with(&ring, &www(&ring), records(&[record.position]));
    refused(&ring, &call, Rule::ValidationRefused);
}

#[test]
fn refuses_validation_records_of_other_names() {
    let ring = Ring::start();
    let record = |name, method| ring.call(&validated(name, method)).unwrap().position;
    let other = record("corp.example", ValidationMethod::Dns01);
    let below = record("a.www.corp.example", ValidationMethod::Dns01);
    refused(&ring, &with(&ring, &www(&ring), records(&[other, below])), Rule::ValidationRefused);
    let own = record("www.corp.example", ValidationMethod::Http01);
    let mut more = www(&ring);
    more.names(vec![dns("www.corp.example"), dns("bank.corp.example")]);
    refused(&ring, &with(&ring, &more, records(&[own])), Rule::ValidationRefused);
    let mut mail = www(&ring);
    mail.names(vec![dns("www.corp.example"), kit::email("ann@corp.example")]);
    refused(&ring, &with(&ring, &mail, records(&[own])), Rule::ValidationRefused);
}

#[test]
fn refuses_validation_records_of_several_accounts() {
    let ring = Ring::start();
    let own = ring.call(&validated("www.corp.example", ValidationMethod::Http01)).unwrap();
    let mut other = validated("mail.corp.example", ValidationMethod::Http01);
    other.account = Digest([0x45; 32]);
    let other = ring.call(&other).unwrap();
    let mut both = ring.leaf();
    both.names(vec![dns("www.corp.example"), dns("mail.corp.example")]);
    let mixed = records(&[own.position, other.position]);
    refused(&ring, &with(&ring, &both, mixed), Rule::ValidationRefused);
    // The twin: the same names, all of one account.
    let again = ring.call(&validated("mail.corp.example", ValidationMethod::Http01)).unwrap();
    let mut both = ring.leaf();
    both.names(vec![dns("www.corp.example"), dns("mail.corp.example")]);
    ring.call(&with(&ring, &both, records(&[own.position, again.position]))).unwrap();
}

#[test]
fn refuses_a_wildcard_that_only_a_file_was_shown_for() {
    let ring = Ring::start();
    let base = ring.call(&validated("dev.corp.example", ValidationMethod::Http01)).unwrap();
    let mut wildcard = ring.leaf();
    wildcard.host("*.dev.corp.example");
    refused(&ring, &with(&ring, &wildcard, records(&[base.position])), Rule::ValidationRefused);
    let base = ring.call(&validated("dev.corp.example", ValidationMethod::Dns01)).unwrap();
    let mut wildcard = ring.leaf();
    wildcard.host("*.dev.corp.example");
    ring.call(&with(&ring, &wildcard, records(&[base.position]))).unwrap();
}

#[test]
fn refuses_positions_that_record_no_validation() {
    let ring = Ring::start();
    let _ = ring.issue();
    for positions in [vec![], vec![0], vec![1], vec![u64::MAX]] {
        let call = with(&ring, &www(&ring), records(&positions));
        refused(&ring, &call, Rule::ValidationRefused);
    }
}

/// A ring whose certificates each need a signature by ann.
fn ring_of_an_officer(officers: &Operators) -> Ring {
    let keys = format!("[officers]\nkeys = [\"{}\"]\n\n[crl]", officers.line("ann").0);
    let plan = Plan::default().inside().issuing_but("[crl]", &keys);
    Ring::start_with(plan.issuing_but(DEMAND, "evidence = [[\"officer\"]]"))
}

fn summary(draft: &Draft) -> String {
    let tbs = x509::TbsCertificate::parse(draft.tbs().as_bytes()).unwrap();
    signer_policy::certificate_summary(&tbs).unwrap()
}

fn signed_by(officers: &Operators, who: &str, namespace: &str, text: &str) -> Evidence {
    Evidence::Officer(OfficerSignature(officers.sign_for(who, text, namespace).0))
}

#[test]
fn an_officer_signs_with_ssh_keygen_for_one_certificate_only() {
    let Some(officers) = Operators::found(&[("ann", "ed25519"), ("bob", "ecdsa-256")]) else {
        return;
    };
    let ring = ring_of_an_officer(&officers);
    let (draft, other) = (ring.leaf(), ring.leaf());
    let text = summary(&draft);
    let signs = ring.counts.signs();
    let namespace = OFFICER_NAMESPACE;
    for (draft, evidence) in [
        (&other, signed_by(&officers, "ann", namespace, &text)),
        (&draft, signed_by(&officers, "ann", "chancery/quorum/v1", &text)),
        (&draft, signed_by(&officers, "bob", namespace, &text)),
        (&draft, Evidence::Officer(OfficerSignature(Vec::new()))),
    ] {
        let refusal = ring.call(&with(&ring, draft, evidence)).unwrap_err();
        assert_eq!(refusal.rule, Rule::OfficerRefused, "{refusal}");
    }
    let bare = ring.call(&ring.order(&draft)).unwrap_err();
    assert_eq!((bare.rule, ring.counts.signs()), (Rule::EvidenceMissing, signs));
    assert_eq!(ring.ledger().certificates().count(), 0);
    ring.await_refused(Rule::OfficerRefused, 4);
    ring.call(&with(&ring, &draft, signed_by(&officers, "ann", namespace, &text))).unwrap();
    assert_eq!(ring.ledger().certificates().next().unwrap().1.evidence.0[0].kind, 5);
}

#[test]
fn refuses_an_officer_that_nobody_named() {
    let Some(officers) = Operators::found(&[("ann", "ed25519")]) else { return };
    let ring = Ring::start();
    let draft = ring.leaf();
    let evidence = signed_by(&officers, "ann", OFFICER_NAMESPACE, &summary(&draft));
    refused(&ring, &with(&ring, &draft, evidence), Rule::OfficerRefused);
}

#[test]
fn refuses_one_officer_where_two_must_sign() {
    let people = [("ann", "ed25519"), ("ann2", "ecdsa-256"), ("bob", "ed25519")];
    let Some(officers) = Operators::found(&people) else { return };
    // ann has two keys of one name.
    let lines = ["ann", "ann2", "bob"].map(|who| {
        let line = officers.line(who).0;
        format!("\"{}\"", line.replace(" ann2", " Ann"))
    });
    let section = format!("[officers]\nkeys = [{}]\nthreshold = 2\n\n[crl]", lines.join(", "));
    let plan = Plan::default().inside().issuing_but("[crl]", &section);
    let ring = Ring::start_with(plan.issuing_but(DEMAND, "evidence = [[\"officer\"]]"));
    let draft = ring.leaf();
    let text = summary(&draft);
    let by = |who: &[&str]| {
        let signed = who.iter().map(|who| signed_by(&officers, who, OFFICER_NAMESPACE, &text));
        let evidence = EvidenceList(signed.collect());
        SignCertificate { evidence, ..ring.order(&draft) }
    };
    let signs = ring.counts.signs();
    for short in [&["ann"][..], &["ann", "ann"], &["ann", "ann2"]] {
        let refusal = ring.call(&by(short)).unwrap_err();
        assert_eq!(refusal.rule, Rule::EvidenceMissing, "{short:?}: {refusal}");
    }
    assert_eq!((ring.counts.signs(), ring.ledger().certificates().count()), (signs, 0));
    ring.await_refused(Rule::EvidenceMissing, 3);
    ring.call(&by(&["ann2", "bob"])).unwrap();
}
