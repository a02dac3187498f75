//! Calls on sockets that do not speak them: the socket is the role.

use kit::Ring;
use signer_proto::{GenerateKey, KeySpec, Kind, Purpose, Revoke, Rule, Socket, Warrant};
use x509::CrlReason;

/// Asks for every kind that the socket does not speak.
fn storm(socket: Socket) {
    let ring = Ring::start();
    let mut assault = ring.assault();
    let kinds = Kind::ALL.iter().filter(|kind| !kind.permitted_on(socket));
    for kind in kinds {
        assault.refused(Rule::KindNotPermitted, ring.attack_body(socket, *kind, &[]));
    }
    assault.assert_held();
}

#[test]
fn refuses_every_call_outside_the_table_of_the_issue_socket() {
    storm(Socket::Issue);
}

#[test]
fn refuses_every_call_outside_the_table_of_the_status_socket() {
    storm(Socket::Status);
}

#[test]
fn refuses_every_call_outside_the_table_of_the_va_socket() {
    storm(Socket::Va);
}

#[test]
fn refuses_every_call_outside_the_table_of_the_admin_socket() {
    storm(Socket::Admin);
}

#[test]
fn refuses_an_admin_call_on_the_issue_socket() {
    let ring = Ring::start();
    let call = GenerateKey {
        label: kit::label("mine"),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
        warrant: Warrant::none(),
    };
    ring.attack(Socket::Issue, &call).assert_refused(Rule::KindNotPermitted);
}

#[test]
fn refuses_a_ca_certificate_on_the_issue_socket() {
    let ring = Ring::start();
    let draft = ring.authority("CN=Mine", kit::SubjectKey::new().public());
    ring.attack(Socket::Issue, &ring.authority_order(&draft))
        .assert_refused(Rule::KindNotPermitted);
}

#[test]
fn refuses_a_status_call_on_the_issue_socket() {
    let ring = Ring::start();
    let call = Revoke {
        key: kit::label(kit::ISSUING),
        serial: ring.issue().tbs().serial,
        reason: CrlReason::KeyCompromise,
        invalidity: None,
    };
    ring.attack(Socket::Issue, &call).assert_refused(Rule::KindNotPermitted);
}

#[test]
fn refuses_a_certificate_on_the_status_socket() {
    let ring = Ring::start();
    let order = ring.order(&ring.leaf());
    ring.attack(Socket::Status, &order).assert_refused(Rule::KindNotPermitted);
}
