//! Durations as people write them: an integer and one of `s m h d`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(pub i64);

impl Seconds {
    /// Returns so many days.
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self(days * 86_400)
    }
}

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write an integer followed by s, m, h or d, as in 90d")]
pub struct NotADuration(pub String);

impl core::str::FromStr for Seconds {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotADuration(text.to_owned());
        let unit = text.chars().last().ok_or_else(bad)?;
        let digits = &text[..text.len() - unit.len_utf8()];
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(bad()),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let count: i64 = digits.parse().map_err(|_| bad())?;
        count.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}

impl core::fmt::Display for Seconds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let s = self.0;
        match s {
            0 => write!(f, "0s"),
            _ if s % 86_400 == 0 => write!(f, "{}d", s / 86_400),
            _ if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            _ if s % 60 == 0 => write!(f, "{}m", s / 60),
            _ => write!(f, "{s}s"),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for (text, seconds) in
            [("90d", 7_776_000), ("1h", 3_600), ("5m", 300), ("7s", 7), ("0s", 0)]
        {
            assert_eq!(text.parse(), Ok(Seconds(seconds)));
            assert_eq!(Seconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "d",
            "1",
            "-1d",
            "1.5h",
            "1 d",
            "1w",
            "99999999999999999999d",
            "9223372036854775807d",
            "1é",
        ] {
            assert_eq!(text.parse::<Seconds>(), Err(NotADuration(text.into())));
        }
    }
}
