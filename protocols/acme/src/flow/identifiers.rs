//! The identifiers of an order: read, held against profile and external account key.

use ca::profile::{AcmeOffer, Profile};
use model::{AcmeErrorKind, AcmeIdentifier, ChallengeMethods, IdentifierFault};
use serde::Deserialize;

use super::binding::Scope;
use crate::problem::{Problem, Subproblem, named};

/// An identifier as a client writes it (RFC 8555 §9.7.7).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WrittenIdentifier {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

/// Reads identifiers; all that are at fault are told at once (RFC 8555 §6.7.1).
pub(crate) fn read(
    written: &[WrittenIdentifier],
    most: u32,
) -> Result<Vec<AcmeIdentifier>, Problem> {
    if written.is_empty() {
        return Err(Problem::malformed("an order has identifiers"));
    }
    if most > 0 && written.len() > most as usize {
        return Err(Problem::malformed(format!("an order has at most {most} identifiers")));
    }
    let mut read = Vec::with_capacity(written.len());
    let mut faults = Vec::new();
    for one in written {
        match AcmeIdentifier::new(&one.kind, &one.value) {
            Ok(identifier) if read.contains(&identifier) => {
                return Err(Problem::malformed(format!("{} stands twice", one.value)));
            }
            Ok(identifier) => read.push(identifier),
            Err(fault) => faults.push(Subproblem {
                kind: match fault {
                    IdentifierFault::Unsupported(_) => AcmeErrorKind::UnsupportedIdentifier,
                    IdentifierFault::Malformed { .. } => AcmeErrorKind::Malformed,
                },
                detail: fault.to_string(),
                identifier: (one.kind.clone(), one.value.clone()),
            }),
        }
    }
    Problem::of_identifiers(faults).map_or(Ok(read), Err)
}

/// Refuses identifiers that are not certified for this account under this profile.
pub(crate) fn admit(
    identifiers: &[AcmeIdentifier],
    profile: &Profile,
    offer: &AcmeOffer,
    scope: &Scope,
) -> Result<(), Problem> {
    let mut faults = Vec::new();
    for identifier in identifiers {
        let why = match profile.admit_identifier(identifier) {
            Err(violation) => Some(violation.detail),
            Ok(()) if !scope.admits(identifier)? => {
                Some("the external account key is not for it".to_owned())
            }
            Ok(()) if !can_be_shown(identifier, offer) => {
                Some("no challenge of the profile can show control over it".to_owned())
            }
            Ok(()) => None,
        };
        if let Some(detail) = why {
            faults.push(Subproblem {
                kind: AcmeErrorKind::RejectedIdentifier,
                detail,
                identifier: named(identifier),
            });
        }
    }
    Problem::of_identifiers(faults).map_or(Ok(()), Err)
}

fn can_be_shown(identifier: &AcmeIdentifier, offer: &AcmeOffer) -> bool {
    offer.mode == ca::profile::AcmeMode::Trusted
        || !ChallengeMethods::fitting(&offer.challenges, identifier).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(list: &[(&str, &str)]) -> Vec<WrittenIdentifier> {
        let one = |(kind, value): &(&str, &str)| WrittenIdentifier {
            kind: (*kind).to_owned(),
            value: (*value).to_owned(),
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn identifiers_are_read_or_told_apart_by_their_fault() {
        use AcmeErrorKind::{Compound, Malformed, UnsupportedIdentifier};
        let read = |list: &[(&str, &str)]| {
            read(&written(list), 3).map(|read| read.len()).map_err(|problem| problem.kind())
        };
        for (list, expected) in [
            (&[("dns", "a.example"), ("ip", "10.0.0.1")][..], Ok(2)),
            (&[], Err(Malformed)),
            (&[("dns", "a"), ("dns", "b"), ("dns", "c"), ("dns", "d")], Err(Malformed)),
            (&[("dns", "a.example"), ("dns", "A.example")], Err(Malformed)),
            (&[("email", "a@b")], Err(UnsupportedIdentifier)),
            (&[("dns", "a..b")], Err(Malformed)),
            (&[("dns", "a..b"), ("email", "x")], Err(Compound)),
        ] {
            assert_eq!(read(list), expected, "{list:?}");
        }
    }
}
