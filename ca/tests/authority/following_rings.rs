//! OCSP by a ring that follows the one that has the CA's key: the server couriers, and is not believed.

use std::time::{Duration, Instant};

use ca::hierarchy::AuthorityPolicy;
use signer_client::SignerClient;
use signer_proto::{
    Event, Follow, GenerateKey, KeyLabel, KeySpec, LeafBytes, PolicyText, Purpose, ReadPolicy,
    SetPolicy, Warrant,
};
use x509::{
    CertId, CertIdHash, CertStatus, Certificate, CrlReason, OcspBasicResponse, OcspErrorStatus,
    OcspRequest, OcspResponse, PublicKey, SignatureScheme,
};

use crate::bench::{eventually, issuer};
use crate::revoking::revoke;
use crate::rings::Pair;

/// The label of the responder's key in the ring that follows.
const AWAY: &str = "issuing.away";

fn label(text: &str) -> KeyLabel {
    KeyLabel::new(text).expect("a label")
}

async fn set_policy(operator: &ca::ceremony::Operator, key: &str, text: String) {
    let described = operator.describe().await.expect("a description");
    let known = described.keys.0.iter().find(|described| described.label.as_str() == key);
    let call = SetPolicy {
        key: label(key),
        previous: known.expect("the key").policy.map(|policy| policy.digest),
        text: PolicyText(text),
        warrant: Warrant::none(),
    };
    operator.act(call).await.expect("in force");
}

async fn policy(client: &SignerClient, key: &str) -> String {
    client.read_policy(&ReadPolicy { key: label(key) }).await.expect("a policy").text.0
}

/// Has the far ring follow the near one, with a responder for its issuing CA; gives its key.
async fn follow(pair: &Pair) -> PublicKey {
    let genesis = pair.near.ring.ledger().leaves[0].1.clone();
    let call = Follow { genesis: LeafBytes(genesis), warrant: Warrant::none() };
    pair.far_operator.act(call).await.expect("it follows");
    let call = GenerateKey {
        label: label(AWAY),
        purpose: Purpose::Ocsp,
        spec: KeySpec::P256,
        warrant: Warrant::none(),
    };
    let (_, made) = pair.far_operator.act(call).await.expect("a key");
    let key = PublicKey::parse(made.spki.expect("public").as_bytes()).expect("a key");
    let issuing = Certificate::parse(pair.near.made.issuing.as_bytes()).expect("strict");
    let rules = AuthorityPolicy {
        scheme: SignatureScheme::EcdsaP256Sha256,
        issuer: issuing.tbs().subject.der().clone(),
        issuer_not_after: issuing.tbs().not_after,
        imported: false,
    };
    let instance = pair.near.operator.describe().await.expect("a description").instance;
    let text = rules.responder("issuing", SignatureScheme::EcdsaP256Sha256);
    set_policy(&pair.far_operator, AWAY, format!("{text}issuer_ring = \"{instance}\"\n")).await;
    key
}

/// Has the policy of the issuing CA admit the far responder.
async fn pin(pair: &Pair, key: &PublicKey) {
    let digest: String = key.spki_sha256().iter().map(|octet| format!("{octet:02x}")).collect();
    let text = policy(&pair.near.operator, "issuing").await;
    let pinned = text.replace("responders = []", &format!("responders = [\"{digest}\"]"));
    assert_ne!(pinned, text);
    set_policy(&pair.near.operator, "issuing", pinned).await;
}

async fn ask(pair: &Pair, serial: x509::Serial) -> Result<OcspBasicResponse, OcspErrorStatus> {
    let issuing = Certificate::parse(pair.near.made.issuing.as_bytes()).expect("strict");
    let tbs = issuing.tbs();
    let id = CertId::for_certificate(CertIdHash::Sha1, &tbs.subject, &tbs.public_key, serial);
    let request = OcspRequest { requests: vec![id], nonce: None }.encode().expect("encodes");
    let reply = pair.authority().ocsp(&issuer("issuing"), &request).await;
    match OcspResponse::parse(reply.response.as_bytes()).expect("a response") {
        OcspResponse::Successful(basic) => Ok(basic),
        OcspResponse::Error(status) => Err(status),
    }
}

/// Waits until the far key signs that a certificate is good.
async fn answered_by(pair: &Pair, key: &PublicKey, serial: x509::Serial) {
    eventually("the follower answers", async || {
        let basic = ask(pair, serial).await.ok()?;
        basic.verify_by(key).ok()?;
        (basic.data.responses[0].status == CertStatus::Good).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_answers_and_knows_of_a_revocation_within_a_second() {
    let mut pair = Pair::start().await;
    let key = follow(&pair).await;
    let issued = pair.issue_by("issuing", "a.corp.example").await.expect("issued").certificate;
    let jobs = pair.near.jobs().await;
    pair.authority().reload_issuers().await.expect("read");
    // Not admitted by the CA's policy: the ring's own responder answers.
    let basic = ask(&pair, issued.serial).await.expect("signed");
    assert!(basic.verify_by(&key).is_err());
    pin(&pair, &key).await;
    answered_by(&pair, &key, issued.serial).await;
    let held = pair.authority().issuers();
    let held = held.iter().find(|i| i.name == issuer("issuing")).and_then(|i| i.responder.clone());
    assert_eq!(
        held.map(|held| (held.ring.to_string(), held.key_label)),
        Some(("far".into(), AWAY.into()))
    );

    let later = pair.issue_by("issuing", "b.corp.example").await.expect("issued").certificate;
    answered_by(&pair, &key, later.serial).await;
    let begun = Instant::now();
    pair.authority().revoke(revoke(&issued, CrlReason::KeyCompromise)).await.expect("revoked");
    loop {
        let basic = ask(&pair, issued.serial).await.expect("signed");
        basic.verify_by(&key).expect("by the follower");
        if matches!(basic.data.responses[0].status, CertStatus::Revoked { .. }) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it never knows");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("revoked, and so told by the follower after {:?}", begun.elapsed());
    // On two busy cores of a test; the budget is a second.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let followed = |event: &Event| matches!(event, Event::FollowedRead(_));
    let count = pair.far.ledger().leaves.iter().filter(|(leaf, _)| followed(&leaf.event)).count();
    assert!(count > 0);

    // The follower away: nobody answers in its place, and the CA's ring goes on.
    pair.far.stop();
    let fresh = pair.issue_by("issuing", "c.corp.example").await.expect("issued").certificate;
    assert_eq!(ask(&pair, fresh.serial).await.err(), Some(OcspErrorStatus::TryLater));
    pair.far.try_open().expect("the ring opens");
    pair.far.unlock().expect("the credential unlocks");
    answered_by(&pair, &key, fresh.serial).await;
    jobs.shutdown().await;

    // Another server goes on where the follower is.
    pair.open_again().await;
    let _jobs = pair.authority().jobs();
    let last = pair.issue_by("issuing", "d.corp.example").await.expect("issued").certificate;
    answered_by(&pair, &key, last.serial).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rings_that_follow_each_other_fall_silent() {
    let pair = Pair::start().await;
    let key = follow(&pair).await;
    pin(&pair, &key).await;
    let call = Follow {
        genesis: LeafBytes(pair.far.ledger().leaves[0].1.clone()),
        warrant: Warrant::none(),
    };
    pair.near.operator.act(call).await.expect("it follows");
    let _jobs = pair.near.jobs().await;
    let issued = pair.issue_by("issuing", "a.corp.example").await.expect("issued").certificate;
    answered_by(&pair, &key, issued.serial).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = (pair.near.ring.ledger().leaves.len(), pair.far.ledger().leaves.len());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = (pair.near.ring.ledger().leaves.len(), pair.far.ledger().leaves.len());
    assert_eq!(before, after);
}
