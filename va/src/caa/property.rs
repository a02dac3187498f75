//! The value of `issue` and `issuewild` (RFC 8659 §4.2).

/// Who may issue, and under which conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    /// The CA's name in lower case; none forbids everybody.
    pub issuer: Option<String>,
    /// Tags in lower case with their values.
    pub parameters: Vec<(String, String)>,
}

/// Reads a value; none if it breaks the grammar, and then it authorizes nobody.
///
/// ```text
/// issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]
/// issuer-domain-name = label *("." label)
/// label = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))
/// parameters = (parameter *WSP ";" *WSP parameters) / parameter
/// parameter = tag *WSP "=" *WSP value
/// tag = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))
/// value = *(%x21-3A / %x3C-7E)
/// ```
pub(super) fn parse(value: &[u8]) -> Option<Issue> {
    let text = core::str::from_utf8(value).ok()?;
    let (issuer, parameters) = match text.split_once(';') {
        Some((issuer, rest)) => (issuer, Some(rest)),
        None => (text, None),
    };
    let issuer = match trim(issuer) {
        "" => None,
        name if name.split('.').all(is_label) => Some(name.to_ascii_lowercase()),
        _ => return None,
    };
    let parameters = match parameters.map(trim) {
        None | Some("") => Vec::new(),
        Some(list) => list.split(';').map(parameter).collect::<Option<_>>()?,
    };
    Some(Issue { issuer, parameters })
}

fn parameter(text: &str) -> Option<(String, String)> {
    let (tag, value) = text.split_once('=')?;
    let (tag, value) = (trim(tag), trim(value));
    let is_value = value.bytes().all(|b| matches!(b, 0x21..=0x3a | 0x3c..=0x7e));
    (is_label(tag) && is_value).then(|| (tag.to_ascii_lowercase(), value.to_owned()))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Issue> {
        parse(value.as_bytes())
    }

    #[test]
    fn values_of_the_rfc_are_read() {
        let pair = |tag: &str, value: &str| (tag.to_owned(), value.to_owned());
        let ca = || Some("ca1.example.net".to_owned());
        for (value, expected) in [
            ("ca1.example.net", (ca(), vec![])),
            ("  CA1.Example.net\t", (ca(), vec![])),
            ("ca1.example.net;", (ca(), vec![])),
            ("ca1.example.net ; ", (ca(), vec![])),
            // RFC 8659 §4.2
            ("ca1.example.net; account=230123", (ca(), vec![pair("account", "230123")])),
            ("ca1.example.net; policy=ev", (ca(), vec![pair("policy", "ev")])),
            ("ca1.example.net;a=1;b-2 = x", (ca(), vec![pair("a", "1"), pair("b-2", "x")])),
            ("ca1.example.net; A=", (ca(), vec![pair("a", "")])),
            (";", (None, vec![])),
            ("", (None, vec![])),
            ("; x=1", (None, vec![pair("x", "1")])),
            // RFC 8657 §6
            (
                "example.net; accounturi=https://example.net/account/1234; validationmethods=dns-01",
                (
                    Some("example.net".to_owned()),
                    vec![
                        pair("accounturi", "https://example.net/account/1234"),
                        pair("validationmethods", "dns-01"),
                    ],
                ),
            ),
        ] {
            let (issuer, parameters) = expected;
            assert_eq!(read(value), Some(Issue { issuer, parameters }), "{value}");
        }
    }

    #[test]
    fn values_that_break_the_grammar_are_not_read() {
        for value in [
            "%%%%%",
            "ca1.example.net policy=ev",
            "ca_1.example.net",
            ".example.net",
            "example.net.",
            "-a.example",
            "ca1.example.net; ; a=1",
            "ca1.example.net; a",
            "ca1.example.net; =1",
            "ca1.example.net; a=1;",
            "ca1.example.net; a b=1",
            "ca1.example.net; a=1 2",
            "ca1.example.net; a=\u{e4}",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(parse(&[0xff]), None);
    }
}
