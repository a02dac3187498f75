//! Which public keys are certified.

use signer_proto::{Refusal, Rule};
use x509::{KeyKind, TbsCertificate, oids};

use super::change::{Diff, equal};
use super::section::Section;

/// The kinds of key that are certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubjectKeyRules {
    kinds: Vec<KeyKind>,
}

impl SubjectKeyRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        Self { kinds: section.list("subject_key_kinds", kind) }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { kinds } = self;
        let kinds = (kinds.as_slice(), new.kinds.as_slice());
        diff.list("subject_key_kinds", kinds, equal, KeyKind::to_string);
    }

    /// Refuses a kind of key that is not listed.
    pub(crate) fn check_kind(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        let kind = tbs.public_key.kind();
        if self.kinds.contains(&kind) {
            Ok(())
        } else {
            Err(Refusal::new(Rule::KeyKindRefused, kind.to_string()))
        }
    }
}

fn kind(text: &str) -> Result<KeyKind, String> {
    KeyKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| "is no kind of key such as \"p-256\" or \"rsa-3072\"".to_owned())
}

/// Refuses a key whose private half is within reach.
pub(crate) fn check_strength(tbs: &TbsCertificate) -> Result<(), Refusal> {
    tbs.public_key.check_strength().map_err(|weak| Refusal::new(Rule::WeakKey, weak.to_string()))
}

/// Refuses a subject key identifier that is not the SHA-1 of the key (RFC 5280 §4.2.1.2
/// method 1); leaves may do without one, CAs may not.
pub(crate) fn check_identifier(tbs: &TbsCertificate, required: bool) -> Result<(), Refusal> {
    match tbs.extensions.subject_key_identifier() {
        Some(identifier) if *identifier == tbs.public_key.key_identifier() => Ok(()),
        Some(_) => Err(Refusal::new(Rule::SubjectKeyIdMismatch, "subjectKeyIdentifier")),
        None if !required => Ok(()),
        None => {
            let detail = format!("subjectKeyIdentifier ({})", oids::EXT_SUBJECT_KEY_IDENTIFIER);
            Err(Refusal::new(Rule::ExtensionMissing, detail))
        }
    }
}
