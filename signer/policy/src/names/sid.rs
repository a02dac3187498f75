//! Windows security identifiers: the strong mapping of a certificate to an account.

use signer_proto::{Refusal, Rule};

/// What stands before the SID in a SAN URI (Microsoft KB5014754).
const PREFIX: &str = "tag:microsoft.com,2022-09-14:sid:";

/// Gives the SID of a URI that a domain controller would read one from.
///
/// Any case of the prefix counts, so that no spelling slips by the rule for SIDs.
pub(crate) fn of_uri(uri: &str) -> Option<&str> {
    let (head, tail) = uri.split_at_checked(PREFIX.len())?;
    head.eq_ignore_ascii_case(PREFIX).then_some(tail)
}

/// Refuses what is no SID in the form `S-1-5-21-…` (MS-DTYP §2.4.2.1).
pub(crate) fn check_text(text: &str) -> Result<(), Refusal> {
    let number = |part: &str, most: u64| {
        let canonical = part == "0" || !part.starts_with('0');
        canonical
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse::<u64>().is_ok_and(|n| n <= most)
    };
    let mut parts = text.strip_prefix("S-1-").unwrap_or_default().split('-');
    let authority = parts.next().is_some_and(|part| number(part, (1 << 48) - 1));
    let mut count = 0;
    let rest = parts.inspect(|_| count += 1).all(|part| number(part, u64::from(u32::MAX)));
    if authority && rest && (1..=15).contains(&count) {
        Ok(())
    } else {
        Err(Refusal::new(Rule::NameMalformed, format!("SID {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_string_form_only() {
        assert_eq!(check_text("S-1-5-21-1004336348-1177238915-682003330-512"), Ok(()));
        for bad in [
            "",
            "S-1-5",
            "S-1-",
            "s-1-5-21",
            "S-2-5-21",
            "S-1-5-",
            "S-1-05-21",
            "S-1-5-4294967296",
            "S-1-5-21 ",
        ] {
            assert_eq!(check_text(bad).map_err(|r| r.rule), Err(Rule::NameMalformed), "{bad}");
        }
        assert_eq!(of_uri("TAG:microsoft.com,2022-09-14:SID:S-1-5-21"), Some("S-1-5-21"));
        assert_eq!(of_uri("tag:microsoft.com,2022"), None);
    }
}
