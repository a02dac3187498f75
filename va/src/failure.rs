//! Why a validation failed, and what the client is told.
//!
//! A target that an applicant chose may be anything in the network. What it answered is never in
//! a message: else whoever can ask for certificates could read from it.

use std::net::{IpAddr, SocketAddr};

use va_wire::{MAX_DETAIL, Method, ProblemKind};

use crate::fence::Closed;

/// Why a validation failed. Refused or unavailable, as [`Failure::retry`] tells.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The token is none (RFC 8555 §8.1). The server's fault. Malformed.
    #[error("the token is not base64url of 22 to 128 characters")]
    Token,
    /// The identifier is none. The server's fault. Malformed.
    #[error("`{0}` is not an identifier that can be validated")]
    Identifier(String),
    /// RFC 8555 §8.4, RFC 8737: only dns-01 speaks for a wildcard.
    #[error("{0} does not validate a wildcard")]
    Wildcard(Method),
    /// RFC 8738 §7: there is nobody to ask in the DNS for an address.
    #[error("an address is not validated by dns-01")]
    AddressByDns,
    /// The identifier is an address that the fence closes.
    #[error("{address} is not validated: {closed}")]
    AddressRejected {
        /// The identifier.
        address: IpAddr,
        /// Why.
        closed: Closed,
    },
    /// A name leads to closed addresses only.
    #[error("{name} has no address that may be connected to: {address} is closed: {closed}")]
    AddressesClosed {
        /// The name.
        name: String,
        /// One of its addresses.
        address: IpAddr,
        /// Why that one is closed.
        closed: Closed,
    },
    /// The name does not exist.
    #[error("the name {0} does not exist (NXDOMAIN)")]
    NoSuchName(String),
    /// The name has no such records.
    #[error("{name} has no {kind} records")]
    NoRecords {
        /// The name.
        name: String,
        /// As in `TXT`.
        kind: &'static str,
    },
    /// A DNS query has no answer.
    #[error("looking up {kind} of {name} failed: {why}")]
    Lookup {
        /// The name.
        name: String,
        /// As in `TXT`.
        kind: &'static str,
        /// What the resolver said.
        why: String,
    },
    /// No address takes the connection.
    #[error("connecting to {address} failed: {why}")]
    Connect {
        /// The last one that was tried.
        address: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// The deadline passed.
    #[error("no answer in time while {what}")]
    TimedOut {
        /// What was under way.
        what: String,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {address} failed: {why}")]
    Handshake {
        /// With whom.
        address: SocketAddr,
        /// Why.
        why: String,
    },
    /// RFC 8737 §3: the protocol must be negotiated.
    #[error("{0} did not agree to the protocol acme-tls/1")]
    Alpn(SocketAddr),
    /// The certificate in the handshake is not the challenge's.
    #[error("the certificate that {address} showed is not this challenge's: {why}")]
    Certificate {
        /// By whom.
        address: SocketAddr,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The answer is no HTTP.
    #[error("{address} did not answer in HTTP/1.1: {why}")]
    NotHttp {
        /// Who.
        address: SocketAddr,
        /// What is wrong.
        why: String,
    },
    /// The answer is not 200.
    #[error("the answer at {url} has the status {status}, not 200")]
    Status {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// What its Retry-After said, in seconds.
        retry_after: Option<u32>,
    },
    /// A redirect to where nobody is followed.
    #[error("the redirect at {url} is not followed: {why}")]
    Redirect {
        /// Where.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// The body is longer than any key authorization.
    #[error("the answer at {0} is too long for a key authorization")]
    BodyTooLong(String),
    /// The body is another one.
    #[error("the answer at {0} is not the key authorization")]
    Body(String),
    /// No TXT record is the digest.
    #[error("none of the {count} TXT records of {name} is the digest of the key authorization")]
    Texts {
        /// The name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// CAA records forbid it.
    #[error("the CAA records of {domain} forbid it: {why}")]
    Caa {
        /// Whose records.
        domain: String,
        /// Why.
        why: String,
    },
}

/// Whether another try may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// No.
    Final,
    /// Yes, after a while.
    Soon,
    /// Yes, after so many seconds.
    After(u32),
}

impl Failure {
    /// Returns the problem type (RFC 8555 §6.7).
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        match self {
            Self::Token | Self::Identifier(_) | Self::Wildcard(_) => ProblemKind::Malformed,
            Self::AddressByDns => ProblemKind::UnsupportedIdentifier,
            Self::AddressRejected { .. } => ProblemKind::RejectedIdentifier,
            Self::AddressesClosed { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::NotHttp { .. }
            | Self::Redirect { .. } => ProblemKind::Connection,
            Self::NoSuchName(_) | Self::NoRecords { .. } | Self::Lookup { .. } => ProblemKind::Dns,
            Self::Handshake { .. } | Self::Alpn(_) => ProblemKind::Tls,
            Self::Status { .. } => ProblemKind::Unauthorized,
            Self::Certificate { .. }
            | Self::BodyTooLong(_)
            | Self::Body(_)
            | Self::Texts { .. } => ProblemKind::IncorrectResponse,
            Self::Caa { .. } => ProblemKind::Caa,
        }
    }

    /// Tells whether another try may help: servers that are not up yet, records that are not
    /// everywhere yet (RFC 8555 §8.2).
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::NoSuchName(_)
            | Self::NoRecords { .. }
            | Self::Lookup { .. }
            | Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::Texts { .. } => Retry::Soon,
            Self::Status { status: 429 | 503, retry_after: Some(seconds), .. } => {
                Retry::After(*seconds)
            }
            Self::Status { status: 404 | 429 | 500..=599, .. } => Retry::Soon,
            Self::Token
            | Self::Identifier(_)
            | Self::Wildcard(_)
            | Self::AddressByDns
            | Self::AddressRejected { .. }
            | Self::AddressesClosed { .. }
            | Self::Handshake { .. }
            | Self::Alpn(_)
            | Self::Certificate { .. }
            | Self::NotHttp { .. }
            | Self::Status { .. }
            | Self::Redirect { .. }
            | Self::BodyTooLong(_)
            | Self::Body(_)
            | Self::Caa { .. } => Retry::Final,
        }
    }

    /// Returns the words for the client: one line of plain text within the wire's bound.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut detail = String::new();
        for character in self.to_string().chars() {
            let shown = if character.is_control() { '?' } else { character };
            if detail.len() + shown.len_utf8() > MAX_DETAIL {
                break;
            }
            detail.push(shown);
        }
        detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_one_line_within_the_bound() {
        let long = Failure::NoSuchName("ä\r\n".repeat(400));
        let detail = long.detail();
        assert!(detail.len() <= MAX_DETAIL && detail.len() > MAX_DETAIL - 4);
        assert!(!detail.chars().any(char::is_control));
        assert_eq!(
            Failure::NoSuchName("a.example".into()).detail(),
            "the name a.example does not exist (NXDOMAIN)"
        );
    }

    #[test]
    fn each_failure_has_its_type_and_its_hope() {
        let address: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let status = |status, retry_after| Failure::Status { url: "u".into(), status, retry_after };
        for (failure, kind, retry) in [
            (Failure::Token, ProblemKind::Malformed, Retry::Final),
            (Failure::AddressByDns, ProblemKind::UnsupportedIdentifier, Retry::Final),
            (Failure::NoSuchName("a".into()), ProblemKind::Dns, Retry::Soon),
            (
                Failure::Connect { address, why: "refused".into() },
                ProblemKind::Connection,
                Retry::Soon,
            ),
            (Failure::Alpn(address), ProblemKind::Tls, Retry::Final),
            (status(403, Some(9)), ProblemKind::Unauthorized, Retry::Final),
            (status(404, Some(9)), ProblemKind::Unauthorized, Retry::Soon),
            (status(503, Some(9)), ProblemKind::Unauthorized, Retry::After(9)),
            (status(503, None), ProblemKind::Unauthorized, Retry::Soon),
            (Failure::Body("u".into()), ProblemKind::IncorrectResponse, Retry::Final),
            (Failure::Caa { domain: "a".into(), why: "no".into() }, ProblemKind::Caa, Retry::Final),
        ] {
            assert_eq!((failure.kind(), failure.retry()), (kind, retry), "{failure}");
        }
    }
}
