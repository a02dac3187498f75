//! Validation: somebody else than the server saw that the names are the applicant's.

use signer_proto::{Identifier, Refusal, Rule, ValidationMethod, ValidationRecorded};
use x509::{GeneralName, TbsCertificate, UnixTime};

use super::Facts;

/// A validation as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// What was validated, and how.
    pub recorded: ValidationRecorded,
    /// When, by the signer's clock.
    pub at: UnixTime,
}

/// A name of a certificate, as it has to be validated.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needed {
    identifier: Identifier,
    /// RFC 8555 §7.1.3: a wildcard is validated by its base name, and by dns-01 alone.
    wildcard: bool,
}

/// Refuses records that are missing, stale or of other names, and certificates with names that
/// no record can speak for.
pub(super) fn check(
    now: UnixTime,
    max_age: i64,
    tbs: &TbsCertificate,
    (positions, facts): (&[u64], &dyn Facts),
) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::new(Rule::ValidationRefused, why));
    let mut records = Vec::with_capacity(positions.len());
    for position in positions {
        let Some(validation) = facts.validation(*position)? else {
            return refuse(format!("the leaf at {position} records no validation"));
        };
        let age = now.seconds_since(validation.at);
        if age < 0 || age > max_age {
            return refuse(format!("the record at {position} is {age} s old, at most {max_age}"));
        }
        records.push(validation.recorded);
    }
    // What several applicants control never adds up to one certificate.
    if let Some((first, rest)) = records.split_first()
        && rest.iter().any(|record| record.account != first.account)
    {
        return refuse("the records are of more than one account".to_owned());
    }
    let needed = needed(tbs)?;
    let spoken = |needed: &&Needed| records.iter().any(|record| speaks(record, needed));
    match needed.iter().find(|needed| !spoken(needed)) {
        Some(Needed { identifier, wildcard: true }) => {
            refuse(format!("no dns-01 record of {identifier} for its wildcard"))
        }
        Some(Needed { identifier, .. }) => refuse(format!("no record of {identifier}")),
        None => Ok(()),
    }
}

fn speaks(record: &ValidationRecorded, needed: &Needed) -> bool {
    record.identifier == needed.identifier
        && (!needed.wildcard || record.method == ValidationMethod::Dns01)
}

/// Gives the names to be validated. A certificate that has none, or one of a form that nobody
/// validates, is refused: "all its names were validated" would say nothing of it.
fn needed(tbs: &TbsCertificate) -> Result<Vec<Needed>, Refusal> {
    let refuse = |why: &str| Refusal::new(Rule::ValidationRefused, why);
    let names = tbs.extensions.subject_alt_name().unwrap_or_default();
    if names.is_empty() {
        return Err(refuse("there is no name that a record could speak for"));
    }
    let one = |name: &GeneralName| {
        let (identifier, wildcard) = match name {
            GeneralName::Dns(name) => match name.strip_prefix("*.") {
                Some(base) => (Identifier::dns(base), true),
                None => (Identifier::dns(name), false),
            },
            GeneralName::Ip(address) => (Identifier::ip(*address), false),
            _ => return Err(refuse("records speak for dNSName and iPAddress only")),
        };
        let identifier = identifier.map_err(|error| refuse(&error.to_string()))?;
        Ok(Needed { identifier, wildcard })
    };
    names.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use signer_proto::{Digest, Evidence, Positions};

    use super::*;
    use crate::sample::*;

    fn record(world: &mut World, name: &str, method: ValidationMethod, age: i64) -> u64 {
        let identifier = match name.parse() {
            Ok(address) => Identifier::ip(address).unwrap(),
            Err(_) => Identifier::dns(name).unwrap(),
        };
        let recorded = ValidationRecorded { identifier, method, account: Digest([1; 32]) };
        world.facts.validate(Validation { recorded, at: now().plus_seconds(-age) })
    }

    #[test]
    fn records_of_several_accounts_are_refused() {
        let mut world = demanding();
        let www = record(&mut world, "www.corp.example", ValidationMethod::Http01, 0);
        let ip = record(&mut world, "10.1.2.3", ValidationMethod::Http01, 0);
        let identifier = Identifier::ip([10, 1, 2, 3].into()).unwrap();
        let account = Digest([2; 32]);
        let recorded = ValidationRecorded { identifier, method: ValidationMethod::Http01, account };
        let others = world.facts.validate(Validation { recorded, at: now() });
        assert_eq!(verdict(&mut world, &server(), &[www, ip]), Ok(()));
        for positions in [vec![www, others], vec![others, www], vec![www, ip, others]] {
            let found = verdict(&mut world, &server(), &positions);
            assert_eq!(found, Err(Rule::ValidationRefused), "{positions:?}");
        }
    }

    fn demanding() -> World {
        World::leaves_but(
            "proof_of_possession = false",
            "evidence = [[\"validation\"]]\nvalidation_max_age = \"1h\"",
        )
    }

    fn verdict(world: &mut World, draft: &Draft, positions: &[u64]) -> Result<(), Rule> {
        world.evidence = vec![Evidence::Validation(Positions(positions.to_vec()))];
        world.verdict(draft)
    }

    #[test]
    fn every_name_needs_a_fresh_record() {
        use ValidationMethod::{Dns01, Http01, TlsAlpn01};
        let mut world = demanding();
        assert_eq!(world.verdict(&server()), Err(Rule::EvidenceMissing));
        let www = record(&mut world, "www.corp.example", Http01, 3_600);
        let ip = record(&mut world, "10.1.2.3", TlsAlpn01, 0);
        let stale = record(&mut world, "10.1.2.3", TlsAlpn01, 3_601);
        let ahead = record(&mut world, "10.1.2.3", TlsAlpn01, -1);
        let other = record(&mut world, "ww.corp.example", Dns01, 0);
        let refused = Err(Rule::ValidationRefused);
        for (positions, expected) in [
            (vec![www, ip], Ok(())),
            (vec![ip, www, other], Ok(())),
            (vec![www], refused),
            (vec![ip], refused),
            (vec![], refused),
            (vec![www, stale], refused),
            // A stale one is refused also beside a fresh one: it is recorded as what stood for it.
            (vec![www, ip, stale], refused),
            (vec![www, ahead], refused),
            (vec![other, ip], refused),
            (vec![www, ip, 999], refused),
        ] {
            assert_eq!(verdict(&mut world, &server(), &positions), expected, "{positions:?}");
        }
    }

    #[test]
    fn a_wildcard_needs_dns_01_of_its_base_name() {
        use ValidationMethod::{Dns01, Http01};
        let mut world = demanding();
        let mut wildcard = server();
        wildcard.subject = name("CN=*.A.corp.example");
        wildcard.names(vec![dns("*.A.corp.example")]);
        let http = record(&mut world, "a.corp.example", Http01, 0);
        let above = record(&mut world, "corp.example", Dns01, 0);
        let base = record(&mut world, "a.corp.example", Dns01, 0);
        let refused = Err(Rule::ValidationRefused);
        assert_eq!(verdict(&mut world, &wildcard, &[http]), refused);
        assert_eq!(verdict(&mut world, &wildcard, &[above]), refused);
        assert_eq!(verdict(&mut world, &wildcard, &[base]), Ok(()));
    }

    #[test]
    fn refuses_names_that_no_record_speaks_for() {
        let mut world = demanding();
        let www = record(&mut world, "www.corp.example", ValidationMethod::Dns01, 0);
        let mut mail = server();
        mail.names(vec![
            dns("www.corp.example"),
            GeneralName::Email("ann@corp.example".to_owned()),
        ]);
        assert_eq!(verdict(&mut world, &mail, &[www]), Err(Rule::ValidationRefused));
        let mut nobody = subject("O=Corp", &[x509::oids::EKU_CLIENT_AUTH], vec![]);
        nobody.without(x509::oids::EXT_SUBJECT_ALT_NAME);
        assert_eq!(verdict(&mut world, &nobody, &[www]), Err(Rule::ValidationRefused));
        assert_eq!(verdict(&mut world, &nobody, &[]), Err(Rule::ValidationRefused));
    }
}
