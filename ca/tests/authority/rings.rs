//! One server, several rings: each with its own journal and keys, one away without the others.

use std::sync::Arc;

use ca::ceremony::{self, Across, Operator};
use ca::hierarchy::{CaRequest, IssuerError};
use ca::{
    Authority, AuthorityParts, FindingKind, IssueRequest, Issued, RecoverError, RingLink,
    RingTwice, Rings, SignerReadiness,
};
use kit::{Plan, Ring};
use model::{CertificateStatus, Issuer, IssuerKind, JournalPosition, RingName};
use signer_client::{ClientOptions, SignerClient, Sockets};
use store::testing::{fresh_postgres, tamper};
use store::{Store, certificates, journal_positions, profiles};
use x509::{CrlReason, OcspErrorStatus, ocsp_error};

use crate::bench::{Bench, Shared, eventually, issuer, memory, request, rule, urls};
use crate::hierarchy::{parent, wish};
use crate::openssl::Openssl;
use crate::revoking::revoke;

fn far() -> RingName {
    RingName::new("far").expect("a name")
}

fn link(name: RingName, ring: &Ring) -> RingLink {
    let sockets = Sockets::of_server(&ring.run_dir());
    RingLink { name, signer: SignerClient::connect(sockets, ClientOptions::default()) }
}

/// A server with a ring that has the first hierarchy, and an empty one beside it.
pub struct Pair {
    pub near: Bench,
    pub far: Ring,
    pub far_operator: Operator,
}

impl Pair {
    pub async fn start() -> Self {
        Self::on(None).await
    }

    async fn on(url: Option<store::DatabaseUrl>) -> Self {
        let mut near = Bench::with(&[], url).await;
        let far = Ring::locked(Plan::default());
        far.unlock().expect("the credential unlocks");
        let sockets = Sockets::of_operator(&far.run_dir());
        let client = SignerClient::connect(sockets, ClientOptions::default());
        near.authority = open(&near.ring, &far, &near.store).await;
        let pair = Self { near, far, far_operator: Operator::from(client) };
        pair.pass(5);
        pair
    }

    fn pass(&self, seconds: i64) {
        self.near.ring.clock.pass(seconds);
        self.far.clock.pass(seconds);
    }

    pub fn authority(&self) -> &Authority {
        &self.near.authority
    }

    /// Opens another server on the same rings and database.
    pub async fn open_again(&mut self) {
        self.near.authority = open(&self.near.ring, &self.far, &self.near.store).await;
    }

    fn across(&self) -> Across<'_> {
        Across { key: &self.far_operator, parent: &self.near.operator }
    }

    fn found(&self, name: &str) -> Option<Issuer> {
        self.authority().issuers().iter().find(|i| i.name == issuer(name)).cloned()
    }

    /// Has an issuing CA made whose key is in the far ring, below the root of the near one.
    async fn make_far(&self, name: &str) -> Issuer {
        let wish = far_wish(name);
        let pending = self.authority().create_issuer(wish.clone(), "tester").await;
        let pending = pending.expect("a wish");
        assert_eq!(pending.ring, far());
        let root = parent(&self.near, "root");
        let now = self.near.now();
        ceremony::execute_across(self.across(), &wish, &root, &urls(), now).await.expect("made");
        self.authority().recover().await.expect("taken over");
        let made = self.found(name).expect("the CA");
        assert_eq!((made.id, made.state.as_str()), (pending.id, "active"));
        made
    }

    /// Issues by a CA, through a profile that names it.
    pub async fn issue_by(&self, name: &str, host: &str) -> Result<Issued, ca::IssueError> {
        self.authority().issue(by(self.authority(), name, host).await).await
    }
}

fn far_wish(name: &str) -> CaRequest {
    CaRequest { ring: Some(far()), ..wish(name, IssuerKind::Issuing, Some("root")) }
}

async fn open(near: &Ring, far_ring: &Ring, store: &Store) -> Authority {
    let rings = Rings::new(link(RingName::default(), near), [link(far(), far_ring)]);
    Authority::open(AuthorityParts {
        store: store.clone(),
        rings: rings.expect("two names"),
        clock: Arc::new(Shared(Arc::clone(&near.clock))),
        urls: urls(),
    })
    .await
    .expect("the authority opens")
}

/// Makes the profile of TLS servers for one issuer, and a request for it.
async fn by(authority: &Authority, name: &str, host: &str) -> IssueRequest {
    let profile: model::ProfileName = format!("by-{name}").parse().expect("a name");
    let store = authority.store();
    if profiles::get(store, &profile).await.expect("the database").is_none() {
        let tls = profiles::get(store, &"tls-server".parse().expect("a name")).await;
        let mut made = tls.expect("the database").expect("built in");
        made.body =
            made.body.replace("version = 1\n", &format!("version = 1\nissuer = \"{name}\"\n"));
        made.digest = x509::sha256(made.body.as_bytes());
        made.name = profile.clone();
        made.builtin = false;
        let write =
            store.write(move |tx| Box::pin(async move { profiles::insert(tx, &made).await }));
        write.await.expect("written");
        authority.reload_profiles().await.expect("read");
    }
    IssueRequest { profile, ..request(host) }
}

async fn ring_of(store: &Store, issued: &Issued) -> String {
    let id = issued.certificate.id;
    for ring in ["default", "far"] {
        let ring = RingName::new(ring).expect("a name");
        let claims = certificates::claims(store, &ring, certificates::Place::START, i64::MAX).await;
        let claims = claims.expect("the database");
        if let Some(claim) = claims.iter().find(|claim| claim.id == id.to_string()) {
            return claim.ring.clone();
        }
    }
    panic!("no row")
}

#[test]
fn refuses_two_rings_of_one_name() {
    let link = || RingLink {
        name: far(),
        signer: SignerClient::connect(Sockets::of_server("/nowhere".as_ref()), Default::default()),
    };
    let twice = Rings::new(link(), [link()]);
    assert_eq!(twice.map(drop), Err(RingTwice(far())));
}

/// The same on both engines.
async fn a_root_in_one_ring_and_an_issuing_ca_in_another(pair: Pair) {
    let made = pair.make_far("branch").await;
    assert_eq!((&made.ring, made.parent), (&far(), pair.found("root").map(|root| root.id)));
    let issued = pair.issue_by("branch", "www.corp.example").await.expect("issued");
    let near = pair.issue_by("issuing", "www.corp.example").await.expect("issued");
    assert_eq!((issued.certificate.issuer, issued.chain.len()), (made.id, 2));
    let store = &pair.near.store;
    assert_eq!(
        (ring_of(store, &issued).await.as_str(), ring_of(store, &near).await.as_str()),
        ("far", "default")
    );

    // Each change goes to the ring that has the key, and each CRL comes from there.
    for certificate in [&issued.certificate, &near.certificate] {
        let revoked = pair.authority().revoke(revoke(certificate, CrlReason::KeyCompromise)).await;
        let revoked = revoked.expect("revoked");
        assert!(matches!(revoked.status, CertificateStatus::Revoked { .. }));
    }
    let changes = |ring: &Ring| {
        let ledger = ring.ledger();
        let leaves = ledger.leaves.iter();
        leaves.filter(|(leaf, _)| leaf.event.name() == "RevocationChanged").count()
    };
    assert_eq!((changes(&pair.near.ring), changes(&pair.far)), (1, 1));
    let _jobs = pair.near.jobs().await;
    for (name, certificate) in [("branch", &issued), ("issuing", &near)] {
        let crl = pair.authority().crl(&issuer(name)).await.expect("a CRL");
        let crl = x509::Crl::parse(crl.der.as_bytes()).expect("a CRL");
        let serials: Vec<_> = crl.entries().iter().map(|entry| entry.serial).collect();
        assert_eq!(serials, [certificate.certificate.serial], "{name}");
    }
    pair.authority().recover().await.expect("taken over");
    for (ring, kit) in [(RingName::default(), &pair.near.ring), (far(), &pair.far)] {
        let position = journal_positions::get(store, &ring).await.expect("the database");
        let leaves = kit.ledger().leaves.len() as u64;
        assert!(position.0 > 0 && position.0 <= leaves, "{ring}: {position:?} of {leaves}");
    }
    let report = pair.authority().reconcile().await.expect("compared");
    assert!(report.agrees(), "{report:?}");
    assert_eq!(report.rings, [RingName::default(), far()]);
    if let Some(openssl) = Openssl::new() {
        openssl
            .verify(&issued.certificate.der, &issued.chain, pair.near.now())
            .expect("openssl verifies it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_in_one_ring_and_an_issuing_ca_in_another_on_sqlite() {
    a_root_in_one_ring_and_an_issuing_ca_in_another(Pair::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_in_one_ring_and_an_issuing_ca_in_another_on_postgresql() {
    let Some(url) = fresh_postgres().await else { return };
    a_root_in_one_ring_and_an_issuing_ca_in_another(Pair::on(Some(url)).await).await;
}

#[tokio::test]
async fn a_ceremony_across_rings_goes_on_where_it_stopped() {
    let pair = Pair::start().await;
    let wish = far_wish("branch");
    pair.authority().create_issuer(wish.clone(), "tester").await.expect("a wish");
    let root = parent(&pair.near, "root");
    let now = pair.near.now();
    // The far ring did its part, and the near one was not there.
    let stopped = ceremony::execute(&pair.far_operator, &wish, None, &urls(), now).await;
    assert!(matches!(stopped, Ok(ceremony::Executed::Request(_))));
    pair.authority().recover().await.expect("taken over");
    let waits = pair.found("branch").expect("pending");
    assert_eq!(waits.state.as_str(), "pending");
    let count = |ring: &Ring, event: &str| {
        ring.ledger().leaves.iter().filter(|(leaf, _)| leaf.event.name() == event).count()
    };
    let mut certificates = Vec::new();
    for _ in 0..2 {
        let made = ceremony::execute_across(pair.across(), &wish, &root, &urls(), now).await;
        certificates.push(made.expect("made"));
    }
    assert_eq!(certificates[0], certificates[1]);
    assert_eq!(count(&pair.far, "RequestSigned"), 1);
    // The root's own, the near issuing CA's, and this one.
    assert_eq!(count(&pair.near.ring, "AuthoritySigned"), 3);
    pair.authority().recover().await.expect("taken over");
    assert_eq!(pair.found("branch").expect("the CA").state.as_str(), "active");
}

#[tokio::test]
async fn a_ring_that_is_away_leaves_the_other_in_service() {
    let mut pair = Pair::start().await;
    pair.make_far("branch").await;
    let _jobs = pair.near.jobs().await;
    let far_leaf = pair.issue_by("branch", "a.corp.example").await.expect("issued").certificate;
    pair.far.stop();

    // Newest and away: who asks again gets the certificate by the CA that is meant.
    assert_eq!(rule(pair.authority().issue(request("b.corp.example")).await), "signer-unavailable");
    assert_eq!(rule(pair.issue_by("branch", "c.corp.example").await), "signer-unavailable");
    let revoked = pair.authority().revoke(revoke(&far_leaf, CrlReason::Superseded)).await;
    assert_eq!(rule(revoked), "signer-unavailable");
    assert_eq!(pair.near.stored(&far_leaf).await, far_leaf);

    let near_leaf = pair.issue_by("issuing", "d.corp.example").await.expect("issued").certificate;
    let revoked = pair.authority().revoke(revoke(&near_leaf, CrlReason::Superseded)).await;
    revoked.expect("revoked");
    eventually("the near CRL", async || {
        let crl = pair.authority().crl(&issuer("issuing")).await.ok()?;
        let crl = x509::Crl::parse(crl.der.as_bytes()).ok()?;
        crl.entries().iter().any(|entry| entry.serial == near_leaf.serial).then_some(())
    })
    .await;
    // The far CA's CRL stays served.
    pair.authority().crl(&issuer("branch")).await.expect("a CRL");
    let ready = pair.authority().readiness().await;
    assert!(ready.is_ready());
    let states: Vec<_> = ready
        .rings
        .iter()
        .map(|ring| (ring.name.as_str(), ring.signer == SignerReadiness::Ready, ring.issuing))
        .collect();
    assert_eq!(states, [("default", true, 1), ("far", false, 0)]);
    let compared = pair.authority().reconcile().await;
    assert!(matches!(compared, Err(RecoverError::Signer(_))));
    let standing = pair.authority().reconciliation();
    assert_eq!(standing.last.map(|last| last.rings.clone()), Some(vec![RingName::default()]));
    assert!(standing.failure.is_some());

    pair.far.try_open().expect("the ring opens");
    pair.far.unlock().expect("the credential unlocks");
    eventually("issuing by the far ring", async || {
        pair.authority().issue(request("e.corp.example")).await.ok().map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_server_that_starts_while_a_ring_is_away_serves_the_other() {
    let mut pair = Pair::start().await;
    pair.make_far("branch").await;
    pair.far.stop();
    pair.near.authority = open(&pair.near.ring, &pair.far, &pair.near.store).await;
    let jobs = pair.authority().jobs();
    assert!(pair.authority().recover().await.is_err());
    pair.issue_by("issuing", "a.corp.example").await.expect("issued");
    // Not in silence by another CA than the one that is meant.
    assert_eq!(rule(pair.authority().issue(request("b.corp.example")).await), "signer-unavailable");
    let reply = pair.authority().ocsp(&issuer("branch"), &ocsp_request()).await;
    assert_eq!(*reply.response, ocsp_error(OcspErrorStatus::TryLater));
    pair.far.try_open().expect("the ring opens");
    pair.far.unlock().expect("the credential unlocks");
    eventually("issuing by the far ring", async || {
        pair.authority().issue(request("c.corp.example")).await.ok().map(drop)
    })
    .await;
    jobs.shutdown().await;
}

/// Asks for some certificate of somebody: the answer is an error before it is looked at.
fn ocsp_request() -> Vec<u8> {
    let name = kit::name("CN=nobody");
    let key = kit::SubjectKey::new();
    let serial = x509::Serial::from_unsigned(&[9]).expect("positive");
    let id = x509::CertId::for_certificate(x509::CertIdHash::Sha1, &name, key.public(), serial);
    x509::OcspRequest { requests: vec![id], nonce: None }.encode().expect("a request")
}

#[tokio::test]
async fn a_lost_database_is_made_again_from_both_journals_in_any_order() {
    let pair = Pair::start().await;
    let made = pair.make_far("branch").await;
    let issued = pair.issue_by("branch", "a.corp.example").await.expect("issued").certificate;
    let held = pair.authority().revoke(revoke(&issued, CrlReason::CertificateHold)).await;
    held.expect("held");
    for first in [RingName::default(), far()] {
        let store = memory(&pair.near.ring).await;
        let authority = open(&pair.near.ring, &pair.far, &store).await;
        let second = if first == far() { RingName::default() } else { far() };
        let outcome = authority.recover_ring(&first).await;
        if first == far() {
            // It would be the certificate of an unknown CA, and passed over for ever.
            assert!(matches!(outcome, Err(RecoverError::IssuerElsewhere { .. })), "{outcome:?}");
        } else {
            outcome.expect("taken over");
        }
        authority.recover_ring(&second).await.expect("taken over");
        let last = authority.recover_ring(&first).await.expect("taken over");
        assert_eq!(last.skipped, 0);
        let listed = authority.issuers();
        let branch = listed.iter().find(|i| i.name == made.name).expect("the CA");
        assert_eq!((&branch.ring, &branch.state, branch.kind), (&far(), &made.state, made.kind));
        let row = certificates::get_by_serial(&store, branch.id, issued.serial).await;
        let row = row.expect("the database").expect("the certificate");
        assert!(matches!(row.status, CertificateStatus::Held { .. }), "{first}");
        assert_eq!(row.journal, issued.journal);
        let report = authority.reconcile().await.expect("compared");
        assert!(report.agrees(), "{report:?}");
    }
}

#[tokio::test]
async fn keys_of_one_label_in_two_rings_are_two_cas() {
    let pair = Pair::start().await;
    // The far ring has a first hierarchy of its own, with the same labels.
    let plan = crate::bench::plan(&[]);
    ceremony::bootstrap(&pair.far_operator, &plan, pair.near.now()).await.expect("made");
    pair.authority().recover().await.expect("taken over");
    let names: Vec<_> = pair.authority().issuers().iter().map(|i| i.name.to_string()).collect();
    assert_eq!(names, ["issuing", "issuing-far", "root", "root-far"]);
    for name in ["issuing", "issuing-far"] {
        let issued = pair.issue_by(name, "www.corp.example").await.expect("issued");
        let found = pair.found(name).expect("the CA");
        assert_eq!(issued.certificate.issuer, found.id);
        let parent =
            pair.authority().issuers().iter().find(|i| Some(i.id) == found.parent).cloned();
        assert_eq!(parent.map(|p| p.ring), Some(found.ring));
    }
    let report = pair.authority().reconcile().await.expect("compared");
    assert!(report.agrees(), "{report:?}");
}

#[tokio::test]
async fn a_row_that_names_the_wrong_ring_or_none_is_found() {
    let pair = Pair::start().await;
    pair.make_far("branch").await;
    let near = pair.issue_by("issuing", "a.corp.example").await.expect("issued").certificate;
    let gone = pair.issue_by("branch", "b.corp.example").await.expect("issued").certificate;
    pair.authority().recover().await.expect("taken over");
    let store = &pair.near.store;
    let sql = format!("UPDATE certificates SET ring = 'nowhere' WHERE id = '{}'", near.id);
    assert_eq!(tamper(store, &sql).await, 1);
    let sql = format!("DELETE FROM certificates WHERE id = '{}'", gone.id);
    assert_eq!(tamper(store, &sql).await, 1);
    pair.pass(20);
    pair.authority().recover().await.expect("taken over");
    let report = pair.authority().reconcile().await.expect("compared");
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.ring.as_str(), finding.kind, finding.repaired))
        .collect();
    assert_eq!(
        found,
        [("default", FindingKind::Differs, false), ("far", FindingKind::Missing, true)],
        "{report:?}"
    );
}

#[tokio::test]
async fn refuses_a_wish_for_a_ring_that_the_server_has_not() {
    let pair = Pair::start().await;
    let elsewhere = RingName::new("elsewhere").expect("a name");
    let wish = CaRequest { ring: Some(elsewhere.clone()), ..far_wish("branch") };
    let refused = pair.authority().create_issuer(wish, "tester").await;
    assert!(matches!(&refused, Err(IssuerError::Ring(ring)) if *ring == elsewhere), "{refused:?}");
    assert_eq!(pair.found("branch"), None);
    let none = pair.authority().recover_ring(&elsewhere).await;
    assert!(matches!(none, Err(RecoverError::NoRing(ring)) if ring == elsewhere));
    assert_eq!(
        journal_positions::get(&pair.near.store, &far()).await.expect("the database"),
        JournalPosition(0)
    );
}
