//! Certificates: what we accept, x509-cert and openssl accept with the same content.

use std::path::Path;

use vector_tests::campaign::{self, hex, sample};
use vector_tests::corpus::Corpus;
use vector_tests::facts::CertificateFacts;
use vector_tests::openssl;
use vector_tests::second_opinion::{Kind, Printed, name_text, printable};
use x509::{Certificate, UnixTime};

/// Calls of the command, a few milliseconds each.
const OPENSSL_CALLS: usize = 200;

/// x509-cert's calendar begins in 1970; RFC 5280 §4.1.2.5.1 allows 1950.
fn by_us(der: &[u8]) -> Option<CertificateFacts> {
    let certificate = Certificate::parse(der).ok()?;
    let facts = CertificateFacts::by_us(&certificate).unwrap();
    (facts.validity.0 >= 0).then_some(facts)
}

#[test]
fn mutants_agree_with_x509_cert_and_openssl() {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let seeds = Corpus::make(folder.path()).unwrap().certificates;
    let outcome = campaign::run(&seeds, 24_000, by_us, CertificateFacts::by_x509_cert);
    assert!(outcome.accepted.len() > 1_500);
    assert!(outcome.refused > 10_000);
    for der in seeds.iter().chain(sample(&outcome.accepted, OPENSSL_CALLS)) {
        agrees_with_openssl(folder.path(), der);
    }
}

fn agrees_with_openssl(folder: &Path, der: &[u8]) {
    let facts = by_us(der).unwrap();
    let printed = Printed::of(folder, der, Kind::Certificate)
        .unwrap_or_else(|error| panic!("only we accept: {error:#} {}", hex(der)));
    let label = hex(der);
    let serial = hex(&facts.serial).trim_start_matches('0').to_owned();
    assert_eq!(printed.number("serial=").unwrap(), serial, "{label}");
    assert_eq!(printed.line("issuer=").unwrap(), name_text(&facts.issuer), "{label}");
    assert_eq!(printed.line("subject=").unwrap(), name_text(&facts.subject), "{label}");
    let (not_before, not_after) = facts.validity;
    let time = |beginning| printed.time(beginning).unwrap();
    assert_eq!(time("notBefore="), UnixTime(not_before).to_string(), "{label}");
    assert_eq!(time("notAfter="), UnixTime(not_after).to_string(), "{label}");
    assert_eq!(printed.public_key().unwrap(), facts.spki, "{label}");
    let names = printed.alternative_names().unwrap();
    assert_eq!(names, printable(&facts.alternative_names), "{label}");
}
