//! CAs: wished for by the API, executed by an operator, taken over from the journal.

use ca::OwnWish;
use ca::ceremony::{self, CeremonyError, Executed, Parent, Renewal};
use ca::hierarchy::{CaRequest, IssuerError};
use ca::profile::Seconds;
use model::{Issuer, IssuerKind, IssuerState};
use signer_proto::KeyLabel;
use x509::{CertificateDer, ForeignCertificate, GeneralName};

use crate::bench::{Bench, issuer, request, rule, urls};
use crate::openssl::Openssl;

pub fn wish(name: &str, kind: IssuerKind, parent: Option<&str>) -> CaRequest {
    CaRequest {
        version: 1,
        name: issuer(name),
        kind,
        parent: parent.map(issuer),
        ring: None,
        subject: format!("CN={name} CA,O=Corp"),
        key: "p-256".into(),
        validity: Seconds::days(700),
        path_len: None,
        constraints: vec![],
        names: vec![],
        leaf_validity: Seconds::days(90),
    }
}

fn found(bench: &Bench, name: &str) -> Issuer {
    let issuers = bench.authority.issuers();
    issuers.iter().find(|i| i.name == issuer(name)).cloned().expect("the issuer")
}

pub fn certificate(of: &Issuer) -> CertificateDer {
    of.state.certificate().expect("it has its certificate").certificate.clone()
}

pub fn parent(bench: &Bench, name: &str) -> Parent {
    let above = found(bench, name);
    Parent {
        name: above.name.clone(),
        key_label: above.key_label.clone(),
        certificate: certificate(&above),
    }
}

/// Wishes, executes and takes over.
async fn make(bench: &Bench, wish: CaRequest) -> Issuer {
    let pending = bench.authority.create_issuer(wish.clone(), "tester").await.expect("a wish");
    assert_eq!(pending.state.as_str(), "pending");
    let above = wish.parent.as_ref().map(|name| parent(bench, name.as_str()));
    let now = bench.now();
    ceremony::execute(&bench.operator, &wish, above.as_ref(), &urls(), now)
        .await
        .expect("executed");
    bench.authority.recover().await.expect("taken over");
    let made = found(bench, wish.name.as_str());
    assert_eq!((made.id, made.state.as_str()), (pending.id, "active"));
    made
}

#[tokio::test]
async fn a_hierarchy_of_three_levels_issues_and_openssl_verifies_it() {
    let bench = Bench::start().await;
    make(&bench, wish("deep-root", IssuerKind::Root, None)).await;
    make(&bench, wish("region", IssuerKind::Intermediate, Some("deep-root"))).await;
    let constrained = CaRequest {
        constraints: vec!["corp.example".into()],
        names: vec!["corp.example".into()],
        ..wish("web", IssuerKind::Issuing, Some("region"))
    };
    bench.ring.clock.pass(5);
    let web = make(&bench, constrained).await;
    assert!(web.is_issuing && web.kind == IssuerKind::Issuing);
    // It is the newest issuing CA.
    let issued = bench.issue("www.corp.example").await;
    assert_eq!(issued.certificate.issuer, web.id);
    assert_eq!(issued.chain.len(), 3);
    let Some(openssl) = Openssl::new() else {
        return;
    };
    openssl
        .verify(&issued.certificate.der, &issued.chain, bench.now())
        .expect("openssl verifies it");
}

#[tokio::test]
async fn a_new_ca_with_narrow_names_leaves_the_servers_own_certificate_to_the_older() {
    let bench = Bench::start().await;
    bench.ring.clock.pass(5);
    let narrow = CaRequest {
        names: vec!["corp.example".into()],
        ..wish("narrow", IssuerKind::Issuing, Some("root"))
    };
    let newest = make(&bench, narrow).await;
    let refused = bench.authority.issue(request("localhost")).await;
    assert_eq!(rule(refused), "name-not-permitted");
    let key = KeyLabel::new(ca::TLS_KEY).expect("a label");
    let key = bench.authority.tls_key(&key).await.expect("an answer").expect("the key");
    let own = async |name: &str| {
        let profile = "tls-server".parse().expect("a name");
        let names = [GeneralName::Dns(name.to_owned())];
        let wish = OwnWish { profile: &profile, key: &key, names: &names };
        bench.authority.issue_for_itself(&wish).await.expect("issued").certificate
    };
    let issued = own("localhost").await;
    assert_eq!(issued.issuer, found(&bench, "issuing").id);
    assert_eq!(issued.spki_sha256, key.spki_sha256());
    assert_eq!(own("a.corp.example").await.issuer, newest.id);
}

#[tokio::test]
async fn executing_twice_makes_nothing_new() {
    let bench = Bench::start().await;
    let asked = wish("web", IssuerKind::Issuing, Some("root"));
    let made = make(&bench, asked.clone()).await;
    let leaves = bench.ring.ledger().leaves.len();
    let above = parent(&bench, "root");
    let again =
        ceremony::execute(&bench.operator, &asked, Some(&above), &urls(), bench.now()).await;
    assert_eq!(again.expect("it is there"), Executed::Signed(certificate(&made)));
    assert_eq!(bench.ring.ledger().leaves.len(), leaves);
}

#[tokio::test]
async fn refuses_what_does_not_fit_below_the_parent() {
    let bench = Bench::start().await;
    let narrow = CaRequest {
        constraints: vec!["corp.example".into()],
        path_len: Some(1),
        ..wish("narrow", IssuerKind::Root, None)
    };
    make(&bench, narrow).await;
    let wide = CaRequest {
        constraints: vec!["example".into()],
        ..wish("a", IssuerKind::Issuing, Some("narrow"))
    };
    let cases = [
        (wide, "constraints-widened"),
        (wish("b", IssuerKind::Intermediate, Some("narrow")), "path-length"),
        (wish("c", IssuerKind::Issuing, Some("issuing")), "parent-unsuitable"),
        (wish("d", IssuerKind::Issuing, Some("nobody")), "parent-unsuitable"),
        (wish("root", IssuerKind::Root, None), "issuer-exists"),
        (wish("e", IssuerKind::Root, Some("root")), "ca-request-malformed"),
    ];
    for (asked, expected) in cases {
        let refused = bench.authority.create_issuer(asked, "tester").await;
        assert_eq!(refused.expect_err("refused").rule(), expected);
    }
}

#[tokio::test]
async fn renewal_keeps_the_key_and_moves_the_end() {
    let bench = Bench::start().await;
    let (old_root, old) = (found(&bench, "root"), found(&bench, "issuing"));
    let before = bench.issue("a.corp.example").await;
    bench.ring.clock.pass(50 * 86_400);
    let renewal = Renewal {
        key_label: "root".into(),
        certificate: certificate(&old_root),
        parent: None,
        validity: Seconds::days(7_300),
    };
    ceremony::renew(&bench.operator, &renewal, &urls(), bench.now()).await.expect("the root");
    bench.authority.recover().await.expect("taken over");
    let renewal = Renewal {
        key_label: "issuing".into(),
        certificate: certificate(&old),
        parent: Some(parent(&bench, "root")),
        validity: Seconds::days(1_826),
    };
    ceremony::renew(&bench.operator, &renewal, &urls(), bench.now()).await.expect("the issuing CA");
    bench.authority.recover().await.expect("taken over");
    for (name, old) in [("root", &old_root), ("issuing", &old)] {
        let end = |issuer: &Issuer| issuer.state.certificate().expect("a certificate").not_after;
        assert!(end(&found(&bench, name)) > end(old), "{name}");
        assert_eq!(found(&bench, name).id, old.id);
    }
    // What the root's policy does not admit leaves nothing behind.
    let root = found(&bench, "root");
    let held = root.state.certificate().expect("a certificate");
    let renewal = Renewal {
        key_label: "root".into(),
        certificate: held.certificate.clone(),
        parent: None,
        validity: Seconds::days(30_000),
    };
    let refused = ceremony::renew(&bench.operator, &renewal, &urls(), bench.now()).await;
    assert!(matches!(refused, Err(CeremonyError::Call { .. })));
    let end = ceremony::adopt(&bench.operator, "root", &held.certificate).await;
    assert_eq!(end.expect("the policy's end"), held.not_after);
    let after = bench.issue("b.corp.example").await;
    assert_eq!(
        after.chain,
        [certificate(&found(&bench, "issuing")), certificate(&found(&bench, "root"))]
    );
    let Some(openssl) = Openssl::new() else {
        return;
    };
    // The old leaf verifies under the new path: the key is the same.
    openssl.verify(&before.certificate.der, &after.chain, bench.now()).expect("the old leaf");
}

#[tokio::test]
async fn a_ca_that_somebody_else_signed_is_imported() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    let bench = Bench::start().await;
    bench.ring.clock.pass(5);
    let asked = wish("outside", IssuerKind::Issuing, None);
    bench.authority.create_issuer(asked.clone(), "tester").await.expect("a wish");
    let no_csr = bench.authority.issuer_csr(&issuer("outside")).await;
    assert!(matches!(no_csr, Err(IssuerError::State(_))));
    let executed = ceremony::execute(&bench.operator, &asked, None, &urls(), bench.now()).await;
    let Executed::Request(csr) = executed.expect("a CSR") else { panic!("no CSR") };
    bench.authority.recover().await.expect("taken over");
    assert_eq!(bench.authority.issuer_csr(&issuer("outside")).await.expect("the CSR"), csr);

    let (root, signed) = foreign_root_signs(&openssl, csr.as_bytes(), 1000);
    let import = async |certificate: &[u8], accept| {
        let certificate = ForeignCertificate::parse(certificate).expect("readable");
        let chain = vec![ForeignCertificate::parse(&root).expect("readable")];
        let name = issuer("outside");
        bench.authority.import_certificate(&name, certificate, chain, accept, "tester").await
    };
    let other = import(bench.made.issuing.as_bytes(), true).await;
    assert_eq!(other.expect_err("another key").rule(), "import-other-key");
    let adopt = async |certificate: &[u8]| {
        let certificate = CertificateDer::from_vec(certificate.to_vec());
        ceremony::adopt(&bench.operator, "outside", &certificate).await
    };
    let other = adopt(bench.made.issuing.as_bytes()).await;
    assert!(matches!(other, Err(CeremonyError::OtherKey { .. })));
    let end = |der: &[u8]| {
        let certificate = ForeignCertificate::parse(der).expect("readable");
        certificate.not_after()
    };
    // Each step may be interrupted and run again.
    for before in [None, Some(end(&signed))] {
        let was = adopt(&signed).await.expect("the policy follows");
        assert!(before.is_none_or(|before| was == before));
    }
    let imported = import(&signed, true).await.expect("imported");
    assert!(matches!(imported.state, IssuerState::Active(_)));
    let again = import(&signed, true).await.expect("imported again");
    assert_eq!(certificate(&again), certificate(&imported));
    bench.authority.recover().await.expect("taken over");

    let issued = bench.issue("www.corp.example").await;
    assert_eq!(issued.certificate.issuer, imported.id);
    openssl
        .verify(&issued.certificate.der, &issued.chain, bench.now())
        .expect("openssl verifies it");

    let csr = ceremony::request_renewal(&bench.operator, "outside", &certificate(&imported))
        .await
        .expect("a CSR for the renewal");
    let (_, renewed) = foreign_root_signs(&openssl, csr.as_bytes(), 1400);
    let was = adopt(&renewed).await.expect("the policy follows");
    assert_eq!(was, end(&signed));
    ceremony::end_at(&bench.operator, "outside", was).await.expect("put back");
    adopt(&renewed).await.expect("the policy follows");
    // The root is made anew each time: another chain.
    let root = std::fs::read(openssl.folder().join("foreign.der")).expect("a file");
    let chain = vec![ForeignCertificate::parse(&root).expect("readable")];
    let foreign = ForeignCertificate::parse(&renewed).expect("readable");
    let name = issuer("outside");
    let taken = bench
        .authority
        .import_certificate(&name, foreign, chain, true, "tester")
        .await
        .expect("the renewal is imported");
    assert_eq!(taken.state.certificate().map(|held| held.not_after), Some(end(&renewed)));
    let issued = bench.issue("www2.corp.example").await;
    openssl
        .verify(&issued.certificate.der, &issued.chain, bench.now())
        .expect("openssl verifies it");
}

#[tokio::test]
async fn nothing_is_imported_for_a_ca_that_a_ca_of_ours_signed() {
    let bench = Bench::start().await;
    for name in ["root", "issuing"] {
        let own = certificate(&found(&bench, name));
        let own = ForeignCertificate::parse(own.as_bytes()).expect("readable");
        let refused =
            bench.authority.import_certificate(&issuer(name), own, vec![], true, "tester").await;
        assert!(matches!(refused, Err(IssuerError::State(_))), "{name}");
    }
}

/// Makes a foreign root by openssl and has it sign a CSR.
fn foreign_root_signs(openssl: &Openssl, csr: &[u8], days: u32) -> (Vec<u8>, Vec<u8>) {
    openssl.file("ca.csr", csr);
    openssl.file(
        "ca.ext",
        b"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    for step in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout foreign.key -out foreign.pem -days 3650 -subj /CN=Foreign -addext keyUsage=critical,keyCertSign,cRLSign",
        &format!(
            "x509 -req -inform DER -in ca.csr -CA foreign.pem -CAkey foreign.key -days {days} -extfile ca.ext -outform DER -out ca.der"
        ),
        "x509 -in foreign.pem -outform DER -out foreign.der",
    ] {
        let step: Vec<&str> = step.split(' ').collect();
        openssl.run(&step).expect("openssl does it");
    }
    let read = |name: &str| std::fs::read(openssl.folder().join(name)).expect("a file");
    (read("foreign.der"), read("ca.der"))
}

#[tokio::test]
async fn a_retired_issuer_issues_no_more_and_ends_with_its_certificates() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let jobs = bench.jobs().await;
    let draining = bench.authority.retire(&issuer("issuing"), "tester").await.expect("drained");
    assert_eq!(draining.state.as_str(), "draining");
    assert_eq!(rule(bench.authority.issue(request("a.b.example")).await), "no-issuer");
    let again = bench.authority.retire(&issuer("issuing"), "tester").await;
    assert_eq!(again.expect_err("once").rule(), "state");
    // Status goes on.
    let asked = crate::revoking::revoke(&issued, x509::CrlReason::CessationOfOperation);
    bench.authority.revoke(asked).await.expect("it is revoked");
    crate::bench::eventually("the CRL", async || {
        let crl = bench.authority.crl(&issuer("issuing")).await.expect("a CRL");
        let crl = x509::Crl::parse(crl.der.as_bytes()).expect("strict");
        (crl.entries().len() == 1).then_some(())
    })
    .await;
    jobs.shutdown().await;

    let state = async |jobs: ca::Jobs| {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        jobs.shutdown().await;
        found(&bench, "issuing").state.as_str()
    };
    // What is revoked stands on the CRL until it expires, and the issuer with it.
    bench.ring.clock.pass(80 * 86_400);
    assert_eq!(state(bench.authority.jobs()).await, "draining");
    bench.ring.clock.pass(11 * 86_400);
    assert_eq!(state(bench.authority.jobs()).await, "retired");
}
