//! tls-alpn-01 (RFC 8737, RFC 8738 §6).

use std::net::SocketAddr;
use std::time::Duration;

use kit::der::{extension, tlv};
use tokio::net::TcpListener;
use va_wire::{Method, ProblemKind, Validate};

use crate::tls::{ACME_IDENTIFIER, SUBJECT_ALT_NAME, Shown};
use crate::world::{NAME, World, key_authorization, work, work_ip};

static OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn digest() -> [u8; 32] {
    x509::sha256(key_authorization().as_bytes())
}

fn good() -> Shown {
    Shown::for_name(NAME, &digest())
}

async fn world() -> (World, SocketAddr) {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1)]);
    let at = SocketAddr::new(world.address(1), world.tls_alpn);
    (world, at)
}

/// Has a bent certificate refused, and an honest one beside it taken.
async fn refuses(bend: impl FnOnce(&mut Shown), kind: ProblemKind, words: &str) {
    let (world, at) = world().await;
    let mut shown = good();
    bend(&mut shown);
    shown.serve(at).await;
    world.refuses(&work(Method::TlsAlpn01), kind, words).await;
}

#[tokio::test]
async fn the_certificate_of_the_rfc_is_enough() {
    let (world, at) = world().await;
    let names = good().serve(at).await;
    let seen = world.validate(&work(Method::TlsAlpn01)).await.unwrap();
    assert_eq!(seen.address, Some(at));
    assert_eq!(seen.record.method, signer_proto::ValidationMethod::TlsAlpn01);
    assert_eq!(names.asked(), [Some(NAME.to_owned())]);
}

#[tokio::test]
async fn tls_1_2_is_enough() {
    let (world, at) = world().await;
    let mut shown = good();
    shown.versions = OLD;
    shown.serve(at).await;
    world.validate(&work(Method::TlsAlpn01)).await.unwrap();
}

#[tokio::test]
async fn a_name_in_upper_case_is_the_same() {
    let (world, at) = world().await;
    Shown::for_name("WWW.Corp.Example", &digest()).serve(at).await;
    world.validate(&work(Method::TlsAlpn01)).await.unwrap();
}

#[tokio::test]
async fn an_ipv4_address_is_asked_for_by_its_reverse_name() {
    let (world, at) = world().await;
    let std::net::IpAddr::V4(four) = at.ip() else { panic!("no IPv4") };
    let names = Shown::with(vec![(0x87, four.octets().to_vec())], &digest()).serve(at).await;
    world.validate(&work_ip(Method::TlsAlpn01, at.ip())).await.unwrap();
    let [a, b, c, d] = four.octets();
    assert_eq!(names.asked(), [Some(format!("{d}.{c}.{b}.{a}.in-addr.arpa"))]);
}

#[tokio::test]
async fn an_ipv6_address_is_asked_for_by_its_reverse_name() {
    let (world, _) = world().await;
    let at: SocketAddr = ([0, 0, 0, 0, 0, 0, 0, 1], world.tls_alpn).into();
    let octets = std::net::Ipv6Addr::LOCALHOST.octets().to_vec();
    let names = Shown::with(vec![(0x87, octets)], &digest()).serve(at).await;
    world.validate(&work_ip(Method::TlsAlpn01, at.ip())).await.unwrap();
    assert_eq!(names.asked(), [Some(format!("1.{}ip6.arpa", "0.".repeat(31)))]);
}

#[tokio::test]
async fn refuses_an_address_as_a_name_and_a_name_as_an_address() {
    let (world, at) = world().await;
    Shown::for_name(&at.ip().to_string(), &digest()).serve(at).await;
    let address = work_ip(Method::TlsAlpn01, at.ip());
    world.refuses(&address, ProblemKind::IncorrectResponse, "not the identifier alone").await;
}

#[tokio::test]
async fn refuses_the_digest_of_another_key_authorization() {
    let bend = |shown: &mut Shown| *shown = Shown::for_name(NAME, &[0; 32]);
    refuses(bend, ProblemKind::IncorrectResponse, "not the digest").await;
    let short = digest()[..31].to_vec();
    let bend = |shown: &mut Shown| *shown = Shown::for_name(NAME, &short);
    refuses(bend, ProblemKind::IncorrectResponse, "not the digest").await;
}

#[tokio::test]
async fn refuses_an_acme_identifier_that_is_not_critical() {
    let bend = |shown: &mut Shown| {
        shown.extensions = vec![extension(ACME_IDENTIFIER, false, &tlv(0x04, &digest()))];
    };
    refuses(bend, ProblemKind::IncorrectResponse, "not critical").await;
}

#[tokio::test]
async fn refuses_an_acme_identifier_that_is_missing_or_there_twice() {
    let bend = |shown: &mut Shown| shown.extensions.clear();
    refuses(bend, ProblemKind::IncorrectResponse, "not one acmeIdentifier").await;
    let bend = |shown: &mut Shown| {
        let one = shown.extensions[0].clone();
        shown.extensions.push(one);
    };
    refuses(bend, ProblemKind::IncorrectResponse, "not one acmeIdentifier").await;
}

#[tokio::test]
async fn refuses_an_acme_identifier_that_is_no_octet_string() {
    for value in [digest().to_vec(), tlv(0x03, &digest()), tlv(0x0c, b"x"), Vec::new()] {
        let bend = |shown: &mut Shown| {
            shown.extensions = vec![extension(ACME_IDENTIFIER, true, &value)];
        };
        refuses(bend, ProblemKind::IncorrectResponse, "acmeIdentifier").await;
    }
}

#[tokio::test]
async fn refuses_any_names_but_the_identifier_alone() {
    let name = || (0x82, NAME.as_bytes().to_vec());
    for names in [
        vec![(0x82, b"ww.corp.example".to_vec())],
        vec![(0x82, b"*.corp.example".to_vec())],
        vec![(0x82, b"www.corp.example.".to_vec())],
        vec![name(), (0x82, b"other.corp.example".to_vec())],
        vec![name(), name()],
        vec![name(), (0x87, vec![10, 0, 0, 1])],
        vec![(0x81, NAME.as_bytes().to_vec())],
        vec![(0x86, NAME.as_bytes().to_vec())],
    ] {
        let bend = |shown: &mut Shown| shown.names = names;
        refuses(bend, ProblemKind::IncorrectResponse, "not the identifier alone").await;
    }
}

#[tokio::test]
async fn refuses_names_that_are_missing_or_there_twice() {
    let bend = |shown: &mut Shown| shown.names.clear();
    refuses(bend, ProblemKind::IncorrectResponse, "not one subjectAltName").await;
    let bend = |shown: &mut Shown| {
        let names = tlv(0x30, &tlv(0x82, NAME.as_bytes()));
        shown.extensions.push(extension(SUBJECT_ALT_NAME, false, &names));
    };
    refuses(bend, ProblemKind::IncorrectResponse, "not one subjectAltName").await;
}

#[tokio::test]
async fn refuses_a_certificate_that_is_not_self_signed() {
    let bend = |shown: &mut Shown| shown.forged = true;
    refuses(bend, ProblemKind::IncorrectResponse, "not self-signed").await;
    let bend = |shown: &mut Shown| shown.issuer = "Some CA";
    refuses(bend, ProblemKind::IncorrectResponse, "not self-signed").await;
}

#[tokio::test]
async fn refuses_a_server_of_another_protocol() {
    // Nothing negotiated: a server that knows no ALPN.
    let bend = |shown: &mut Shown| shown.protocols.clear();
    refuses(bend, ProblemKind::Tls, "acme-tls/1").await;
    let bend = |shown: &mut Shown| shown.protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    refuses(bend, ProblemKind::Tls, "handshake").await;
}

#[tokio::test]
async fn refuses_a_server_that_speaks_no_tls() {
    let (world, at) = world().await;
    crate::web::Web::start(at, |_| crate::web::ok("")).await;
    let listener = TcpListener::bind((world.address(2), world.tls_alpn)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail\r\n").await;
        }
    });
    world.zone.addresses(NAME, &[world.address(2)]);
    world.refuses(&work(Method::TlsAlpn01), ProblemKind::Tls, "handshake").await;
}

#[tokio::test]
async fn a_silent_handshake_ends_at_the_deadline() {
    let (world, at) = world().await;
    let listener = TcpListener::bind(at).await.unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(taken) = listener.accept().await {
            held.push(taken);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let work = Validate { deadline_ms: 300, ..work(Method::TlsAlpn01) };
    world.refuses(&work, ProblemKind::Connection, "no answer in time while shaking hands").await;
}

#[tokio::test]
async fn refuses_a_closed_port_and_a_wildcard() {
    let (world, _) = world().await;
    world.refuses(&work(Method::TlsAlpn01), ProblemKind::Connection, "connecting to").await;
    let wildcard = Validate { wildcard: true, ..work(Method::TlsAlpn01) };
    world.refuses(&wildcard, ProblemKind::Malformed, "wildcard").await;
}
