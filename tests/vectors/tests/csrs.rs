//! Certification requests: what we accept, x509-cert and openssl accept with the same content.

use std::path::Path;

use vector_tests::campaign::{self, hex, sample};
use vector_tests::corpus::Corpus;
use vector_tests::facts::CsrFacts;
use vector_tests::openssl;
use vector_tests::second_opinion::{Kind, Printed, name_text, printable};
use x509::Csr;

/// Calls of the command, a few milliseconds each.
const OPENSSL_CALLS: usize = 80;

fn by_us(der: &[u8]) -> Option<CsrFacts> {
    let csr = Csr::parse(der).ok()?;
    Some(CsrFacts::by_us(&csr).unwrap())
}

#[test]
fn mutants_agree_with_x509_cert_and_openssl() {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let seeds = Corpus::make(folder.path()).unwrap().csrs;
    for der in &seeds {
        assert_eq!(Csr::parse(der).unwrap().verify_self_signature(), Ok(()));
    }
    let outcome = campaign::run(&seeds, 10_000, by_us, CsrFacts::by_x509_cert);
    assert!(outcome.accepted.len() > 500);
    assert!(outcome.refused > 4_000);
    for der in &outcome.accepted {
        // No mutant of a signed part, of the key or of the signature proves possession.
        let csr = Csr::parse(der).unwrap();
        assert!(csr.verify_self_signature().is_err(), "{}", hex(der));
    }
    for der in seeds.iter().chain(sample(&outcome.accepted, OPENSSL_CALLS)) {
        agrees_with_openssl(folder.path(), der);
    }
}

fn agrees_with_openssl(folder: &Path, der: &[u8]) {
    let facts = by_us(der).unwrap();
    let printed = Printed::of(folder, der, Kind::Csr)
        .unwrap_or_else(|error| panic!("only we accept: {error:#} {}", hex(der)));
    let label = hex(der);
    assert_eq!(printed.line("subject=").unwrap(), name_text(&facts.subject), "{label}");
    assert_eq!(printed.public_key().unwrap(), facts.spki, "{label}");
    let names = printed.alternative_names().unwrap();
    assert_eq!(names, printable(&facts.alternative_names), "{label}");
}
