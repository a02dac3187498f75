//! The cases by name, and a run of all of them without a test harness.

use std::panic::{AssertUnwindSafe, catch_unwind};

use signer_proto::KeySpec;
use x509::SignatureScheme;

use super::{Bench, Checked, Skip, Subject};
use super::{adopting, decrypting, keys, outages, rules, schemes};

/// One case.
pub struct Case {
    /// Its name: what it is about, and what must be.
    pub name: String,
    /// Runs it over a fresh subject; a failure is a panic.
    pub run: Box<dyn Fn(&mut Bench) -> Checked>,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The driver does it.
    Passed,
    /// It says nothing about this driver, and why.
    Skipped(String),
    /// The driver does not do it, and what was found.
    Failed(String),
}

type OfKey = fn(&mut Bench, KeySpec) -> Checked;
type OfScheme = fn(&mut Bench, SignatureScheme) -> Checked;
type OfDriver = fn(&mut Bench) -> Checked;

const OF_EVERY_KEY: [(&str, OfKey); 6] = [
    ("generates_it_as_it_was_asked", keys::generates_it_as_it_was_asked),
    ("gives_the_same_public_key_again", keys::gives_the_same_public_key_again),
    ("refuses_to_generate_it_twice", keys::refuses_to_generate_it_twice),
    ("refuses_schemes_that_do_not_fit", keys::refuses_schemes_that_do_not_fit),
    ("destroys_it", keys::destroys_it),
    ("destroys_nothing_else", keys::destroys_nothing_else),
];

const OF_EVERY_SCHEME: [(&str, OfScheme); 4] = [
    ("signs_messages_of_any_length", schemes::signs_messages_of_any_length),
    ("signs_after_a_restart", schemes::signs_after_a_restart),
    ("keeps_keys_apart_under_load", schemes::keeps_keys_apart_under_load),
    (
        "never_signs_twice_alike_where_it_must_not",
        schemes::never_signs_twice_alike_where_it_must_not,
    ),
];

const OF_THE_DRIVER: [(&str, OfDriver); 19] = [
    ("refuses_specs_without_a_public_key", rules::refuses_specs_without_a_public_key),
    ("refuses_a_key_that_is_not_there", rules::refuses_a_key_that_is_not_there),
    ("refuses_a_key_under_another_identity", rules::refuses_a_key_under_another_identity),
    ("refuses_house_keys", rules::refuses_house_keys),
    ("is_well_and_reports_no_secret", rules::is_well_and_reports_no_secret),
    ("keeps_every_key_over_restarts", rules::keeps_every_key_over_restarts),
    ("generates_one_of_two_at_once", rules::generates_one_of_two_at_once),
    ("goes_on_after_an_outage", outages::goes_on_after_an_outage),
    ("refuses_in_time_while_it_is_away", outages::refuses_in_time_while_it_is_away),
    ("starts_while_it_is_away", outages::starts_while_it_is_away),
    ("loses_nothing_over_an_outage_under_load", outages::loses_nothing_over_an_outage_under_load),
    ("adopts_a_key_made_elsewhere", adopting::adopts_a_key_made_elsewhere),
    ("adopts_no_key_with_another_public_key", adopting::adopts_no_key_with_another_public_key),
    ("adopts_no_key_twice", adopting::adopts_no_key_twice),
    ("adopts_nothing_from_nowhere", adopting::adopts_nothing_from_nowhere),
    (
        "signs_with_an_adopted_key_after_a_restart",
        adopting::signs_with_an_adopted_key_after_a_restart,
    ),
    ("decrypts_what_was_encrypted_to_it", decrypting::decrypts_what_was_encrypted_to_it),
    ("tells_nothing_of_bent_ciphertexts", decrypting::tells_nothing_of_bent_ciphertexts),
    ("decrypts_by_no_other_kind_of_key", decrypting::decrypts_by_no_other_kind_of_key),
];

/// Returns all cases, in the order in which they stand in reports.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for spec in super::bench::specs() {
        for (name, check) in OF_EVERY_KEY {
            let name = format!("{}::{name}", spec.as_str().replace('-', "_"));
            cases.push(Case { name, run: Box::new(move |bench| check(bench, spec)) });
        }
    }
    for scheme in SignatureScheme::ALL.into_iter().filter(|scheme| scheme.is_matched()) {
        for (name, check) in OF_EVERY_SCHEME {
            let name = format!("{}::{name}", row(scheme));
            cases.push(Case { name, run: Box::new(move |bench| check(bench, scheme)) });
        }
    }
    for (name, check) in OF_THE_DRIVER {
        cases.push(Case { name: format!("driver::{name}"), run: Box::new(check) });
    }
    cases
}

/// Names the row of a scheme. Some schemes are called as their keys are, which have rows too.
fn row(scheme: SignatureScheme) -> String {
    let name = scheme.as_str().replace('-', "_");
    match scheme {
        SignatureScheme::Ed25519
        | SignatureScheme::MlDsa44
        | SignatureScheme::MlDsa65
        | SignatureScheme::MlDsa87 => format!("{name}_pure"),
        _ => name,
    }
}

/// Runs all cases, each over a subject of its own, and tells of each as it ends.
pub fn run_all(
    mut fresh: impl FnMut() -> Box<dyn Subject>,
    mut tell: impl FnMut(&str, &Outcome),
) -> Vec<(String, Outcome)> {
    let run = |case: Case| {
        let outcome = outcome_of(&case, fresh());
        tell(&case.name, &outcome);
        (case.name, outcome)
    };
    cases().into_iter().map(run).collect()
}

fn outcome_of(case: &Case, subject: Box<dyn Subject>) -> Outcome {
    let run = AssertUnwindSafe(|| (case.run)(&mut Bench::new(subject)));
    match catch_unwind(run) {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Skip(why))) => Outcome::Skipped(why),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Outcome::Failed(text.unwrap_or("it panicked").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_more_than_a_hundred_cases_and_no_two_have_one_name() {
        let mut names: Vec<_> = cases().into_iter().map(|case| case.name).collect();
        assert_eq!(names.len(), 10 * 6 + 13 * 4 + 19);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 131);
    }
}
