//! The server's own certificate, from the CA that it serves.

use std::sync::Arc;

use chancery_server::config::Tls;
use chancery_server::tls::{OwnCertificate, Renewal, RenewalError, Resolver};
use model::Role;
use serde_json::json;
use signer_proto::KeyLabel;
use x509::GeneralName;

use crate::bench::Bench;
use crate::tls::way;

fn wish(directory: &std::path::Path, names: &[&str]) -> Tls {
    let names = names.iter().map(|name| GeneralName::Dns((*name).into()));
    Tls {
        directory: directory.to_owned(),
        key: KeyLabel::new(ca::TLS_KEY).expect("a label"),
        names: names.collect(),
        profile: "tls-server".parse().expect("a name"),
    }
}

fn take_up(bench: &Bench, wish: Tls) -> Renewal {
    let run = bench.ring.as_ref().expect("a ring").run_dir();
    let way = way(&run, wish.key.as_str());
    Renewal::take_up(bench.state.authority.clone(), wish, way, Arc::new(Resolver::default()))
}

fn shown(directory: &std::path::Path) -> OwnCertificate {
    OwnCertificate::load(directory).expect("tls.pem")
}

#[tokio::test]
async fn is_issued_once_and_again_when_it_is_due() {
    let bench = Bench::with_signer().await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = |names: &[&str]| take_up(&bench, wish(folder.path(), names));
    let mut renewal = open(&["localhost"]);
    assert!(!renewal.has_certificate());
    renewal.renew_if_due().await.expect("issued");
    let first = shown(folder.path());
    renewal.renew_if_due().await.expect("nothing to do");
    assert_eq!(shown(folder.path()), first);

    // A restart takes it up.
    let mut again = open(&["localhost"]);
    assert!(again.has_certificate());
    again.renew_if_due().await.expect("nothing to do");
    assert_eq!(shown(folder.path()), first);

    // Revoked by an operator.
    let list = format!("/api/v1/certificates?serial={}", first.serial());
    let list = bench.get(Role::Viewer, &list).await.json();
    let id = list["items"][0]["id"].as_str().expect("an id");
    let revoke = format!("/api/v1/certificates/{id}/revoke");
    bench.post(Role::Operator, &revoke, json!({})).await;
    again.renew_if_due().await.expect("issued");
    let second = shown(folder.path());
    assert_ne!(second.serial(), first.serial());

    // Another name in the configuration; the old certificate is shown until the new one is there.
    let mut renamed = open(&["pki.corp.example"]);
    assert!(renamed.has_certificate());
    renamed.renew_if_due().await.expect("issued");
    let third = shown(folder.path());
    assert_ne!(third.serial(), second.serial());

    // Two thirds of its time.
    bench.ring.as_ref().expect("a ring").clock.pass(61 * 86_400);
    renamed.renew_if_due().await.expect("issued");
    assert_ne!(shown(folder.path()).serial(), third.serial());
}

#[tokio::test]
async fn a_good_one_is_shown_though_the_signer_is_away() {
    let mut bench = Bench::with_signer().await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = |bench: &Bench| take_up(bench, wish(folder.path(), &["localhost"]));
    open(&bench).renew_if_due().await.expect("issued");
    bench.ring.as_mut().expect("a ring").stop();
    let mut renewal = open(&bench);
    assert!(renewal.has_certificate());
    renewal.renew_if_due().await.expect("nothing to do");
}

#[tokio::test]
async fn a_key_that_lay_in_a_file_is_removed_and_the_rings_is_certified() {
    let bench = Bench::with_signer().await;
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("tls.key");
    std::fs::write(&old, "-----BEGIN PRIVATE KEY-----").expect("written");
    let mut renewal = take_up(&bench, wish(folder.path(), &["localhost"]));
    assert!(!old.exists());
    renewal.renew_if_due().await.expect("issued");
    let key = bench.ring.as_ref().expect("a ring").public(ca::TLS_KEY);
    assert_eq!(shown(folder.path()).public_key(), &key);
}

#[tokio::test]
async fn refuses_to_be_certified_without_a_tls_key_in_the_ring() {
    let bench = Bench::with_signer().await;
    let folder = tempfile::tempdir().expect("a folder");
    // A CA's key is there, and is none for TLS.
    for label in ["nobodys", "issuing"] {
        let key = KeyLabel::new(label).expect("a label");
        let mut renewal = take_up(&bench, Tls { key, ..wish(folder.path(), &["localhost"]) });
        let refused = renewal.renew_if_due().await;
        assert!(matches!(refused, Err(RenewalError::NoKey(_))), "{refused:?}");
        assert!(!renewal.has_certificate());
    }
}

#[tokio::test]
async fn a_name_that_operators_did_not_list_for_the_tls_key_is_refused() {
    let bench = Bench::with_signer().await;
    let ring = bench.ring.as_ref().expect("a ring");
    let folder = tempfile::tempdir().expect("a folder");
    let pinned = ca::hierarchy::tls_policy(
        x509::SignatureScheme::EcdsaP256Sha256,
        &["localhost".to_owned()],
    );
    ring.set_policy(ca::TLS_KEY, &pinned);
    take_up(&bench, wish(folder.path(), &["localhost"])).renew_if_due().await.expect("issued");
    let own = shown(folder.path());
    let other = take_up(&bench, wish(folder.path(), &["bank.example"])).renew_if_due().await;
    let Err(RenewalError::Issue(ca::IssueError::Refused(refusal))) = other else {
        panic!("{other:?}");
    };
    assert_eq!(refusal.rule, signer_proto::Rule::NameNotPermitted);
    assert_eq!(shown(folder.path()), own);
}
