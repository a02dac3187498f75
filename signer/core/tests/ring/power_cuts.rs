//! Power cuts, kills and full disks under the whole core: what was answered is there, once.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use signer::journal::testing::{Fault, SimulatedDisk};
use signer_proto::{
    Event, Health, Refusal, RevocationChange, Revoke, Rule, SignCertificate, SignedCertificate,
    SignerState, Wire,
};
use x509::{CrlReason, TbsCertificate};

use super::drafts;
use super::workshop::{Workshop, label};

const ROUNDS: u64 = 150;

/// A ring on a simulated disk, and everything that it ever answered.
struct Torture {
    workshop: Workshop,
    disk: SimulatedDisk,
    random: u64,
    signed: Vec<(SignCertificate, SignedCertificate)>,
    unanswered: Vec<SignCertificate>,
    faults: usize,
    revoked: Vec<(Revoke, RevocationChange)>,
}

impl Torture {
    fn new() -> Self {
        let mut workshop = Workshop::with_hierarchy();
        workshop.set_policy("issuing", drafts::issuing_policy_with(1_000_000, false));
        workshop.stop();
        let disk = SimulatedDisk::new(1);
        let journal = workshop.ring().join("journal");
        for entry in fs::read_dir(journal).unwrap() {
            let path = entry.unwrap().path();
            disk.plant(&path, fs::read(&path).unwrap());
        }
        workshop.disk = Arc::new(disk.clone());
        Self {
            workshop,
            disk,
            random: 0x9e37_79b9_7f4a_7c15,
            signed: vec![],
            unanswered: vec![],
            faults: 0,
            revoked: vec![],
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    /// Starts, through as many faults as it takes.
    fn start(&mut self) {
        loop {
            self.disk.power_on();
            self.disk.restart();
            let started = self.workshop.try_open().is_ok();
            if started && self.workshop.try_unlock().is_ok() {
                return;
            }
            self.workshop.stop();
        }
    }

    fn draft(&self) -> SignCertificate {
        self.workshop.order(&self.workshop.leaf("a.corp.example"))
    }

    /// Asks for certificates and revocations while the disk fails at some operation.
    fn round(&mut self) {
        let drafts: Vec<_> = (0..6).map(|_| self.draft()).collect();
        let fault = [Fault::PowerCut, Fault::Kill, Fault::NoSpace, Fault::Io];
        let fault = fault[usize::try_from(self.below(4)).unwrap()];
        let after = self.below(12);
        self.disk.fail_after(after, fault);
        let asked: Vec<_> = drafts.iter().map(|d| self.workshop.ask(d)).collect();
        let revoke = self.pick().map(|order| Revoke {
            key: label("issuing"),
            serial: TbsCertificate::parse(order.tbs.as_bytes()).unwrap().serial,
            reason: CrlReason::Superseded,
            invalidity: None,
        });
        let revoked = revoke.map(|call| (self.workshop.ask(&call), call));
        for (order, answer) in drafts.into_iter().zip(asked) {
            match answer.recv().unwrap() {
                Ok(bytes) => {
                    let answer = SignedCertificate::from_wire(&bytes).unwrap();
                    self.signed.push((order, answer));
                }
                Err(refusal) => {
                    assert_eq!(refusal.rule, Rule::JournalUnavailable, "{refusal}");
                    self.faults += 1;
                    self.unanswered.push(order);
                }
            }
        }
        if let Some((answer, call)) = revoked
            && let Ok(bytes) = answer.recv().unwrap()
        {
            let change = RevocationChange::from_wire(&bytes).unwrap();
            self.revoked.push((call, change));
        }
        self.workshop.stop();
    }

    fn pick(&mut self) -> Option<SignCertificate> {
        let count = u64::try_from(self.signed.len()).unwrap();
        let at = usize::try_from(self.below(count.max(1))).unwrap();
        self.signed.get(at).map(|(order, _)| order.clone())
    }

    /// Every answer that was given is given again; what was not answered may be asked again.
    fn check(&mut self, all: bool) {
        let from = if all { 0 } else { self.signed.len().saturating_sub(8) };
        for (order, answer) in &self.signed[from..] {
            let again = self.workshop.call(order.clone()).unwrap();
            assert_eq!((again.position, &again.signature), (answer.position, &answer.signature));
            assert!(again.replayed);
        }
        let from = if all { 0 } else { self.revoked.len().saturating_sub(2) };
        for (call, change) in &self.revoked[from..] {
            assert_eq!(self.workshop.call(call.clone()).as_ref(), Ok(change));
        }
        for order in std::mem::take(&mut self.unanswered) {
            let answer = self.workshop.call(order.clone()).unwrap();
            self.signed.push((order, answer));
        }
    }
}

#[test]
fn what_was_answered_survives_every_fault_and_is_there_once() {
    let mut torture = Torture::new();
    for round in 0..ROUNDS {
        torture.start();
        torture.check(round % 25 == 0);
        torture.round();
    }
    torture.start();
    torture.check(true);
    assert!(torture.faults > 100, "{} faults only", torture.faults);
    assert!(torture.signed.len() == 6 * usize::try_from(ROUNDS).unwrap());
    let mut seen = HashSet::new();
    for leaf in torture.workshop.leaves() {
        if let Event::CertificateSigned(signed) = leaf.event {
            assert!(seen.insert(signed.tbs), "signed twice");
        }
    }
    assert_eq!(seen.len(), torture.signed.len());
}

#[test]
fn nothing_is_released_after_the_disk_failed_until_a_restart() {
    let mut torture = Torture::new();
    torture.start();
    let (lost, later) = (torture.draft(), torture.draft());
    torture.disk.fail_after(0, Fault::NoSpace);
    let rule = |refused: Result<SignedCertificate, Refusal>| refused.unwrap_err().rule;
    assert_eq!(rule(torture.workshop.call(lost.clone())), Rule::JournalUnavailable);
    // The disk has room again, and the signer still does not trust what it wrote.
    assert_eq!(rule(torture.workshop.call(lost)), Rule::JournalUnavailable);
    assert_eq!(rule(torture.workshop.call(later.clone())), Rule::JournalUnavailable);
    let health = torture.workshop.call(Health).unwrap();
    assert_eq!(health.state, SignerState::JournalFailed);
    torture.workshop.stop();
    torture.start();
    assert!(torture.workshop.call(later).is_ok());
}
