//! nameConstraints (RFC 5280 §4.2.1.10).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dns_name::check_dns_name;
use crate::general_name::{check_mailbox, encode_other_name, ia5};
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{DerError, Name, oids};

const PATH: &str = "NameConstraints";

/// The names that certificates below a CA may and may not have.
///
/// ```text
/// NameConstraints ::= SEQUENCE {
///     permittedSubtrees [0] GeneralSubtrees OPTIONAL,
///     excludedSubtrees  [1] GeneralSubtrees OPTIONAL }
/// GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] ... DEFAULT 0, maximum [1] ... }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct NameConstraints {
    /// The only subtrees allowed, for each form of name that appears here.
    pub permitted: Vec<NameSubtree>,
    /// The subtrees that are forbidden whatever is permitted.
    pub excluded: Vec<NameSubtree>,
}

/// All names of one form below a base.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameSubtree {
    /// A host name and everything below it; empty for all. No leading dot.
    Dns(String),
    /// A network: the bits of the address after the prefix are zero.
    Ip {
        /// The network's address.
        addr: IpAddr,
        /// The number of leading bits that count.
        prefix: u8,
    },
    /// A mailbox, all mailboxes of a host, or with a leading dot of all hosts below a domain.
    Email(String),
    /// The URIs of a host, or with a leading dot of all hosts below a domain.
    Uri(String),
    /// All distinguished names that begin with this one.
    Directory(Name),
    /// User principal names with this suffix (Microsoft).
    Upn(String),
}

impl NameConstraints {
    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = only(value, tag::SEQUENCE, PATH)?;
        let permitted = parse_subtrees(fields.optional(tag::context_constructed(0))?)?;
        let excluded = parse_subtrees(fields.optional(tag::context_constructed(1))?)?;
        fields.finish()?;
        let constraints = Self { permitted, excluded };
        constraints.check()?;
        Ok(constraints)
    }

    pub(super) fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            for (number, subtrees) in [(0, &self.permitted), (1, &self.excluded)] {
                if subtrees.is_empty() {
                    continue;
                }
                w.nested(tag::context_constructed(number), |w| {
                    subtrees.iter().try_for_each(|subtree| w.sequence(|w| subtree.encode(w)))
                })?;
            }
            Ok(())
        })
    }

    /// RFC 5280 §4.2.1.10: MUST NOT be an empty sequence.
    fn check(&self) -> Result<(), DerError> {
        if self.permitted.is_empty() && self.excluded.is_empty() {
            return Err(DerError::field(PATH, "empty"));
        }
        Ok(())
    }
}

fn parse_subtrees(content: Option<&[u8]>) -> Result<Vec<NameSubtree>, DerError> {
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    let mut list = Parser::new(content);
    let mut subtrees = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence("GeneralSubtree")?;
        subtrees.push(NameSubtree::parse(&mut fields)?);
        // RFC 5280 §4.2.1.10: minimum MUST be zero (so absent in DER), maximum MUST be absent.
        if !fields.is_empty() {
            return Err(DerError::field("GeneralSubtree", "minimum or maximum present"));
        }
    }
    if subtrees.is_empty() {
        Err(DerError::field("GeneralSubtrees", "empty"))
    } else {
        Ok(subtrees)
    }
}

impl NameSubtree {
    fn parse(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let tlv = fields.any()?;
        let subtree = match tlv.tag {
            0xa0 => parse_upn(tlv.content)?,
            0x81 => Self::Email(ia5(tlv.content)?),
            0x82 => Self::Dns(ia5(tlv.content)?),
            0xa4 => Self::Directory(Name::parse(tlv.content)?),
            0x86 => Self::Uri(ia5(tlv.content)?),
            0x87 => parse_network(tlv.content)?,
            0x88 | 0xa3 | 0xa5 => {
                return Err(DerError::Unsupported { what: "this form of name constraint" });
            }
            _ => return Err(DerError::field("GeneralSubtree", "another type")),
        };
        subtree.check()?;
        Ok(subtree)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        match self {
            Self::Email(text) => writer.value(tag::context(1), text.as_bytes()),
            Self::Dns(text) => writer.value(tag::context(2), text.as_bytes()),
            Self::Uri(text) => writer.value(tag::context(6), text.as_bytes()),
            Self::Directory(name) => {
                writer.value(tag::context_constructed(4), name.der().as_bytes());
            }
            Self::Ip { addr, prefix } => match addr {
                IpAddr::V4(ip) => {
                    let mask = mask(*prefix, 32).to_be_bytes();
                    let mask = mask.last_chunk::<4>().copied().unwrap_or_default();
                    writer.value(tag::context(7), &[ip.octets(), mask].concat());
                }
                IpAddr::V6(ip) => {
                    let mask = mask(*prefix, 128).to_be_bytes();
                    writer.value(tag::context(7), &[ip.octets(), mask].concat());
                }
            },
            Self::Upn(text) => {
                let mut value = Writer::new();
                value.value(tag::UTF8_STRING, text.as_bytes());
                encode_other_name(writer, &oids::MS_UPN, &value.finish());
            }
        }
        Ok(())
    }

    /// Checks the rules of the form.
    ///
    /// # Errors
    /// [`DerError`] names the form and the rule.
    pub fn check(&self) -> Result<(), DerError> {
        match self {
            Self::Dns(text) if text.is_empty() => Ok(()),
            Self::Dns(text) => Ok(check_dns_name(text, false)?),
            Self::Email(text) if text.contains('@') => check_mailbox(text),
            Self::Email(text) | Self::Uri(text) => {
                Ok(check_dns_name(text.strip_prefix('.').unwrap_or(text), false)?)
            }
            Self::Upn(text) if text.is_empty() || text.contains('\0') => {
                Err(DerError::field("userPrincipalName", "empty or contains NUL"))
            }
            Self::Upn(_) | Self::Directory(_) => Ok(()),
            Self::Ip { addr, prefix } => {
                let (bits, value) = address_bits(*addr);
                if *prefix > bits {
                    return Err(DerError::field("iPAddress", "prefix longer than the address"));
                }
                if value & !mask(*prefix, bits) != 0 {
                    return Err(DerError::field("iPAddress", "bits set after the prefix"));
                }
                Ok(())
            }
        }
    }
}

/// Gives the address's size in bits and its value.
fn address_bits(addr: IpAddr) -> (u8, u128) {
    match addr {
        IpAddr::V4(ip) => (32, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (128, u128::from(ip)),
    }
}

/// Gives a mask of `prefix` ones at the top of `bits` bits.
fn mask(prefix: u8, bits: u8) -> u128 {
    let zeros = u32::from(bits.saturating_sub(prefix));
    let all = u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0);
    all & u128::MAX.checked_shl(zeros).unwrap_or(0)
}

/// RFC 5280 §4.2.1.10: address and mask, of which only prefixes are meaningful (RFC 4632).
fn parse_network(content: &[u8]) -> Result<NameSubtree, DerError> {
    let (addr, mask_value, bits) = if let Ok(octets) = <[u8; 8]>::try_from(content) {
        let both = u64::from_be_bytes(octets);
        let addr = u32::try_from(both >> 32).unwrap_or(0);
        (IpAddr::V4(Ipv4Addr::from(addr)), u128::from(both & 0xffff_ffff), 32)
    } else if let Some((addr, mask)) = content.split_first_chunk::<16>()
        && let Ok(mask) = <[u8; 16]>::try_from(mask)
    {
        (IpAddr::V6(Ipv6Addr::from(*addr)), u128::from_be_bytes(mask), 128)
    } else {
        return Err(DerError::field("iPAddress", "neither 8 nor 32 octets"));
    };
    let prefix = u8::try_from(mask_value.count_ones()).unwrap_or(0);
    if mask(prefix, bits) != mask_value {
        return Err(DerError::field("iPAddress", "mask is no prefix"));
    }
    Ok(NameSubtree::Ip { addr, prefix })
}

fn parse_upn(content: &[u8]) -> Result<NameSubtree, DerError> {
    let mut parser = Parser::new(content);
    if parser.oid("OtherName.type-id")? != oids::MS_UPN {
        return Err(DerError::Unsupported { what: "this form of name constraint" });
    }
    let mut value = parser.nested(tag::context_constructed(0), "OtherName.value")?;
    parser.finish()?;
    let text = value.value(tag::UTF8_STRING, "userPrincipalName")?;
    value.finish()?;
    match core::str::from_utf8(text) {
        Ok(text) => Ok(NameSubtree::Upn(text.to_owned())),
        Err(_) => Err(DerError::field("userPrincipalName", "not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DnsNameError;
    use proptest::prelude::*;

    fn roundtrip(constraints: &NameConstraints) -> Result<NameConstraints, DerError> {
        let mut writer = Writer::new();
        constraints.encode(&mut writer)?;
        NameConstraints::parse(&writer.finish())
    }

    fn permitted(subtree: NameSubtree) -> NameConstraints {
        NameConstraints { permitted: vec![subtree], excluded: Vec::new() }
    }

    fn ip(text: &str, prefix: u8) -> NameSubtree {
        NameSubtree::Ip { addr: text.parse().unwrap(), prefix }
    }

    #[test]
    fn roundtrips() {
        let constraints = NameConstraints {
            permitted: vec![
                NameSubtree::Dns("corp.example".into()),
                ip("10.0.0.0", 8),
                ip("2001:db8::", 32),
                NameSubtree::Directory(Name::parse_rfc4514("O=a").unwrap()),
                NameSubtree::Upn("@corp.example".into()),
            ],
            excluded: vec![
                NameSubtree::Dns(String::new()),
                ip("0.0.0.0", 0),
                ip("::", 0),
                ip("::1", 128),
                NameSubtree::Email(".corp.example".into()),
                NameSubtree::Email("a@corp.example".into()),
                NameSubtree::Uri("corp.example".into()),
            ],
        };
        assert_eq!(roundtrip(&constraints), Ok(constraints));
    }

    #[test]
    fn refuses_networks_that_are_none() {
        let v4 = |octets: &[u8]| parse_network(octets).and_then(|subtree| subtree.check());
        for (octets, why) in [
            (&[10, 0, 0, 0, 255, 0, 255, 0][..], "mask is no prefix"),
            (&[10, 0, 0, 1, 255, 0, 0, 0], "bits set after the prefix"),
            (&[10, 0, 0, 0], "neither 8 nor 32 octets"),
        ] {
            assert_eq!(v4(octets), Err(DerError::field("iPAddress", why)));
        }
        let long = roundtrip(&permitted(ip("10.0.0.0", 33)));
        assert_eq!(long, Err(DerError::field("iPAddress", "prefix longer than the address")));
    }

    #[test]
    fn refuses_empty_minimum_and_leading_dot() {
        assert_eq!(NameConstraints::parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let empty = Err(DerError::field("GeneralSubtrees", "empty"));
        assert_eq!(NameConstraints::parse(&[0x30, 2, 0xa0, 0]), empty);
        let minimum = b"\x30\x0a\xa0\x08\x30\x06\x82\x01a\x80\x01\x00";
        let refused = Err(DerError::field("GeneralSubtree", "minimum or maximum present"));
        assert_eq!(NameConstraints::parse(minimum), refused);
        let dot = roundtrip(&permitted(NameSubtree::Dns(".a".into())));
        assert_eq!(dot, Err(DerError::DnsName(DnsNameError::EmptyLabel)));
    }

    proptest! {
        #[test]
        fn networks_roundtrip(value: u128, v4: bool, prefix in 0_u8..=128) {
            let subtree = if v4 {
                let prefix = prefix.min(32);
                let value = value & mask(prefix, 32);
                NameSubtree::Ip { addr: Ipv4Addr::from(u32::try_from(value).unwrap()).into(), prefix }
            } else {
                NameSubtree::Ip { addr: Ipv6Addr::from(value & mask(prefix, 128)).into(), prefix }
            };
            let constraints = permitted(subtree);
            prop_assert_eq!(roundtrip(&constraints), Ok(constraints));
        }
    }
}
