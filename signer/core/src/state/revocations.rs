//! The revocation set of a key: a log of changes that only grows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use signer_proto::{RevocationChange, RevocationStatus};
use x509::{CrlReason, Serial, UnixTime};

use super::sharded::Sharded;

/// Changes a chunk: what a change copies at most while a CRL is being built.
const CHUNK: usize = 1024;

/// One change, as the journal has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// Which certificate.
    pub(crate) serial: Serial,
    /// What it is now.
    pub(crate) status: RevocationStatus,
    /// Why.
    pub(crate) reason: CrlReason,
    /// When it changed.
    pub(crate) at: UnixTime,
    /// Since when the key is believed to be known to others.
    pub(crate) invalidity: Option<UnixTime>,
    /// The position of its leaf.
    pub(crate) position: u64,
    /// notAfter of the certificate.
    pub(crate) not_after: UnixTime,
}

impl From<Change> for RevocationChange {
    fn from(change: Change) -> Self {
        Self {
            position: change.position,
            serial: change.serial,
            status: change.status,
            at: change.at,
            reason: change.reason,
            invalidity: change.invalidity,
        }
    }
}

/// All changes of one key, with the latest of each serial at hand.
#[derive(Debug, Default)]
pub(crate) struct RevocationSet {
    log: Snapshot,
    latest: Sharded<Serial, u64>,
    /// How often each serial was released.
    releases: HashMap<Serial, u32>,
}

/// The changes up to some moment; shares the memory of the set that it was taken from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    chunks: Vec<Arc<Vec<Change>>>,
    /// Changes that a later one of the same serial replaced: few, since only a hold has a next.
    superseded: Arc<HashSet<u64>>,
    len: u64,
}

impl RevocationSet {
    /// Returns how many changes there are.
    pub(crate) fn len(&self) -> u64 {
        self.log.len
    }

    /// Returns the latest change of a serial.
    pub(crate) fn latest(&self, serial: &Serial) -> Option<&Change> {
        self.log.get(self.latest.get(serial)?)
    }

    /// Returns how often a serial was released from hold.
    pub(crate) fn releases(&self, serial: &Serial) -> u32 {
        self.releases.get(serial).copied().unwrap_or(0)
    }

    /// Appends a change.
    pub(crate) fn push(&mut self, change: Change) {
        let index = self.log.len;
        if change.status == RevocationStatus::Released {
            let releases = self.releases.entry(change.serial).or_default();
            *releases = releases.saturating_add(1);
        }
        if let Some(before) = self.latest.insert(change.serial, index) {
            Arc::make_mut(&mut self.log.superseded).insert(before);
        }
        match self.log.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(change),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(change);
                self.log.chunks.push(Arc::new(chunk));
            }
        }
        self.log.len += 1;
    }

    /// Takes the changes up to now: one pointer for each thousand of them.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.log.clone()
    }
}

impl Snapshot {
    /// Returns how many changes there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the changes from an index on.
    pub(crate) fn from(&self, index: u64) -> impl Iterator<Item = &Change> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.chunks.iter().skip(index / CHUNK).flat_map(|chunk| chunk.iter()).skip(index % CHUNK)
    }

    /// Returns what is revoked or held now, with the index of each change, in order.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (u64, &Change)> + Clone {
        (0u64..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter())).filter(|(index, change)| {
            change.status != RevocationStatus::Released && !self.superseded.contains(index)
        })
    }

    fn get(&self, index: u64) -> Option<&Change> {
        let index = usize::try_from(index).ok()?;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(serial: u32, status: RevocationStatus) -> Change {
        Change {
            serial: Serial::from_unsigned(&(serial + 1).to_be_bytes()).unwrap(),
            status,
            reason: CrlReason::Unspecified,
            at: UnixTime(i64::from(serial)),
            invalidity: None,
            position: u64::from(serial),
            not_after: UnixTime(0),
        }
    }

    #[test]
    fn a_snapshot_does_not_see_what_comes_later() {
        let mut set = RevocationSet::default();
        for n in 0..2500 {
            set.push(change(n, RevocationStatus::Revoked));
        }
        let snapshot = set.snapshot();
        set.push(change(2500, RevocationStatus::Revoked));
        assert_eq!(snapshot.len(), 2500);
        assert_eq!(snapshot.standing().count(), 2500);
        assert_eq!(set.snapshot().standing().count(), 2501);
        assert_eq!(snapshot.from(1023).next().map(|c| c.position), Some(1023));
        assert_eq!(snapshot.from(1024).count(), 1476);
        assert_eq!(snapshot.from(2500).count(), 0);
        assert_eq!(snapshot.from(u64::MAX).count(), 0);
    }

    #[test]
    fn only_the_latest_change_of_a_serial_stands() {
        use RevocationStatus::{Held, Released, Revoked};
        let mut set = RevocationSet::default();
        for status in [Held, Released, Held, Revoked] {
            set.push(change(1, status));
        }
        set.push(change(2, Held));
        set.push(change(2, Released));
        set.push(change(3, Held));
        let snapshot = set.snapshot();
        let standing: Vec<_> = snapshot.standing().map(|(i, c)| (i, c.status)).collect();
        assert_eq!(standing, [(3, Revoked), (6, Held)]);
        let serial = change(2, Held).serial;
        assert_eq!(set.latest(&serial).map(|c| c.status), Some(Released));
        assert_eq!(set.releases(&serial), 1);
        assert_eq!(set.releases(&change(3, Held).serial), 0);
    }
}
