//! OCSP requests: what we accept, derived types and openssl accept with the same content.

use std::fs;
use std::path::Path;

use vector_tests::campaign::{self, hex, sample};
use vector_tests::corpus::Corpus;
use vector_tests::ocsp::{IdFacts, OcspFacts};
use vector_tests::openssl;
use x509::OcspRequest;

/// Calls of the command, a few milliseconds each.
const OPENSSL_CALLS: usize = 80;

fn by_us(der: &[u8]) -> Option<OcspFacts> {
    let request = OcspRequest::parse(der).ok()?;
    Some(OcspFacts::by_us(&request))
}

#[test]
fn mutants_agree_with_derived_types_and_openssl() {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let seeds = Corpus::make(folder.path()).unwrap().ocsp_requests;
    let outcome = campaign::run(&seeds, 10_000, by_us, OcspFacts::by_derived_types);
    assert!(outcome.accepted.len() > 500);
    assert!(outcome.refused > 4_000);
    for der in seeds.iter().chain(sample(&outcome.accepted, OPENSSL_CALLS)) {
        agrees_with_openssl(folder.path(), der);
    }
}

#[test]
fn our_requests_come_back_the_same() {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for der in Corpus::make(folder.path()).unwrap().ocsp_requests {
        let request = OcspRequest::parse(&der).unwrap();
        let again = OcspRequest::parse(&request.encode().unwrap()).unwrap();
        assert_eq!(again, request);
    }
}

fn agrees_with_openssl(folder: &Path, der: &[u8]) {
    let facts = by_us(der).unwrap();
    fs::write(folder.join("mutant.der"), der).unwrap();
    let arguments = ["ocsp", "-reqin", "mutant.der", "-req_text"];
    let text = openssl::text(folder, &arguments)
        .unwrap_or_else(|error| panic!("only we accept: {error:#} {}", hex(der)));
    let label = hex(der);
    let values = |beginning: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim_start().strip_prefix(beginning))
            .map(str::to_lowercase)
            .collect()
    };
    let ours = |pick: fn(&IdFacts) -> &Vec<u8>| -> Vec<String> {
        facts.ids.iter().map(|id| hex(pick(id))).collect()
    };
    assert_eq!(values("Issuer Name Hash: "), ours(|id| &id.1), "{label}");
    assert_eq!(values("Issuer Key Hash: "), ours(|id| &id.2), "{label}");
    assert_eq!(values("Serial Number: "), ours(|id| &id.3), "{label}");
}
