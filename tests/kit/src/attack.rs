//! An attack and everything that must hold after it.

use std::time::{Duration, Instant};

use signer_proto::{Call, Health, Kind, Refusal, Rule, Socket, Wire};

use crate::{Answered, Counts, Ledger, RawPeer, Ring, frame, verdict};

/// How long the journal may take to show a refusal: counted ones are written once a second.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(5);

/// One request that must be refused. See [`Ring::attack`].
pub struct Attack<'ring> {
    ring: &'ring Ring,
    socket: Socket,
    kind: Kind,
    octets: Vec<u8>,
    sequence: u32,
    ends: bool,
}

impl Ring {
    /// Asks for something on a socket, in an honest frame.
    #[must_use]
    pub fn attack<C: Call>(&self, socket: Socket, call: &C) -> Attack<'_> {
        self.attack_body(socket, C::KIND, &call.to_wire())
    }

    /// Asks with any body, in an honest frame.
    #[must_use]
    pub fn attack_body(&self, socket: Socket, kind: Kind, body: &[u8]) -> Attack<'_> {
        self.attack_octets(socket, kind, frame(kind, 7, body))
    }

    /// Writes any octets whose frame, if it is one, has the sequence 7. `kind` is what the answer
    /// is expected to name.
    #[must_use]
    pub fn attack_octets(&self, socket: Socket, kind: Kind, octets: Vec<u8>) -> Attack<'_> {
        Attack { ring: self, socket, kind, octets, sequence: 7, ends: false }
    }

    /// Starts a series of attacks whose refusals are looked for in the journal together.
    pub fn assault(&self) -> Assault<'_> {
        Assault { ring: self, from: self.journal_size(), expected: Vec::new(), held: false }
    }

    fn journal_size(&self) -> u64 {
        self.call(&Health).expect("health").position
    }
}

/// What was counted before an attack.
struct Before {
    signs: u64,
    generates: u64,
}

impl Before {
    fn look(counts: &Counts) -> Self {
        Self { signs: counts.signs(), generates: counts.generates() }
    }

    /// No driver call was made since.
    fn assert_untouched(&self, counts: &Counts) {
        assert_eq!(counts.signs(), self.signs, "the driver was asked to sign");
        assert_eq!(counts.generates(), self.generates, "the driver was asked for a key");
    }
}

impl Attack<'_> {
    /// Says what the answer names where the request does not tell: no header, or one that lies.
    #[must_use]
    pub fn answered_as(mut self, kind: Kind, sequence: u32) -> Self {
        (self.kind, self.sequence) = (kind, sequence);
        self
    }

    /// Ends the writing after the octets: nothing more will come.
    #[must_use]
    pub fn and_end(mut self) -> Self {
        self.ends = true;
        self
    }

    /// Holds everything that must hold: a typed refusal by `rule`, no signature in the answer, no
    /// call of the driver, the refusal in the journal and nothing signed there, and the next
    /// honest request succeeds.
    ///
    /// # Panics
    /// If anything of that is not so.
    pub fn assert_refused(self, rule: Rule) -> Refusal {
        let mut assault = self.ring.assault();
        let refusal = assault.refused(rule, self);
        assault.assert_held();
        refusal
    }

    /// Like [`Self::assert_refused`] where nothing honest can be asked for.
    ///
    /// # Panics
    /// If anything of that is not so.
    pub fn assert_unchanged(self, rule: Rule) -> Refusal {
        let mut assault = self.ring.assault();
        let refusal = assault.refused(rule, self);
        assault.assert_nothing_done();
        refusal
    }

    /// Like [`Self::assert_refused`] for the rules that say nothing about the asking side and are
    /// not written down: a locked ring, a deadline, a journal that takes nothing.
    ///
    /// # Panics
    /// If anything of that is not so.
    pub fn assert_unavailable(self, rule: Rule) -> Refusal {
        let from = self.ring.journal_size();
        let (refusal, _) = self.make(rule);
        let ledger = self.ring.ledger_from(from);
        assert_eq!(ledger.acts(), [""; 0], "something was done");
        refusal
    }

    /// Makes the attack and holds the answer against the rule.
    fn make(&self, rule: Rule) -> (Refusal, RawPeer) {
        let counts = &self.ring.counts;
        let before = Before::look(counts);
        let mut peer = self.ring.peer(self.socket);
        // The signer may refuse at the header and close before the rest is written.
        let _ = peer.write(&self.octets);
        if self.ends {
            peer.end_writing();
        }
        let answered = peer.read_answer(self.kind, self.sequence);
        let Answered::Refused(refusal) = answered else {
            if matches!(answered, Answered::Answer(_)) {
                verdict::through();
            }
            panic!("{rule} was expected, and there is another answer or none");
        };
        assert_eq!(refusal.rule, rule, "{}", refusal.detail);
        assert!(!counts.leaks_into(&refusal.to_wire()), "a signature is in the refusal");
        before.assert_untouched(counts);
        (refusal, peer)
    }
}

/// Attacks whose refusals are looked for in the journal together.
#[must_use = "end it with `assert_held`"]
pub struct Assault<'ring> {
    ring: &'ring Ring,
    from: u64,
    expected: Vec<(Socket, Rule)>,
    held: bool,
}

impl<'ring> Assault<'ring> {
    /// Makes an attack that must be refused by `rule`. All but the journal is held at once.
    ///
    /// # Panics
    /// If it is not so.
    pub fn refused(&mut self, rule: Rule, attack: Attack<'ring>) -> Refusal {
        let (refusal, mut peer) = attack.make(rule);
        let must_close = matches!(rule, Rule::FrameMalformed | Rule::KindNotPermitted);
        let closed = attack.ends || peer.is_closed();
        assert_eq!(closed, must_close || attack.ends, "{rule} ends the connection or not");
        self.expected.push((attack.socket, rule));
        refusal
    }

    /// Makes an attack on a call that the socket speaks.
    ///
    /// # Panics
    /// If it is not refused by `rule`.
    pub fn refused_call<C: Call>(&mut self, rule: Rule, call: &C) -> Refusal {
        let socket = Socket::ALL.iter().find(|socket| C::KIND.permitted_on(**socket));
        let attack = self.ring.attack(*socket.expect("a socket speaks it"), call);
        self.refused(rule, attack)
    }

    /// Holds the journal against the attacks, and asks for something honest.
    ///
    /// # Panics
    /// If a refusal is missing, something was signed, or the honest request fails.
    pub fn assert_held(mut self) {
        self.held = true;
        assert!(!self.expected.is_empty(), "an assault without an attack shows nothing");
        let ledger = self.await_refusals();
        assert_eq!(ledger.acts(), [""; 0], "something was done");
        for (_, octets) in &ledger.leaves {
            assert!(!self.ring.counts.leaks_into(octets), "a signature is in the journal");
        }
        let certificate = self.ring.issue();
        assert!(certificate.der().as_bytes().len() > 100);
    }

    /// Holds the journal against the attacks where nothing honest can be asked for.
    ///
    /// # Panics
    /// If a refusal is missing, or something was signed or changed.
    pub fn assert_nothing_done(mut self) {
        self.held = true;
        assert!(!self.expected.is_empty(), "an assault without an attack shows nothing");
        let ledger = self.await_refusals();
        assert_eq!(ledger.acts(), [""; 0], "something was done");
        for (_, octets) in &ledger.leaves {
            assert!(!self.ring.counts.leaks_into(octets), "a signature is in the journal");
        }
    }

    /// Holds the journal against the attacks where it takes no leaf at all, not even of a refusal.
    ///
    /// # Panics
    /// If there is one.
    pub fn assert_nothing_written(mut self) {
        self.held = true;
        assert!(!self.expected.is_empty(), "an assault without an attack shows nothing");
        assert_eq!(self.ring.journal_size(), self.from, "a leaf was written");
    }

    fn await_refusals(&self) -> Ledger {
        let begun = Instant::now();
        loop {
            let ledger = self.ring.ledger_from(self.from);
            let missing = self.missing(&ledger);
            if missing.is_empty() {
                return ledger;
            }
            assert!(begun.elapsed() < JOURNAL_PATIENCE, "not in the journal: {missing:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the rules whose refusals are not all counted. What is written is of this uid, on
    /// these sockets.
    fn missing(&self, ledger: &Ledger) -> Vec<Rule> {
        for refused in ledger.refusals() {
            let known = (self.expected.iter()).any(|(socket, rule)| {
                (socket.code(), *rule) == (refused.socket, refused.rule)
                    && refused.uid == self.ring.uid_on(*socket)
            });
            assert!(known, "nobody asked for {refused:?}");
        }
        let mut missing: Vec<Rule> = self.expected.iter().map(|(_, rule)| *rule).collect();
        missing.sort_unstable();
        let expected = missing.clone();
        let count = |rule: Rule| expected.iter().filter(|found| **found == rule).count() as u64;
        missing.dedup();
        missing.retain(|rule| ledger.refused_by(*rule) < count(*rule));
        missing
    }
}

impl Drop for Assault<'_> {
    fn drop(&mut self) {
        assert!(self.held || std::thread::panicking(), "an assault without its end");
    }
}

#[cfg(test)]
mod tests {
    use signer_proto::MintSerials;

    use super::*;

    fn mint(key: &str) -> MintSerials {
        MintSerials { key: crate::label(key), count: 1 }
    }

    #[test]
    fn what_is_refused_passes() {
        let ring = Ring::start();
        ring.attack(Socket::Issue, &mint("nobodys")).assert_refused(Rule::KeyUnknown);
    }

    #[test]
    #[should_panic(expected = "another answer or none")]
    fn what_is_answered_does_not_pass() {
        let ring = Ring::start();
        ring.attack(Socket::Issue, &mint(crate::ISSUING)).assert_refused(Rule::KeyUnknown);
    }

    #[test]
    #[should_panic(expected = "left: KeyUnknown")]
    fn another_rule_does_not_pass() {
        let ring = Ring::start();
        ring.attack(Socket::Issue, &mint("nobodys")).assert_refused(Rule::PurposeMismatch);
    }

    #[test]
    #[should_panic(expected = "the driver was asked to sign")]
    fn a_call_of_the_driver_does_not_pass() {
        let ring = Ring::start();
        let before = Before::look(&ring.counts);
        let _ = ring.issue();
        before.assert_untouched(&ring.counts);
    }

    #[test]
    #[should_panic(expected = "something was done")]
    fn a_signature_in_the_journal_does_not_pass() {
        let ring = Ring::start();
        let mut assault = ring.assault();
        assault.refused_call(Rule::KeyUnknown, &mint("nobodys"));
        let _ = ring.issue();
        assault.assert_held();
    }

    #[test]
    #[should_panic(expected = "not in the journal")]
    fn a_refusal_that_is_not_journaled_does_not_pass() {
        let ring = Ring::start();
        let mut assault = ring.assault();
        assault.refused_call(Rule::KeyUnknown, &mint("nobodys"));
        assault.expected.push((Socket::Issue, Rule::Locked));
        assault.assert_held();
    }

    #[test]
    fn a_piece_of_a_signature_is_found_in_other_octets() {
        let ring = Ring::start();
        let signature = ring.issue().signature().as_bytes().to_vec();
        let inside = [b"before".as_slice(), &signature[24..60], b"after"].concat();
        assert!(ring.counts.leaks_into(&inside));
        assert!(!ring.counts.leaks_into(b"nothing of the kind is in here, nothing at all"));
    }
}
