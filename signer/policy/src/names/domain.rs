//! A DNS domain as a policy names it: itself and everything below.

use x509::check_dns_name;

/// A domain in lower case without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain(String);

impl Domain {
    /// Reads the one spelling that a policy may use.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        check_dns_name(text, false).map_err(|error| error.to_string())?;
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err("is written in lower case".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the host is this domain or lies below it; case does not matter
    /// (RFC 4343 §3), and a label boundary stands before the domain.
    pub(crate) fn covers(&self, host: &str) -> bool {
        is_at_or_below(host, &self.0)
    }

    /// Tells whether the other domain is this one or lies below it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        self.covers(&other.0)
    }

    /// Tells whether this domain lies below the parent, or is it.
    pub(crate) fn is_within(&self, parent: &str) -> bool {
        is_at_or_below(&self.0, parent)
    }
}

impl core::fmt::Display for Domain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells whether the host equals the domain or ends with it after a dot, ASCII case ignored.
pub(crate) fn is_at_or_below(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.as_bytes(), domain.as_bytes());
    let Some(split) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let Some((head, tail)) = host.split_at_checked(split) else {
        return false;
    };
    tail.eq_ignore_ascii_case(domain) && matches!(head.last(), None | Some(b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_itself_and_what_is_below() {
        let domain = Domain::parse("corp.example").unwrap();
        for host in ["corp.example", "CORP.Example", "a.corp.example", "a.b.cOrp.example"] {
            assert!(domain.covers(host), "{host}");
        }
        for host in
            ["example", "xcorp.example", "corp.example.net", "corp.example.", "", "corp-example"]
        {
            assert!(!domain.covers(host), "{host}");
        }
        assert!(domain.is_within("example") && domain.is_within("corp.example"));
        assert!(!domain.is_within("a.corp.example"));
    }

    #[test]
    fn refuses_other_spellings_in_a_policy() {
        for text in [
            "",
            "Corp.example",
            ".corp.example",
            "*.corp.example",
            "corp.example.",
            "bücher.example",
            "10.0.0.1",
        ] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
    }
}
