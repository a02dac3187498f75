//! What a set of CAA records says to a question.

use hickory_resolver::proto::rr::rdata::CAA;

use super::Question;
use super::property::{Issue, parse};

/// Tags that are understood: those of RFC 8659 §4, and those of the registry that say nothing about
/// certificates for servers.
const KNOWN: [&str; 7] =
    ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

/// Lets the records decide.
///
/// # Errors
/// Why they forbid it.
pub(super) fn verdict(records: &[CAA], question: &Question) -> Result<(), String> {
    let tag = |record: &&CAA, tag: &str| record.tag.eq_ignore_ascii_case(tag);
    // RFC 8659 §4.1: critical and not understood.
    let strange =
        |record: &&CAA| record.issuer_critical && !KNOWN.iter().any(|known| tag(record, known));
    if let Some(record) = records.iter().find(strange) {
        let name: String =
            record.tag.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        return Err(format!("the critical property `{name}` is not known"));
    }
    let of_tag = |wanted: &str| records.iter().filter(|r| tag(r, wanted)).collect::<Vec<_>>();
    // RFC 8659 §4.3: for wildcards `issuewild` takes precedence, and counts for nothing else.
    let wild = if question.wildcard { of_tag("issuewild") } else { Vec::new() };
    let deciding = if wild.is_empty() { of_tag("issue") } else { wild };
    if deciding.is_empty() {
        return Ok(());
    }
    let mut why = "no property names this CA".to_owned();
    for record in deciding {
        let Some(issue) = parse(&record.value) else { continue };
        let ours =
            |issuer: &String| question.issuers.iter().any(|our| our.eq_ignore_ascii_case(issuer));
        if !issue.issuer.as_ref().is_some_and(ours) {
            continue;
        }
        match conditions(&issue, question) {
            Ok(()) => return Ok(()),
            Err(condition) => why = condition.to_owned(),
        }
    }
    Err(why)
}

/// RFC 8657 §3 and §4; other parameters are the CA's to define, and ours defines none.
fn conditions(issue: &Issue, question: &Question) -> Result<(), &'static str> {
    let values = |tag: &str| {
        let of_tag = issue.parameters.iter().filter(move |(found, _)| found == tag);
        of_tag.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    match values("accounturi").as_slice() {
        [] => {}
        [uri] if *uri == question.account_uri => {}
        [_] => return Err("its accounturi is another account's"),
        // RFC 8657 §3: unsatisfiable
        _ => return Err("it has more than one accounturi"),
    }
    match values("validationmethods").as_slice() {
        [] => Ok(()),
        [list] if list.split(',').any(|label| label == question.method.as_str()) => Ok(()),
        [_] => Err("its validationmethods do not list this one"),
        _ => Err("it has more than one validationmethods"),
    }
}

#[cfg(test)]
mod tests {
    use va_wire::Method;

    use super::*;

    /// Flags, tag and value, as zone files have them.
    fn records(list: &[(u8, &str, &str)]) -> Vec<CAA> {
        let record = |(flags, tag, value): &(u8, &str, &str)| {
            let mut record = CAA::new_issue(flags & 128 != 0, None, Vec::new());
            record.tag = (*tag).to_owned();
            record.value = value.as_bytes().to_vec();
            record.reserved_flags = flags & 127;
            record
        };
        list.iter().map(record).collect()
    }

    fn question(wildcard: bool, method: Method) -> Question {
        Question {
            name: "www.corp.example".into(),
            wildcard,
            issuers: vec!["ca.corp.example".into(), "Old-CA.example".into()],
            account_uri: "https://ca.corp.example/acme/account/1".into(),
            method,
        }
    }

    fn asked(wildcard: bool, list: &[(u8, &str, &str)]) -> Result<(), String> {
        verdict(&records(list), &question(wildcard, Method::Http01))
    }

    #[test]
    fn issue_decides_about_names() {
        let none = || Err("no property names this CA".to_owned());
        for (list, expected) in [
            (&[(0, "issue", "ca.corp.example")][..], Ok(())),
            (&[(0, "issue", "old-ca.example")], Ok(())),
            (&[(0, "ISSUE", "CA.CORP.EXAMPLE")], Ok(())),
            (&[(128, "issue", "ca.corp.example")], Ok(())),
            (&[(1, "issue", "ca.corp.example")], Ok(())),
            (&[(0, "issue", "other.example"), (0, "issue", "ca.corp.example")], Ok(())),
            (&[(0, "issue", "ca.corp.example; policy=ev")], Ok(())),
            (&[(0, "issue", "other.example")], none()),
            (&[(0, "issue", "sub.ca.corp.example")], none()),
            (&[(0, "issue", "corp.example")], none()),
            (&[(0, "issue", ";")], none()),
            (&[(0, "issue", "")], none()),
            (&[(0, "issue", "%%%%%")], none()),
            (&[(0, "issue", "ca.corp.example policy=ev")], none()),
            // RFC 8659 §4.2: without `issue` there is no restriction.
            (&[(0, "iodef", "mailto:security@example.com")], Ok(())),
            (&[(0, "unknown", "x")], Ok(())),
            // RFC 8659 §4.3: no say about what is no wildcard.
            (&[(0, "issuewild", ";")], Ok(())),
            (&[(0, "issuewild", "ca.corp.example"), (0, "issue", ";")], none()),
        ] {
            assert_eq!(asked(false, list), expected, "{list:?}");
        }
    }

    #[test]
    fn issuewild_decides_about_wildcards_where_it_is() {
        for (list, expected) in [
            (&[(0, "issue", "ca.corp.example")][..], true),
            (&[(0, "issue", "other.example")], false),
            (&[(0, "issuewild", "ca.corp.example"), (0, "issue", "other.example")], true),
            (&[(0, "issuewild", "other.example"), (0, "issue", "ca.corp.example")], false),
            (&[(0, "issuewild", ";"), (0, "issue", "ca.corp.example")], false),
            (&[(0, "issuewild", "ca.corp.example")], true),
            (&[(0, "IssueWild", "%%%"), (0, "issue", "ca.corp.example")], false),
        ] {
            assert_eq!(asked(true, list).is_ok(), expected, "{list:?}");
        }
    }

    #[test]
    fn a_critical_property_that_is_not_known_forbids() {
        for (list, expected) in [
            // RFC 8659 §4.1's example
            (&[(0, "issue", "ca.corp.example"), (128, "tbs", "Unknown")][..], false),
            (&[(0, "issue", "ca.corp.example"), (0, "tbs", "Unknown")], true),
            (&[(128, "iodef", "mailto:a@b")], true),
            (&[(128, "issuemail", ";")], true),
            (&[(128, "contactemail", "a@b")], true),
            (&[(129, "future", "")], false),
            (&[(127, "future", "")], true),
        ] {
            for wildcard in [false, true] {
                assert_eq!(asked(wildcard, list).is_ok(), expected, "{list:?}");
            }
        }
    }

    #[test]
    fn accounturi_and_validationmethods_bind() {
        let ours = "accounturi=https://ca.corp.example/acme/account/1";
        for (parameters, method, expected) in [
            (ours, Method::Http01, true),
            ("accounturi=https://ca.corp.example/acme/account/2", Method::Http01, false),
            ("accounturi=https://ca.corp.example/acme/account/", Method::Http01, false),
            ("accounturi=HTTPS://ca.corp.example/acme/account/1", Method::Http01, false),
            ("accounturi=", Method::Http01, false),
            (&format!("{ours}; {ours}"), Method::Http01, false),
            ("validationmethods=dns-01", Method::Dns01, true),
            ("validationmethods=dns-01", Method::Http01, false),
            ("validationmethods=dns-01,http-01", Method::Http01, true),
            ("ValidationMethods=tls-alpn-01", Method::TlsAlpn01, true),
            ("validationmethods=HTTP-01", Method::Http01, false),
            ("validationmethods=", Method::Http01, false),
            ("validationmethods=http-01; validationmethods=http-01", Method::Http01, false),
            (&format!("{ours}; validationmethods=dns-01"), Method::Dns01, true),
            (&format!("{ours}; validationmethods=dns-01"), Method::TlsAlpn01, false),
            ("unknown=1", Method::Http01, true),
        ] {
            let value = format!("ca.corp.example; {parameters}");
            let found = verdict(&records(&[(0, "issue", &value)]), &question(false, method));
            assert_eq!(found.is_ok(), expected, "{value} {method}");
        }
        // Another property of the same set may be satisfied.
        let list = records(&[
            (0, "issue", "ca.corp.example; validationmethods=dns-01"),
            (0, "issue", "ca.corp.example; validationmethods=http-01"),
        ]);
        assert_eq!(verdict(&list, &question(false, Method::Http01)), Ok(()));
        let closed = verdict(&list, &question(false, Method::TlsAlpn01));
        assert_eq!(closed, Err("its validationmethods do not list this one".into()));
    }
}
