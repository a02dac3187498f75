//! Certificates of others: what issue.sock may ask a `cert+crl` key to sign.

use signer_proto::{EvidenceRecord, Refusal, Rule};
use x509::{KeyUsage, TbsCertificate};

use super::change::Diff;
use super::delegated::{DelegatedRules, Role};
use super::evidence::{EvidenceRules, Given};
use super::extensions::{ExtensionRules, OF_LEAVES};
use super::issuer::{IssuerRules, check_authority_key_id};
use super::ring::AdmitContext;
use super::section::{Scope, Section};
use super::subject::SubjectRules;
use super::subject_key::{self, SubjectKeyRules};
use super::usage::UsageRules;
use super::validity::ValidityRules;

/// The policy of a `cert+crl` key, as far as certificates go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeafRules {
    pub(crate) hold: bool,
    evidence: EvidenceRules,
    validity: ValidityRules,
    subject_key: SubjectKeyRules,
    usage: UsageRules,
    extensions: ExtensionRules,
    subject: SubjectRules,
    delegated: DelegatedRules,
}

impl LeafRules {
    /// Reads `[certificates]` and `[delegated]`.
    pub(crate) fn read(root: &mut Section) -> Option<Self> {
        let delegated = DelegatedRules::read(root.section("delegated"));
        let Some(mut section) = root.section("certificates") else {
            root.wrong("certificates", "is missing");
            return None;
        };
        let rules = Self {
            hold: section.flag("hold", false),
            evidence: EvidenceRules::read(root, &mut section),
            validity: ValidityRules::read(&mut section),
            subject_key: SubjectKeyRules::read(&mut section),
            usage: UsageRules::read(&mut section),
            extensions: ExtensionRules::read(&mut section, OF_LEAVES, Scope::Only(Vec::new())),
            subject: SubjectRules::read(&mut section),
            delegated,
        };
        section.finish();
        Some(rules)
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { hold, evidence, validity, subject_key, usage, extensions, subject, delegated } =
            self;
        diff.section("certificates", |diff| {
            diff.allowance("hold", *hold, new.hold);
            evidence.compare(&new.evidence, diff);
            validity.compare(&new.validity, diff);
            subject_key.compare(&new.subject_key, diff);
            usage.compare(&new.usage, diff);
            extensions.compare(&new.extensions, diff);
            subject.compare(&new.subject, diff);
        });
        delegated.compare(&new.delegated, diff);
    }

    /// Holds the certificate against every rule; the cheap ones come first.
    pub(crate) fn check(
        &self,
        issuer: &IssuerRules,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
        given: &Given<'_>,
    ) -> Result<Vec<EvidenceRecord>, Refusal> {
        let role = self.check_tbs(issuer, context, tbs)?;
        self.evidence.check(needs_evidence(role), context.now, tbs, given)
    }

    /// Holds the certificate against every rule again, long after it was signed: of the evidence
    /// there are only records.
    pub(crate) fn recheck(
        &self,
        issuer: &IssuerRules,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
        records: &[EvidenceRecord],
    ) -> Result<(), Refusal> {
        let role = self.check_tbs(issuer, context, tbs)?;
        self.evidence.check_records(needs_evidence(role), records)
    }

    /// Gives how old a validation record may be, in seconds.
    pub(crate) fn validation_max_age(&self) -> i64 {
        self.evidence.validation_max_age()
    }

    fn check_tbs(
        &self,
        issuer: &IssuerRules,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
    ) -> Result<Role, Refusal> {
        refuse_authority(tbs)?;
        issuer.check(tbs)?;
        check_authority_key_id(tbs, context.public_key, false)?;
        subject_key::check_identifier(tbs, false)?;
        self.validity.check(context.now, issuer.not_after, tbs)?;
        subject_key::check_strength(tbs)?;
        let role = self.delegated.check(context, tbs)?;
        match role.extensions() {
            Some(listed) => self.extensions.check_as(tbs, listed)?,
            None => self.extensions.check(tbs)?,
        }
        if matches!(role, Role::Subject | Role::Server) {
            self.check_subject(tbs)?;
        } else {
            self.subject.check_delegate(tbs)?;
        }
        Ok(role)
    }

    fn check_subject(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        if tbs.extensions.get(x509::oids::EXT_OCSP_NO_CHECK).is_some() {
            // RFC 6960 §4.2.2.2.1: it says never to ask for this certificate's status.
            return Err(Refusal::new(Rule::ExtensionRefused, "ocspNoCheck is a responder's"));
        }
        self.subject_key.check_kind(tbs)?;
        self.usage.check(tbs)?;
        self.subject.check(tbs)
    }
}

/// A delegate's key is pinned, and the server's is in the ring: operators vouched for it.
fn needs_evidence(role: Role) -> bool {
    role == Role::Subject
}

/// DESIGN §1 rule 5: whatever makes authority goes by admin.sock.
fn refuse_authority(tbs: &TbsCertificate) -> Result<(), Refusal> {
    let ca = tbs.extensions.basic_constraints().is_some_and(|constraints| constraints.ca);
    let signs =
        tbs.extensions.key_usage().is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    if ca || signs {
        let what = if ca { "cA TRUE" } else { "keyCertSign" };
        return Err(Refusal::new(Rule::AuthorityNotHere, what));
    }
    Ok(())
}
