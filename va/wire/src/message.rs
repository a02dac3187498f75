//! Requests and answers.

use core::fmt;
use core::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The only version of the wire that there is.
pub const VERSION: u32 = 1;
/// The longest deadline that may be asked for.
pub const MAX_DEADLINE_MS: u32 = 30_000;
/// The most octets of a detail.
pub const MAX_DETAIL: usize = 512;

/// A request of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Always [`VERSION`].
    pub version: u32,
    /// Matches the answer; no two requests in flight on a connection share it.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// To validate.
    Validate(Box<Validate>),
    /// How the authority is.
    Health,
}

/// One identifier, to be validated by one challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// What is to be validated; a wildcard by its base name.
    pub identifier: Identifier,
    /// Whether the order is for the wildcard: by dns-01 alone, and CAA by `issuewild`.
    pub wildcard: bool,
    /// How.
    pub method: Method,
    /// The challenge's token (RFC 8555 §8.1): base64url, at least 128 bits.
    pub token: String,
    /// SHA-256 of the account key's JWK (RFC 7638).
    pub thumbprint: Thumbprint,
    /// The account's URI, for CAA (RFC 8657 §3).
    pub account_uri: String,
    /// The names by which CAA records mean this CA; none: CAA is not checked.
    pub caa_issuers: Option<Vec<String>>,
    /// The ring whose signer keeps the record; none: the first one.
    pub ring: Option<String>,
    /// Which try this is, from 1 on; it shapes [`Invalid::retry_after`] alone.
    pub attempt: u32,
    /// How long it may take, 1 to [`MAX_DEADLINE_MS`].
    pub deadline_ms: u32,
}

/// What may be validated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase", deny_unknown_fields)]
pub enum Identifier {
    /// A DNS name in lower case, without a wildcard (RFC 8555 §9.7.7).
    Dns(String),
    /// An address (RFC 8738).
    Ip(IpAddr),
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// A challenge type (RFC 8555 §9.7.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// RFC 8555 §8.3.
    #[serde(rename = "http-01")]
    Http01,
    /// RFC 8555 §8.4.
    #[serde(rename = "dns-01")]
    Dns01,
    /// RFC 8737.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
}

impl Method {
    /// Returns the name in the registry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SHA-256 of an account key's JWK (RFC 7638); base64url without padding on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = URL_SAFE_NO_PAD.decode(text).map_err(de::Error::custom)?;
        let octets = octets.try_into().map_err(|_| de::Error::custom("not 32 octets"))?;
        Ok(Self(octets))
    }
}

/// An answer of the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// What came of it.
    pub reply: Reply,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
pub enum Reply {
    /// It was validated and recorded.
    Valid(Valid),
    /// The challenge failed.
    Invalid(Invalid),
    /// Nothing was decided.
    Unavailable(Unavailable),
    /// The answer to [`Ask::Health`].
    Healthy(Health),
}

/// What came of a validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was validated and recorded.
    Valid(Valid),
    /// The challenge failed.
    Invalid(Invalid),
    /// Nothing was decided: try again.
    Unavailable(Unavailable),
}

/// A validation that is durable in the signer's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valid {
    /// The position of the record's leaf: what evidence names it by.
    pub position: u64,
    /// When, in seconds since 1970 by the signer's clock.
    pub validated_at: i64,
    /// Who answered; none for dns-01.
    pub address: Option<IpAddr>,
    /// On which port.
    pub port: Option<u16>,
}

/// A challenge that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invalid {
    /// Why.
    pub problem: Problem,
    /// After how many seconds another try may help; none if it is final.
    pub retry_after: Option<u32>,
}

/// Why a challenge failed, for the client's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The type.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// Plain text of at most [`MAX_DETAIL`] octets.
    pub detail: String,
}

/// Nothing was decided: the authority has too much to do, or the signer is locked or away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unavailable {
    /// Why, for the log.
    pub detail: String,
    /// After how many seconds to ask again.
    pub retry_after: u32,
}

/// How the authority is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Validations under way.
    pub in_flight: u32,
    /// Validations since its start, of any outcome.
    pub validations: u64,
    /// The first ring's signer.
    pub signer: SignerState,
}

/// The signer as the authority sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignerState {
    /// It takes records.
    Ready,
    /// It waits to be unlocked.
    Locked,
    /// It cannot be reached.
    Away,
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A problem type of RFC 8555 §6.7 that a validation can end with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl ProblemKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the type without `urn:ietf:params:acme:error:`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}
problem_kinds! {
    /// CAA records forbid it.
    Caa = "caa",
    /// The target could not be connected to.
    Connection = "connection",
    /// A DNS query failed.
    Dns = "dns",
    /// The answer was not the challenge's.
    IncorrectResponse = "incorrectResponse",
    /// The request cannot be right, such as a token of another alphabet.
    Malformed = "malformed",
    /// Nobody is validated at this address.
    RejectedIdentifier = "rejectedIdentifier",
    /// TLS failed.
    Tls = "tls",
    /// The target does not vouch for the account.
    Unauthorized = "unauthorized",
    /// An identifier that this method does not validate.
    UnsupportedIdentifier = "unsupportedIdentifier",
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate() -> &'static str {
        r#"{"version":1,"id":7,"ask":{"op":"validate","identifier":{"type":"dns","value":"www.corp.example"},"wildcard":false,"method":"http-01","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA","thumbprint":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","account_uri":"https://ca.corp.example/acme/account/1","caa_issuers":["ca.corp.example"],"ring":null,"attempt":1,"deadline_ms":10000}}"#
    }

    #[test]
    fn a_request_is_written_as_docs_have_it() {
        let request: Request = serde_json::from_str(validate()).unwrap();
        assert_eq!(serde_json::to_string(&request).unwrap(), validate());
        let Ask::Validate(work) = request.ask else { panic!("another request") };
        assert_eq!(work.identifier, Identifier::Dns("www.corp.example".into()));
        assert_eq!(work.thumbprint, Thumbprint([0; 32]));
        let health = r#"{"version":1,"id":8,"ask":{"op":"health"}}"#;
        let request: Request = serde_json::from_str(health).unwrap();
        assert_eq!(request.ask, Ask::Health);
        assert_eq!(serde_json::to_string(&request).unwrap(), health);
    }

    #[test]
    fn answers_are_written_as_docs_have_them() {
        for text in [
            r#"{"id":7,"reply":{"outcome":"valid","position":1234,"validated_at":1795838400,"address":"10.1.2.3","port":80}}"#,
            r#"{"id":7,"reply":{"outcome":"invalid","problem":{"type":"incorrectResponse","detail":"no"},"retry_after":4}}"#,
            r#"{"id":7,"reply":{"outcome":"unavailable","detail":"locked","retry_after":2}}"#,
            r#"{"id":8,"reply":{"outcome":"healthy","in_flight":3,"validations":120,"signer":"ready"}}"#,
        ] {
            let answer: Answer = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_known_or_missing_is_refused() {
        for (from, to) in [
            ("\"id\":7,", "\"id\":7,\"more\":1,"),
            ("\"wildcard\":false,", "\"wildcard\":false,\"more\":1,"),
            ("\"wildcard\":false,", ""),
            ("\"value\"", "\"worth\""),
            ("\"dns\"", "\"uri\""),
            ("http-01", "device-attest-01"),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA"),
            // Not canonical: bits behind the last octet.
            (
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
            ),
            ("\"op\":\"validate\"", "\"op\":\"sign\""),
        ] {
            let bent = validate().replacen(from, to, 1);
            assert_ne!(bent, validate(), "{from}");
            assert!(serde_json::from_str::<Request>(&bent).is_err(), "{bent}");
        }
    }

    #[test]
    fn problem_types_are_the_names_of_the_rfc() {
        for kind in ProblemKind::ALL {
            let text = serde_json::to_string(kind).unwrap();
            assert_eq!(text, format!("\"{kind}\""));
        }
        assert_eq!(ProblemKind::ALL.len(), 9);
    }
}
