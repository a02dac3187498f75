//! Refusals: the rule that a request broke, and who is to blame.

use crate::codec::{Reader, Wire, WireError, Writer};

/// Who is at fault. It decides what a caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The bytes are not what they should be: mend the sender.
    Malformed,
    /// The request is understood and not allowed: asking again does not help.
    Refused,
    /// Not now: ask again later.
    Unavailable,
    /// The signer's own state or a driver is broken: call an operator.
    Corrupt,
}

macro_rules! rules {
    ($($(#[$m:meta])* $variant:ident = $code:literal, $text:literal, $blame:ident;)*) => {
        crate::codec::wire_enum! {
            /// The rule that was broken. Numbers and texts are final.
            pub enum Rule: u16 { $($(#[$m])* $variant = $code, $text),* }
        }
        impl Rule {
            /// Returns who is at fault.
            #[must_use]
            pub fn blame(self) -> Blame {
                match self { $(Self::$variant => Blame::$blame),* }
            }
        }
    };
}

rules! {
    /// The body is not the canonical encoding of its kind.
    BodyMalformed = 1, "body-malformed", Malformed;
    /// The header is not one that this socket takes.
    FrameMalformed = 2, "frame-malformed", Malformed;
    /// The DER is not strict.
    DerNotStrict = 3, "der-not-strict", Malformed;
    /// The policy text does not parse or is not canonical in meaning.
    PolicyMalformed = 4, "policy-malformed", Malformed;
    /// A field's value breaks the rule of its type.
    FieldMalformed = 5, "field-malformed", Malformed;
    /// A proposal is not the text that this signer writes for the act.
    ProposalMalformed = 6, "proposal-malformed", Malformed;
    /// An approval is no OpenSSH signature of a kind that is taken.
    ApprovalMalformed = 7, "approval-malformed", Malformed;

    /// The kind is not spoken on this socket.
    KindNotPermitted = 20, "kind-not-permitted", Refused;
    /// The peer's uid is not admitted.
    PeerNotAdmitted = 21, "peer-not-admitted", Refused;
    /// The key is not known in this ring.
    KeyUnknown = 22, "key-unknown", Refused;
    /// The key has another purpose.
    PurposeMismatch = 23, "purpose-mismatch", Refused;
    /// The key is not active: it has no policy yet, or was suspended.
    KeyNotActive = 24, "key-not-active", Refused;
    /// A label that is taken.
    KeyExists = 25, "key-exists", Refused;
    /// An algorithm that this driver or purpose does not have.
    KeySpecRefused = 26, "key-spec-refused", Refused;
    /// The same idempotency key came with another body.
    IdempotencyConflict = 27, "idempotency-conflict", Refused;
    /// A serial that this signer did not mint for this key.
    SerialNotMinted = 28, "serial-not-minted", Refused;
    /// A serial that a certificate has already.
    SerialUsed = 29, "serial-used", Refused;
    /// The policy digest is not that of the policy in force.
    PolicyDigestUnknown = 30, "policy-digest-unknown", Refused;
    /// The new policy does not name the one in force as its predecessor.
    PolicyPredecessor = 31, "policy-predecessor", Refused;
    /// The budget of certificates is used up.
    BudgetExhausted = 32, "budget-exhausted", Refused;
    /// Approvals are missing or do not verify.
    ApprovalMissing = 33, "approval-missing", Refused;
    /// The proposal's time is over.
    ProposalExpired = 34, "proposal-expired", Refused;
    /// The proposal was carried out already.
    ProposalReplayed = 35, "proposal-replayed", Refused;
    /// The proposal is for another act, another ring, or another state of this one.
    ProposalMismatch = 36, "proposal-mismatch", Refused;
    /// Fewer operators approved than the act needs.
    ApprovalShort = 37, "approval-short", Refused;
    /// An operator approved twice.
    OperatorTwice = 38, "operator-twice", Refused;
    /// An approval by a key that is no operator's.
    OperatorUnknown = 39, "operator-unknown", Refused;

    /// The issuer name is not the pinned one, octet by octet.
    IssuerMismatch = 40, "issuer-mismatch", Refused;
    /// The authority key identifier is missing or another's.
    AuthorityKeyIdMismatch = 41, "authority-key-id-mismatch", Refused;
    /// notAfter minus notBefore is over the ceiling.
    ValidityTooLong = 42, "validity-too-long", Refused;
    /// notBefore is further back than allowed.
    BackdatedTooFar = 43, "backdated-too-far", Refused;
    /// notAfter is later than the issuer's.
    OutlivesIssuer = 44, "outlives-issuer", Refused;
    /// notAfter is not later than notBefore, or in the past.
    ValidityInverted = 45, "validity-inverted", Refused;
    /// notBefore lies in the future beyond the allowance.
    NotYetTooFar = 46, "not-yet-too-far", Refused;
    /// basicConstraints do not fit the purpose or the path length.
    BasicConstraintsRefused = 47, "basic-constraints-refused", Refused;
    /// cA TRUE on a socket or with a call that does not make authority.
    AuthorityNotHere = 48, "authority-not-here", Refused;
    /// The path length is not below the issuer's.
    PathLengthRefused = 49, "path-length-refused", Refused;
    /// Key usage has a bit that is not allowed, or does not fit the key.
    KeyUsageRefused = 50, "key-usage-refused", Refused;
    /// An extended key usage that is not allowed.
    ExtendedKeyUsageRefused = 51, "extended-key-usage-refused", Refused;
    /// An extension that is not listed.
    ExtensionRefused = 52, "extension-refused", Refused;
    /// An extension that must be there is not.
    ExtensionMissing = 53, "extension-missing", Refused;
    /// A name outside what is permitted.
    NameNotPermitted = 54, "name-not-permitted", Refused;
    /// A name inside what is excluded.
    NameExcluded = 55, "name-excluded", Refused;
    /// A name that is no well-formed name of its type.
    NameMalformed = 56, "name-malformed", Refused;
    /// A wildcard where none is allowed.
    WildcardRefused = 57, "wildcard-refused", Refused;
    /// A common name that is not among the subject alternative names.
    CommonNameNotInSan = 58, "common-name-not-in-san", Refused;
    /// A subject attribute that is not listed.
    SubjectAttributeRefused = 59, "subject-attribute-refused", Refused;
    /// A kind of key that is not allowed.
    KeyKindRefused = 60, "key-kind-refused", Refused;
    /// A key that is known to be weak.
    WeakKey = 61, "weak-key", Refused;
    /// The subject's key is the issuer's own, or another key of this ring.
    KeyIsIssuers = 62, "key-is-issuers", Refused;
    /// A signature algorithm that the policy does not name.
    AlgorithmRefused = 63, "algorithm-refused", Refused;
    /// A responder certificate for a key that is no pinned OCSP key.
    ResponderKeyNotPinned = 64, "responder-key-not-pinned", Refused;
    /// An RA certificate for a key that is no pinned SCEP key.
    RegistrationKeyNotPinned = 65, "registration-key-not-pinned", Refused;
    /// Name constraints wider than the issuer's.
    NameConstraintsWidened = 66, "name-constraints-widened", Refused;
    /// A certificate policy that is not listed.
    CertificatePolicyRefused = 67, "certificate-policy-refused", Refused;
    /// Proof of possession is missing or does not verify.
    ProofOfPossessionRefused = 68, "proof-of-possession-refused", Refused;
    /// A subject key identifier that is not that of the key.
    SubjectKeyIdMismatch = 69, "subject-key-id-mismatch", Refused;
    /// An approval that does not verify: other bytes, another key, another namespace.
    ApprovalFaulty = 70, "approval-faulty", Refused;
    /// A new operator's own signature is missing.
    NewOperatorUnsigned = 71, "new-operator-unsigned", Refused;
    /// A set of operators or thresholds that cannot be.
    OperatorsRefused = 72, "operators-refused", Refused;
    /// A policy that was in force before and was replaced.
    PolicyRollback = 73, "policy-rollback", Refused;
    /// A key cannot go from its state to the one that is asked for.
    KeyStateRefused = 74, "key-state-refused", Refused;
    /// Issuance is frozen.
    IssuanceFrozen = 75, "issuance-frozen", Refused;
    /// Evidence that the policy demands is missing.
    EvidenceMissing = 76, "evidence-missing", Refused;
    /// A renewal proof that does not hold.
    RenewalRefused = 77, "renewal-refused", Refused;
    /// A validation record that is not there, not fresh or for another name.
    ValidationRefused = 78, "validation-refused", Refused;
    /// An officer's signature that does not hold.
    OfficerRefused = 79, "officer-refused", Refused;

    /// No certificate of this key has the serial.
    NeverIssued = 80, "never-issued", Refused;
    /// Revoked never changes.
    AlreadyRevoked = 81, "already-revoked", Refused;
    /// The policy does not admit hold.
    HoldNotAllowed = 82, "hold-not-allowed", Refused;
    /// Release of a serial that is not held.
    NotHeld = 83, "not-held", Refused;
    /// nextUpdate is too far, or not in the future.
    NextUpdateRefused = 84, "next-update-refused", Refused;
    /// There is no such CRL shard.
    ShardUnknown = 85, "shard-unknown", Refused;
    /// The OCSP key does not speak for this issuer.
    ResponderNotForIssuer = 86, "responder-not-for-issuer", Refused;
    /// A reason code that cannot be asked for this way.
    ReasonRefused = 87, "reason-refused", Refused;
    /// A sealed value that this ring did not seal in this context.
    SealNotOurs = 88, "seal-not-ours", Refused;
    /// A passphrase or credential that does not unlock the ring.
    UnlockFailed = 89, "unlock-failed", Refused;
    /// A journal position that is not there yet.
    PositionUnknown = 90, "position-unknown", Refused;
    /// A leaf, proof or checkpoint that does not verify.
    ProofRefused = 91, "proof-refused", Refused;
    /// A handshake that a `tls` key does not sign.
    HandshakeRefused = 92, "handshake-refused", Refused;
    /// A ring that is not followed, or cannot be.
    RingNotFollowed = 93, "ring-not-followed", Refused;
    /// A standby does not do this before it is promoted.
    Standby = 94, "standby", Refused;
    /// A share that is none of this ring's, or was given already.
    ShareRefused = 95, "share-refused", Refused;
    /// An adopted key whose inventory is not all here yet.
    AdoptionIncomplete = 96, "adoption-incomplete", Refused;
    /// A key that others may have, under a policy that does not say `imported = true`.
    ImportedRefused = 97, "imported-refused", Refused;
    /// A key or a part of an inventory that is not the one that was approved.
    AdoptionRefused = 98, "adoption-refused", Refused;

    /// The ring is locked.
    Locked = 100, "locked", Unavailable;
    /// More requests in flight or connections than granted.
    Overloaded = 101, "overloaded", Unavailable;
    /// The deadline passed before the request was done.
    DeadlineExceeded = 102, "deadline-exceeded", Unavailable;
    /// The driver (HSM, KMS, file) does not answer.
    DriverUnavailable = 103, "driver-unavailable", Unavailable;
    /// The journal cannot be made durable: nothing is released.
    JournalUnavailable = 104, "journal-unavailable", Unavailable;
    /// The clock stands before the floor.
    ClockBehind = 105, "clock-behind", Unavailable;
    /// The clock jumped further forward than is believed.
    ClockAhead = 106, "clock-ahead", Unavailable;
    /// The signer is ending.
    ShuttingDown = 107, "shutting-down", Unavailable;
    /// Too few witnesses saw the log lately.
    WitnessMissing = 108, "witness-missing", Unavailable;
    /// The self-check failed and the ring is strict.
    SelfCheckFailed = 109, "self-check-failed", Unavailable;
    /// The followed ring's news are not recent enough.
    FollowedBehind = 110, "followed-behind", Unavailable;

    /// A signature did not verify: the key is set aside.
    SignatureFaulty = 120, "signature-faulty", Corrupt;
    /// A key file does not open or is not the one it should be.
    KeyFileCorrupt = 121, "key-file-corrupt", Corrupt;
    /// The state cannot be what it is.
    StateCorrupt = 122, "state-corrupt", Corrupt;
    /// The state is older than a checkpoint that was shown, or forked from it.
    StateRolledBack = 123, "state-rolled-back", Corrupt;
}

/// The longest detail of a refusal, in octets.
pub const MAX_DETAIL: usize = 512;

/// A typed refusal: the rule and a sentence for a person. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Refusal {
    /// The rule that was broken.
    pub rule: Rule,
    /// What exactly, for a person; at most 512 octets.
    pub detail: String,
}

impl Refusal {
    /// Refuses by `rule`; a detail over the limit is cut at a character boundary.
    #[must_use]
    pub fn new(rule: Rule, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if detail.len() > MAX_DETAIL {
            let mut end = MAX_DETAIL;
            while !detail.is_char_boundary(end) {
                end -= 1;
            }
            detail.truncate(end);
        }
        Self { rule, detail }
    }
}

impl Wire for Refusal {
    fn put(&self, w: &mut Writer) {
        self.rule.put(w);
        w.string(self.detail.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { rule: Rule::take(r)?, detail: r.text("detail", MAX_DETAIL)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_at_a_character() {
        let refusal = Refusal::new(Rule::Locked, "é".repeat(400));
        assert_eq!(refusal.detail.len(), 512);
        assert_eq!(Refusal::from_wire(&refusal.to_wire()), Ok(refusal));
    }

    #[test]
    fn every_rule_reads_back_by_number_and_text() {
        for rule in Rule::ALL {
            assert_eq!(Rule::from_code(rule.code()), Some(*rule));
            assert_eq!(rule.as_str().parse(), Ok(*rule));
        }
    }
}
