//! How many certificates of a key had the same name within the last day.
//!
//! Counted by the hour, and only while the policy limits it: some 24 octets for each name of the
//! last 25 hours, twice. The running hour and the twenty-four full ones before it are summed, so
//! that no span of a day is ever over its limit.

use std::collections::{HashMap, VecDeque};

use x509::sha256;

use super::glance::glance_names;

const HOURS: i64 = 25;
const HOUR_MS: i64 = 3_600_000;
/// What is older counts for nothing.
pub(super) const SPAN_MS: i64 = HOURS * HOUR_MS;
/// [1] rfc822Name, [2] dNSName, [6] uniformResourceIdentifier, [0] otherName with a UPN.
const TEXTS: [u8; 4] = [0x81, 0x82, 0x86, 0xa0];

/// Stands for a name: whoever finds two names for one of it shares a budget with himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameKey([u8; 8]);

/// Returns what each alternative name of a certificate is counted by, each once. Hosts differ in
/// case only: RFC 4343 §3.
pub(crate) fn name_keys(tbs: &[u8]) -> Vec<NameKey> {
    let key = |(tag, content): (u8, &[u8])| {
        let mut octets = vec![tag];
        octets.extend_from_slice(content);
        if TEXTS.contains(&tag) {
            octets.make_ascii_lowercase();
        }
        let [a, b, c, d, e, f, g, h, ..] = sha256(&octets);
        NameKey([a, b, c, d, e, f, g, h])
    };
    let mut keys: Vec<NameKey> =
        glance_names(tbs).unwrap_or_default().into_iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Counters of one key.
#[derive(Debug, Default)]
pub(crate) struct NameBudget {
    hours: VecDeque<(i64, HashMap<NameKey, u32>)>,
    day: HashMap<NameKey, u32>,
}

impl NameBudget {
    /// Counts one certificate with these names.
    pub(crate) fn count(&mut self, at_ms: i64, names: &[NameKey]) {
        self.advance(at_ms);
        let hour = at_ms.div_euclid(HOUR_MS);
        if self.hours.back().is_none_or(|(newest, _)| *newest < hour) {
            self.hours.push_back((hour, HashMap::new()));
        }
        let Some((_, newest)) = self.hours.back_mut() else { return };
        for name in names {
            for counts in [&mut *newest, &mut self.day] {
                let count = counts.entry(*name).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    /// Returns how many certificates with a name there are at a time.
    pub(crate) fn used(&mut self, at_ms: i64, name: &NameKey) -> u64 {
        self.advance(at_ms);
        self.day.get(name).copied().unwrap_or(0).into()
    }

    fn advance(&mut self, at_ms: i64) {
        let hour = at_ms.div_euclid(HOUR_MS);
        while let Some((_, left)) = self.hours.pop_front_if(|(oldest, _)| hour - *oldest >= HOURS) {
            for (name, count) in left {
                if let Some(sum) = self.day.get_mut(&name) {
                    *sum = sum.saturating_sub(count);
                    if *sum == 0 {
                        self.day.remove(&name);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_700_000_400_000;

    #[test]
    fn a_name_has_its_own_day() {
        let (a, b) = (NameKey([1; 8]), NameKey([2; 8]));
        let mut budget = NameBudget::default();
        for hour in 0..30 {
            budget.count(T + hour * HOUR_MS, &[a]);
        }
        budget.count(T + 29 * HOUR_MS, &[a, b]);
        let now = T + 29 * HOUR_MS;
        assert_eq!((budget.used(now, &a), budget.used(now, &b)), (26, 1));
        assert_eq!(budget.used(now + 10 * HOUR_MS, &a), 16);
        assert_eq!(budget.used(now + 25 * HOUR_MS, &a), 0);
        assert!(budget.day.is_empty() && budget.hours.is_empty());
    }
}
