//! How many certificates a key signed in the last second, hour and day, and with the same name.
//!
//! Counted as exactly as the signer or more so: what it admits is within every limit here. Hour
//! and day by the minute, the running one and the full ones before it; names by the hour; the
//! second by the millisecond.

use std::collections::{HashMap, VecDeque};

use signer_policy::Budget;
use x509::TbsCertificate;

const MINUTE_MS: i64 = 60_000;
const HOUR: i64 = 60;
const DAY: i64 = 1440;

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// Counters of one key.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Minutes with certificates, the oldest first.
    minutes: VecDeque<(i64, u64)>,
    /// When the certificates of the last second were signed.
    second: VecDeque<i64>,
    /// Since the policy limits it: when certificates with a name were signed within a day.
    names: HashMap<String, VecDeque<i64>>,
}

impl Budgets {
    /// Counts the certificate and says which limit it is over, if it is.
    pub(super) fn over(&mut self, at_ms: i64, tbs: &[u8], budget: &Budget) -> Option<String> {
        let (hour, day) = self.count(at_ms);
        self.second.push_back(at_ms);
        while self.second.pop_front_if(|at| at_ms - *at >= SECOND_MS).is_some() {}
        let second = u64::try_from(self.second.len()).unwrap_or(u64::MAX);
        let limits = [
            ("second", second, budget.per_second),
            ("hour", hour, Some(budget.per_hour)),
            ("day", day, Some(budget.per_day)),
        ];
        for (span, count, most) in limits {
            if most.is_some_and(|most| count > most) {
                let most = most.unwrap_or_default();
                return Some(format!("{count} certificates within the {span} of {most}"));
            }
        }
        match budget.per_name_per_day {
            Some(most) => self.over_names(at_ms, tbs, most),
            None => None,
        }
    }

    /// A policy came into force that does not limit names: the next one that does starts anew.
    pub(super) fn forget_names(&mut self) {
        self.names.clear();
    }

    fn over_names(&mut self, at_ms: i64, tbs: &[u8], most: u64) -> Option<String> {
        let tbs = TbsCertificate::parse(tbs).ok()?;
        let names = tbs.extensions.subject_alt_name().unwrap_or_default();
        // Names that differ in case alone are one.
        let mut names: Vec<String> =
            names.iter().map(|name| format!("{name:?}").to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        let mut over = None;
        for name in names {
            let times = self.names.entry(name.clone()).or_default();
            times.push_back(at_ms);
            while times.pop_front_if(|at| at_ms - *at >= DAY_MS).is_some() {}
            if u64::try_from(times.len()).unwrap_or(u64::MAX) > most {
                over = Some(format!(
                    "{} certificates within the day of {most} with {name}",
                    times.len()
                ));
            }
        }
        over
    }

    /// Counts a certificate; gives how many there are within the hour and the day, it included.
    fn count(&mut self, at_ms: i64) -> (u64, u64) {
        let minute = at_ms.div_euclid(MINUTE_MS);
        while self.minutes.pop_front_if(|(oldest, _)| *oldest < minute - DAY).is_some() {}
        match self.minutes.back_mut() {
            Some((newest, count)) if *newest == minute => *count += 1,
            _ => self.minutes.push_back((minute, 1)),
        }
        let since = |first: i64| {
            let young = self.minutes.iter().rev().take_while(move |(found, _)| *found >= first);
            young.map(|(_, count)| count).sum()
        };
        (since(minute - HOUR), since(minute - DAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_counting_one_by_one() {
        let mut budgets = Budgets::default();
        let mut times: Vec<i64> = Vec::new();
        let mut at = 1_700_000_040_000;
        for n in 0..5000i64 {
            at += (n * 7919) % 97 * 1_000;
            times.push(at / MINUTE_MS);
            let within = |span: i64| {
                let now = at / MINUTE_MS;
                u64::try_from(times.iter().filter(|t| now - **t < span).count()).unwrap()
            };
            let expected = (within(61), within(1441));
            assert_eq!(budgets.count(at), expected);
        }
    }
}
