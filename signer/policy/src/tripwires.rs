//! When a ring stops issuing by itself.

use super::budget::limit;
use super::change::Diff;
use super::section::Section;

/// The section `[tripwires]`; the signer's state counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tripwires {
    /// More certificates of this key within a minute freeze issuance; none: no tripwire.
    pub certificates_per_minute: Option<u64>,
    /// More refusals on issue.sock within a minute freeze issuance; none: no tripwire.
    pub refusals_per_minute: Option<u64>,
}

impl Tripwires {
    /// The largest number that a policy can name.
    const MOST: i64 = 1_000_000_000;

    pub(crate) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self::default();
        };
        let rules = Self {
            certificates_per_minute: section.number("certificates_per_minute", Self::MOST),
            refusals_per_minute: section.number("refusals_per_minute", Self::MOST),
        };
        section.finish();
        rules
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { certificates_per_minute: certificates, refusals_per_minute: refusals } = self;
        diff.section("tripwires", |diff| {
            limit("certificates_per_minute", *certificates, new.certificates_per_minute, diff);
            limit("refusals_per_minute", *refusals, new.refusals_per_minute, diff);
        });
    }
}
