//! The keys of this ring, as far as admission has to know them.

use std::collections::HashMap;

use signer_proto::{KeyLabel, Purpose};
use x509::{PublicKey, UnixTime};

use super::tls::ServerNames;

/// A key of this ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingKey {
    /// Its name in the ring.
    pub label: KeyLabel,
    /// What it signs.
    pub purpose: Purpose,
    /// The issuer that an `ocsp` key's policy names; none for other keys and while pre-active.
    pub speaks_for: Option<KeyLabel>,
    /// The names that a `tls` key's policy lists; none for other keys and while pre-active.
    pub serves: Option<ServerNames>,
}

impl RingKey {
    /// Starts with a key that has no policy.
    #[must_use]
    pub fn new(label: KeyLabel, purpose: Purpose) -> Self {
        Self { label, purpose, speaks_for: None, serves: None }
    }
}

/// The public keys of this ring by the SHA-256 of their SubjectPublicKeyInfo.
#[derive(Debug, Clone, Default)]
pub struct RingKeys(HashMap<[u8; 32], RingKey>);

impl RingKeys {
    /// Adds a key or replaces what is known of it.
    pub fn insert(&mut self, public_key: &PublicKey, key: RingKey) {
        self.0.insert(public_key.spki_sha256(), key);
    }

    pub(crate) fn get(&self, spki_sha256: &[u8; 32]) -> Option<&RingKey> {
        self.0.get(spki_sha256)
    }
}

/// What admission depends on besides policy and bytes.
#[derive(Debug, Clone, Copy)]
pub struct AdmitContext<'c> {
    /// The signer's clock.
    pub now: UnixTime,
    /// The name of the key that is asked to sign.
    pub key: &'c KeyLabel,
    /// The public half of the key that is asked to sign.
    pub public_key: &'c PublicKey,
    /// All keys of this ring with a public half, destroyed ones too.
    pub ring: &'c RingKeys,
}
