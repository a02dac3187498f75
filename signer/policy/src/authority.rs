//! CA certificates: what admin.sock may ask a `ca-cert+crl` key to sign.

use signer_proto::{Refusal, Rule};
use x509::{KeyUsage, Name, TbsCertificate, oids};

use super::change::Diff;
use super::constraints::ConstraintRules;
use super::extensions::{ExtensionRules, OF_AUTHORITIES};
use super::issuer::{IssuerRules, check_authority_key_id};
use super::ring::AdmitContext;
use super::section::{Scope, Section};
use super::subject::check_text;
use super::subject_key::{self, SubjectKeyRules};
use super::usage::{DELEGATING, check_key_usage, extended_of};
use super::validity::ValidityRules;

/// The policy of a `ca-cert+crl` key, as far as certificates go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorityRules {
    max_path_len: u8,
    self_signed: bool,
    validity: ValidityRules,
    subject_key: SubjectKeyRules,
    extensions: ExtensionRules,
    names: Option<ConstraintRules>,
}

impl AuthorityRules {
    /// Reads `[authorities]`.
    pub(crate) fn read(root: &mut Section) -> Option<Self> {
        let Some(mut section) = root.section("authorities") else {
            root.wrong("authorities", "is missing");
            return None;
        };
        let max_path_len = section.required_number("max_path_len", i64::from(u8::MAX));
        let rules = Self {
            max_path_len: u8::try_from(max_path_len).unwrap_or(0),
            self_signed: section.flag("self_signed", false),
            validity: ValidityRules::read(&mut section),
            subject_key: SubjectKeyRules::read(&mut section),
            extensions: ExtensionRules::read(&mut section, OF_AUTHORITIES, Scope::Any),
            names: section.section("names").map(ConstraintRules::read),
        };
        section.finish();
        Some(rules)
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { max_path_len, self_signed, validity, subject_key, extensions, names } = self;
        diff.section("authorities", |diff| {
            diff.ceiling("max_path_len", max_path_len, &new.max_path_len, u8::to_string);
            diff.allowance("self_signed", *self_signed, new.self_signed);
            validity.compare(&new.validity, diff);
            subject_key.compare(&new.subject_key, diff);
            extensions.compare(&new.extensions, diff);
            match (names, &new.names) {
                (None, None) => {}
                (Some(old), Some(new)) => diff.section("names", |diff| old.compare(new, diff)),
                (None, Some(_)) => diff.narrows("names", "subordinates need name constraints"),
                (Some(_), None) => diff.widens("names", "subordinates need no name constraints"),
            }
        });
    }

    /// Holds the CA certificate against every rule.
    pub(crate) fn check(
        &self,
        issuer: &IssuerRules,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
    ) -> Result<(), Refusal> {
        issuer.check(tbs)?;
        let path_len = check_is_authority(tbs)?;
        let own = tbs.public_key == *context.public_key;
        check_authority_key_id(tbs, context.public_key, own)?;
        subject_key::check_identifier(tbs, true)?;
        self.validity.check(context.now, issuer.not_after, tbs)?;
        self.check_subject(tbs)?;
        if own {
            self.check_self_signed(tbs)?;
        } else {
            self.check_subordinate(context, tbs, path_len)?;
        }
        self.extensions.check(tbs)?;
        check_usage(tbs)
    }

    /// The root's own certificate and its renewals: same name, same key.
    fn check_self_signed(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        if !self.self_signed || tbs.subject.der() != tbs.issuer.der() {
            let why = "the issuer's own key, and not as its admitted self-signed certificate";
            return Err(Refusal::new(Rule::KeyIsIssuers, why));
        }
        Ok(())
    }

    fn check_subordinate(
        &self,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
        path_len: Option<u8>,
    ) -> Result<(), Refusal> {
        // RFC 5280 §6.1.4 (l): a certificate whose subject equals its issuer does not count
        // against the path length, so it would lengthen every path below.
        if is_same_name(&tbs.subject, &tbs.issuer) {
            let why = "a subordinate with the issuer's name escapes the path length";
            return Err(Refusal::new(Rule::PathLengthRefused, why));
        }
        if path_len.is_none_or(|length| length > self.max_path_len) {
            let found = path_len.map_or("none".to_owned(), |length| length.to_string());
            let detail = format!("pathLenConstraint {found}, at most {}", self.max_path_len);
            return Err(Refusal::new(Rule::PathLengthRefused, detail));
        }
        subject_key::check_strength(tbs)?;
        self.subject_key.check_kind(tbs)?;
        match context.ring.get(&tbs.public_key.spki_sha256()) {
            Some(key) if !key.purpose.is_authority() => {
                let detail = format!("{} is a key of this ring ({})", key.label, key.purpose);
                return Err(Refusal::new(Rule::KeyIsIssuers, detail));
            }
            _ => {}
        }
        self.names.as_ref().map_or(Ok(()), |names| names.check(tbs))
    }

    fn check_subject(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        // RFC 5280 §4.1.2.6: a CA has a subject.
        if tbs.subject.is_empty() {
            return Err(Refusal::new(Rule::NameMalformed, "a CA without a subject"));
        }
        tbs.subject.attributes().try_for_each(check_text)
    }
}

/// Refuses what is no CA certificate; gives its path length.
fn check_is_authority(tbs: &TbsCertificate) -> Result<Option<u8>, Refusal> {
    match tbs.extensions.basic_constraints() {
        Some(constraints) if constraints.ca => Ok(constraints.path_len),
        _ => {
            let why = "cA is not TRUE: a leaf goes by SignCertificate";
            Err(Refusal::new(Rule::BasicConstraintsRefused, why))
        }
    }
}

/// Refuses usages beyond signing certificates and CRLs, and extended ones that would make the CA
/// a delegate of its issuer.
fn check_usage(tbs: &TbsCertificate) -> Result<(), Refusal> {
    let allowed =
        KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN).union(KeyUsage::DIGITAL_SIGNATURE);
    check_key_usage(tbs, allowed)?;
    // RFC 5280 §4.2.1.9: cA TRUE goes with keyCertSign.
    if !tbs.extensions.key_usage().is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        return Err(Refusal::new(Rule::KeyUsageRefused, "keyCertSign is missing"));
    }
    let makes_delegate =
        |usage: &&x509::Oid| DELEGATING.contains(usage) || **usage == oids::EKU_ANY;
    match extended_of(&tbs.extensions).unwrap_or_default().iter().find(makes_delegate) {
        // A CA certificate with id-kp-OCSPSigning answers for its issuer (RFC 6960 §4.2.2.2).
        Some(usage) => Err(Refusal::new(Rule::ExtendedKeyUsageRefused, usage.to_string())),
        None => Ok(()),
    }
}

/// Compares names as a lenient client does (RFC 5280 §7.1): without case, with inner white space
/// collapsed, whatever the string types.
fn is_same_name(one: &Name, other: &Name) -> bool {
    let folded = |name: &Name| -> Vec<(String, String)> {
        name.attributes()
            .map(|attribute| {
                let words: Vec<&str> = attribute.value().split_whitespace().collect();
                (attribute.attribute_type().to_string(), words.join(" ").to_lowercase())
            })
            .collect()
    };
    folded(one) == folded(other)
}
