//! What every driver must do, as one suite: the same cases for each, by name.
//!
//! ```ignore
//! keystore::driver_conformance!(over_files, Some(FileSubject::new()));
//! ```
//! makes a module of tests. [`run_all`] runs the same cases without a test harness, for owners of a
//! device, and says of each whether it passed, failed, or was skipped and why.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod adopting;
mod bench;
mod decrypting;
mod keys;
mod outages;
mod rules;
mod schemes;
mod subject;
mod table;

pub use bench::Bench;
pub use subject::{Foreign, ForeignSource, Subject};
pub use table::{Case, Outcome, run_all};

/// Why a case says nothing about a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip(pub String);

/// What a case comes to; a failure is a panic.
pub type Checked = Result<(), Skip>;

/// Runs the case of this name; says on standard error what was skipped. No subject: it cannot be had
/// here, and whoever wanted it said so.
///
/// # Panics
/// If the driver fails it, or if there is no such case.
pub fn run(name: &str, subject: Option<impl Subject + 'static>) {
    let Some(subject) = subject else { return };
    let case = table::cases().into_iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("there is no case {name}"));
    let mut bench = Bench::new(Box::new(subject));
    let driver = bench.name();
    if let Err(Skip(why)) = (case.run)(&mut bench) {
        eprintln!("NOT APPLICABLE: {driver}: {why}");
    }
}

/// Makes a module of tests, one for each case, over fresh subjects.
#[macro_export]
macro_rules! driver_conformance {
    ($name:ident, $subject:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::conformance_cases!($subject; of_every_kind_of_key:
                p_256, p_384, p_521, ed25519, rsa_2048, rsa_3072, rsa_4096,
                ml_dsa_44, ml_dsa_65, ml_dsa_87);
            $crate::conformance_cases!($subject; of_every_scheme:
                ecdsa_p256_sha256, ecdsa_p384_sha384, ecdsa_p521_sha512, ed25519_pure,
                rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512,
                rsa_pss_sha256, rsa_pss_sha384, rsa_pss_sha512,
                ml_dsa_44_pure, ml_dsa_65_pure, ml_dsa_87_pure);
            $crate::conformance_cases!($subject; of_the_driver: driver);
        }
    };
}

/// The tests of one part of the table: a module for each row, a function for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($subject:expr; of_every_kind_of_key: $($row:ident),*) => {
        $($crate::conformance_row!($subject; $row:
            generates_it_as_it_was_asked, gives_the_same_public_key_again,
            refuses_to_generate_it_twice, refuses_schemes_that_do_not_fit,
            destroys_it, destroys_nothing_else);)*
    };
    ($subject:expr; of_every_scheme: $($row:ident),*) => {
        $($crate::conformance_row!($subject; $row:
            signs_messages_of_any_length, signs_after_a_restart, keeps_keys_apart_under_load,
            never_signs_twice_alike_where_it_must_not);)*
    };
    ($subject:expr; of_the_driver: $row:ident) => {
        $crate::conformance_row!($subject; $row:
            refuses_specs_without_a_public_key, refuses_a_key_that_is_not_there,
            refuses_a_key_under_another_identity, refuses_house_keys,
            is_well_and_reports_no_secret, keeps_every_key_over_restarts,
            generates_one_of_two_at_once,
            goes_on_after_an_outage, refuses_in_time_while_it_is_away,
            starts_while_it_is_away, loses_nothing_over_an_outage_under_load,
            adopts_a_key_made_elsewhere, adopts_no_key_with_another_public_key,
            adopts_no_key_twice, adopts_nothing_from_nowhere, signs_with_an_adopted_key_after_a_restart,
            decrypts_what_was_encrypted_to_it, tells_nothing_of_bent_ciphertexts,
            decrypts_by_no_other_kind_of_key);
    };
}

/// A module of tests named as the table names its cases.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_row {
    ($subject:expr; $row:ident: $($case:ident),* $(,)?) => {
        mod $row {
            #[allow(unused_imports)]
            use super::*;
            $(#[test]
            fn $case() {
                let name = concat!(stringify!($row), "::", stringify!($case));
                $crate::conformance::run(name, $subject);
            })*
        }
    };
}
