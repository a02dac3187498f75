//! The newest validation records, in the order of the journal.

use std::collections::VecDeque;

use signer_policy::Validation;

/// So many records are at hand, some ten megabytes with names of common length; older ones are
/// read from the journal.
const AT_HAND: usize = 65_536;

/// Records by their positions.
#[derive(Debug, Default)]
pub(crate) struct Validations(VecDeque<(u64, Validation)>);

impl Validations {
    /// Adds a record; positions only ever grow.
    pub(crate) fn push(&mut self, position: u64, validation: Validation) {
        if self.0.len() >= AT_HAND {
            self.0.pop_front();
        }
        self.0.push_back((position, validation));
    }

    /// Returns the record whose leaf is at a position, if it is at hand.
    pub(crate) fn get(&self, position: u64) -> Option<&Validation> {
        let at = self.0.binary_search_by_key(&position, |(found, _)| *found).ok()?;
        self.0.get(at).map(|(_, validation)| validation)
    }
}

#[cfg(test)]
mod tests {
    use signer_proto::{Digest, Identifier, ValidationMethod, ValidationRecorded};
    use x509::UnixTime;

    use super::*;

    #[test]
    fn the_oldest_records_leave() {
        let validation = |at: i64| Validation {
            recorded: ValidationRecorded {
                identifier: Identifier::dns("a.example").unwrap(),
                method: ValidationMethod::Http01,
                account: Digest([0; 32]),
            },
            at: UnixTime(at),
        };
        let mut records = Validations::default();
        for n in 0..i64::try_from(AT_HAND).unwrap() + 3 {
            records.push(u64::try_from(n).unwrap() * 2, validation(n));
        }
        assert_eq!(records.0.len(), AT_HAND);
        assert_eq!(records.get(4), None);
        assert_eq!(records.get(7), None);
        assert_eq!(records.get(6), Some(&validation(3)));
        assert_eq!(records.get(2 * 65_538), Some(&validation(65_538)));
    }
}
