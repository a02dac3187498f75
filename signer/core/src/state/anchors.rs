//! Signatures that were intended and are not in the journal yet, and the newest audit anchor.

use std::collections::{BTreeMap, HashMap};

use signer_proto::{AuditAnchored, Digest, Event, KeyId, SignIntended};
use x509::sha256;

use super::error::StateError;

/// So many open intents are remembered; the oldest go first.
const MOST: usize = 65_536;

/// A signature that was asked of a driver, and whose leaf does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenIntent {
    /// The leaf that says so.
    pub(crate) position: u64,
    /// What it says.
    pub(crate) intended: SignIntended,
}

/// Intents without their DONE.
#[derive(Debug, Default)]
pub(crate) struct Intents {
    open: BTreeMap<u64, SignIntended>,
    by_bytes: HashMap<(KeyId, Digest), u64>,
}

impl Intents {
    /// Takes up an intent. The same one again, by a retry, takes the place of the first.
    pub(super) fn intend(&mut self, position: u64, intended: &SignIntended) {
        let bytes = (intended.key, intended.tbs_digest);
        if let Some(before) = self.by_bytes.insert(bytes, position) {
            self.open.remove(&before);
        }
        self.open.insert(position, *intended);
        if self.open.len() > MOST
            && let Some((_, oldest)) = self.open.pop_first()
        {
            self.by_bytes.remove(&(oldest.key, oldest.tbs_digest));
        }
    }

    /// Closes the intent that a leaf is the DONE of, if there is one.
    pub(super) fn done(&mut self, event: &Event) {
        // Nothing is hashed where drivers need no intents.
        if self.open.is_empty() {
            return;
        }
        let bytes = match event {
            Event::CertificateSigned(signed) => (signed.key, hash(signed.tbs.as_bytes())),
            Event::AuthoritySigned(signed) => (signed.key, hash(signed.tbs.as_bytes())),
            Event::RequestSigned(signed) => (signed.key, hash(signed.info.as_bytes())),
            Event::CrlSigned(signed) => (signed.key, signed.tbs_digest),
            _ => return,
        };
        if let Some(position) = self.by_bytes.remove(&bytes) {
            self.open.remove(&position);
        }
    }

    /// Returns what is open, oldest first.
    pub(crate) fn open(&self) -> Vec<OpenIntent> {
        let open = self.open.iter();
        open.map(|(at, intended)| OpenIntent { position: *at, intended: *intended }).collect()
    }
}

fn hash(bytes: &[u8]) -> Digest {
    Digest(sha256(bytes))
}

/// Returns the anchor that a leaf puts in the place of the one before, whose chain it goes on.
pub(super) fn anchor(
    position: u64,
    before: Option<(u64, AuditAnchored)>,
    anchored: &AuditAnchored,
) -> Result<(u64, AuditAnchored), StateError> {
    if continues(before.map(|(_, anchored)| anchored), anchored) {
        Ok((position, *anchored))
    } else {
        Err(StateError::Anchor(position))
    }
}

/// Returns whether an anchor goes on from the one before.
pub(crate) fn continues(before: Option<AuditAnchored>, anchored: &AuditAnchored) -> bool {
    let (through, digest) =
        before.map_or((0, Digest([0; 32])), |before| (before.through, before.digest));
    anchored.through > through && anchored.previous == digest
}

#[cfg(test)]
mod tests {
    use x509::SignatureScheme;

    use super::*;

    #[test]
    fn what_was_intended_again_stands_once_and_the_oldest_go() {
        let mut intents = Intents::default();
        let intended = |n: u64| SignIntended {
            key: KeyId([1; 16]),
            tbs_digest: hash(&n.to_be_bytes()),
            scheme: SignatureScheme::Ed25519,
        };
        intents.intend(1, &intended(7));
        intents.intend(2, &intended(7));
        let open = intents.open();
        assert_eq!(open, [OpenIntent { position: 2, intended: intended(7) }]);
        let most = MOST as u64;
        (0..most).for_each(|n| intents.intend(10 + n, &intended(100 + n)));
        assert_eq!(intents.open().len(), MOST);
        assert_eq!(intents.open()[0].position, 10);
        assert_eq!(intents.by_bytes.len(), MOST);
    }
}
