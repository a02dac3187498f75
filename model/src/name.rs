//! Names that operators give: issuers, profiles, rings.

use std::fmt;
use std::str::FromStr;

/// Says why a text is no name. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty or too long.
    #[error("a name has 1 to {max} characters")]
    Length {
        /// The most characters that this kind of name has.
        max: usize,
    },
    /// A character outside a to z, 0 to 9 and the hyphen.
    #[error("a name has only a to z, 0 to 9 and '-', not {0:?}")]
    Character(char),
    /// A hyphen at an end.
    #[error("a name neither begins nor ends with '-'")]
    Hyphen,
}

/// Checks the shape that all these names share: they stand in URLs, paths and log lines as they are.
fn check(text: &str) -> Result<(), NameError> {
    const MAX: usize = 63;
    if text.is_empty() || text.len() > MAX {
        return Err(NameError::Length { max: MAX });
    }
    let odd = |c: &char| !matches!(c, 'a'..='z' | '0'..='9' | '-');
    if let Some(c) = text.chars().find(odd) {
        return Err(NameError::Character(c));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::Hyphen);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text.
            ///
            /// # Errors
            /// [`NameError`] names the rule that is broken.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// Gives the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The name of an issuer, as it stands in URLs: 1 to 63 of a to z, 0 to 9, `-`.
    IssuerName;
    /// The name of a profile: 1 to 63 of a to z, 0 to 9, `-`.
    ProfileName;
    /// The name of a key ring: 1 to 63 of a to z, 0 to 9, `-`.
    RingName;
}

impl Default for RingName {
    /// Gives `default`, the first ring of a server.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_slugs() {
        for text in ["a", "issuing-1", "0", &"x".repeat(63)] {
            assert_eq!(IssuerName::new(text).map(|name| name.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(RingName::new("default"), Ok(RingName::default()));
    }

    #[test]
    fn refuses_what_would_not_stand_in_a_url() {
        for (text, error) in [
            ("", NameError::Length { max: 63 }),
            (&*"x".repeat(64), NameError::Length { max: 63 }),
            ("Root", NameError::Character('R')),
            ("a/b", NameError::Character('/')),
            ("a\0", NameError::Character('\0')),
            ("ä", NameError::Character('ä')),
            ("-a", NameError::Hyphen),
            ("a-", NameError::Hyphen),
        ] {
            assert_eq!(IssuerName::new(text), Err(error), "{text:?}");
        }
    }
}
