//! How many certificates a key may sign in a time.

use super::change::Diff;
use super::section::Section;

/// The section `[budget]`; the signer's state counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Certificates in any 3,600 seconds.
    pub per_hour: u64,
    /// Certificates in any 86,400 seconds.
    pub per_day: u64,
}

impl Budget {
    /// What holds where the policy does not say (DESIGN §5).
    const DEFAULT: Self = Self { per_hour: 100_000, per_day: 1_000_000 };
    /// The largest number that a policy can name.
    const MOST: i64 = 1_000_000_000_000;

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { per_hour, per_day } = self;
        diff.section("budget", |diff| {
            diff.ceiling("per_hour", per_hour, &new.per_hour, u64::to_string);
            diff.ceiling("per_day", per_day, &new.per_day, u64::to_string);
        });
    }

    pub(crate) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self::DEFAULT;
        };
        let budget = Self {
            per_hour: section.number("per_hour", Self::MOST).unwrap_or(Self::DEFAULT.per_hour),
            per_day: section.number("per_day", Self::MOST).unwrap_or(Self::DEFAULT.per_day),
        };
        section.finish();
        budget
    }
}
