//! Certification Authority Authorization (RFC 8659, RFC 8657).

mod property;
mod verdict;

use crate::Failure;
use crate::deadline::Deadline;
use crate::names::Names;
use verdict::verdict;

/// What is asked of the records.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The name, without a wildcard.
    pub name: String,
    /// Whether the wildcard is to be certified.
    pub wildcard: bool,
    /// The names that mean this CA.
    pub issuers: Vec<String>,
    /// RFC 8657 §3.
    pub account_uri: String,
    /// RFC 8657 §4.
    pub method: va_wire::Method,
}

/// Climbs from the name towards the root and lets the first set of records decide (RFC 8659 §3).
///
/// # Errors
/// [`Failure::Caa`] where they forbid it, [`Failure::Lookup`] where nobody knows.
pub(crate) async fn check(
    names: &Names,
    question: &Question,
    tops: &[String],
    deadline: Deadline,
) -> Result<(), Failure> {
    let mut domain = question.name.as_str();
    loop {
        let records = deadline.looking_up(("CAA", domain), names.caa(domain)).await?;
        if !records.is_empty() {
            let forbidden = |why| Failure::Caa { domain: domain.to_owned(), why };
            return verdict(&records, question).map_err(forbidden);
        }
        // Above its own zones a network without the Internet has nobody to ask.
        if tops.iter().any(|top| top == domain) {
            return Ok(());
        }
        match domain.split_once('.') {
            Some((_, parent)) => domain = parent,
            None => return Ok(()),
        }
    }
}
