//! What can be validated, and how (RFC 8555 §9.7.7, §9.7.8, RFC 8738).

use core::fmt;
use core::net::IpAddr;

use x509::check_dns_name;

use crate::codec::{Reader, Wire, WireError, Writer, wire_enum};

/// A DNS name without a wildcard, or an address; in the one spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// In lower case.
    Dns(DnsIdentifier),
    /// Not an IPv4 address in IPv6 clothes.
    Ip(IpAddr),
}

/// A well-formed DNS name in lower case and without a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsIdentifier(String);

const NOT_DNS: WireError = WireError::NotCanonical("DNS identifier");
const NOT_IP: WireError = WireError::NotCanonical("IP identifier");

impl Identifier {
    /// Takes a DNS name in any case.
    ///
    /// # Errors
    /// [`WireError`] if it is malformed or a wildcard.
    pub fn dns(name: &str) -> Result<Self, WireError> {
        check_dns_name(name, false).map_err(|_| NOT_DNS)?;
        Ok(Self::Dns(DnsIdentifier(name.to_ascii_lowercase())))
    }

    /// Takes an address.
    ///
    /// # Errors
    /// [`WireError`] if it is an IPv4 address that is mapped into IPv6.
    pub fn ip(address: IpAddr) -> Result<Self, WireError> {
        match address {
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Err(NOT_IP),
            _ => Ok(Self::Ip(address)),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(DnsIdentifier(name)) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl Wire for Identifier {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Dns(DnsIdentifier(name)) => {
                1u8.put(w);
                w.string(name.as_bytes());
            }
            Self::Ip(IpAddr::V4(address)) => {
                2u8.put(w);
                w.string(&address.octets());
            }
            Self::Ip(IpAddr::V6(address)) => {
                2u8.put(w);
                w.string(&address.octets());
            }
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            1 => {
                let name = r.text("DNS identifier", 253)?;
                if name.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(NOT_DNS);
                }
                Self::dns(&name)
            }
            2 => {
                let octets = r.string("IP identifier", 16)?;
                let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
                Self::ip(address.map_err(|_| NOT_IP)?)
            }
            _ => Err(WireError::UnknownValue("identifier")),
        }
    }
}

wire_enum! {
    /// How control over an identifier was validated.
    pub enum ValidationMethod: u8 {
        /// A file on port 80 (RFC 8555 §8.3).
        Http01 = 1, "http-01",
        /// A TXT record (RFC 8555 §8.4): the only one that reaches wildcards.
        Dns01 = 2, "dns-01",
        /// A TLS handshake (RFC 8737).
        TlsAlpn01 = 3, "tls-alpn-01",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let dns = Identifier::dns("A.Corp.example").unwrap();
        assert_eq!(Identifier::from_wire(&dns.to_wire()), Ok(dns.clone()));
        assert_eq!(dns.to_string(), "a.corp.example");
        for address in ["10.0.0.1", "fd00::1"] {
            let ip = Identifier::ip(address.parse().unwrap()).unwrap();
            assert_eq!(Identifier::from_wire(&ip.to_wire()), Ok(ip));
        }
        let bytes = |tag: u8, text: &[u8]| {
            let mut w = Writer::new();
            tag.put(&mut w);
            w.string(text);
            w.into_vec()
        };
        for (tag, text, error) in [
            (1, b"A.example".as_slice(), NOT_DNS),
            (1, b"*.a.example", NOT_DNS),
            (1, b"a.example.", NOT_DNS),
            (1, b"", NOT_DNS),
            (1, b"10.0.0.1", NOT_DNS),
            (2, &[10, 0, 0], NOT_IP),
            (2, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1], NOT_IP),
            (3, b"a", WireError::UnknownValue("identifier")),
        ] {
            assert_eq!(Identifier::from_wire(&bytes(tag, text)), Err(error), "{tag} {text:?}");
        }
    }
}
