//! The server's own certificate, from the CA that it serves.

use std::sync::Arc;

use chancery_server::config::Tls;
use chancery_server::tls::{OwnCertificate, Renewal, Resolver};
use model::Role;
use serde_json::json;
use x509::GeneralName;

use crate::bench::Bench;

fn wish(directory: &std::path::Path, names: &[&str]) -> Tls {
    let names = names.iter().map(|name| GeneralName::Dns((*name).into()));
    Tls {
        directory: directory.to_owned(),
        names: names.collect(),
        profile: "tls-server".parse().expect("a name"),
    }
}

fn shown(directory: &std::path::Path) -> OwnCertificate {
    OwnCertificate::load(directory).expect("tls.pem")
}

#[tokio::test]
async fn is_issued_once_and_again_when_it_is_due() {
    let bench = Bench::with_signer().await;
    let folder = tempfile::tempdir().expect("a folder");
    let open = |names: &[&str]| {
        let wish = wish(folder.path(), names);
        Renewal::take_up(bench.state.authority.clone(), wish, Arc::new(Resolver::default()))
            .expect("a key")
    };
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
    let open = |bench: &Bench| {
        let wish = wish(folder.path(), &["localhost"]);
        let resolver = Arc::new(Resolver::default());
        Renewal::take_up(bench.state.authority.clone(), wish, resolver).expect("a key")
    };
    open(&bench).renew_if_due().await.expect("issued");
    bench.ring.as_mut().expect("a ring").stop();
    let mut renewal = open(&bench);
    assert!(renewal.has_certificate());
    renewal.renew_if_due().await.expect("nothing to do");
}
