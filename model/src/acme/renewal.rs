//! Planned mass revocations, which move renewal windows (RFC 9773 §4.1).

use x509::UnixTime;

use crate::{Id, IssuerName, ProfileName};

/// Is an operator's plan to have certificates renewed at a certain time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalPlan {
    /// Identifies it.
    pub id: Id<RenewalPlan>,
    /// Certificates of this issuer; none: of any.
    pub issuer: Option<IssuerName>,
    /// Certificates of this profile; none: of any.
    pub profile: Option<ProfileName>,
    /// Certificates issued before this time; none: all.
    pub issued_before: Option<UnixTime>,
    /// The window's first second.
    pub start: UnixTime,
    /// The window's last second.
    pub end: UnixTime,
    /// A page that says why.
    pub explanation: Option<String>,
    /// When it was made.
    pub created_at: UnixTime,
}

impl RenewalPlan {
    /// Tells whether it is about a certificate.
    #[must_use]
    pub fn covers(&self, issuer: &IssuerName, profile: &ProfileName, issued: UnixTime) -> bool {
        self.issuer.as_ref().is_none_or(|name| name == issuer)
            && self.profile.as_ref().is_none_or(|name| name == profile)
            && self.issued_before.is_none_or(|end| issued < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_all_its_conditions_admit() {
        let plan = RenewalPlan {
            id: Id::from_parts(1, &[1; 10]),
            issuer: Some(IssuerName::new("one").unwrap()),
            profile: None,
            issued_before: Some(UnixTime(10)),
            start: UnixTime(20),
            end: UnixTime(30),
            explanation: None,
            created_at: UnixTime(0),
        };
        let profile = ProfileName::new("acme").unwrap();
        let of =
            |name: &str, at| plan.covers(&IssuerName::new(name).unwrap(), &profile, UnixTime(at));
        assert!(of("one", 9));
        assert!(!of("one", 10));
        assert!(!of("two", 9));
    }
}
