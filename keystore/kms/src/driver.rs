//! The driver: synchronous outside, a runtime inside.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use keystore::{
    Adopt, AdoptSource, Adopted, Approved, Destroy, DriverError, KeyDriver, KeyIdentity, KnownKey,
    ReportLine,
};
use signer_proto::{KeyId, KeyLabel};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use x509::{Signature, SignatureScheme, SpkiDer};

use crate::bucket::Bucket;
use crate::cloud::{CallError, Cloud, Form, Found, Place};
use crate::key::{Key, Standing};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// One attempt.
    pub(crate) attempt: Duration,
    /// A call with all its attempts, where the request itself has no deadline.
    pub(crate) call: Duration,
    /// The making of a key, until it can be looked up.
    pub(crate) making: Duration,
    /// How often the public key of each key is held against the pinned one.
    pub(crate) recheck: Duration,
}

/// Reaches keys in a cloud service.
pub struct KmsDriver {
    runtime: Option<Runtime>,
    pub(crate) core: Arc<Core>,
    /// Held from the check that a key is not there to its being known.
    generating: Mutex<()>,
}

/// What the driver's tasks share.
pub(crate) struct Core {
    pub(crate) cloud: Box<dyn Cloud>,
    pub(crate) bucket: Bucket,
    pub(crate) timing: Timing,
    /// Where keys are, as the configuration says, by label.
    pub(crate) named: BTreeMap<KeyLabel, Vec<Place>>,
    keys: RwLock<HashMap<KeyId, Arc<Key>>>,
    /// Wakes the task that looks after the keys.
    pub(crate) look: Notify,
    pub(crate) counts: Counts,
}

/// What was asked and what came of it, since the start.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) signed: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Core {
    pub(crate) fn new(
        cloud: Box<dyn Cloud>,
        bucket: Bucket,
        timing: Timing,
        named: BTreeMap<KeyLabel, Vec<Place>>,
    ) -> Self {
        Self {
            cloud,
            bucket,
            timing,
            named,
            keys: RwLock::default(),
            look: Notify::new(),
            counts: Counts::default(),
        }
    }

    fn known(&self, id: KeyId) -> Option<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Returns all keys.
    pub(crate) fn all(&self) -> Vec<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn keep(&self, key: Key) -> Arc<Key> {
        let key = Arc::new(key);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.entry(key.identity.id).or_insert(key).clone()
    }

    fn forget(&self, id: KeyId) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Returns where a key is: as configured, else where it was adopted, else where this driver
    /// makes it; and where the service itself keeps it besides.
    fn places(&self, key: &KeyIdentity, adopted: Option<Place>) -> Vec<Place> {
        let mut places = match (self.named.get(&key.label), adopted) {
            (Some(named), _) => named.clone(),
            (None, Some(adopted)) => vec![adopted],
            (None, None) => self.cloud.own_places(key),
        };
        let copies: Vec<_> = places.iter().flat_map(|place| self.cloud.replicas(place)).collect();
        places.extend(copies);
        let mut once: Vec<Place> = Vec::new();
        for place in places {
            if !once.contains(&place) {
                once.push(place);
            }
        }
        once
    }

    /// Tells an error of a call about a key.
    pub(crate) fn tell(&self, key: &KeyIdentity, place: &Place, error: CallError) -> DriverError {
        let vendor = self.cloud.vendor();
        match error {
            CallError::Missing => DriverError::KeyMissing(key.id.to_string()),
            CallError::Exists => DriverError::KeyExists(key.id.to_string()),
            CallError::Throttled(why) => DriverError::Overloaded(format!("{vendor}: {why}")),
            CallError::Transient(why) | CallError::Refused(why) => {
                DriverError::Unavailable(format!("{vendor}: {why}"))
            }
            CallError::TooLong(most) => DriverError::MessageTooLong { most },
            CallError::Cannot(why) => {
                DriverError::LocationUnusable { location: place.to_string(), why: why.to_owned() }
            }
        }
    }
}

impl KmsDriver {
    pub(crate) fn new(runtime: Runtime, core: Core) -> Self {
        let core = Arc::new(core);
        runtime.spawn(crate::watch::keep_watch(Arc::clone(&core)));
        Self { runtime: Some(runtime), core, generating: Mutex::default() }
    }

    /// Waits for a call on the caller's own thread.
    fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, DriverError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(DriverError::Unavailable("the driver is ending".to_owned())),
        }
    }

    /// Finds a key that nobody told of: only its name says that it is the ring's.
    fn discover(&self, identity: &KeyIdentity) -> Result<Arc<Key>, DriverError> {
        if let Some(key) = self.core.known(identity.id) {
            key.check(identity)?;
            return Ok(key);
        }
        if identity.purpose.is_house() || identity.spec.kind().is_none() {
            return Err(DriverError::KeyMissing(identity.id.to_string()));
        }
        let places = self.core.places(identity, None);
        let Some(first) = places.first() else {
            return Err(DriverError::KeyMissing(identity.id.to_string()));
        };
        let until = Instant::now() + self.core.timing.call;
        let found = self.wait(self.core.find(identity, first, until))?;
        let key = Key::new(identity.clone(), found.public.spki().clone(), places);
        Ok(self.keep_found(key, found))
    }

    fn keep_found(&self, key: Key, found: Found) -> Arc<Key> {
        if let Some(seat) = key.seats.first() {
            seat.note_found(found, &key.pinned, Instant::now());
        }
        let key = self.core.keep(key);
        self.core.look.notify_one();
        key
    }

    fn refuse_unoffered(&self, key: &KeyIdentity, place: &Place) -> Result<(), DriverError> {
        if key.purpose.is_house() || key.spec.kind().is_none() {
            return Err(DriverError::SpecUnsupported(key.spec));
        }
        self.core.cloud.offers(key.spec, key.purpose).map_err(|why| DriverError::LocationUnusable {
            location: place.to_string(),
            why: why.to_owned(),
        })
    }
}

impl Drop for KmsDriver {
    fn drop(&mut self) {
        // A look-up of a host name may hang for long; nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl KeyDriver for KmsDriver {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.discover(key).map(|key| key.pinned.clone())
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        key.check_scheme(scheme)?;
        let key = self.discover(key)?;
        self.wait(self.core.sign(&key, scheme, message)).map(Signature::from_vec)
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        let places = self.core.cloud.own_places(key);
        let Some(own) = places.first() else {
            return Err(DriverError::SpecUnsupported(key.spec));
        };
        self.refuse_unoffered(key, own)?;
        if self.core.named.contains_key(&key.label) {
            return Err(DriverError::LocationUnusable {
                location: own.to_string(),
                why: format!("the configuration names a key for {}: adopt that one", key.label),
            });
        }
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.core.known(key.id).is_some() {
            return Err(DriverError::KeyExists(key.id.to_string()));
        }
        let found = self.wait(self.core.make(key, own))?;
        let public = found.public.spki().clone();
        self.keep_found(Key::new(key.clone(), public.clone(), places), found);
        Ok(public)
    }

    fn wants_intent(&self) -> bool {
        true
    }

    fn attach(&self, keys: Vec<KnownKey>) {
        for KnownKey { identity, public, location } in keys {
            if identity.purpose.is_house() || self.core.known(identity.id).is_some() {
                continue;
            }
            let adopted = location.and_then(|at| self.core.cloud.place(at.as_str()).ok());
            let places = self.core.places(&identity, adopted);
            self.core.keep(Key::new(identity, public, places));
        }
        self.core.look.notify_one();
    }

    fn health(&self) -> Result<(), DriverError> {
        let lost = self.core.all().into_iter().find(|key| !key.is_usable());
        match lost {
            None => Ok(()),
            Some(key) => Err(DriverError::Unavailable(format!(
                "{}: {}: {}",
                self.core.cloud.vendor(),
                key.identity.label,
                key.told()
            ))),
        }
    }

    fn report(&self) -> Vec<ReportLine> {
        let line = |subject: &str, name: &str, value: String| ReportLine {
            subject: subject.to_owned(),
            name: name.to_owned(),
            value,
        };
        let vendor = self.core.cloud.vendor();
        let counts = &self.core.counts;
        let mut lines = vec![
            line(vendor, "signatures", counts.signed.load(Ordering::Relaxed).to_string()),
            line(vendor, "throttled", counts.throttled.load(Ordering::Relaxed).to_string()),
            line(vendor, "failed attempts", counts.failed.load(Ordering::Relaxed).to_string()),
        ];
        let mut keys = self.core.all();
        keys.sort_by(|one, other| one.identity.label.cmp(&other.identity.label));
        for key in keys {
            let each = key.seats.iter().map(|seat| {
                line(key.identity.label.as_str(), seat.place.name.as_str(), seat.told())
            });
            lines.extend(each);
        }
        lines
    }

    fn adopter(&self) -> Option<&dyn Adopt> {
        Some(self)
    }

    fn destroyer(&self) -> Option<&dyn Destroy> {
        Some(self)
    }
}

impl Adopt for KmsDriver {
    fn adopt(
        &self,
        key: &KeyIdentity,
        source: AdoptSource<'_>,
        pinned: &SpkiDer,
    ) -> Result<Adopted, DriverError> {
        let AdoptSource::Location(location) = source else {
            let how = "import it by the service's own means, then adopt it by its name";
            return Err(DriverError::ImportRefused(how.to_owned()));
        };
        let place = self.core.cloud.place(location.as_str()).map_err(|why| {
            DriverError::LocationUnusable { location: location.to_string(), why: why.to_owned() }
        })?;
        self.refuse_unoffered(key, &place)?;
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.core.known(key.id).is_some() {
            return Err(DriverError::KeyExists(key.id.to_string()));
        }
        let until = Instant::now() + self.core.timing.making;
        let (found, could_have_left) = self.wait(self.core.examine(key, &place, until))?;
        if found.public.spki() != pinned {
            return Err(DriverError::PublicKeyDiffers { location: location.to_string() });
        }
        // An alias may be pointed elsewhere: where the key is from now on is its own name.
        let places = self.core.places(key, Some(found.place.clone()));
        self.keep_found(Key::new(key.clone(), pinned.clone(), places), found);
        Ok(Adopted { spec: key.spec, could_have_left })
    }
}

impl Destroy for KmsDriver {
    fn destroy(&self, key: &KeyIdentity) -> Result<(), DriverError> {
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.core.known(key.id);
        if let Some(known) = &known {
            known.check(key)?;
        }
        let places = match known {
            Some(known) => known.seats.iter().map(|seat| seat.place.clone()).collect(),
            None => self.core.places(key, None),
        };
        self.wait(self.core.destroy(key, &places))?;
        self.core.forget(key.id);
        Ok(())
    }
}

/// Refuses a scheme that the service's key is not made for.
pub(crate) fn check_form(found: &Found, scheme: SignatureScheme) -> Result<(), DriverError> {
    match found.form {
        Form::Only(own) if own != scheme => Err(DriverError::SchemeMismatch),
        Form::Any | Form::Only(_) | Form::Mu => Ok(()),
    }
}

/// Tells what is known of a key at a place as an error.
pub(crate) fn standing_error(
    core: &Core,
    key: &Key,
    place: &Place,
    standing: Standing,
) -> DriverError {
    match standing {
        Standing::Differs => DriverError::PublicKeyDiffers { location: place.to_string() },
        Standing::Absent(error) => core.tell(&key.identity, place, error),
        Standing::Unknown | Standing::Good(_) => {
            DriverError::Unavailable(format!("{place}: {}", key.told()))
        }
    }
}
