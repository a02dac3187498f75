//! Which keys there are, where, and what was found there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use keystore::{DriverError, KeyIdentity, KnownKey};
use signer_proto::KeyId;
use x509::{PublicKey, SpkiDer};

use super::link::Link;
use super::token::Token;
use crate::config::Config;
use crate::uri::Uri;
use crate::wire::{Answer, FaultKind, KeyFacts, Locator, Request};

/// The keys of the ring that the driver was told of, or found.
pub(super) struct Keys {
    config: Arc<Config>,
    table: RwLock<HashMap<KeyId, Arc<Known>>>,
}

/// A key, with the public key that it must have wherever it is.
pub(super) struct Known {
    pub(super) identity: KeyIdentity,
    pub(super) spki: SpkiDer,
    pub(super) places: Vec<Place>,
}

/// A key in a token.
pub(super) struct Place {
    pub(super) token: usize,
    pub(super) at: Locator,
    pub(super) uri: Uri,
    /// In which era it was looked at, and what was found.
    found: Mutex<(u64, Verdict)>,
}

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody has looked yet.
    Unknown,
    /// The pinned public key; with the private half's attributes in words.
    Good(String),
    Missing(String),
    Differs,
}

impl Place {
    pub(super) fn new(token: usize, uri: &Uri, id: &[u8]) -> Self {
        // A token's URI alone means the key's own id.
        let uri = if uri.names_a_key() { uri.clone() } else { uri.key(id) };
        let at = Locator { id: uri.id.clone(), label: uri.object.clone() };
        Self { token, at, uri, found: Mutex::new((0, Verdict::Unknown)) }
    }

    /// Returns what was found in this era.
    pub(super) fn verdict(&self, era: u64) -> Verdict {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.0 == era { found.1.clone() } else { Verdict::Unknown }
    }

    /// Tells whether the key is there and is the right one, as far as was looked.
    pub(super) fn is_good(&self, era: u64) -> bool {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.0 == era && matches!(found.1, Verdict::Good(_))
    }

    /// Looks; what the helper does not answer stays unknown.
    pub(super) fn look(&self, link: &Link, pinned: &SpkiDer, patience: Instant) -> Verdict {
        let era = link.era();
        let verdict = match link.call(&Request::Look(self.at.clone()), patience, None) {
            Ok(Answer::Key(facts)) if facts.spki == pinned.as_bytes() => {
                Verdict::Good(facts.attributes)
            }
            Ok(Answer::Key(_)) => Verdict::Differs,
            Ok(Answer::Fault(fault))
                if matches!(fault.kind, FaultKind::KeyMissing | FaultKind::Refused) =>
            {
                Verdict::Missing(fault.why)
            }
            _ => return Verdict::Unknown,
        };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = (era, verdict.clone());
        verdict
    }
}

impl Keys {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, table: RwLock::default() }
    }

    /// Puts the keys of the ring in the place of those that were known.
    pub(super) fn attach(&self, keys: Vec<KnownKey>) {
        let known = keys.into_iter().filter(|key| !key.identity.purpose.is_house()).map(|key| {
            let uri = key.location.as_ref().and_then(|location| location.as_str().parse().ok());
            let places = self.places(&key.identity, uri.as_ref());
            (key.identity.id, Arc::new(Known { identity: key.identity, spki: key.public, places }))
        });
        let fresh: HashMap<_, _> = known.collect();
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Says where a key is: where the configuration says, or where it was adopted, or in the token of
    /// new keys.
    pub(super) fn places(&self, key: &KeyIdentity, adopted: Option<&Uri>) -> Vec<Place> {
        let place = |(token, uri): (usize, &Uri)| Place::new(token, uri, &key.id.0);
        if let Some(listed) = self.config.keys.get(key.label.as_str()) {
            return listed.iter().map(|(token, uri)| place((*token, uri))).collect();
        }
        if let Some(uri) = adopted {
            let token = self.config.tokens.iter().position(|token| token.uri.same_token(uri));
            return token.into_iter().map(|token| place((token, uri))).collect();
        }
        let new = self.config.default_token;
        self.config.tokens.get(new).map(|token| place((new, &token.uri))).into_iter().collect()
    }

    pub(super) fn insert(&self, identity: &KeyIdentity, spki: SpkiDer) -> Arc<Known> {
        let places = self.places(identity, None);
        let known = Arc::new(Known { identity: identity.clone(), spki, places });
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.insert(identity.id, Arc::clone(&known));
        known
    }

    pub(super) fn remove(&self, id: KeyId) {
        self.table.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Known>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.values().cloned().collect()
    }

    /// Returns a key that is known under this identity.
    ///
    /// # Errors
    /// [`DriverError::Corrupt`] for one with another purpose or algorithm.
    pub(super) fn known(&self, key: &KeyIdentity) -> Result<Option<Arc<Known>>, DriverError> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = table.get(&key.id) else { return Ok(None) };
        if (known.identity.spec, known.identity.purpose) != (key.spec, key.purpose) {
            return Err(other_identity(key));
        }
        Ok(Some(Arc::clone(known)))
    }

    /// Looks at all keys in a token that were not found there yet.
    pub(super) fn check(&self, token: &Token, link: &Link) {
        let patience = Instant::now() + token.timeout;
        for known in self.all() {
            for place in known.places.iter().filter(|place| place.token == token.number) {
                if place.is_good(link.era()) {
                    continue;
                }
                let before = place.verdict(link.era());
                let verdict = place.look(link, &known.spki, patience);
                if verdict != before && !matches!(verdict, Verdict::Good(_)) {
                    let label = &known.identity.label;
                    eprintln!("pkcs11: key {label}: {}: {}", place.uri, verdict.words());
                }
                if link.is_broken() {
                    return;
                }
            }
        }
    }
}

impl Verdict {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Unknown => "not looked at".to_owned(),
            Self::Good(attributes) => attributes.clone(),
            Self::Missing(why) => format!("not usable: {why}"),
            Self::Differs => "ANOTHER PUBLIC KEY than the pinned one: not used".to_owned(),
        }
    }
}

pub(super) fn other_identity(key: &KeyIdentity) -> DriverError {
    DriverError::Corrupt {
        key: key.id.to_string(),
        why: "the key has another purpose or algorithm",
    }
}

/// How a key of ours is called in its token: what it is for stands in it.
pub(super) fn label_of(key: &KeyIdentity) -> String {
    format!("{}/{}", key.label, key.purpose)
}

/// Reads a public key that a token tells of.
///
/// # Errors
/// [`DriverError::Corrupt`] if it is none, or one of another kind.
pub(super) fn public_of(key: &KeyIdentity, facts: &KeyFacts) -> Result<SpkiDer, DriverError> {
    let corrupt = |why| DriverError::Corrupt { key: key.id.to_string(), why };
    let public = PublicKey::parse(&facts.spki)
        .map_err(|_| corrupt("the token's public key does not parse"))?;
    if Some(public.kind()) == key.spec.kind() {
        Ok(public.spki().clone())
    } else {
        Err(other_identity(key))
    }
}
