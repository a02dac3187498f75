//! Revocation lists: what we accept, x509-cert and openssl accept with the same content.

use std::path::Path;

use vector_tests::campaign::{self, hex, sample};
use vector_tests::corpus::Corpus;
use vector_tests::facts::CrlFacts;
use vector_tests::openssl;
use vector_tests::second_opinion::{Kind, Printed, name_text};
use x509::{Crl, UnixTime};

/// Calls of the command, a few milliseconds each.
const OPENSSL_CALLS: usize = 80;

/// x509-cert's calendar begins in 1970; RFC 5280 §5.1.2.4 allows 1950.
fn by_us(der: &[u8]) -> Option<CrlFacts> {
    let facts = CrlFacts::by_us(&Crl::parse(der).ok()?);
    let mut times = facts.entries.iter().flat_map(|entry| [entry.1, entry.3.unwrap_or(0)]);
    (facts.updates.0 >= 0 && times.all(|time| time >= 0)).then_some(facts)
}

#[test]
fn mutants_agree_with_x509_cert_and_openssl() {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let seeds = Corpus::make(folder.path()).unwrap().crls;
    let outcome = campaign::run(&seeds, 10_000, by_us, CrlFacts::by_x509_cert);
    assert!(outcome.accepted.len() > 300);
    assert!(outcome.refused > 4_000);
    for der in seeds.iter().chain(sample(&outcome.accepted, OPENSSL_CALLS)) {
        agrees_with_openssl(folder.path(), der);
    }
}

fn agrees_with_openssl(folder: &Path, der: &[u8]) {
    let facts = by_us(der).unwrap();
    let printed = Printed::of(folder, der, Kind::Crl)
        .unwrap_or_else(|error| panic!("only we accept: {error:#} {}", hex(der)));
    let label = hex(der);
    assert_eq!(printed.line("issuer=").unwrap(), name_text(&facts.issuer), "{label}");
    let (this_update, next_update) = facts.updates;
    let time = |beginning| printed.time(beginning).unwrap();
    assert_eq!(time("lastUpdate="), UnixTime(this_update).to_string(), "{label}");
    assert_eq!(time("nextUpdate="), UnixTime(next_update).to_string(), "{label}");
    let number = hex(&facts.number);
    assert_eq!(printed.number("crlNumber=").unwrap(), number.trim_start_matches('0'), "{label}");
    let serials = facts.entries.iter().map(|entry| hex(&entry.0));
    let serials: Vec<_> = serials.map(|serial| serial.trim_start_matches('0').to_owned()).collect();
    assert_eq!(printed.revoked(), serials, "{label}");
}
