//! GeneralName (RFC 5280 §4.2.1.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dns_name::check_dns_name;
use crate::reader::{self, Parser, tag};
use crate::well_formed::check_well_formed;
use crate::writer::Writer;
use crate::{DerError, Name, Oid, oids};

/// A name in one of the forms that certificates know.
///
/// ```text
/// GeneralName ::= CHOICE {
///     otherName                 [0] OtherName,
///     rfc822Name                [1] IA5String,
///     dNSName                   [2] IA5String,
///     directoryName             [4] Name,
///     uniformResourceIdentifier [6] IA5String,
///     iPAddress                 [7] OCTET STRING,
///     registeredID              [8] OBJECT IDENTIFIER }
/// ```
/// x400Address and ediPartyName are not supported.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GeneralName {
    /// A host name as [`check_dns_name`] allows it, wildcards included.
    Dns(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A mailbox `local@host` in ASCII.
    Email(String),
    /// An absolute URI in ASCII.
    Uri(String),
    /// A Microsoft user principal name: an otherName with a UTF8String.
    Upn(String),
    /// Any other otherName; `value` is the DER inside its `[0]`.
    OtherName {
        /// The form's object identifier.
        type_id: Oid,
        /// The DER of the value.
        value: Vec<u8>,
    },
    /// A distinguished name.
    Directory(Name),
    /// An object identifier.
    RegisteredId(Oid),
}

impl GeneralName {
    /// Reads one GeneralName.
    pub(crate) fn parse(parser: &mut Parser<'_>) -> Result<Self, DerError> {
        let tlv = parser.any()?;
        let name = match tlv.tag {
            0xa0 => parse_other_name(tlv.content)?,
            0x81 => Self::Email(ia5(tlv.content)?),
            0x82 => Self::Dns(ia5(tlv.content)?),
            0xa4 => Self::Directory(Name::parse(tlv.content)?),
            0x86 => Self::Uri(ia5(tlv.content)?),
            0x87 => Self::Ip(ip_address(tlv.content)?),
            0x88 => Self::RegisteredId(reader::oid(tlv.content)?),
            0xa3 | 0xa5 => {
                return Err(DerError::Unsupported { what: "this form of GeneralName" });
            }
            _ => return Err(DerError::field("GeneralName", "another type")),
        };
        name.check()?;
        Ok(name)
    }

    /// Writes one GeneralName; refuses a value that [`Self::parse`] would refuse.
    pub(crate) fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        match self {
            Self::Email(text) => writer.value(tag::context(1), text.as_bytes()),
            Self::Dns(text) => writer.value(tag::context(2), text.as_bytes()),
            Self::Uri(text) => writer.value(tag::context(6), text.as_bytes()),
            Self::Ip(IpAddr::V4(ip)) => writer.value(tag::context(7), &ip.octets()),
            Self::Ip(IpAddr::V6(ip)) => writer.value(tag::context(7), &ip.octets()),
            Self::RegisteredId(oid) => writer.value(tag::context(8), oid.as_bytes()),
            Self::Directory(name) => {
                writer.value(tag::context_constructed(4), name.der().as_bytes());
            }
            Self::Upn(text) => {
                let mut value = Writer::new();
                value.value(tag::UTF8_STRING, text.as_bytes());
                encode_other_name(writer, &oids::MS_UPN, &value.finish());
            }
            Self::OtherName { type_id, value } => encode_other_name(writer, type_id, value),
        }
        Ok(())
    }

    /// Checks the rules of the form.
    ///
    /// # Errors
    /// [`DerError`] names the form and the rule.
    pub fn check(&self) -> Result<(), DerError> {
        match self {
            Self::Dns(text) => Ok(check_dns_name(text, true)?),
            Self::Email(text) => check_mailbox(text),
            Self::Uri(text) => check_uri(text),
            Self::Upn(text) if text.is_empty() || text.contains('\0') => {
                Err(DerError::field("userPrincipalName", "empty or contains NUL"))
            }
            Self::OtherName { type_id, .. } if *type_id == oids::MS_UPN => {
                Err(DerError::field("userPrincipalName", "not a UTF8String"))
            }
            Self::OtherName { value, .. } => check_well_formed(value),
            Self::Directory(name) if name.is_empty() => {
                Err(DerError::field("directoryName", "empty"))
            }
            Self::Upn(_) | Self::Ip(_) | Self::Directory(_) | Self::RegisteredId(_) => Ok(()),
        }
    }
}

/// Reads `GeneralNames`: one name or more that fill the parser.
pub(crate) fn parse_general_names(
    mut parser: Parser<'_>,
    path: &'static str,
) -> Result<Vec<GeneralName>, DerError> {
    let mut names = Vec::new();
    while !parser.is_empty() {
        names.push(GeneralName::parse(&mut parser)?);
    }
    // RFC 5280 §4.2.1.6: GeneralNames ::= SEQUENCE SIZE (1..MAX).
    if names.is_empty() { Err(DerError::field(path, "empty")) } else { Ok(names) }
}

/// Writes `GeneralNames` under the given tag.
pub(crate) fn encode_general_names(
    writer: &mut Writer,
    tag: u8,
    names: &[GeneralName],
    path: &'static str,
) -> Result<(), DerError> {
    if names.is_empty() {
        return Err(DerError::field(path, "empty"));
    }
    writer.nested(tag, |w| names.iter().try_for_each(|name| name.encode(w)))
}

/// OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }
fn parse_other_name(content: &[u8]) -> Result<GeneralName, DerError> {
    let mut parser = Parser::new(content);
    let type_id = parser.oid("OtherName.type-id")?;
    let value = parser.value(tag::context_constructed(0), "OtherName.value")?;
    parser.finish()?;
    if type_id == oids::MS_UPN {
        let mut inner = Parser::new(value);
        let text = inner.value(tag::UTF8_STRING, "userPrincipalName")?;
        inner.finish()?;
        return match core::str::from_utf8(text) {
            Ok(text) => Ok(GeneralName::Upn(text.to_owned())),
            Err(_) => Err(DerError::field("userPrincipalName", "not UTF-8")),
        };
    }
    Ok(GeneralName::OtherName { type_id, value: value.to_vec() })
}

pub(crate) fn encode_other_name(writer: &mut Writer, type_id: &Oid, value: &[u8]) {
    let mut content = Writer::new();
    content.oid(type_id);
    content.value(tag::context_constructed(0), value);
    writer.value(tag::context_constructed(0), &content.finish());
}

/// Reads IA5String content; NUL and other control characters are no part of any name form.
pub(crate) fn ia5(content: &[u8]) -> Result<String, DerError> {
    if content.contains(&0) {
        return Err(DerError::field("IA5String", "contains NUL"));
    }
    if !content.iter().all(|b| matches!(b, 0x20..=0x7e)) {
        return Err(DerError::field("IA5String", "character outside printable ASCII"));
    }
    Ok(content.iter().map(|b| char::from(*b)).collect())
}

fn ip_address(content: &[u8]) -> Result<IpAddr, DerError> {
    if let Ok(octets) = <[u8; 4]>::try_from(content) {
        return Ok(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    if let Ok(octets) = <[u8; 16]>::try_from(content) {
        return Ok(IpAddr::V6(Ipv6Addr::from(octets)));
    }
    Err(DerError::field("iPAddress", "neither 4 nor 16 octets"))
}

/// RFC 5280 §4.2.1.6 (rfc822Name): `Local-part@Domain`, neither name nor angle brackets.
pub(crate) fn check_mailbox(text: &str) -> Result<(), DerError> {
    let Some((local, host)) = text.rsplit_once('@') else {
        return Err(DerError::field("rfc822Name", "no @"));
    };
    let allowed = |b: u8| b.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&b);
    if local.is_empty() || local.len() > 64 || !local.bytes().all(allowed) {
        return Err(DerError::field("rfc822Name", "not a plain local part"));
    }
    Ok(check_dns_name(host, false)?)
}

/// RFC 5280 §4.2.1.6: absolute, with a scheme and a scheme-specific part (RFC 3986 §3).
pub(crate) fn check_uri(text: &str) -> Result<(), DerError> {
    let refused = |why| Err(DerError::field("uniformResourceIdentifier", why));
    let allowed = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    if !text.bytes().all(allowed) {
        return refused("character outside RFC 3986");
    }
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && !rest.is_empty() =>
        {
            Ok(())
        }
        _ => refused("not absolute"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DnsNameError;

    fn encoded(name: &GeneralName) -> Result<Vec<u8>, DerError> {
        let mut writer = Writer::new();
        name.encode(&mut writer).map(|()| writer.finish())
    }

    fn parsed(der: &[u8]) -> Result<GeneralName, DerError> {
        GeneralName::parse(&mut Parser::new(der))
    }

    #[test]
    fn every_form_roundtrips() {
        for name in [
            GeneralName::Dns("*.corp.example".into()),
            GeneralName::Ip("10.0.0.1".parse().unwrap()),
            GeneralName::Ip("2001:db8::1".parse().unwrap()),
            GeneralName::Email("a.b+c@corp.example".into()),
            GeneralName::Uri("spiffe://corp.example/a".into()),
            GeneralName::Upn("jürgen@corp.example".into()),
            GeneralName::OtherName { type_id: Oid::new_unwrap("1.2.3"), value: vec![5, 0] },
            GeneralName::Directory(Name::parse_rfc4514("CN=a,O=b").unwrap()),
            GeneralName::RegisteredId(Oid::new_unwrap("1.2.3.4")),
        ] {
            assert_eq!(parsed(&encoded(&name).unwrap()), Ok(name));
        }
    }

    #[test]
    fn refuses_an_ia5_string_with_nul() {
        let nul = Err(DerError::field("IA5String", "contains NUL"));
        assert_eq!(parsed(b"\x82\x05a\0.bc"), nul);
        assert_eq!(parsed(b"\x81\x06a@b\0.c"), nul);
        assert_eq!(parsed(b"\x86\x05a:b\0c"), nul);
    }

    #[test]
    fn refuses_names_that_break_their_form() {
        let outside = DerError::field("IA5String", "character outside printable ASCII");
        for (der, error) in [
            (&b"\x82\x03a\xfcb"[..], outside),
            (b"\x82\x02a.", DerError::DnsName(DnsNameError::EmptyLabel)),
            (b"\x82\x09127.0.0.1", DerError::DnsName(DnsNameError::IpAddress)),
            (b"\x87\x03\x01\x02\x03", DerError::field("iPAddress", "neither 4 nor 16 octets")),
            (b"\x81\x01a", DerError::field("rfc822Name", "no @")),
            (b"\x81\x05a b@c", DerError::field("rfc822Name", "not a plain local part")),
            (b"\x81\x03@.a", DerError::field("rfc822Name", "not a plain local part")),
            (b"\x86\x02/a", DerError::field("uniformResourceIdentifier", "not absolute")),
            (
                b"\x86\x04a:b ",
                DerError::field("uniformResourceIdentifier", "character outside RFC 3986"),
            ),
            (b"\xa4\x02\x30\x00", DerError::field("directoryName", "empty")),
            (b"\xa3\x00", DerError::Unsupported { what: "this form of GeneralName" }),
            (b"\x84\x00", DerError::field("GeneralName", "another type")),
        ] {
            assert_eq!(parsed(der), Err(error), "{der:02x?}");
        }
    }

    #[test]
    fn refuses_to_write_what_it_refuses_to_read() {
        for name in [
            GeneralName::Dns("a\0".into()),
            GeneralName::Email("a".into()),
            GeneralName::Uri("a b".into()),
            GeneralName::Upn(String::new()),
            GeneralName::OtherName { type_id: oids::MS_UPN, value: vec![5, 0] },
            GeneralName::OtherName { type_id: Oid::new_unwrap("1.2.3"), value: vec![5] },
            GeneralName::Directory(Name::empty()),
        ] {
            assert!(encoded(&name).is_err(), "{name:?}");
        }
    }
}
