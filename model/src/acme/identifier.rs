//! What ACME certifies: names and addresses (RFC 8555 §9.7.7, RFC 8738).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use x509::{GeneralName, check_dns_name};

/// Is a DNS name, perhaps a wildcard, or an address; in the one spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AcmeIdentifier {
    /// A name in lower case; `*.` before it makes a wildcard.
    Dns(String),
    /// An address, never an IPv4 address in IPv6 clothes.
    Ip(IpAddr),
}

/// Says why something is no identifier. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierFault {
    /// Neither `dns` nor `ip`.
    #[error("identifiers of type `{0}` are not certified")]
    Unsupported(String),
    /// Not a name or address in its one spelling.
    #[error("`{value}` is no identifier of its type: {why}")]
    Malformed {
        /// What was given.
        value: String,
        /// Why not.
        why: String,
    },
}

impl AcmeIdentifier {
    /// Takes an identifier as it stands in an order.
    ///
    /// # Errors
    /// [`IdentifierFault`].
    pub fn new(kind: &str, value: &str) -> Result<Self, IdentifierFault> {
        let malformed = |why: &str| IdentifierFault::Malformed {
            value: value.chars().take(260).collect(),
            why: why.to_owned(),
        };
        match kind {
            "dns" => {
                check_dns_name(value, true).map_err(|error| malformed(&error.to_string()))?;
                Ok(Self::Dns(value.to_ascii_lowercase()))
            }
            "ip" => {
                let address: IpAddr =
                    value.parse().map_err(|_| malformed("not an IP address (RFC 8738 §3)"))?;
                if address.to_string() != value {
                    return Err(malformed("not the canonical form (RFC 8738 §3, RFC 5952 §4)"));
                }
                if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
                    return Err(malformed("an IPv4 address that is mapped into IPv6"));
                }
                Ok(Self::Ip(address))
            }
            other => Err(IdentifierFault::Unsupported(other.chars().take(64).collect())),
        }
    }

    /// Gives the type: `dns` or `ip`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
        }
    }

    /// Gives the value as text.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }

    /// Tells whether it is a wildcard.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.starts_with("*."))
    }

    /// Gives what is validated: a wildcard's base name (RFC 8555 §7.1.3), else itself.
    #[must_use]
    pub fn base(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(name.strip_prefix("*.").unwrap_or(name).to_owned()),
            Self::Ip(address) => Self::Ip(*address),
        }
    }

    /// Gives it as it stands in a certificate.
    #[must_use]
    pub fn general_name(&self) -> GeneralName {
        match self {
            Self::Dns(name) => GeneralName::Dns(name.clone()),
            Self::Ip(address) => GeneralName::Ip(*address),
        }
    }

    /// Takes a name of a certificate or CSR; none for forms that ACME does not certify.
    #[must_use]
    pub fn of_general_name(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::Dns(name) => Some(Self::Dns(name.to_ascii_lowercase())),
            GeneralName::Ip(address) => Some(Self::Ip(*address)),
            _ => None,
        }
    }
}

impl fmt::Display for AcmeIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
        }
    }
}

impl FromStr for AcmeIdentifier {
    type Err = IdentifierFault;

    fn from_str(text: &str) -> Result<Self, IdentifierFault> {
        let (kind, value) = text.split_once(':').unwrap_or(("", text));
        Self::new(kind, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling_and_reads_back() {
        for (kind, value, text) in [
            ("dns", "WWW.Corp.example", "dns:www.corp.example"),
            ("dns", "*.corp.example", "dns:*.corp.example"),
            ("dns", "localhost", "dns:localhost"),
            ("ip", "10.0.0.1", "ip:10.0.0.1"),
            ("ip", "fd00::1", "ip:fd00::1"),
        ] {
            let identifier = AcmeIdentifier::new(kind, value).unwrap();
            assert_eq!(identifier.to_string(), text);
            assert_eq!(text.parse(), Ok(identifier));
        }
    }

    #[test]
    fn refuses_other_types_and_spellings() {
        for (kind, value, unsupported) in [
            ("email", "a@b", true),
            ("", "x", true),
            ("dns", "10.0.0.1", false),
            ("dns", "a..b", false),
            ("dns", "a.example.", false),
            ("dns", "a.*.example", false),
            ("dns", "*.example", false),
            ("dns", "b\u{fc}cher.example", false),
            ("ip", "10.0.0.01", false),
            ("ip", "10.0.0.0/8", false),
            ("ip", "FD00::1", false),
            ("ip", "fd00:0::1", false),
            ("ip", "::ffff:10.0.0.1", false),
            ("ip", "[fd00::1]", false),
            ("ip", "host", false),
        ] {
            let fault = AcmeIdentifier::new(kind, value).unwrap_err();
            assert_eq!(matches!(fault, IdentifierFault::Unsupported(_)), unsupported, "{value}");
        }
    }

    #[test]
    fn a_wildcard_is_validated_by_its_base() {
        let wildcard: AcmeIdentifier = "dns:*.corp.example".parse().unwrap();
        assert!(wildcard.is_wildcard());
        assert_eq!(wildcard.base().to_string(), "dns:corp.example");
        assert!(!wildcard.base().is_wildcard());
    }
}
