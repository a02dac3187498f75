//! Operators, and sets of them.

use std::collections::BTreeSet;

use signer_proto::{
    Action, Digest, OperatorKey, OperatorKeys, Refusal, Rule, Thresholds, Wire, Writer,
};
use x509::sha256;

use crate::Malformed;
use crate::key::SshKey;

/// The longest name of an operator, in octets.
const MAX_NAME: usize = 64;
/// As many approvals go with an act.
const MAX_APPROVALS: usize = 16;

/// One key that may approve, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    key: SshKey,
    name: String,
}

impl Operator {
    /// Reads the one-line form of OpenSSH: kind, base64, and a comment, which is the operator's
    /// name. It must be in its one form: single spaces, no options, no line end.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(line: &str) -> Result<Self, Malformed> {
        let mut parts = line.splitn(3, ' ');
        let (Some(kind), Some(base64)) = (parts.next(), parts.next()) else {
            return Err(Malformed("it is no public key in OpenSSH's one-line form"));
        };
        let name = parts.next().unwrap_or_default();
        let key = SshKey::from_text(kind, base64)?;
        let graphic = name.bytes().all(|c| c.is_ascii_graphic() || c == b' ');
        if name.len() > MAX_NAME || !graphic || name != name.trim() {
            return Err(Malformed("its comment is no name of at most 64 ASCII characters"));
        }
        let operator = Self { key, name: name.to_owned() };
        if operator.to_line() == line {
            Ok(operator)
        } else {
            Err(Malformed("it is not in its one form"))
        }
    }

    /// Returns the one-line form.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self.name.as_str() {
            "" => self.key.to_text(),
            name => format!("{} {name}", self.key.to_text()),
        }
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &SshKey {
        &self.key
    }

    /// Returns the name; empty if the key had no comment.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what counts as one person: keys of one name are one person's, whatever the case.
    #[must_use]
    pub fn person(&self) -> String {
        match self.name.as_str() {
            "" => self.key.fingerprint(),
            name => name.to_ascii_lowercase(),
        }
    }

    /// Shows fingerprint and name.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} {}", self.key.fingerprint(), self.name).trim_end().to_owned()
    }
}

/// The operators of a ring with what each action needs of them. It is empty, or somebody can
/// approve every action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSet {
    operators: Vec<Operator>,
    people: u8,
    thresholds: Thresholds,
}

impl OperatorSet {
    /// Reads a set.
    ///
    /// # Errors
    /// `operators-refused`: a key that is none or twice there, a threshold that cannot be met.
    pub fn read(keys: &OperatorKeys, thresholds: &Thresholds) -> Result<Self, Refusal> {
        let mut operators: Vec<Operator> = Vec::new();
        for (number, OperatorKey(line)) in (1..).zip(&keys.0) {
            let operator = Operator::parse(line)
                .map_err(|Malformed(why)| refused(format!("operator {number}: {why}")))?;
            if operators.iter().any(|other| other.key == operator.key) {
                return Err(refused(format!("{} is there twice", operator.shown())));
            }
            operators.push(operator);
        }
        let people: BTreeSet<String> = operators.iter().map(Operator::person).collect();
        let people = u8::try_from(people.len()).map_err(|_| refused("too many operators"))?;
        let set = Self { operators, people, thresholds: thresholds.clone() };
        set.check_thresholds()?;
        Ok(set)
    }

    fn check_thresholds(&self) -> Result<(), Refusal> {
        let Thresholds { default, exceptions } = &self.thresholds;
        if self.is_empty() {
            return if *default == 0 && exceptions.is_empty() {
                Ok(())
            } else {
                Err(refused("there is a threshold and nobody to meet it"))
            };
        }
        let numbers = exceptions.iter().map(|exception| exception.operators);
        for number in numbers.chain([*default]) {
            let most = self.people.min(u8::try_from(MAX_APPROVALS).unwrap_or(u8::MAX));
            if !(1..=most).contains(&number) {
                let people = self.people;
                return Err(refused(format!(
                    "a threshold of {number} is not within 1 to {most}: these keys are of {people} \
                     people, by their comments"
                )));
            }
        }
        Ok(())
    }

    /// Returns whether nobody may approve, so that nobody must.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operators.is_empty()
    }

    /// Returns the operators.
    #[must_use]
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// Returns how many people they are.
    #[must_use]
    pub fn people(&self) -> u8 {
        self.people
    }

    /// Returns what is written down for each action.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Returns the operator with a key.
    #[must_use]
    pub fn find(&self, key: &SshKey) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.key.blob() == key.blob())
    }

    /// Returns how many people must approve an action. Where there are two or more, two must: who
    /// proposes never decides alone. Whoever sees an attack may stop issuance by himself.
    #[must_use]
    pub fn needed(&self, action: Action) -> u8 {
        let written = self.thresholds.written(action);
        if self.people >= 2 && action != Action::Freeze { written.max(2) } else { written }
    }

    /// Returns the keys in the form that leaves have.
    #[must_use]
    pub fn keys(&self) -> OperatorKeys {
        OperatorKeys(self.operators.iter().map(|o| OperatorKey(o.to_line())).collect())
    }

    /// Returns SHA-256 over keys and thresholds, which names the set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut w = Writer::new();
        self.keys().put(&mut w);
        self.thresholds.put(&mut w);
        Digest(sha256(&w.into_vec()))
    }
}

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Rule::OperatorsRefused, why)
}
