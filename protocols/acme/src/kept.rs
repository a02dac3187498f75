//! What was written or read a moment ago, kept so that it need not be read again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Rows by their ids. Several servers of a database keep nothing: what one of them takes back must not
/// go on at another.
///
/// Whoever changes a row that is kept says so here after the commit and before it answers: by
/// [`Kept::change`], [`Kept::forget`] or [`Kept::clear`], also after a change that failed.
pub(crate) struct Kept<K, V> {
    /// How many are kept at most; then all are forgotten.
    most: usize,
    inner: RwLock<Inner<K, V>>,
}

struct Inner<K, V> {
    values: HashMap<K, V>,
    taken_back: Seen,
}

/// How much had been taken back when somebody began to read or to make a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    one: u64,
    all: u64,
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// Keeps so many, or nothing at all.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            inner: RwLock::new(Inner { values: HashMap::new(), taken_back: Seen::default() }),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner<K, V>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<K, V>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        if self.most == 0 { None } else { self.read().values.get(key).cloned() }
    }

    /// Is called before a row is read that [`Kept::fill`] is to keep, or made that [`Kept::put`] is.
    pub(crate) fn seen(&self) -> Seen {
        self.read().taken_back
    }

    /// Keeps what was read, unless anything was taken back since: it may be what was read.
    pub(crate) fn fill(&self, seen: Seen, key: K, value: V) {
        let mut inner = self.write();
        if inner.taken_back == seen {
            inner.keep(self.most, key, value);
        }
    }

    /// Keeps a row that was made, unless everything was taken back since: nobody who means this row knows
    /// it yet, but who means several has changed it, too.
    pub(crate) fn put(&self, seen: Seen, key: K, value: V) {
        let mut inner = self.write();
        if inner.taken_back.all == seen.all {
            inner.keep(self.most, key, value);
        }
    }

    /// Changes what is kept, as the row was changed.
    pub(crate) fn change(&self, key: &K, change: impl FnOnce(&mut V)) {
        let mut inner = self.write();
        inner.taken_back.one += 1;
        if let Some(value) = inner.values.get_mut(key) {
            change(value);
        }
    }

    pub(crate) fn forget(&self, key: &K) {
        let mut inner = self.write();
        inner.taken_back.one += 1;
        inner.values.remove(key);
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.write();
        inner.taken_back.all += 1;
        inner.values.clear();
    }
}

impl<K: Eq + Hash, V> Inner<K, V> {
    fn keep(&mut self, most: usize, key: K, value: V) {
        if most == 0 {
            return;
        }
        if self.values.len() >= most {
            self.values.clear();
        }
        self.values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_written_last() {
        let kept = Kept::new(10);
        kept.put(kept.seen(), 1, "one");
        kept.put(kept.seen(), 2, "two");
        kept.change(&1, |value| *value = "another");
        kept.change(&3, |_| panic!("it is not kept"));
        assert_eq!(
            (kept.get(&1), kept.get(&2), kept.get(&3)),
            (Some("another"), Some("two"), None)
        );
        kept.forget(&1);
        assert_eq!((kept.get(&1), kept.get(&2)), (None, Some("two")));
        kept.clear();
        assert_eq!(kept.get(&2), None);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let kept: Kept<u8, &str> = Kept::new(10);
        kept.fill(kept.seen(), 1, "read");
        assert_eq!(kept.get(&1), Some("read"));
        let ways: [fn(&Kept<u8, &'static str>); 3] =
            [Kept::clear, |kept| kept.forget(&1), |kept| kept.change(&1, |_| {})];
        for take_back in ways {
            kept.clear();
            let seen = kept.seen();
            take_back(&kept);
            kept.fill(seen, 1, "read too early");
            assert_eq!(kept.get(&1), None);
        }
    }

    #[test]
    fn what_is_made_is_kept_unless_all_was_taken_back_meanwhile() {
        let kept: Kept<u8, &str> = Kept::new(10);
        let seen = kept.seen();
        kept.forget(&2);
        kept.put(seen, 1, "made");
        assert_eq!(kept.get(&1), Some("made"));
        let seen = kept.seen();
        kept.clear();
        kept.put(seen, 1, "changed by now");
        assert_eq!(kept.get(&1), None);
    }

    #[test]
    fn so_many_are_kept_and_no_more_and_none_if_none_may() {
        let kept = Kept::new(3);
        for number in 0..4 {
            kept.put(kept.seen(), number, number);
        }
        assert_eq!(kept.read().values.len(), 1);
        assert_eq!(kept.get(&3), Some(3));
        let nothing = Kept::new(0);
        nothing.put(nothing.seen(), 1, 1);
        nothing.fill(nothing.seen(), 2, 2);
        assert_eq!((nothing.get(&1), nothing.get(&2)), (None, None));
    }
}
