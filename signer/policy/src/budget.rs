//! How many certificates a key may sign in a time.

use super::change::Diff;
use super::section::Section;

/// The section `[budget]`; the signer's state counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Certificates in any 1,000 milliseconds; none: no limit.
    pub per_second: Option<u64>,
    /// Certificates in any 3,600 seconds.
    pub per_hour: u64,
    /// Certificates in any 86,400 seconds.
    pub per_day: u64,
    /// Certificates in all; none: no limit.
    pub total: Option<u64>,
    /// Certificates with the same alternative name in any 86,400 seconds; none: no limit.
    pub per_name_per_day: Option<u64>,
}

impl Budget {
    /// What holds where the policy does not say (DESIGN §5).
    const DEFAULT: Self = Self {
        per_second: None,
        per_hour: 100_000,
        per_day: 1_000_000,
        total: None,
        per_name_per_day: None,
    };
    /// The largest number that a policy can name.
    const MOST: i64 = 1_000_000_000_000;

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { per_second, per_hour, per_day, total, per_name_per_day } = self;
        diff.section("budget", |diff| {
            limit("per_second", *per_second, new.per_second, diff);
            diff.ceiling("per_hour", per_hour, &new.per_hour, u64::to_string);
            diff.ceiling("per_day", per_day, &new.per_day, u64::to_string);
            limit("total", *total, new.total, diff);
            limit("per_name_per_day", *per_name_per_day, new.per_name_per_day, diff);
        });
    }

    /// Reads the section; `names` tells whether certificates of this purpose have alternative
    /// names to count by.
    pub(crate) fn read(section: Option<Section>, names: bool) -> Self {
        let Some(mut section) = section else {
            return Self::DEFAULT;
        };
        let mut number = |field| section.number(field, Self::MOST);
        let budget = Self {
            per_second: number("per_second"),
            per_hour: number("per_hour").unwrap_or(Self::DEFAULT.per_hour),
            per_day: number("per_day").unwrap_or(Self::DEFAULT.per_day),
            total: number("total"),
            per_name_per_day: if names { number("per_name_per_day") } else { None },
        };
        section.finish();
        budget
    }
}

/// Compares limits of which none is above all others.
pub(crate) fn limit(field: &str, old: Option<u64>, new: Option<u64>, diff: &mut Diff) {
    let whole = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    diff.ceiling(field, &whole(old), &whole(new), |limit| match limit {
        &u64::MAX => "no limit".to_owned(),
        limit => limit.to_string(),
    });
}
