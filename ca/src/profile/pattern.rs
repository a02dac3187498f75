//! Patterns that names are held against: a name that no pattern of its type admits is refused.

use std::net::IpAddr;

use ipnet::IpNet;

/// Patterns of one kind of name. An empty list admits none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns<P>(Vec<P>);

// By hand, since a derive would ask the same of P.
impl<P> Default for Patterns<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// One pattern that a text is held against.
pub trait Pattern: Sized {
    /// What it is held against.
    type Name: ?Sized;
    /// Reads the pattern, or says what is wrong with it.
    fn parse(text: &str) -> Result<Self, String>;
    /// Says whether it admits the name.
    fn admits(&self, name: &Self::Name) -> bool;
}

impl<P: Pattern> Patterns<P> {
    /// Reads every pattern; the errors name the ones that are wrong.
    pub fn parse(texts: &[String]) -> Result<Self, Vec<String>> {
        let (good, bad): (Vec<_>, Vec<_>) =
            texts.iter().map(|text| P::parse(text)).partition(Result::is_ok);
        if bad.is_empty() {
            Ok(Self(good.into_iter().filter_map(Result::ok).collect()))
        } else {
            Err(bad.into_iter().filter_map(Result::err).collect())
        }
    }

    /// Says whether any pattern admits the name.
    pub fn admit(&self, name: &P::Name) -> bool {
        self.0.iter().any(|pattern| pattern.admits(name))
    }
}

/// `*`, `host.example`, or `*.corp.example` for anything below `corp.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsPattern {
    /// Any name.
    Any,
    /// This very name.
    Exactly(String),
    /// Anything below this domain.
    Below(String),
}

impl Pattern for DnsPattern {
    type Name = str;

    fn parse(text: &str) -> Result<Self, String> {
        let domain = match text.strip_prefix("*.") {
            _ if text == "*" => return Ok(Self::Any),
            Some(domain) => domain,
            None => text,
        };
        x509::check_dns_name(domain, false)
            .map_err(|error| format!("the DNS pattern `{text}` is malformed: {error}"))?;
        let domain = domain.to_ascii_lowercase();
        Ok(if text.starts_with("*.") { Self::Below(domain) } else { Self::Exactly(domain) })
    }

    fn admits(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Exactly(this) => name == *this,
            Self::Below(domain) => is_below(&name, domain),
        }
    }
}

/// `*` or a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpPattern {
    /// Any address.
    Any,
    /// An address of this network.
    Within(IpNet),
}

impl Pattern for IpPattern {
    type Name = IpAddr;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self::Within)
            .map_err(|_| format!("`{text}` is neither an address nor a network"))
    }

    fn admits(&self, name: &IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Within(network) => network.contains(name),
        }
    }
}

/// `*`, or a domain that a mailbox or principal name must be at or below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainPattern {
    /// Any domain.
    Any,
    /// This domain or one below it.
    AtOrBelow(String),
}

impl Pattern for DomainPattern {
    type Name = str;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        x509::check_dns_name(text, false)
            .map_err(|error| format!("the domain `{text}` is malformed: {error}"))?;
        Ok(Self::AtOrBelow(text.to_ascii_lowercase()))
    }

    fn admits(&self, name: &str) -> bool {
        let Some((local, domain)) = name.rsplit_once('@') else {
            return false;
        };
        let domain = domain.to_ascii_lowercase();
        !local.is_empty()
            && match self {
                Self::Any => !domain.is_empty(),
                Self::AtOrBelow(this) => domain == *this || is_below(&domain, this),
            }
    }
}

/// `*`, or a prefix that ends at a boundary of the URI's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriPattern {
    /// Any URI.
    Any,
    /// URIs that start with this text.
    Prefix(String),
}

impl Pattern for UriPattern {
    type Name = str;

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "*" => Ok(Self::Any),
            // Without a boundary, `spiffe://corp.example` would admit `spiffe://corp.example.evil/`.
            _ if text.ends_with(['/', ':', '#', '?']) => Ok(Self::Prefix(text.to_owned())),
            _ => Err(format!("the URI prefix `{text}` must end in / : # or ?")),
        }
    }

    fn admits(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            // Dot segments would lead out of the prefix again (RFC 3986 §5.2.4).
            Self::Prefix(prefix) => name.starts_with(prefix) && !name.split('/').any(|s| s == ".."),
        }
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits<P: Pattern>(pattern: &str, name: &P::Name) -> bool {
        P::parse(pattern).expect("a pattern").admits(name)
    }

    #[test]
    fn dns_patterns_keep_to_label_boundaries() {
        for (pattern, name, expected) in [
            ("*", "a.b", true),
            ("*.corp.example", "a.corp.example", true),
            ("*.corp.example", "A.b.CORP.example", true),
            ("*.corp.example", "corp.example", false),
            ("*.corp.example", "evilcorp.example", false),
            ("*.corp.example", "a.corp.example.evil", false),
            ("www.corp.example", "WWW.corp.example", true),
            ("www.corp.example", "a.www.corp.example", false),
        ] {
            assert_eq!(admits::<DnsPattern>(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn mailboxes_are_held_at_the_last_at() {
        for (pattern, name, expected) in [
            ("corp.example", "me@corp.example", true),
            ("corp.example", "me@a.corp.example", true),
            ("corp.example", "me@evilcorp.example", false),
            ("corp.example", "@corp.example", false),
            ("corp.example", "corp.example", false),
            ("corp.example", "a@corp.example@evil", false),
        ] {
            assert_eq!(admits::<DomainPattern>(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn uri_prefixes_end_at_a_boundary() {
        assert!(UriPattern::parse("spiffe://corp.example").is_err());
        for (name, expected) in [
            ("spiffe://corp.example/a", true),
            ("spiffe://corp.example.evil/a", false),
            ("spiffe://corp.example/../x", false),
        ] {
            assert_eq!(admits::<UriPattern>("spiffe://corp.example/", name), expected, "{name}");
        }
    }

    #[test]
    fn networks_admit_their_own() {
        assert!(admits::<IpPattern>("10.0.0.0/8", &"10.1.2.3".parse().expect("ip")));
        assert!(!admits::<IpPattern>("10.0.0.0/8", &"11.1.2.3".parse().expect("ip")));
        assert!(!admits::<IpPattern>("10.0.0.0/8", &"::ffff:10.1.2.3".parse().expect("ip")));
        assert!(IpPattern::parse("10.0.0.0/33").is_err());
    }
}
