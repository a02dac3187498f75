//! Attributes of a key, and what they say of where it has been.

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;

use super::lane::Failure;

/// What is read back of a private key.
const READ: [AttributeType; 7] = [
    AttributeType::Sensitive,
    AttributeType::Extractable,
    AttributeType::AlwaysSensitive,
    AttributeType::NeverExtractable,
    AttributeType::Local,
    AttributeType::Private,
    AttributeType::Modifiable,
];

/// The attributes that count; one that the token does not tell is none that helps.
#[derive(Debug, Default)]
pub(super) struct Past {
    sensitive: Option<bool>,
    extractable: Option<bool>,
    always_sensitive: Option<bool>,
    never_extractable: Option<bool>,
    local: Option<bool>,
    private: Option<bool>,
    modifiable: Option<bool>,
    mechanisms: Option<Vec<MechanismType>>,
}

impl Past {
    pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<Self, Failure> {
        let mut past = Self::default();
        for attribute in session.get_attributes(key, &READ)? {
            match attribute {
                Attribute::Sensitive(is) => past.sensitive = Some(is),
                Attribute::Extractable(is) => past.extractable = Some(is),
                Attribute::AlwaysSensitive(is) => past.always_sensitive = Some(is),
                Attribute::NeverExtractable(is) => past.never_extractable = Some(is),
                Attribute::Local(is) => past.local = Some(is),
                Attribute::Private(is) => past.private = Some(is),
                Attribute::Modifiable(is) => past.modifiable = Some(is),
                _ => {}
            }
        }
        // By itself: some tokens have no such attribute, and some fail over all for one.
        let allowed = session.get_attributes(key, &[AttributeType::AllowedMechanisms]);
        past.mechanisms = allowed.ok().and_then(|found| {
            found.into_iter().find_map(|attribute| match attribute {
                Attribute::AllowedMechanisms(list) if !list.is_empty() => Some(list),
                _ => None,
            })
        });
        Ok(past)
    }

    /// Tells whether no copy of the key can exist elsewhere, by what the token says.
    pub(super) fn kept(&self) -> bool {
        self.sensitive == Some(true)
            && self.extractable == Some(false)
            && self.always_sensitive == Some(true)
            && self.never_extractable == Some(true)
    }

    /// Says it in words.
    pub(super) fn words(&self) -> String {
        let say = |name: &str, is: Option<bool>| match is {
            Some(true) => format!("{name} yes"),
            Some(false) => format!("{name} no"),
            None => format!("{name} not told"),
        };
        let mut words = [
            say("sensitive", self.sensitive),
            say("extractable", self.extractable),
            say("always sensitive", self.always_sensitive),
            say("never extractable", self.never_extractable),
            say("made in the token", self.local),
            say("private", self.private),
            say("modifiable", self.modifiable),
        ]
        .join(", ");
        let names: Vec<_> = self.mechanisms.iter().flatten().map(ToString::to_string).collect();
        words.push_str(", allowed mechanisms ");
        words.push_str(&if names.is_empty() { "any".to_owned() } else { names.join(" ") });
        words
    }
}
