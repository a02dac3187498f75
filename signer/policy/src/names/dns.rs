//! dNSName rules: permitted, excluded, wildcards.

use signer_proto::{Refusal, Rule};
use x509::{DnsNameError, check_dns_name};

use super::domain::{Domain, is_at_or_below};
use crate::change::Diff;
use crate::section::{Scope, Section};

/// What dNSNames a key certifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DnsRules {
    pub(crate) permitted: Scope<Domain>,
    pub(crate) excluded: Vec<Domain>,
    pub(crate) wildcard: bool,
}

impl DnsRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        Self {
            permitted: section.scope("dns", Domain::parse),
            excluded: section.list("dns_excluded", Domain::parse),
            wildcard: section.flag("wildcard", false),
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { permitted, excluded, wildcard } = self;
        diff.scope("dns", (permitted, &new.permitted), Domain::holds, Domain::to_string);
        // An exclusion also hits the wildcards above it. What lies above the new one lies above
        // the old one below it, or is hit by the new one itself.
        let excluded = (excluded.as_slice(), new.excluded.as_slice());
        diff.exclusions("dns_excluded", excluded, Domain::holds, Domain::to_string);
        diff.allowance("wildcard", *wildcard, new.wildcard);
    }

    /// Refuses a dNSName that is malformed, excluded or not permitted.
    pub(crate) fn check(&self, name: &str) -> Result<(), Refusal> {
        check_dns_name(name, true).map_err(|error| {
            let rule = match error {
                DnsNameError::WildcardPlace | DnsNameError::WildcardForbidden => {
                    Rule::WildcardRefused
                }
                _ => Rule::NameMalformed,
            };
            Refusal::new(rule, format!("dNSName {name:?}: {error}"))
        })?;
        let base = match name.strip_prefix("*.") {
            Some(_) if !self.wildcard => {
                return Err(Refusal::new(Rule::WildcardRefused, format!("dNSName {name:?}")));
            }
            Some(base) => base,
            None => name,
        };
        let excluded = |domain: &Domain| {
            // A wildcard also stands for names below its base: an exclusion there is hit too.
            domain.covers(base)
                || (base.len() < name.len() && is_at_or_below(domain.as_str(), base))
        };
        if self.excluded.iter().any(excluded) {
            return Err(Refusal::new(Rule::NameExcluded, format!("dNSName {name:?}")));
        }
        if !self.permitted.admits(|domain| domain.covers(base)) {
            return Err(Refusal::new(Rule::NameNotPermitted, format!("dNSName {name:?}")));
        }
        Ok(())
    }
}
