//! How many certificates a key signed in the last hour and day, counted by the minute as
//! docs/KEY-POLICY.md says: the running minute and the full ones before it.

use std::collections::VecDeque;

const MINUTE_MS: i64 = 60_000;
const HOUR: i64 = 60;
const DAY: i64 = 1440;

/// Counters of one key.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Minutes with certificates, the oldest first.
    minutes: VecDeque<(i64, u64)>,
}

impl Budgets {
    /// Counts a certificate; gives how many there are within the hour and the day, it included.
    pub(super) fn count(&mut self, at_ms: i64) -> (u64, u64) {
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
