//! How many certificates a key signed in the last hour and day.
//!
//! Counted by the minute. The running minute and the sixty (1,440) full ones before it are
//! summed, so that no span of an hour (a day) is ever over its limit.

const HOUR: i64 = 61;
const DAY: i64 = 1441;

/// Counters of one key.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    minutes: Vec<u32>,
    newest: i64,
    hour: u64,
    day: u64,
}

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
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
    }

    /// Returns what is used up at a time.
    pub(crate) fn used(&mut self, at_ms: i64) -> Used {
        self.advance(at_ms);
        Used { hour: self.hour, day: self.day }
    }

    fn advance(&mut self, at_ms: i64) {
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

fn slot(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(DAY)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const T: i64 = 1_700_000_040_000;

    #[test]
    fn the_hour_and_the_day_slide() {
        let mut budget = Budget::default();
        for n in 0..120 {
            budget.count(T + n * MINUTE);
        }
        assert_eq!(budget.used(T + 119 * MINUTE), Used { hour: 61, day: 120 });
        assert_eq!(budget.used(T + 140 * MINUTE), Used { hour: 40, day: 120 });
        assert_eq!(budget.used(T + 200 * MINUTE), Used { hour: 0, day: 120 });
        assert_eq!(budget.used(T + 1440 * MINUTE), Used { hour: 0, day: 120 });
        assert_eq!(budget.used(T + 1441 * MINUTE), Used { hour: 0, day: 119 });
        assert_eq!(budget.used(T + 9999 * MINUTE), Used { hour: 0, day: 0 });
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
            assert_eq!(budget.used(at), Used { hour: within(61), day: within(1441) });
        }
    }
}
