//! The audit log, anchored in the first ring's journal: what was anchored, nobody changes unseen.
//!
//! Events have a running digest in the order of their sequence numbers. From time to time the
//! signer writes it into the journal; a check computes it again from the table.

use model::AuditEvent;
use signer_client::CallError;
use signer_proto::{AnchorAudit, AuditAnchored, Digest, Wire, Writer};
use store::{StoreError, audit};
use x509::sha256;

use crate::Authority;

/// Events that are younger, in seconds, wait: a transaction that began before may still write an
/// event with a lower sequence number.
const SETTLED: i64 = 60;
/// Events of one query.
const PAGE: u16 = 1000;

/// Why the audit log is not anchored or checked.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The signer does not take the anchor, or does not answer.
    #[error("the signer does not take the anchor")]
    Signer(#[from] CallError),
    /// The database.
    #[error("the database did not answer")]
    Store(#[from] StoreError),
}

/// What a check of the audit log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCheck {
    /// The last event that is anchored, and the position of the leaf that says so; none before the
    /// first anchor.
    pub anchored: Option<(u64, u64)>,
    /// How many events there are up to it.
    pub events: u64,
    /// Whether they are what was anchored.
    pub is_intact: bool,
}

/// The digest over all events up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    through: u64,
    digest: Digest,
}

impl Running {
    const START: Self = Self { through: 0, digest: Digest([0; 32]) };

    /// Goes on by an event: SHA-256 over the digest before and every field of the event.
    fn add(&mut self, event: &AuditEvent) {
        let mut w = Writer::new();
        self.digest.put(&mut w);
        event.seq.put(&mut w);
        event.at.put(&mut w);
        for text in [&event.actor, event.action.as_str(), &event.target, &event.detail] {
            w.string(text.as_bytes());
        }
        event.journal.map(|position| position.0).put(&mut w);
        self.digest = Digest(sha256(&w.into_vec()));
        self.through = u64::try_from(event.seq).unwrap_or(0);
    }
}

impl Authority {
    /// Anchors what was noted up to a minute ago and is not anchored yet; tells whether there was
    /// anything.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub async fn anchor_audit(&self) -> Result<bool, AnchorError> {
        let newest = self.signer().anchor_audit(&AnchorAudit { anchor: None }).await?.anchor;
        let before = newest.map_or(Running::START, |anchor| Running {
            through: anchor.anchored.through,
            digest: anchor.anchored.digest,
        });
        let until = self.now().plus_seconds(-SETTLED);
        let (running, _) = self.run(before, |event| event.at <= until).await?;
        if running == before {
            return Ok(false);
        }
        let Running { through, digest } = running;
        let anchor = AuditAnchored { through, previous: before.digest, digest };
        self.signer().anchor_audit(&AnchorAudit { anchor: Some(anchor) }).await?;
        Ok(true)
    }

    /// Computes the digest again up to the newest anchor, and compares.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub async fn check_audit(&self) -> Result<AuditCheck, AnchorError> {
        let newest = self.signer().anchor_audit(&AnchorAudit { anchor: None }).await?.anchor;
        let Some(anchor) = newest else {
            return Ok(AuditCheck { anchored: None, events: 0, is_intact: true });
        };
        let AuditAnchored { through, digest, .. } = anchor.anchored;
        let within = |event: &AuditEvent| u64::try_from(event.seq).is_ok_and(|seq| seq <= through);
        let (running, events) = self.run(Running::START, within).await?;
        Ok(AuditCheck {
            anchored: Some((through, anchor.position)),
            events,
            is_intact: running == Running { through, digest },
        })
    }

    /// Goes on over the events behind `from`, in their order, up to the first that is not wanted.
    async fn run(
        &self,
        from: Running,
        wanted: impl Fn(&AuditEvent) -> bool,
    ) -> Result<(Running, u64), StoreError> {
        let (mut running, mut events) = (from, 0);
        loop {
            let after = i64::try_from(running.through).unwrap_or(i64::MAX);
            let page = audit::after(self.store(), after, PAGE).await?;
            for event in &page {
                if !wanted(event) {
                    return Ok((running, events));
                }
                running.add(event);
                events += 1;
            }
            if page.len() < usize::from(PAGE) {
                return Ok((running, events));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{AuditAction, JournalPosition, UnixTime};

    use super::*;

    fn event() -> AuditEvent {
        AuditEvent {
            seq: 7,
            at: UnixTime(1_800_000_000),
            actor: "ab".to_owned(),
            action: AuditAction::CertificateIssue,
            target: "c".to_owned(),
            detail: "{}".to_owned(),
            journal: None,
        }
    }

    fn digest(event: &AuditEvent) -> Digest {
        let mut running = Running::START;
        running.add(event);
        running.digest
    }

    #[test]
    fn every_field_and_the_order_of_events_are_in_the_digest() {
        let honest = digest(&event());
        let bent = [
            AuditEvent { seq: 8, ..event() },
            AuditEvent { at: UnixTime(1_800_000_001), ..event() },
            AuditEvent { actor: "a".to_owned(), ..event() },
            AuditEvent { actor: "a".to_owned(), target: "bc".to_owned(), ..event() },
            AuditEvent { action: AuditAction::CertificateRevoke, ..event() },
            AuditEvent { detail: "{ }".to_owned(), ..event() },
            AuditEvent { journal: Some(JournalPosition(0)), ..event() },
        ];
        for bent in &bent {
            assert_ne!(digest(bent), honest, "{bent:?}");
        }
        let [mut one, mut other] = [Running::START; 2];
        one.add(&event());
        one.add(&bent[0]);
        other.add(&bent[0]);
        other.add(&event());
        assert_ne!(one.digest, other.digest);
    }

    /// Computed with Python's hashlib; docs/operate/log.md says how.
    #[test]
    fn golden_digest() {
        assert_eq!(
            digest(&event()).to_string(),
            "d2a2b22d02cc3fb52dd47fb0ef64189af150c1c968c364f2cb7ba98a1ff11a7c"
        );
    }
}
