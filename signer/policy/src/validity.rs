//! When a certificate begins and ends.

use signer_proto::{Refusal, Rule};
use x509::{TbsCertificate, UnixTime};

use super::change::{Diff, span};
use super::section::Section;

/// How far in the future notBefore may lie where the policy does not say.
const DEFAULT_MAX_FUTURE: i64 = 300;

/// Ceilings, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValidityRules {
    max_validity: i64,
    max_backdate: i64,
    max_future: i64,
}

impl ValidityRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        Self {
            max_validity: section.duration("max_validity"),
            max_backdate: section.duration_or("max_backdate", 0),
            max_future: section.duration_or("max_future", DEFAULT_MAX_FUTURE),
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { max_validity, max_backdate, max_future } = self;
        diff.ceiling("max_validity", max_validity, &new.max_validity, span);
        diff.ceiling("max_backdate", max_backdate, &new.max_backdate, span);
        diff.ceiling("max_future", max_future, &new.max_future, span);
    }

    /// Refuses a validity (RFC 5280 §4.1.2.5) that is inverted, over, too long, begins too early
    /// or too late, or outlives the issuer.
    pub(crate) fn check(
        &self,
        now: UnixTime,
        issuer_not_after: UnixTime,
        tbs: &TbsCertificate,
    ) -> Result<(), Refusal> {
        let (not_before, not_after) = (tbs.not_before, tbs.not_after);
        let refuse =
            |rule| Err(Refusal::new(rule, format!("{not_before} to {not_after}, now {now}")));
        if not_after <= not_before || not_after <= now {
            return refuse(Rule::ValidityInverted);
        }
        if not_before < now.plus_seconds(-self.max_backdate) {
            return refuse(Rule::BackdatedTooFar);
        }
        if not_before > now.plus_seconds(self.max_future) {
            return refuse(Rule::NotYetTooFar);
        }
        if not_after.seconds_since(not_before) > self.max_validity {
            return refuse(Rule::ValidityTooLong);
        }
        if not_after > issuer_not_after {
            return refuse(Rule::OutlivesIssuer);
        }
        Ok(())
    }
}
