//! Power cuts under the whole signer core, on a simulated disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kit::{Draft, ISSUING, Ledger, Plan, Ring, assemble, label};
use signer::journal::testing::{Fault, SimulatedDisk};
use signer_proto::{
    Event, MintSerials, ReadJournal, RevocationStatus, Revoke, Rule, SignCertificate,
    SignedCertificate,
};
use x509::{CrlReason, PublicKey, Serial};

use crate::dice::Dice;

/// A ring lives through this many cuts: its journal is replayed at each.
const CUTS_OF_A_RING: u64 = 40;
/// Who issues at once.
const CLIENTS: u64 = 3;

/// What happened, so that a run shows that it tried something.
#[derive(Debug, Default)]
pub struct Tally {
    cuts: AtomicU64,
    kills: AtomicU64,
    while_opening: AtomicU64,
    released: AtomicU64,
    unanswered: AtomicU64,
    survived_unanswered: AtomicU64,
    revoked: AtomicU64,
    torn: AtomicU64,
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(
            f,
            "{} power cuts and {} kills under the core ({} while it opened, {} torn writes), \
             {} certificates and {} revocations released, {} unanswered of which {} had survived",
            read(&self.cuts),
            read(&self.kills),
            read(&self.while_opening),
            read(&self.torn),
            read(&self.released),
            read(&self.revoked),
            read(&self.unanswered),
            read(&self.survived_unanswered),
        )
    }
}

/// Cuts the power so many times.
pub fn run(cuts: u64, seed: u64) -> Tally {
    let tally = Tally::default();
    let next = AtomicU64::new(0);
    let workers = thread::available_parallelism().map_or(2, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while tally.cuts.load(Ordering::Relaxed) < cuts {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    Life::new(seed, number, &tally).live(CUTS_OF_A_RING.min(cuts));
                }
            });
        }
    });
    tally
}

/// A ring from its founding on.
struct Life<'t> {
    ring: Ring,
    disk: SimulatedDisk,
    dice: Dice,
    tally: &'t Tally,
    template: Draft,
    /// The journal as far as it was read after a start, octet by octet: it never changes again.
    known: Ledger,
    /// Which serial has a certificate.
    by_serial: HashMap<Serial, u64>,
    /// What was released since it was last held against the journal, with the order.
    released: Vec<(SignCertificate, SignedCertificate)>,
    /// Serials whose revocation was acknowledged since.
    revoked: Vec<Serial>,
    /// Orders that got no answer in the life before.
    unanswered: Vec<SignCertificate>,
    issuer: PublicKey,
}

/// What one client got before the lights went out.
#[derive(Default)]
struct Harvest {
    released: Vec<(SignCertificate, SignedCertificate)>,
    revoked: Vec<Serial>,
    unanswered: Vec<SignCertificate>,
}

impl<'t> Life<'t> {
    fn new(seed: u64, number: u64, tally: &'t Tally) -> Self {
        let disk = SimulatedDisk::new(seed ^ number);
        let mut ring = Ring::start_with(Plan { disk: Some(disk.clone()), ..Plan::default() });
        let template = ring.leaf();
        let issuer = ring.public(ISSUING);
        ring.stop();
        ring.serve_next(false);
        Self {
            ring,
            disk,
            dice: Dice::new(seed, number),
            tally,
            template,
            known: Ledger::new(0, Vec::new()),
            by_serial: HashMap::new(),
            released: Vec::new(),
            revoked: Vec::new(),
            unanswered: Vec::new(),
            issuer,
        }
    }

    fn live(mut self, cuts: u64) {
        for _ in 0..cuts {
            // From before the opening to deep in the load.
            let operations = self.dice.below(28);
            let fault = match self.dice.below(4) {
                0 => Fault::Kill,
                _ => Fault::PowerCut,
            };
            self.disk.fail_after(operations, fault);
            if self.ring.try_open().is_ok() {
                if self.ring.unlock().is_ok() {
                    self.work();
                }
                self.ring.stop();
            } else {
                add(&self.tally.while_opening, 1);
            }
            if fault == Fault::Kill {
                add(&self.tally.kills, 1);
                self.disk.restart();
            } else {
                add(&self.tally.cuts, 1);
                self.disk.power_cut();
                self.disk.power_on();
            }
            self.check();
        }
        self.end();
    }

    /// Clients ask until the power goes.
    fn work(&mut self) {
        let (ring, template, dice) = (&self.ring, &self.template, &mut self.dice);
        let retries = std::mem::take(&mut self.unanswered);
        let seeds: Vec<u64> = (0..CLIENTS).map(|_| dice.below(u64::MAX)).collect();
        let harvests: Vec<Harvest> = thread::scope(|scope| {
            let clients: Vec<_> = seeds
                .into_iter()
                .zip(0..)
                .map(|(seed, client)| {
                    let retries: Vec<_> =
                        retries.iter().skip(client).step_by(CLIENTS as usize).cloned().collect();
                    scope.spawn(move || client_asks(ring, template, retries, seed))
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("a client ends well")).collect()
        });
        for harvest in harvests {
            add(&self.tally.released, harvest.released.len() as u64);
            add(&self.tally.revoked, harvest.revoked.len() as u64);
            add(&self.tally.unanswered, harvest.unanswered.len() as u64);
            self.released.extend(harvest.released);
            self.revoked.extend(harvest.revoked);
            self.unanswered.extend(harvest.unanswered);
        }
    }

    /// Opens the ring without a fault and holds its journal against everything that was released.
    fn check(&mut self) {
        self.ring.try_open().expect("a ring opens after a power cut");
        self.read_on();
        for (order, answer) in std::mem::take(&mut self.released) {
            let at = usize::try_from(answer.position).expect("a position");
            let leaf = self.known.leaves.get(at).map(|(leaf, _)| &leaf.event);
            let Some(Event::CertificateSigned(leaf)) = leaf else {
                panic!("what was released at {at} is not in the journal");
            };
            assert_eq!(leaf.tbs, order.tbs, "another certificate is at {at}");
            assert_eq!(leaf.signature, answer.signature, "another signature is at {at}");
            assemble(&order.tbs, &answer).verify_by(&self.issuer).expect("it verifies");
        }
        for serial in std::mem::take(&mut self.revoked) {
            let stays = self.known.events().any(|event| match event {
                Event::RevocationChanged(change) => {
                    change.serial == serial && change.status == RevocationStatus::Revoked
                }
                _ => false,
            });
            assert!(stays, "the revocation of {serial} is lost");
        }
        for order in &self.unanswered {
            let survived = self.by_serial.contains_key(&serial_of(order));
            add(&self.tally.survived_unanswered, u64::from(survived));
        }
        self.ring.stop();
    }

    /// Reads what the journal has beyond what is known.
    fn read_on(&mut self) {
        let from = self.known.leaves.len() as u64;
        let new = read_journal(&self.ring, from);
        for (serial, (position, _)) in new.serials().into_iter().zip(new.certificates()) {
            let other = self.by_serial.insert(serial, position);
            assert_eq!(other, None, "{serial} has two certificates");
        }
        add(&self.tally.torn, u64::from(last_start_cut(&new)));
        self.known.leaves.extend(new.leaves);
    }

    /// Holds the whole journal against what it was when it was read, piece by piece.
    fn end(mut self) {
        self.ring.try_open().expect("a ring opens");
        let whole = read_journal(&self.ring, 0);
        let mut both = whole.leaves.iter().zip(&self.known.leaves);
        assert!(whole.leaves.len() >= self.known.leaves.len(), "leaves are lost");
        assert!(both.all(|(found, known)| found.1 == known.1), "a leaf changed");
    }
}

fn client_asks(ring: &Ring, template: &Draft, retries: Vec<SignCertificate>, seed: u64) -> Harvest {
    let mut dice = Dice::new(seed, 1);
    let mut harvest = Harvest::default();
    // What got no answer is asked again, byte by byte: it is signed once at the most.
    let mut orders = retries;
    for _ in 0..dice.below(6) {
        let batch = match orders.is_empty() {
            false => std::mem::take(&mut orders),
            true => fresh(ring, template, 1 + dice.below(3)),
        };
        let pending: Vec<_> = batch.iter().map(|order| ring.ask_inside(order)).collect();
        for (order, pending) in batch.into_iter().zip(pending) {
            match pending.wait() {
                Ok(answer) => harvest.released.push((order, answer)),
                Err(refusal) => {
                    let for_now = [Rule::JournalUnavailable, Rule::ShuttingDown];
                    assert!(for_now.contains(&refusal.rule), "{refusal}");
                    harvest.unanswered.push(order);
                }
            }
        }
        if dice.below(3) == 0
            && let Some((order, _)) = harvest.released.last()
        {
            let serial = serial_of(order);
            let revoke = Revoke {
                key: label(ISSUING),
                serial,
                reason: CrlReason::KeyCompromise,
                invalidity: None,
            };
            if ring.ask_inside(&revoke).wait().is_ok() {
                harvest.revoked.push(serial);
            }
        }
    }
    harvest.unanswered.extend(orders);
    harvest
}

/// Makes orders with fresh serials.
fn fresh(ring: &Ring, template: &Draft, count: u64) -> Vec<SignCertificate> {
    let mint = MintSerials { key: label(ISSUING), count: u32::try_from(count).expect("a few") };
    let Ok(serials) = ring.ask_inside(&mint).wait() else {
        return Vec::new();
    };
    let described = ring.ask_inside(&signer_proto::Describe).wait().expect("a description");
    let issuing = described.keys.0.into_iter().find(|key| key.label == mint.key);
    let policy = issuing.and_then(|key| key.policy).expect("a policy").digest;
    let order = |serial| SignCertificate {
        key: label(ISSUING),
        policy,
        profile: signer_proto::Digest([1; 32]),
        tbs: Draft { serial, ..template.clone() }.tbs(),
        evidence: signer_proto::EvidenceList(Vec::new()),
        idempotency: ring.idempotency(),
    };
    serials.0.into_iter().map(order).collect()
}

fn serial_of(order: &SignCertificate) -> Serial {
    let tbs = x509::TbsCertificate::parse(order.tbs.as_bytes());
    tbs.expect("an honest order").serial
}

fn read_journal(ring: &Ring, from: u64) -> Ledger {
    let mut octets: Vec<Vec<u8>> = Vec::new();
    loop {
        let read = ReadJournal { from: from + octets.len() as u64, limit: 4096 };
        let slice = ring.ask_inside(&read).wait().expect("the journal is read");
        octets.extend(slice.leaves.0.into_iter().map(|leaf| leaf.0));
        if from + octets.len() as u64 >= slice.size {
            return Ledger::new(from, octets);
        }
    }
}

/// Tells whether the start before cut a torn write off.
fn last_start_cut(ledger: &Ledger) -> bool {
    let starts = ledger.events().filter_map(|event| match event {
        Event::Opened(opened) => Some(opened.cut),
        _ => None,
    });
    starts.last().is_some_and(|cut| cut > 0)
}
