//! How the ring began, and how its keys and policies came to be.

use std::sync::Arc;

use signer_log::checkpoint;
use signer_log::note::{Algorithm, NoteKey};
use signer_policy::{KeyPolicy, RingKey};
use signer_proto::{Digest, Genesis, KeyGenerated, KeyLabel, KeyState, PolicySet, Purpose};
use signer_quorum::Quorum;
use x509::{PublicKey, SpkiDer, sha256};

use super::key::{Key, Ruling};
use super::{Fold, Moment, Origin};
use crate::fault::{FaultKind, Wrong};

impl Fold {
    pub(super) fn genesis(&mut self, genesis: &Genesis, octets: &[u8]) -> Result<(), Wrong> {
        let wrong = |why: &str| Wrong(FaultKind::Genesis, why.to_owned());
        let mut log_key = None;
        for house in &genesis.house_keys.0 {
            if !house.purpose.is_house() {
                return Err(wrong("a house key that is none"));
            }
            let label = KeyLabel::new(house.purpose.as_str()).map_err(|_| wrong("a label"))?;
            if !self.labels.insert(label.clone()) {
                return Err(wrong("two house keys of one purpose"));
            }
            if let Some(spki) = &house.spki {
                self.list(&parse(spki)?, RingKey::new(label, house.purpose));
                if house.purpose == Purpose::Log {
                    let origin = checkpoint::origin(genesis.instance);
                    let key = NoteKey::of_spki(&origin, Algorithm::Ed25519, spki);
                    log_key = Some(key.map_err(|error| wrong(&error.to_string()))?);
                }
            }
        }
        if !(0x01..=0x7f).contains(&genesis.serial_prefix) {
            return Err(wrong("a serial prefix that no serial has"));
        }
        let quorum = Quorum::at_genesis(genesis, Digest(sha256(octets)));
        self.quorum = Some(quorum.map_err(|refusal| wrong(&refusal.to_string()))?);
        self.origin = Some(Origin {
            instance: genesis.instance,
            serial_prefix: genesis.serial_prefix,
            log_key: log_key.ok_or_else(|| wrong("there is no log key"))?,
        });
        Ok(())
    }

    pub(super) fn key_generated(&mut self, generated: &KeyGenerated) -> Result<(), Wrong> {
        let KeyGenerated { id, label, purpose, spec, .. } = generated;
        let wrong = |why: String| Wrong(FaultKind::Key, why);
        if purpose.is_house() {
            return Err(wrong(format!("{label} is a house key")));
        }
        if self.by_id.contains_key(id) || !self.labels.insert(label.clone()) {
            return Err(wrong(format!("{label} ({id}) is there already")));
        }
        let spki = generated.spki.as_ref().ok_or_else(|| wrong("no public key".to_owned()))?;
        let public = parse(spki)?;
        if spec.kind() != Some(public.kind()) {
            return Err(wrong(format!("a {} key as {spec}", public.kind())));
        }
        public.check_strength().map_err(|error| wrong(error.to_string()))?;
        self.list(&public, RingKey::new(label.clone(), *purpose));
        self.by_id.insert(*id, self.keys.len());
        let public = Arc::new(public);
        self.keys.push(Key::new(*id, label.clone(), (*purpose, *spec), public));
        Ok(())
    }

    pub(super) fn policy_set(&mut self, moment: Moment, set: &PolicySet) -> Result<(), Wrong> {
        let wrong = |why: String| Wrong(FaultKind::PolicyChain, why);
        let digest = Digest(sha256(set.text.0.as_bytes()));
        let key = self.known(set.key)?;
        let (label, purpose, public) = (key.label.clone(), key.purpose, Arc::clone(&key.public));
        let before = key.ruling.as_ref();
        let version = before.map_or(0, |before| before.version);
        if set.previous != before.map(|before| before.digest)
            || Some(set.version) != version.checked_add(1)
            || key.state == KeyState::Destroyed
            || key.ruled.contains(&digest)
        {
            let why = format!("version {} of {label} after version {version}", set.version);
            return Err(wrong(why));
        }
        let policy = KeyPolicy::parse(&set.text.0).map_err(|error| wrong(error.to_string()))?;
        policy.check_key(purpose, public.kind()).map_err(|refusal| wrong(refusal.to_string()))?;
        let own = policy.ocsp().filter(|rules| rules.issuer_ring().is_none());
        let speaks_for = own.map(|rules| rules.issuer_key().clone());
        let is_there = |issuer: &KeyLabel| {
            self.keys.iter().any(|k| k.label == *issuer && k.purpose == Purpose::CertAndCrl)
        };
        if let Some(issuer) = speaks_for.as_ref().filter(|issuer| !is_there(issuer)) {
            return Err(wrong(format!("there is no issuer {issuer}")));
        }
        let serves = policy.tls().map(|rules| rules.names().clone());
        let ruling = Ruling {
            version: set.version,
            digest,
            text: set.text.clone(),
            since_ms: moment.at_ms,
            policy: Arc::new(policy),
        };
        let key = self.known(set.key)?;
        if ruling.policy.budget().is_none_or(|budget| budget.per_name_per_day.is_none()) {
            key.budgets.forget_names();
        }
        key.last_ruling = key.ruling.replace(ruling);
        key.ruled.insert(digest);
        if key.state == KeyState::PreActive {
            key.state = KeyState::Active;
        }
        self.list(&public, RingKey { speaks_for, serves, ..RingKey::new(label, purpose) });
        Ok(())
    }

    /// Tells admission about a key.
    pub(super) fn list(&mut self, public: &PublicKey, key: RingKey) {
        Arc::make_mut(&mut self.ring_keys).insert(public, key);
    }
}

fn parse(spki: &SpkiDer) -> Result<PublicKey, Wrong> {
    PublicKey::parse(spki.as_bytes()).map_err(|error| Wrong(FaultKind::Key, error.to_string()))
}
