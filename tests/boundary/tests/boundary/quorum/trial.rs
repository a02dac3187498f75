//! What must fail of an act, and that it works once.

use std::time::Duration;

use kit::{Assault, Ring};
use signer_proto::{
    AcceptGap, Act, Action, Approvals, Kind, Promote, Proposed, Reason, Rule, SetFreeze,
    SignAuthority, Warrant,
};
use x509::UnixTime;

use super::acts::*;

/// A kind of act, and that it was tried. See [`tried`].
pub(super) struct Tried(pub(super) Kind);

impl Tried {
    /// Holds all that must fail of an act, and that it works as it should.
    pub(super) fn holds(&self, ring: &Ring, act: Act, action: Action, needed: u8) {
        self.holds_with(ring, &[], act, action, needed);
    }

    /// Like [`Self::holds`] of an act that more must sign than count.
    pub(super) fn holds_with(
        &self,
        ring: &Ring,
        more: &[&str],
        act: Act,
        action: Action,
        needed: u8,
    ) {
        assert_eq!(act.kind(), self.0, "the test is of another act");
        let proposed = ring.propose(act.clone());
        assert_eq!((proposed.action, proposed.needed), (action, needed), "{}", proposed.proposal.0);
        let (needed, people) = (usize::from(needed), ["ann", "bob", "cyd"]);
        let trial = Trial {
            ring,
            short: [&people[..needed - 1], more].concat(),
            enough: [&people[..needed], more].concat(),
            last: needed - 1,
            act,
            proposed,
        };
        let mut assault = ring.assault();
        trial.refuses_the_wrong_people(&mut assault);
        trial.refuses_other_texts(&mut assault);
        trial.refuses_other_signatures(&mut assault);
        trial.refuses_another_act(&mut assault);
        if ring.ring_dir().join("standby").exists() {
            assault.assert_nothing_written();
            // What was counted and could not be written is forgotten within two seconds.
            std::thread::sleep(Duration::from_millis(2_500));
        } else {
            assault.assert_nothing_done();
        }
        trial.works_once();
    }
}

/// One act, and who must approve it.
struct Trial<'ring> {
    ring: &'ring Ring,
    act: Act,
    proposed: Proposed,
    enough: Vec<&'ring str>,
    short: Vec<&'ring str>,
    /// Without whose signature they would not be enough, among them.
    last: usize,
}

impl<'ring> Trial<'ring> {
    fn under(&self, proposed: &Proposed, names: &[&str]) -> Act {
        self.act.clone().under(self.ring.operators().warrant(proposed, names))
    }

    fn refused(&self, assault: &mut Assault<'ring>, rule: Rule, act: &Act) {
        try_refused(self.ring, assault, rule, act);
    }

    /// One too few, nobody, one of them twice, and one whom nobody knows.
    fn refuses_the_wrong_people(&self, assault: &mut Assault<'ring>) {
        let short = self.under(&self.proposed, &self.short);
        self.refused(assault, Rule::ApprovalShort, &short);
        self.refused(assault, Rule::ApprovalMissing, &self.act);
        let twice = [&self.enough[..], &["ann"]].concat();
        self.refused(assault, Rule::OperatorTwice, &self.under(&self.proposed, &twice));
        // In the place of the missing one, too.
        let twice = [&self.short[..], &[*self.short.first().unwrap_or(&"ann"); 2]].concat();
        self.refused(assault, Rule::OperatorTwice, &self.under(&self.proposed, &twice));
        let stranger = format!("{}-stranger", self.proposed.action);
        self.ring.operators().make(&stranger, "ed25519", "eve");
        let with_stranger = [&self.enough[..], &[stranger.as_str()]].concat();
        self.refused(assault, Rule::OperatorUnknown, &self.under(&self.proposed, &with_stranger));
    }

    /// Texts that name another ring, another history, another time: signed for real.
    fn refuses_other_texts(&self, assault: &mut Assault<'ring>) {
        let (proposed, now) = (&self.proposed, self.ring.clock.now());
        let elsewhere = format!("Ring: {}", "ab".repeat(16));
        let root = format!("Journal root: {}", "cd".repeat(32));
        let ages = |from: i64, to: i64| {
            let [created, expires] = [from, to].map(|seconds| UnixTime(now.0 + seconds));
            let aged = bent(proposed, &line(proposed, "Created"), &format!("Created: {created}"));
            bent(&aged, &line(proposed, "Expires"), &format!("Expires: {expires}"))
        };
        for (rule, text) in [
            (Rule::ProposalMismatch, bent(proposed, &line(proposed, "Ring"), &elsewhere)),
            (Rule::ProposalMismatch, bent(proposed, &line(proposed, "Journal root"), &root)),
            (Rule::ProposalMismatch, bent(proposed, "\nOperators: ", "\nOperators: at least ")),
            (Rule::ProposalMismatch, ages(3600, 7200)),
            (Rule::ProposalExpired, ages(-7200, -1)),
            (Rule::ProposalMalformed, ages(-60, 31 * 86_400)),
            (Rule::ProposalMalformed, bent(proposed, "Nonce: ", "Nonce: 0")),
            (Rule::ProposalMalformed, bent(proposed, "proposal v1", "proposal v2")),
        ] {
            self.refused(assault, rule, &self.under(&text, &self.enough));
        }
    }

    /// Signatures over something else.
    fn refuses_other_signatures(&self, assault: &mut Assault<'ring>) {
        let (operators, text) = (self.ring.operators(), &self.proposed.proposal.0);
        let mut approvals: Vec<_> =
            self.enough.iter().map(|name| operators.sign(name, text)).collect();
        let with = |approvals: Vec<_>| {
            let (proposal, approvals) = (self.proposed.proposal.clone(), Approvals(approvals));
            self.act.clone().under(Warrant { proposal, approvals })
        };
        let (last, name) = (self.last, self.enough[self.last]);
        approvals[last] = operators.sign_for(name, text, "chancery/other/v1");
        self.refused(assault, Rule::ApprovalFaulty, &with(approvals.clone()));
        approvals[last] = operators.sign(name, &text.replace("Nonce", "nonce"));
        self.refused(assault, Rule::ApprovalFaulty, &with(approvals.clone()));
        approvals[last].0.pop();
        self.refused(assault, Rule::ApprovalMalformed, &with(approvals));
    }

    /// Another act under the same warrant: one that the ring would take for what it is.
    fn refuses_another_act(&self, assault: &mut Assault<'ring>) {
        let warrant = self.under(&self.proposed, &self.enough).warrant().clone();
        let other: Act = match self.act.clone() {
            Act::AcceptGap(call) => {
                AcceptGap { serial_prefix: call.serial_prefix % 0x7f + 1, ..call }.into()
            }
            Act::Promote(call) => {
                Promote { serial_prefix: call.serial_prefix % 0x7f + 1, ..call }.into()
            }
            _ => {
                let reason = Reason("another act".to_owned());
                SetFreeze { frozen: true, reason, warrant: none() }.into()
            }
        };
        self.refused(assault, Rule::ProposalMismatch, &other.under(warrant));
    }

    /// With enough it is carried out, and not a second time.
    fn works_once(&self) {
        let Self { ring, proposed, .. } = self;
        let full = self.under(proposed, &self.enough);
        let before = ring.ledger().acts().len();
        carry_out(ring, &full)
            .unwrap_or_else(|refusal| panic!("{refusal}\n{}", proposed.proposal.0));
        assert_eq!(ring.ledger().acts().len(), before + 1, "{}", proposed.action);
        if let Act::SignAuthority(call) = &full {
            // The same request again is answered from the journal.
            let signs = ring.counts.signs();
            assert!(ring.call(call).expect("the same answer").replayed);
            assert_eq!((ring.counts.signs(), ring.ledger().acts().len()), (signs, before + 1));
            let bare = SignAuthority { warrant: Warrant::none(), ..call.clone() };
            refused(ring, Rule::IdempotencyConflict, &Act::from(bare));
        } else {
            refused(ring, Rule::ProposalReplayed, &full);
        }
    }
}
