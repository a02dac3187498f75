//! Lints: what a certificate must not be, whatever the profile says. One a file.
//!
//! They run over the to-be-signed certificate before it leaves for the signer; a finding of
//! severity error stops issuance.

use x509::{ExtensionValue, TbsCertificate};

macro_rules! lints {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every lint there is, in the order of the files.
        pub const ALL: &[Lint] = &[$($module::LINT),*];
    };
}

lints! {
    authority_information_access_form,
    authority_key_identifier_present,
    authority_key_identifier_not_critical,
    basic_constraints_critical_in_ca,
    certificate_policies_unique,
    country_two_letters,
    crl_distribution_point_form,
    dns_name_syntax,
    email_syntax,
    extended_key_usage_any_alone,
    extended_key_usage_unique,
    issuer_not_empty,
    key_usage_certsign_is_ca,
    key_usage_critical,
    key_usage_fits_key,
    key_usage_not_empty,
    name_constraints_in_ca_only,
    ocsp_nocheck_in_responders,
    path_length_needs_certsign,
    san_critical_if_subject_empty,
    san_not_empty,
    serial_length,
    status_reference_present,
    subject_attribute_length,
    subject_key_identifier_in_ca,
    subject_key_identifier_not_critical,
    subject_or_san,
    tls_feature_form,
    uri_absolute,
    validity_order,
}

#[cfg(test)]
pub(crate) mod testing;

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Some relying party may stumble.
    Warning,
    /// The standard says MUST: issuance stops.
    Error,
}

/// One rule over a to-be-signed certificate.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// A stable name in kebab-case.
    pub name: &'static str,
    /// Where the rule stands.
    pub section: &'static str,
    /// What breaking it means.
    pub severity: Severity,
    /// Says what is wrong; none if nothing is, or if the rule does not apply.
    pub check: fn(&TbsCertificate) -> Option<String>,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The lint's name.
    pub lint: &'static str,
    /// Where the rule stands.
    pub section: &'static str,
    /// What it means.
    pub severity: Severity,
    /// What exactly.
    pub detail: String,
}

impl core::fmt::Display for Finding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({}): {}", self.lint, self.section, self.detail)
    }
}

/// Runs every lint.
#[must_use]
pub fn run(tbs: &TbsCertificate) -> Vec<Finding> {
    ALL.iter()
        .filter_map(|lint| {
            (lint.check)(tbs).map(|detail| Finding {
                lint: lint.name,
                section: lint.section,
                severity: lint.severity,
                detail,
            })
        })
        .collect()
}

/// Finds the extension that `pick` knows, with its criticality.
fn find<'a, T>(
    tbs: &'a TbsCertificate,
    pick: impl Fn(&'a ExtensionValue) -> Option<T>,
) -> Option<(bool, T)> {
    tbs.extensions
        .iter()
        .find_map(|extension| pick(&extension.value).map(|value| (extension.critical, value)))
}

fn is_ca(tbs: &TbsCertificate) -> bool {
    tbs.extensions.basic_constraints().is_some_and(|bc| bc.ca)
}

fn fail_if(broken: bool, detail: impl FnOnce() -> String) -> Option<String> {
    broken.then(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_certificates_have_no_finding() {
        for tbs in [testing::leaf(), testing::subordinate()] {
            assert_eq!(run(&tbs), vec![]);
        }
    }

    #[test]
    fn names_are_unique_and_cite_a_section() {
        let mut names: Vec<_> = ALL.iter().map(|lint| lint.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|lint| lint.section.contains('§')));
    }
}
