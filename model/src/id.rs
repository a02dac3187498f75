//! Typed identifiers: UUID version 7 (RFC 9562 §5.7).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Clock;

/// Identifies one `T`; its text form is the hyphenated lower-case UUID, which sorts by time.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

/// Says that a text is no id. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a version 7 UUID in hyphenated lower-case form (RFC 9562)")]
pub struct IdError;

impl<T> Id<T> {
    /// Builds an id from a time in Unix milliseconds and ten random bytes.
    #[must_use]
    pub fn from_parts(unix_millis: u64, random: &[u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(unix_millis, random).into_uuid();
        Self(uuid, PhantomData)
    }

    /// Builds an id from the clock and the operating system's randomness.
    ///
    /// Ids are unique, not secret: nothing is authorised by knowing one.
    #[must_use]
    pub fn generate(clock: &(impl Clock + ?Sized)) -> Self {
        let noise = Uuid::new_v4().into_bytes();
        let mut random = [0; 10];
        // Octets 6 and 8 of a version 4 UUID hold version and variant, so they are passed over.
        random[..6].copy_from_slice(&noise[..6]);
        random[6..].copy_from_slice(&noise[10..14]);
        Self::from_parts(clock.unix_millis(), &random)
    }
}

impl<T> FromStr for Id<T> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let uuid = Uuid::try_parse(text).map_err(|_| IdError)?;
        // One id has one spelling, or comparing texts in the database would be wrong.
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        if !canonical || uuid.get_version_num() != 7 {
            return Err(IdError);
        }
        Ok(Self(uuid, PhantomData))
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

// By hand, since a derive would ask the same of T.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    struct At(u64);

    impl Clock for At {
        fn unix_millis(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn text_form_roundtrips_and_sorts_by_time() {
        let early: Id<Thing> = Id::generate(&At(1_700_000_000_000));
        let late: Id<Thing> = Id::generate(&At(1_700_000_000_001));
        assert!(early.to_string() < late.to_string());
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_ne!(Id::<Thing>::generate(&At(5)), Id::<Thing>::generate(&At(5)));
    }

    #[test]
    fn parts_fix_the_id() {
        let id: Id<Thing> = Id::from_parts(0x0123_4567_89ab, &[0xff; 10]);
        assert_eq!(id.to_string(), "01234567-89ab-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn refuses_other_spellings_and_versions() {
        for text in [
            "",
            "01234567-89AB-7fff-bfff-ffffffffffff",
            "0123456789ab7fffbfffffffffffffff",
            "{01234567-89ab-7fff-bfff-ffffffffffff}",
            "01234567-89ab-4fff-bfff-ffffffffffff",
            "01234567-89ab-7fff-bfff-fffffffffff",
        ] {
            assert_eq!(text.parse::<Id<Thing>>(), Err(IdError), "{text}");
        }
    }
}
