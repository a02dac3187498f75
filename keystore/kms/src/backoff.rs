//! How long to wait between two attempts.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

/// The shortest wait.
const BASE: Duration = Duration::from_millis(20);
/// The longest wait.
const MOST: Duration = Duration::from_secs(1);

/// Decorrelated jitter: each wait is drawn from the base to three times the last one, so that
/// many who were refused together do not come back together.
pub(crate) struct Backoff {
    last: Duration,
}

impl Backoff {
    /// Begins with the base.
    pub(crate) fn new() -> Self {
        Self { last: BASE }
    }

    /// Draws the next wait.
    pub(crate) fn next(&mut self) -> Duration {
        self.draw(random())
    }

    fn draw(&mut self, random: u32) -> Duration {
        let span = (self.last * 3).saturating_sub(BASE);
        let part = f64::from(random) / f64::from(u32::MAX);
        self.last = (BASE + span.mul_f64(part)).min(MOST);
        self.last
    }
}

/// A number that nobody has to guess at: the middle of the range if the system gives none.
fn random() -> u32 {
    let mut octets = [0; 4];
    match SystemRandom::new().fill(&mut octets) {
        Ok(()) => u32::from_le_bytes(octets),
        Err(_) => u32::MAX / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit_and_never_below_the_base() {
        let mut longest = Backoff::new();
        let mut shortest = Backoff::new();
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            let next = longest.draw(u32::MAX);
            assert!(next >= last);
            last = next;
            assert_eq!(shortest.draw(0), BASE);
        }
        assert_eq!(last, MOST);
    }

    #[test]
    fn waits_differ() {
        let mut backoff = Backoff { last: MOST };
        let first = backoff.next();
        assert!((0..64).any(|_| backoff.next() != first));
    }
}
