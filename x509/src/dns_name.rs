//! What a dNSName may look like.

/// Says why a text is no dNSName that we certify. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnsNameError {
    /// Has no characters.
    #[error("empty name")]
    Empty,
    /// Has more than 253 characters (RFC 1035 §2.3.4).
    #[error("longer than 253 characters (RFC 1035 §2.3.4)")]
    TooLong,
    /// Has a label without characters; a trailing dot makes one (RFC 5280 §4.2.1.6).
    #[error("empty label or trailing dot (RFC 5280 §4.2.1.6)")]
    EmptyLabel,
    /// Has a label of more than 63 characters (RFC 1035 §2.3.4).
    #[error("label longer than 63 characters (RFC 1035 §2.3.4)")]
    LabelTooLong,
    /// Has a character other than letters, digits and hyphen (RFC 1034 §3.5).
    #[error("character other than letters, digits and hyphen (RFC 1034 §3.5)")]
    Character,
    /// Has a label that begins or ends with a hyphen (RFC 1034 §3.5).
    #[error("label begins or ends with a hyphen (RFC 1034 §3.5)")]
    Hyphen,
    /// Has a wildcard where none is allowed.
    #[error("a wildcard is not allowed here")]
    WildcardForbidden,
    /// Has a wildcard that is not the whole left-most label, or fewer than two labels follow it.
    #[error("a wildcard is the whole left-most label, with two labels after it (RFC 9525 §6.3)")]
    WildcardPlace,
    /// Is an IPv4 address in dotted form, which belongs into iPAddress (RFC 9525 §6.2).
    #[error("an IP address is no dNSName")]
    IpAddress,
}

/// Checks a dNSName: preferred name syntax in A-label form (RFC 5280 §4.2.1.6, RFC 1034 §3.5).
///
/// Upper case is allowed.
///
/// # Errors
/// [`DnsNameError`] names the first rule that is broken.
pub fn check_dns_name(name: &str, allow_wildcard: bool) -> Result<(), DnsNameError> {
    if name.is_empty() {
        return Err(DnsNameError::Empty);
    }
    if name.len() > 253 {
        return Err(DnsNameError::TooLong);
    }
    let rest = match name.split_once('*') {
        None => name,
        Some(_) if !allow_wildcard => return Err(DnsNameError::WildcardForbidden),
        Some(("", after)) => {
            let rest = after.strip_prefix('.').ok_or(DnsNameError::WildcardPlace)?;
            if !rest.contains('.') || rest.contains('*') {
                return Err(DnsNameError::WildcardPlace);
            }
            rest
        }
        Some(_) => return Err(DnsNameError::WildcardPlace),
    };
    rest.split('.').try_for_each(check_label)?;
    // A top-level label of digits only does not exist, and resolvers take such names for addresses.
    if rest.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(DnsNameError::IpAddress);
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), DnsNameError> {
    if label.is_empty() {
        return Err(DnsNameError::EmptyLabel);
    }
    if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(DnsNameError::Character);
    }
    if label.len() > 63 {
        return Err(DnsNameError::LabelTooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(DnsNameError::Hyphen);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_hosts_and_wildcards() {
        for name in
            ["localhost", "a.b", "www.Example.COM", "xn--bcher-kva.example", "1.example", "a1-b.c"]
        {
            assert_eq!(check_dns_name(name, false), Ok(()), "{name}");
        }
        assert_eq!(check_dns_name("*.corp.example", true), Ok(()));
    }

    #[test]
    fn refuses_what_is_no_host_name() {
        use DnsNameError as E;
        let long_label = format!("{}.example", "a".repeat(64));
        let long = vec!["abcdefg"; 32].join(".");
        for (name, error) in [
            ("", E::Empty),
            ("a.", E::EmptyLabel),
            (".a", E::EmptyLabel),
            ("a..b", E::EmptyLabel),
            ("a\0.b", E::Character),
            ("a_b.c", E::Character),
            ("a b", E::Character),
            ("bücher.example", E::Character),
            ("-a.b", E::Hyphen),
            ("a-.b", E::Hyphen),
            (&long_label, E::LabelTooLong),
            (&long, E::TooLong),
            ("*.example", E::WildcardPlace),
            ("*", E::WildcardPlace),
            ("a.*.example.com", E::WildcardPlace),
            ("w*.example.com", E::WildcardPlace),
            ("*w.example.com", E::WildcardPlace),
            ("*.*.example.com", E::WildcardPlace),
            ("*..example.com", E::EmptyLabel),
            ("10.0.0.1", E::IpAddress),
        ] {
            assert_eq!(check_dns_name(name, true), Err(error), "{name}");
        }
        assert_eq!(check_dns_name("*.corp.example", false), Err(E::WildcardForbidden));
    }
}
