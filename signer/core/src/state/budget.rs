//! How many certificates a key signed in the last second, hour and day.
//!
//! The second is counted by the tenth: the running one and the ten full ones before it. Hour and
//! day are counted by the minute. The running minute and the sixty (1,440) full ones before it are
//! summed, so that no span of an hour (a day) is ever over its limit.

use std::collections::VecDeque;

const SECOND: i64 = 11;
const TENTH_MS: i64 = 100;
const HOUR: i64 = 61;
const DAY: i64 = 1441;

/// Counters of one key.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    minutes: Vec<u32>,
    newest: i64,
    hour: u64,
    day: u64,
    tenths: VecDeque<(i64, u64)>,
    seconds: VecDeque<(i64, u64)>,
}

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    /// In the last second.
    pub(crate) second: u64,
    /// In the last minute.
    pub(crate) minute: u64,
    /// In the last hour.
    pub(crate) hour: u64,
    /// In the last day.
    pub(crate) day: u64,
}

impl Budget {
    /// Counts one certificate.
    pub(crate) fn count(&mut self, at_ms: i64) {
        self.advance(at_ms);
        if let Some(slot) = self.minutes.get_mut(slot(self.newest)) {
            *slot = slot.saturating_add(1);
            self.hour += 1;
            self.day += 1;
        }
        add(&mut self.tenths, at_ms.div_euclid(TENTH_MS));
        add(&mut self.seconds, at_ms.div_euclid(1_000));
    }

    /// Returns what is used up at a time.
    pub(crate) fn used(&mut self, at_ms: i64) -> Used {
        self.advance(at_ms);
        let sum = |slots: &VecDeque<(i64, u64)>| slots.iter().map(|(_, count)| count).sum();
        let (second, minute) = (sum(&self.tenths), sum(&self.seconds));
        Used { second, minute, hour: self.hour, day: self.day }
    }

    fn advance(&mut self, at_ms: i64) {
        let tenth = at_ms.div_euclid(TENTH_MS);
        while self.tenths.pop_front_if(|(oldest, _)| tenth - *oldest >= SECOND).is_some() {}
        let second = at_ms.div_euclid(1_000);
        while self.seconds.pop_front_if(|(oldest, _)| second - *oldest > 60).is_some() {}
        let minute = at_ms.div_euclid(60_000);
        if self.minutes.is_empty() || minute - self.newest >= DAY {
            self.minutes = vec![0; usize::try_from(DAY).unwrap_or(0)];
            (self.hour, self.day) = (0, 0);
            self.newest = minute;
        }
        while self.newest < minute {
            self.newest += 1;
            // The minute that leaves the hour, then the one whose slot is used again.
            let left = self.minutes.get(slot(self.newest - HOUR));
            self.hour = self.hour.saturating_sub(left.copied().unwrap_or(0).into());
            if let Some(reused) = self.minutes.get_mut(slot(self.newest)) {
                self.day = self.day.saturating_sub(u64::from(*reused));
                *reused = 0;
            }
        }
    }
}

fn add(slots: &mut VecDeque<(i64, u64)>, slot: i64) {
    match slots.back_mut() {
        Some((newest, count)) if *newest == slot => *count += 1,
        _ => slots.push_back((slot, 1)),
    }
}

fn slot(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(DAY)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const T: i64 = 1_700_000_040_000;

    #[test]
    fn the_second_slides() {
        let mut budget = Budget::default();
        for n in 0..40 {
            budget.count(T + n * 50);
        }
        assert_eq!(budget.used(T + 1_950).second, 22);
        assert_eq!(budget.used(T + 2_900).second, 2);
        assert_eq!(budget.used(T + 3_000).second, 0);
        assert!(budget.tenths.is_empty());
    }

    #[test]
    fn the_hour_and_the_day_slide() {
        let used = |budget: &mut Budget, minute: i64| {
            let used = budget.used(T + minute * MINUTE);
            (used.hour, used.day)
        };
        let mut budget = Budget::default();
        for n in 0..120 {
            budget.count(T + n * MINUTE);
        }
        assert_eq!(used(&mut budget, 119), (61, 120));
        assert_eq!(used(&mut budget, 140), (40, 120));
        assert_eq!(used(&mut budget, 200), (0, 120));
        assert_eq!(used(&mut budget, 1440), (0, 120));
        assert_eq!(used(&mut budget, 1441), (0, 119));
        assert_eq!(used(&mut budget, 9999), (0, 0));
    }

    #[test]
    fn equals_counting_one_by_one() {
        let mut budget = Budget::default();
        let mut times: Vec<i64> = Vec::new();
        let mut at = T;
        for n in 0..5000i64 {
            at += (n * 7919) % 97 * 1_000;
            budget.count(at);
            times.push(at / MINUTE);
            let within = |span: i64| {
                let now = at / MINUTE;
                u64::try_from(times.iter().filter(|t| now - **t < span).count()).unwrap()
            };
            let used = budget.used(at);
            assert_eq!((used.hour, used.day), (within(61), within(1441)));
        }
    }
}
