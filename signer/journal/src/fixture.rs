//! A ring's journal on a simulated disk, for the tests of this folder.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use signer_proto::{
    Detail, Digest, Genesis, HouseKeys, InstanceId, Leaf, OperatorKeys, Refused, Rule, Version,
};

use super::disk::Disk;
use super::testing::SimulatedDisk;
use super::{Committed, Journal, JournalError, OpenReport, Options};

pub(super) struct Ring {
    pub(super) disk: SimulatedDisk,
    pub(super) dir: PathBuf,
}

/// Returns a leaf that is told from others by `n`, with `size` octets of text.
pub(super) fn leaf(n: u32, size: usize) -> Leaf {
    let event = Refused {
        socket: 1,
        uid: 1000,
        kind: 17,
        rule: Rule::Locked,
        count: n,
        detail: Detail("x".repeat(size)),
    };
    Leaf { at_ms: 1000, event: event.into() }
}

pub(super) fn genesis(instance: u8) -> Leaf {
    let event = Genesis {
        instance: InstanceId([instance; 16]),
        serial_prefix: 1,
        house_keys: HouseKeys(Vec::new()),
        operators: OperatorKeys(Vec::new()),
        threshold: 0,
        made_by: Version("test".to_owned()),
    };
    Leaf { at_ms: 1000, event: event.into() }
}

impl Ring {
    pub(super) fn empty() -> Self {
        Self { disk: SimulatedDisk::new(1), dir: PathBuf::from("/ring/journal") }
    }

    pub(super) fn with_genesis() -> Self {
        Self::with_genesis_of(1)
    }

    pub(super) fn with_genesis_of(instance: u8) -> Self {
        let ring = Self::empty();
        ring.commit(&ring.open(), &[genesis(instance)]).unwrap();
        ring
    }

    pub(super) fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.disk.clone())
    }

    pub(super) fn try_open(&self) -> Result<(Journal, OpenReport), JournalError> {
        Journal::open(self.shared(), &self.dir, None, &mut |_, _| Ok(()))
    }

    pub(super) fn open(&self) -> Journal {
        self.try_open().unwrap().0
    }

    /// Opens with segments that hold a few leaves only.
    pub(super) fn open_small(&self) -> Journal {
        let options = Options { segment_bytes: 1000, is_new: false };
        let disk = self.shared();
        let opened = Journal::open_with(options, disk, &self.dir, None, &mut |_, _| Ok(()));
        opened.unwrap().0
    }

    pub(super) fn genesis(&self) -> Digest {
        Digest(x509::sha256(&self.replay().unwrap()[0]))
    }

    /// Returns all leaves as a start replays them.
    pub(super) fn replay(&self) -> Result<Vec<Vec<u8>>, JournalError> {
        let mut leaves = Vec::new();
        Journal::open(self.shared(), &self.dir, None, &mut |position, leaf| {
            assert_eq!(position, leaves.len() as u64);
            leaves.push(leaf.to_vec());
            Ok(())
        })?;
        Ok(leaves)
    }

    /// Submits all leaves and waits for all.
    pub(super) fn commit(
        &self,
        journal: &Journal,
        leaves: &[Leaf],
    ) -> Result<Vec<Committed>, JournalError> {
        let (tell, told) = mpsc::channel();
        for leaf in leaves {
            let tell = tell.clone();
            journal.submit(leaf, Box::new(move |outcome| tell.send(outcome).unwrap()));
        }
        drop(tell);
        told.iter().collect()
    }

    pub(super) fn segments(&self) -> Vec<String> {
        let mut names = self.disk.list(&self.dir).unwrap();
        names.retain(|name| !name.starts_with("tiles-"));
        names.sort();
        names
    }
}
