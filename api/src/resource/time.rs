//! Times as RFC 3339 texts.

use model::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A time in UTC with whole seconds (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2030-12-31T23:59:59Z")]
pub struct Time(pub UnixTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        UnixTime::parse_rfc3339(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339() {
        let json = "\"2027-01-15T08:00:00Z\"";
        let time: Time = serde_json::from_str(json).expect("a time");
        assert_eq!(time.0, UnixTime(1_800_000_000));
        assert_eq!(serde_json::to_string(&time).expect("JSON"), json);
        assert!(serde_json::from_str::<Time>("\"2027-01-15\"").is_err());
    }
}
