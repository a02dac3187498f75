//! Who may approve in a ring, as its journal tells, and which proposals were carried out.

use std::collections::HashMap;

use signer_proto::stub::STUBBED;
use signer_proto::{
    Action, Digest, Event, Genesis, InstanceId, OperatorsInForce, Proposal, Reason, Refusal, Rule,
    Thresholds, Warrant,
};
use x509::UnixTime;

use crate::decide::{Approver, decide};
use crate::operator::OperatorSet;
use crate::proposal::{self, MAX_LIFE, Moment, Reading, Subject};

/// How much later than its proposal allows a leaf may be, in seconds: the driver takes its time
/// between the check and the leaf. A proposal's clock may be so far ahead, too.
const GRACE: i64 = 300;

/// The quorum of a ring after some leaf.
#[derive(Debug, Clone)]
pub struct Quorum {
    instance: InstanceId,
    genesis: Digest,
    version: u32,
    set: OperatorSet,
    frozen: Option<Reason>,
    used: HashMap<[u8; 16], UnixTime>,
}

/// That an act may be carried out, or was carried out rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Who approved; nobody in a ring without operators.
    pub approvers: Vec<Approver>,
    /// When and where the proposal was written: its root is not checked yet.
    pub moment: Option<Moment>,
}

impl Quorum {
    /// Starts with the operators of genesis.
    ///
    /// # Errors
    /// `operators-refused`.
    pub fn at_genesis(genesis: &Genesis, digest: Digest) -> Result<Self, Refusal> {
        Ok(Self {
            instance: genesis.instance,
            genesis: digest,
            version: 1,
            set: OperatorSet::read(&genesis.operators, &Thresholds::all(genesis.threshold))?,
            frozen: None,
            used: HashMap::new(),
        })
    }

    /// Returns the operators in force.
    #[must_use]
    pub fn set(&self) -> &OperatorSet {
        &self.set
    }

    /// Returns the version of the set: 1 is that of genesis.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns why issuance stands still; none while it goes on.
    #[must_use]
    pub fn frozen(&self) -> Option<&Reason> {
        self.frozen.as_ref()
    }

    /// Tells who may approve.
    #[must_use]
    pub fn describe(&self) -> OperatorsInForce {
        OperatorsInForce {
            version: self.version,
            digest: self.set.digest(),
            operators: self.set.keys(),
            thresholds: self.set.thresholds().clone(),
            frozen: self.frozen.clone(),
        }
    }

    /// Writes the proposal of an act.
    ///
    /// # Errors
    /// `proposal-malformed` if it would be too long.
    pub fn propose(&self, subject: &Subject, moment: &Moment) -> Result<Proposal, Refusal> {
        let needed = self.set.needed(subject.action);
        let (people, version) = (self.set.people(), self.version);
        let ring = [
            format!("Ring: {}", self.instance),
            format!("Genesis: {}", self.genesis),
            format!("Operators: {needed} of {people} must approve, set {version}"),
        ];
        proposal::write(subject, &ring, moment)
    }

    /// Decides whether an act may be carried out at a time. The caller holds the root of the
    /// decision's moment against its own journal.
    ///
    /// # Errors
    /// `approval-missing`, `proposal-malformed`, `proposal-replayed`, `proposal-mismatch`,
    /// `proposal-expired`, and those of [`decide`].
    pub fn decide(
        &self,
        subject: &Subject,
        warrant: &Warrant,
        at: UnixTime,
        reading: Reading,
    ) -> Result<Decision, Refusal> {
        if self.set.is_empty() || warrant.is_none() {
            return self.without_operators(warrant);
        }
        if STUBBED {
            return Ok(Decision { approvers: Vec::new(), moment: None });
        }
        let moment = Moment::read(&warrant.proposal)?;
        if self.used.contains_key(&moment.nonce) {
            let detail = "a proposal with this nonce was carried out already";
            return Err(Refusal::new(Rule::ProposalReplayed, detail));
        }
        let expected = self.propose(subject, &moment)?;
        proposal::check_same(&warrant.proposal, &expected, reading)?;
        check_times(&moment, at, reading)?;
        let approvers = decide(&self.set, subject, &warrant.proposal.0, &warrant.approvals)?;
        Ok(Decision { approvers, moment: Some(moment) })
    }

    /// Decides on an act without approvals: right in a ring without operators, and only there.
    ///
    /// # Errors
    /// `approval-missing`.
    pub fn check_unapproved(&self, warrant: &Warrant) -> Result<(), Refusal> {
        self.without_operators(warrant).map(|_| ())
    }

    pub(crate) fn without_operators(&self, warrant: &Warrant) -> Result<Decision, Refusal> {
        let why = match (self.set.is_empty(), warrant.is_none()) {
            _ if STUBBED => return Ok(Decision { approvers: Vec::new(), moment: None }),
            (true, true) => return Ok(Decision { approvers: Vec::new(), moment: None }),
            (true, false) => "this ring has no operators that could have approved",
            (false, _) => "this act needs a proposal and its operators' approvals",
        };
        Err(Refusal::new(Rule::ApprovalMissing, why))
    }

    /// Takes up what a durable leaf changed: its proposal is used, operators changed, issuance
    /// stopped or goes on.
    ///
    /// # Errors
    /// `operators-refused`, for a leaf that this signer would not have written.
    pub fn apply(
        &mut self,
        event: &Event,
        decision: Option<&Decision>,
        at: UnixTime,
    ) -> Result<(), Refusal> {
        if let Some(moment) = decision.and_then(|decision| decision.moment) {
            self.used.retain(|_, expires| expires.plus_seconds(GRACE) >= at);
            self.used.insert(moment.nonce, moment.expires);
        }
        match event {
            Event::OperatorsSet(set) => {
                self.set = OperatorSet::read(&set.operators, &set.thresholds)?;
                self.version = set.version;
            }
            Event::IssuanceFrozen(change) => {
                self.frozen = change.frozen.then(|| change.reason.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns how many operators must approve an action.
    #[must_use]
    pub fn needed(&self, action: Action) -> u8 {
        self.set.needed(action)
    }
}

fn check_times(moment: &Moment, at: UnixTime, reading: Reading) -> Result<(), Refusal> {
    let life = moment.expires.seconds_since(moment.created);
    if !(1..=MAX_LIFE).contains(&life) {
        let detail = format!("the proposal lives for {life} s, at most {MAX_LIFE} s");
        return Err(Refusal::new(Rule::ProposalMalformed, detail));
    }
    if moment.created > at.plus_seconds(GRACE) {
        let detail = format!("the proposal is of {}, which is to come", moment.created);
        return Err(Refusal::new(Rule::ProposalMismatch, detail));
    }
    let late = match reading {
        Reading::Live => 0,
        Reading::Replay => GRACE,
    };
    if at > moment.expires.plus_seconds(late) {
        let detail = format!("the proposal expired at {}", moment.expires);
        return Err(Refusal::new(Rule::ProposalExpired, detail));
    }
    Ok(())
}
