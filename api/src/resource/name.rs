//! Subject alternative names as texts.

use std::net::IpAddr;

use x509::GeneralName;

use crate::problem::chain;

/// Says that a text is no alternative name. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no alternative name: {why}")]
pub struct NotAName {
    text: String,
    why: String,
}

/// Reads `dns:NAME`, `ip:ADDRESS`, `email:MAILBOX`, `uri:URI` or `upn:NAME`, in any case; without
/// one of these an address, a URI, a mailbox or a DNS name is told by its look.
///
/// # Errors
/// [`NotAName`].
pub fn alternative_name(text: &str) -> Result<GeneralName, NotAName> {
    let refuse = |why: String| NotAName { text: text.to_owned(), why };
    let name = match text.split_once(':') {
        Some((kind, value)) => match kind.to_ascii_lowercase().as_str() {
            "dns" => GeneralName::Dns(value.to_owned()),
            "ip" => match value.parse::<IpAddr>() {
                Ok(ip) => GeneralName::Ip(ip),
                Err(error) => return Err(refuse(error.to_string())),
            },
            "email" => GeneralName::Email(value.to_owned()),
            "uri" => GeneralName::Uri(value.to_owned()),
            "upn" => GeneralName::Upn(value.to_owned()),
            _ => by_look(text),
        },
        None => by_look(text),
    };
    name.check().map_err(|error| refuse(chain(&error)))?;
    Ok(name)
}

fn by_look(text: &str) -> GeneralName {
    if let Ok(ip) = text.parse::<IpAddr>() {
        GeneralName::Ip(ip)
    } else if text.contains(':') {
        GeneralName::Uri(text.to_owned())
    } else if text.contains('@') {
        GeneralName::Email(text.to_owned())
    } else {
        GeneralName::Dns(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_prefix_or_look() {
        let ip = |text: &str| GeneralName::Ip(text.parse().expect("an address"));
        for (text, name) in [
            ("www.corp.example", GeneralName::Dns("www.corp.example".into())),
            ("DNS:*.corp.example", GeneralName::Dns("*.corp.example".into())),
            ("10.0.0.1", ip("10.0.0.1")),
            ("::1", ip("::1")),
            ("ip:fd00::1", ip("fd00::1")),
            ("a@corp.example", GeneralName::Email("a@corp.example".into())),
            ("email:a@corp.example", GeneralName::Email("a@corp.example".into())),
            ("https://corp.example/x", GeneralName::Uri("https://corp.example/x".into())),
            ("spiffe://corp/x", GeneralName::Uri("spiffe://corp/x".into())),
            ("uri:urn:a:b", GeneralName::Uri("urn:a:b".into())),
            ("upn:a@corp.example", GeneralName::Upn("a@corp.example".into())),
        ] {
            assert_eq!(alternative_name(text), Ok(name));
        }
    }

    #[test]
    fn a_refusal_says_what_exactly() {
        let why = |text| alternative_name(text).expect_err("refused").to_string();
        let (stars, label) = (why("dns:*.*.x"), why("dns:-a.x"));
        // The form alone would be the same for both.
        assert_ne!(stars.replace("*.*.x", ""), label.replace("-a.x", ""));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "dns:", "dns:a b", "ip:10.0.0", "ip:x", "email:a", "uri:/x", "-a.example"]
        {
            assert!(alternative_name(text).is_err(), "{text}");
        }
    }
}
