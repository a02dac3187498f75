//! What of a profile ACME offers.

use model::{AcmeIdentifier, ChallengeMethod};

use super::body::{AcmeMode, AcmeRules};
use super::duration::Seconds;
use super::pattern::{DnsPattern, IpPattern, Patterns};
use super::{Profile, ProfileViolation};

/// How ACME offers a profile, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeOffer {
    /// Whether names are validated.
    pub mode: AcmeMode,
    /// Whether accounts need an external account binding.
    pub external_account: bool,
    /// The challenges that are offered.
    pub challenges: Vec<ChallengeMethod>,
    /// For how long an order can be fulfilled.
    pub order_lifetime: Seconds,
    /// For how long a validation is good for other orders of its account.
    pub reuse: Seconds,
}

impl AcmeOffer {
    pub(super) fn read(rules: &AcmeRules) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut challenges = Vec::new();
        for text in &rules.challenges {
            match text.parse::<ChallengeMethod>() {
                Ok(method) if !challenges.contains(&method) => challenges.push(method),
                Ok(_) => faults.push(format!("`{text}` stands twice in challenges")),
                Err(_) => faults.push(format!("the challenge `{text}` is not known")),
            }
        }
        if rules.mode == AcmeMode::Trusted && !rules.external_account {
            faults.push("mode = \"trusted\" needs external_account = true".to_owned());
        }
        if rules.mode == AcmeMode::Challenge && rules.challenges.is_empty() {
            faults.push("mode = \"challenge\" needs challenges".to_owned());
        }
        let (order, reuse) = (rules.order_lifetime, rules.reuse);
        if order < Seconds(60) || order > Seconds::days(30) {
            faults.push("order_lifetime is 60s to 30d".to_owned());
        }
        if reuse < Seconds(0) || reuse > Seconds::days(398) {
            faults.push("reuse is 0s to 398d".to_owned());
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            mode: rules.mode,
            external_account: rules.external_account,
            challenges,
            order_lifetime: order,
            reuse,
        })
    }
}

impl Profile {
    /// Gives how ACME offers it; none: not at all.
    #[must_use]
    pub fn acme(&self) -> Option<&AcmeOffer> {
        self.acme.as_ref()
    }

    /// Holds an identifier against the profile's patterns.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn admit_identifier(&self, identifier: &AcmeIdentifier) -> Result<(), ProfileViolation> {
        self.check_name(&identifier.general_name())
    }
}

/// Holds an identifier against patterns beside a profile's, as an external account key has them:
/// names as in `san.dns`, networks as in `san.ip`. No patterns admit everything.
///
/// # Errors
/// What is wrong with the patterns themselves.
pub fn admits(patterns: &[String], identifier: &AcmeIdentifier) -> Result<bool, Vec<String>> {
    if patterns.is_empty() {
        return Ok(true);
    }
    let (networks, names): (Vec<String>, Vec<String>) =
        patterns.iter().cloned().partition(|text| is_network(text));
    let (names, networks) =
        (Patterns::<DnsPattern>::parse(&names)?, Patterns::<IpPattern>::parse(&networks)?);
    Ok(match identifier {
        AcmeIdentifier::Dns(name) => names.admit(name),
        AcmeIdentifier::Ip(address) => networks.admit(address),
    })
}

fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_needs_external_accounts_and_challenges_are_known() {
        let read = |rules: AcmeRules| AcmeOffer::read(&rules).map(|offer| offer.mode);
        let plain = AcmeRules::default();
        assert_eq!(read(plain.clone()), Ok(AcmeMode::Challenge));
        let trusted = AcmeRules { mode: AcmeMode::Trusted, ..plain.clone() };
        assert!(read(trusted.clone()).is_err());
        let bound = AcmeRules { external_account: true, ..trusted };
        assert_eq!(read(bound), Ok(AcmeMode::Trusted));
        for challenges in [vec![], vec!["http-02".to_owned()], vec!["dns-01".to_owned(); 2]] {
            assert!(read(AcmeRules { challenges, ..plain.clone() }).is_err());
        }
        assert!(read(AcmeRules { order_lifetime: Seconds(59), ..plain.clone() }).is_err());
        assert!(read(AcmeRules { reuse: Seconds(-1), ..plain }).is_err());
    }

    #[test]
    fn patterns_are_told_apart_by_their_look() {
        let patterns = ["*.corp.example", "host", "10.0.0.0/8"].map(str::to_owned);
        for (identifier, admitted) in [
            ("dns:a.corp.example", true),
            ("dns:*.corp.example", true),
            ("dns:corp.example", false),
            ("dns:host", true),
            ("ip:10.1.2.3", true),
            ("ip:11.1.2.3", false),
        ] {
            let identifier = identifier.parse().expect("an identifier");
            assert_eq!(admits(&patterns, &identifier), Ok(admitted), "{identifier}");
            assert_eq!(admits(&[], &identifier), Ok(true));
        }
        let identifier = "ip:10.1.2.3".parse().expect("an identifier");
        assert_eq!(admits(&["host".to_owned()], &identifier), Ok(false));
        assert!(admits(&["a b".to_owned()], &identifier).is_err());
    }
}
