//! Which parts of the arena are taken.

/// Octets of a slot: a key and room for alignment to a cache line.
pub(crate) const SLOT: usize = 64;

/// First fit over slots of equal size: secrets are few, and most take one slot.
#[derive(Debug)]
pub(crate) struct Slots(Vec<bool>);

impl Slots {
    /// Has `count` free slots.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![false; count])
    }

    /// Takes as many neighbours as `length` octets need; returns the number of the first.
    pub(crate) fn take(&mut self, length: usize) -> Option<usize> {
        let count = length.div_ceil(SLOT).max(1);
        let first = self.0.windows(count).position(|window| window.iter().all(|taken| !taken))?;
        self.mark(first, count, true);
        Some(first)
    }

    /// Gives them back.
    pub(crate) fn give_back(&mut self, first: usize, length: usize) {
        self.mark(first, length.div_ceil(SLOT).max(1), false);
    }

    fn mark(&mut self, first: usize, count: usize, taken: bool) {
        self.0.iter_mut().skip(first).take(count).for_each(|slot| *slot = taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_once_and_given_back() {
        let mut slots = Slots::new(4);
        assert_eq!(slots.take(32), Some(0));
        assert_eq!(slots.take(65), Some(1));
        assert_eq!(slots.take(0), Some(3), "even nothing has a place of its own");
        assert_eq!(slots.take(1), None);
        slots.give_back(1, 65);
        assert_eq!(slots.take(129), None, "two are free, three are needed");
        assert_eq!(slots.take(64), Some(1));
        assert_eq!(slots.take(64), Some(2));
        assert_eq!(slots.take(usize::MAX), None);
    }
}
