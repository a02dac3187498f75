//! Answers that were signed already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{Id, Issuer, UnixTime};
use moka::sync::Cache;
use tokio::sync::mpsc;
use x509::{CertIdHash, Serial};

use super::answer::OcspReply;
use super::batch::Waiting;

/// Answers that are kept: at about 1 KiB each with the certificate, 64 MiB.
const KEPT: u64 = 65_536;

/// What an answer is kept by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) issuer: Id<Issuer>,
    pub(super) hash: CertIdHash,
    pub(super) serial: Serial,
}

/// An answer and until when it is given.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) reply: OcspReply,
    pub(super) until: UnixTime,
}

/// What answers OCSP for all issuers.
pub(crate) struct Responders {
    kept: Cache<Key, Kept>,
    /// Counts what was forgotten, so that an answer signed before is not kept after.
    forgotten: AtomicU64,
    pub(super) batches: Mutex<HashMap<Id<Issuer>, mpsc::Sender<Waiting>>>,
}

impl Default for Responders {
    fn default() -> Self {
        Self { kept: Cache::new(KEPT), forgotten: AtomicU64::new(0), batches: Mutex::default() }
    }
}

impl Responders {
    /// Forgets the answers for a certificate whose status changed.
    pub(crate) fn forget(&self, issuer: Id<Issuer>, serial: Serial) {
        // First the count: who signed before it does not keep its answer.
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        for hash in [CertIdHash::Sha1, CertIdHash::Sha256] {
            self.kept.invalidate(&Key { issuer, hash, serial });
        }
    }

    /// Forgets every answer, since another responder certificate goes with them now.
    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.kept.invalidate_all();
    }

    /// Returns the count to give to [`Self::keep`]; taken before the signer is asked.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    pub(super) fn get(&self, key: &Key, now: UnixTime) -> Option<OcspReply> {
        let kept = self.kept.get(key)?;
        (now < kept.until).then_some(kept.reply)
    }

    /// Keeps an answer unless something was forgotten since `before`.
    pub(super) fn keep(&self, key: Key, kept: Kept, before: u64) {
        if self.forgotten() != before {
            return;
        }
        self.kept.insert(key, kept);
        // Something may have been forgotten between the look and the insertion.
        if self.forgotten() != before {
            self.kept.invalidate(&key);
        }
    }

    /// Drops the queue of an issuer whose task ended.
    pub(super) fn end_batches(&self, issuer: Id<Issuer>) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.remove(&issuer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use x509::OcspResponseDer;

    fn key() -> Key {
        Key {
            issuer: Id::from_parts(1, &[1; 10]),
            hash: CertIdHash::Sha1,
            serial: Serial::from_unsigned(&[7]).expect("positive"),
        }
    }

    fn kept() -> Kept {
        Kept {
            reply: OcspReply {
                response: Arc::new(OcspResponseDer::from_vec(vec![1])),
                cacheable: None,
            },
            until: UnixTime(100),
        }
    }

    #[test]
    fn an_answer_is_given_until_its_time() {
        let responders = Responders::default();
        responders.keep(key(), kept(), responders.forgotten());
        assert!(responders.get(&key(), UnixTime(99)).is_some());
        assert!(responders.get(&key(), UnixTime(100)).is_none());
    }

    #[test]
    fn an_answer_signed_before_a_revocation_is_not_kept_after_it() {
        let responders = Responders::default();
        let before = responders.forgotten();
        responders.forget(key().issuer, key().serial);
        responders.keep(key(), kept(), before);
        assert!(responders.get(&key(), UnixTime(0)).is_none());
    }

    #[test]
    fn a_revocation_forgets_both_forms() {
        let responders = Responders::default();
        let sha256 = Key { hash: CertIdHash::Sha256, ..key() };
        for key in [key(), sha256] {
            responders.keep(key, kept(), responders.forgotten());
        }
        responders.forget(key().issuer, key().serial);
        for key in [key(), sha256] {
            assert!(responders.get(&key, UnixTime(0)).is_none());
        }
    }
}
