//! Ten thousand power cuts at random operations, and kills between them.
//!
//! Whatever happens: every leaf that was acknowledged is there after the next start, in its
//! place; nothing is there that was not submitted; what was torn is cut.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use signer_proto::{Digest, Wire};

use super::fixture::{genesis, leaf};
use super::testing::{Fault, SimulatedDisk};
use super::{Committed, Journal, JournalError, OpenReport, Options};

const CUTS: u32 = 10_000;

/// What happened, so that the test can show that it tried everything.
#[derive(Debug, Default)]
struct Tally {
    cuts: u32,
    kills: u32,
    while_opening: u32,
    torn: u32,
    lost_unacknowledged: u32,
    kept_unacknowledged: u32,
    segments: usize,
    acknowledged: usize,
}

struct Life {
    disk: SimulatedDisk,
    options: Options,
    random: u64,
    /// Leaves in the order of submission, times left out; what did not survive is taken away.
    submitted: Vec<Vec<u8>>,
    acknowledged: usize,
    genesis: Option<Digest>,
    tally: Tally,
}

fn timeless(leaf: &[u8]) -> Vec<u8> {
    [&leaf[..2], &leaf[10..]].concat()
}

impl Life {
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn open(&mut self) -> Option<(Journal, OpenReport, Vec<Vec<u8>>)> {
        let mut replayed = Vec::new();
        let disk = Arc::new(self.disk.clone());
        let dir = PathBuf::from("/ring/journal");
        let opened = Journal::open_with(self.options, disk, &dir, self.genesis, &mut |_, leaf| {
            replayed.push(leaf.to_vec());
            Ok(())
        });
        match opened {
            Ok((journal, report)) => Some((journal, report, replayed)),
            Err(JournalError::Io { .. }) => None,
            Err(wrong) => panic!("a power cut must never look like this: {wrong}"),
        }
    }

    /// Holds what a start replayed against what was submitted and acknowledged.
    fn check(&mut self, report: OpenReport, replayed: &[Vec<u8>]) {
        assert_eq!(report.leaves, replayed.len() as u64);
        assert!(replayed.len() >= self.acknowledged, "an acknowledged leaf is lost");
        assert!(replayed.len() <= self.submitted.len(), "a leaf is invented");
        for (found, sent) in replayed.iter().zip(&self.submitted) {
            assert_eq!(timeless(found), *sent, "a leaf is altered or out of order");
        }
        self.tally.torn += u32::from(report.cut > 0);
        self.tally.lost_unacknowledged += u32::from(replayed.len() < self.submitted.len());
        self.tally.kept_unacknowledged += u32::from(replayed.len() > self.acknowledged);
        self.tally.segments = self.tally.segments.max(report.segments);
        self.submitted.truncate(replayed.len());
        // A start makes durable what it found, and readers are told.
        self.acknowledged = replayed.len();
        self.genesis = replayed.first().map(|leaf| Digest(x509::sha256(leaf)));
    }

    /// Submits bursts of leaves, at most until the power goes.
    fn work(&mut self, journal: &Journal) {
        for _ in 0..self.below(12) {
            let (tell, told) = mpsc::channel();
            for _ in 0..=self.below(6) {
                let n = self.below(1 << 32);
                let size = self.below(500);
                let leaf = match self.submitted.len() {
                    0 => genesis(7),
                    _ => leaf(u32::try_from(n).unwrap(), usize::try_from(size).unwrap()),
                };
                self.submitted.push(timeless(&leaf.to_wire()));
                let tell = tell.clone();
                journal.submit(&leaf, Box::new(move |outcome| tell.send(outcome).unwrap()));
            }
            drop(tell);
            let outcomes: Vec<Result<Committed, JournalError>> = told.iter().collect();
            for outcome in outcomes {
                match outcome {
                    Ok(committed) => {
                        assert_eq!(committed.position, self.acknowledged as u64);
                        self.acknowledged += 1;
                        self.tally.acknowledged += 1;
                    }
                    Err(JournalError::Failed) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            if journal.failure().is_some() {
                return;
            }
        }
    }

    fn live(&mut self) {
        for _ in 0..8 {
            let operations = self.below(30);
            // Killed, not cut: what was written stays readable, and the next start must not tell
            // of it before it is durable.
            let kill = self.below(4) == 0;
            let fault = if kill { Fault::Kill } else { Fault::PowerCut };
            self.disk.fail_after(operations, fault);
            match self.open() {
                Some((journal, report, replayed)) => {
                    self.check(report, &replayed);
                    self.work(&journal);
                }
                None => self.tally.while_opening += 1,
            }
            if kill {
                self.tally.kills += 1;
                self.disk.restart();
            } else {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        self.tally.cuts += 1;
        self.disk.power_cut();
        self.disk.power_on();
    }
}

#[test]
fn ten_thousand_power_cuts_lose_nothing_that_was_acknowledged() {
    let mut tally = Tally::default();
    for seed in 1.. {
        let mut life = Life {
            disk: SimulatedDisk::new(seed),
            options: Options {
                segment_bytes: [300, 2_000, 20_000][usize::try_from(seed % 3).unwrap()],
                is_new: false,
            },
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            submitted: Vec::new(),
            acknowledged: 0,
            genesis: None,
            tally,
        };
        life.live();
        tally = life.tally;
        if tally.cuts >= CUTS {
            break;
        }
    }
    println!("{tally:?}");
    assert!(tally.kills > 1000 && tally.while_opening > 1000, "{tally:?}");
    assert!(tally.torn > 1000 && tally.lost_unacknowledged > 1000, "{tally:?}");
    assert!(tally.kept_unacknowledged > 100 && tally.segments > 10, "{tally:?}");
}
