//! What a key's policy wants beside a certificate's bytes, as far as the server has to know.

use signer_client::CallError;
use signer_proto::Rule;

use crate::issue::IssueError;
use crate::profile::Seconds;

/// What a policy wants beside a certificate: a CSR is sent only then, since verifying it costs the
/// signer more than signing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wants {
    pub(crate) request: bool,
    pub(crate) validation: bool,
    /// The sets of evidence of which one is enough, in the policy's words.
    pub(crate) sets: Vec<Vec<String>>,
    /// How long ago a certificate may begin when it is signed.
    pub(crate) max_backdate: Seconds,
}

impl Wants {
    /// Reads `[certificates]` of a policy.
    pub(crate) fn of(certificates: &toml::Value) -> Self {
        let always = certificates.get("proof_of_possession").and_then(toml::Value::as_bool);
        let sets = certificates.get("evidence").and_then(toml::Value::as_array);
        let sets = sets.into_iter().flatten().filter_map(toml::Value::as_array);
        let words = |set: &Vec<toml::Value>| {
            set.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
        };
        let mut sets: Vec<Vec<String>> = sets.map(words).collect();
        let possession = "possession".to_owned();
        if always == Some(true) {
            if sets.is_empty() {
                sets.push(Vec::new());
            }
            for set in sets.iter_mut().filter(|set| !set.contains(&possession)) {
                set.push(possession.clone());
            }
        }
        let backdate = certificates.get("max_backdate").and_then(toml::Value::as_str);
        let has = |word: &str| sets.iter().flatten().any(|found| found == word);
        Self {
            request: has("possession"),
            validation: has("validation"),
            max_backdate: backdate.and_then(|text| text.parse().ok()).unwrap_or_default(),
            sets,
        }
    }

    /// Tells with a refusal that is about evidence by which commands that is made.
    pub(crate) fn advise(&self, error: CallError) -> IssueError {
        let refusal = match error {
            CallError::Refused(refusal) => refusal,
            other => return other.into(),
        };
        let advice = match refusal.rule {
            Rule::EvidenceMissing | Rule::ProofOfPossessionRefused => self.ways().join("; "),
            Rule::OfficerRefused => "an officer of the policy signs what `chancery cert summary \
                                     DRAFT` prints, by `ssh-keygen -Y sign -n \
                                     chancery/officer/v1 -f KEY`"
                .to_owned(),
            Rule::RenewalRefused => "the key of the certificate that is renewed signs what \
                                     `chancery cert renewal-message --csr FILE` writes"
                .to_owned(),
            _ => return CallError::Refused(refusal).into(),
        };
        IssueError::Evidence { refusal, advice }
    }

    /// Says how each kind of evidence that the policy names is brought.
    fn ways(&self) -> Vec<&'static str> {
        let mut ways = Vec::new();
        for word in self.sets.iter().flatten() {
            let way = match word.as_str() {
                "possession" => "possession: a CSR (--csr)",
                "renewal" => "renewal: `chancery cert renewal-message`, `cert renew --proof`",
                "officer" => {
                    "officer: `chancery cert draft`, `cert summary`, `cert issue --draft \
                     --officer-signature`"
                }
                "validation" => "validation: an order by ACME",
                _ => continue,
            };
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use signer_proto::Refusal;

    use super::*;

    fn wants(text: &str) -> Wants {
        Wants::of(&toml::Value::Table(text.parse().expect("TOML")))
    }

    #[test]
    fn reads_what_a_policy_demands() {
        assert_eq!(wants(""), Wants::default());
        let found = wants(
            "proof_of_possession = true\nmax_backdate = \"49h\"\n\
             evidence = [[\"officer\"], [\"renewal\", \"validation\"]]",
        );
        let sets = [vec!["officer", "possession"], vec!["renewal", "validation", "possession"]];
        assert_eq!(found.sets, sets);
        assert_eq!(found.max_backdate, Seconds(49 * 3600));
        assert!(found.request && found.validation);
        let alone = wants("proof_of_possession = true");
        assert_eq!((alone.request, alone.sets), (true, vec![vec!["possession".to_owned()]]));
    }

    #[test]
    fn a_refusal_names_what_is_demanded_and_the_command_that_makes_it() {
        let wants = wants("evidence = [[\"officer\"], [\"renewal\"]]");
        let advised = |rule| {
            let refused = CallError::Refused(Refusal::new(rule, "why"));
            match wants.advise(refused) {
                IssueError::Evidence { refusal, advice } if refusal.rule == rule => advice,
                IssueError::Refused(refusal) if refusal.rule == rule => String::new(),
                other => panic!("{rule}: {other:?}"),
            }
        };
        let missing = advised(Rule::EvidenceMissing);
        assert!(missing.starts_with("officer: `chancery cert draft`"), "{missing}");
        assert!(missing.contains("`chancery cert renewal-message`"), "{missing}");
        assert!(!missing.contains("ACME") && !missing.contains("--csr)"), "{missing}");
        assert!(advised(Rule::OfficerRefused).contains("-n chancery/officer/v1"));
        assert_eq!(advised(Rule::NameNotPermitted), "");
    }
}
