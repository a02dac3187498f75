//! The driver: four verbs over helpers.

mod adopt;
mod forking;
mod keys;
mod link;
mod rates;
mod report;
mod sessions;
mod token;
mod unwrap;
mod watch;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keystore::{
    Adopt, Approved, Destroy, DriverError, KeyDriver, KeyIdentity, KnownKey, ReportLine, Unwrap,
};
use signer_proto::Purpose;
use x509::{Signature, SignatureScheme, SpkiDer};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::mechanism;
use crate::wire::{Answer, FaultKind, KeyFacts, NewKey, Request};
pub use forking::Forker;
use keys::{Keys, Known, Place, Verdict, label_of, other_identity, public_of};
pub use rates::{Rates, TokenRates};
use token::{CallError, Token};

/// How long making a key may take: RSA-4096 on a small device.
const GENERATION: Duration = Duration::from_secs(180);
/// How long a call may take besides the token's own time, while the ladder is climbed.
const GRACE: Duration = Duration::from_secs(1);

/// Signs with keys in tokens, each behind a process of its own.
pub struct Pkcs11Driver {
    config: Arc<Config>,
    tokens: Vec<Arc<Token>>,
    keys: Arc<Keys>,
    /// Held from the check that a key is not there to its being known.
    generating: Mutex<()>,
    /// What answers a ciphertext that is none.
    rejection: Zeroizing<[u8; 32]>,
}

impl Pkcs11Driver {
    /// Begins to bring the tokens up, and waits for none of them.
    ///
    /// # Errors
    /// The system's, if threads cannot be started or random octets not be had.
    pub fn start(config: Config, forker: Forker) -> io::Result<Self> {
        let (config, forker) = (Arc::new(config), Arc::new(forker));
        let keys = Arc::new(Keys::new(Arc::clone(&config)));
        let timeout = config.timeout;
        let token = |numbered| {
            Arc::new(Token::new(numbered, timeout, Arc::clone(&forker), Arc::clone(&keys)))
        };
        let tokens: Vec<_> = config.tokens.iter().cloned().enumerate().map(token).collect();
        for token in &tokens {
            watch::start(Arc::clone(token))?;
        }
        let rejection = unwrap::secret()?;
        Ok(Self { config, tokens, keys, generating: Mutex::new(()), rejection })
    }

    /// Waits until all tokens are there, for so long at most; says whether they are.
    #[must_use]
    pub fn await_tokens(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        self.tokens.iter().all(|token| {
            while token.health().is_err() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            token.health().is_ok()
        })
    }

    fn token(&self, number: usize) -> Result<&Arc<Token>, DriverError> {
        let found = self.tokens.get(number);
        found.ok_or_else(|| DriverError::Unavailable("the key is in no token here".to_owned()))
    }

    /// Returns a key that is known, or looks for one that this driver made and was not told of.
    fn known(&self, key: &KeyIdentity) -> Result<Arc<Known>, DriverError> {
        if key.purpose.is_house() || !mechanism::is_possible(key.spec) {
            return Err(DriverError::KeyMissing(key.id.to_string()));
        }
        if let Some(known) = self.keys.known(key)? {
            return Ok(known);
        }
        let places = self.keys.places(key, None);
        let place = places.first().ok_or_else(|| DriverError::KeyMissing(key.id.to_string()))?;
        let facts = self.look(key, place)?;
        if facts.label != label_of(key) {
            return Err(other_identity(key));
        }
        Ok(self.keys.insert(key, public_of(key, &facts)?))
    }

    fn look(&self, key: &KeyIdentity, place: &Place) -> Result<KeyFacts, DriverError> {
        let token = self.token(place.token)?;
        let patience = Instant::now() + token.timeout + GRACE;
        match token.call(&Request::Look(place.at.clone()), patience, None) {
            Ok(Answer::Key(facts)) => Ok(facts),
            Ok(_) => Err(nonsense()),
            Err(error) => Err(driver_error(error, key, place)),
        }
    }

    /// Asks at the places of a key, in their order, until one answers: first those whose tokens are
    /// there at once, then again with patience for one that is coming back.
    fn ask(
        &self,
        known: &Known,
        deadline: Option<Instant>,
        request: impl Fn(&Place) -> Request,
    ) -> Result<Vec<u8>, DriverError> {
        let mut last = None;
        for patience in [Duration::ZERO, self.config.timeout + GRACE] {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                // Nobody waits any more: no session is kept busy for it.
                let late = || DriverError::Unavailable("it is too late".to_owned());
                return Err(last.unwrap_or_else(late));
            }
            let until = deadline.map_or(now + patience, |deadline| deadline.min(now + patience));
            for place in &known.places {
                match self.ask_at(known, place, &request(place), until) {
                    Ok(octets) => return Ok(octets),
                    Err(error) if is_elsewhere(&error) => last = Some(prefer(last, error)),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(last.unwrap_or_else(|| DriverError::KeyMissing(known.identity.id.to_string())))
    }

    fn ask_at(
        &self,
        known: &Known,
        place: &Place,
        request: &Request,
        patience: Instant,
    ) -> Result<Vec<u8>, DriverError> {
        let key = &known.identity;
        let token = self.token(place.token)?;
        let link = token.ready(patience).map_err(|error| driver_error(error, key, place))?;
        if !place.is_good(link.era()) {
            let patience = patience.max(Instant::now() + token.timeout);
            match place.look(&link, &known.spki, patience) {
                Verdict::Good(_) => {}
                Verdict::Differs => {
                    return Err(DriverError::PublicKeyDiffers { location: place.uri.to_string() });
                }
                Verdict::Missing(_) => return Err(DriverError::KeyMissing(key.id.to_string())),
                Verdict::Unknown => {
                    return Err(DriverError::Unavailable(format!("{}: no answer", place.uri)));
                }
            }
        }
        match token.call(request, patience, None) {
            Ok(Answer::Octets(octets)) => Ok(octets),
            Ok(_) => Err(nonsense()),
            Err(error) => Err(driver_error(error, key, place)),
        }
    }
}

/// Tells whether the same may be had at another place, or later.
fn is_elsewhere(error: &DriverError) -> bool {
    matches!(
        error,
        DriverError::Unavailable(_)
            | DriverError::Overloaded(_)
            | DriverError::KeyMissing(_)
            | DriverError::PublicKeyDiffers { .. }
    )
}

/// Of several reasons the one that time may mend counts: a retry is worth while.
fn prefer(last: Option<DriverError>, next: DriverError) -> DriverError {
    match last {
        Some(kept @ (DriverError::Unavailable(_) | DriverError::Overloaded(_))) => kept,
        _ => next,
    }
}

fn nonsense() -> DriverError {
    DriverError::Unavailable("the module's process answered something else".to_owned())
}

fn driver_error(error: CallError, key: &KeyIdentity, place: &Place) -> DriverError {
    let fault = match error {
        CallError::Unavailable(why) => return DriverError::Unavailable(why),
        CallError::Busy => {
            return DriverError::Overloaded("all sessions of the token are used".to_owned());
        }
        CallError::Fault(fault) => fault,
    };
    match fault.kind {
        FaultKind::KeyMissing => DriverError::KeyMissing(key.id.to_string()),
        FaultKind::KeyExists => DriverError::KeyExists(key.id.to_string()),
        FaultKind::Unsupported => DriverError::SpecUnsupported(key.spec),
        FaultKind::Ciphertext => DriverError::Crypto("the ciphertext is none"),
        FaultKind::Device | FaultKind::Sessions | FaultKind::Pin => {
            DriverError::Unavailable(fault.why)
        }
        FaultKind::Extractable | FaultKind::Refused => {
            DriverError::LocationUnusable { location: place.uri.to_string(), why: fault.why }
        }
    }
}

impl KeyDriver for Pkcs11Driver {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.known(key).map(|known| known.spki.clone())
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        key.check_scheme(scheme)?;
        let known = self.known(key)?;
        let (how, data) = mechanism::prepare(scheme, message)?;
        let octets = self.ask(&known, message.deadline(), |place| Request::Sign {
            at: place.at.clone(),
            how,
            data: data.clone(),
        })?;
        mechanism::signature(how, octets)
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        if key.purpose.is_house() || !mechanism::is_possible(key.spec) {
            return Err(DriverError::SpecUnsupported(key.spec));
        }
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keys.known(key)?.is_some() {
            return Err(DriverError::KeyExists(key.id.to_string()));
        }
        let places = self.keys.places(key, None);
        let place = places.first().ok_or_else(nonsense)?;
        let token = self.token(place.token)?;
        let wanted = NewKey {
            id: key.id.0.to_vec(),
            label: label_of(key),
            spec: key.spec,
            decrypts: key.purpose == Purpose::Scep,
        };
        let patience = Instant::now() + token.timeout + GRACE;
        match token.call(&Request::Generate(wanted), patience, Some(GENERATION)) {
            Ok(Answer::Key(facts)) => {
                let spki = public_of(key, &facts)?;
                self.keys.insert(key, spki.clone());
                Ok(spki)
            }
            Ok(_) => Err(nonsense()),
            Err(error) => Err(driver_error(error, key, place)),
        }
    }

    fn wants_intent(&self) -> bool {
        true
    }

    fn is_full(&self) -> bool {
        self.tokens.iter().any(|token| token.is_full())
    }

    fn attach(&self, keys: Vec<KnownKey>) {
        self.keys.attach(keys);
    }

    /// Well is a ring of whose keys each can be used somewhere; and without keys yet, one whose new
    /// keys have a token.
    fn health(&self) -> Result<(), DriverError> {
        let unavailable = DriverError::Unavailable;
        let all = self.keys.all();
        if all.is_empty() {
            let new = self.token(self.config.default_token)?;
            return new.health().map_err(unavailable);
        }
        for known in all {
            let tokens = known.places.iter().filter_map(|place| self.tokens.get(place.token));
            let mut faults = Vec::new();
            for token in tokens {
                faults.push(token.health());
            }
            if !faults.iter().any(Result::is_ok) {
                let why = faults.into_iter().find_map(Result::err).unwrap_or_default();
                return Err(unavailable(format!("key {}: {why}", known.identity.label)));
            }
        }
        Ok(())
    }

    fn report(&self) -> Vec<ReportLine> {
        self.lines()
    }

    fn adopter(&self) -> Option<&dyn Adopt> {
        Some(self)
    }

    fn unwrapper(&self) -> Option<&dyn Unwrap> {
        Some(self)
    }

    fn destroyer(&self) -> Option<&dyn Destroy> {
        Some(self)
    }
}

impl Destroy for Pkcs11Driver {
    /// At all its places, or it is said where it is left.
    fn destroy(&self, key: &KeyIdentity) -> Result<(), DriverError> {
        if key.purpose.is_house() {
            return Err(DriverError::KeyMissing(key.id.to_string()));
        }
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.keys.known(key)?;
        let unknown = self.keys.places(key, None);
        let places = known.as_ref().map_or(&unknown, |known| &known.places);
        for place in places {
            let token = self.token(place.token)?;
            let patience = Instant::now() + token.timeout + GRACE;
            let request = Request::Destroy(place.at.clone());
            match token.call(&request, patience, None) {
                Ok(_) => {}
                Err(error) => return Err(driver_error(error, key, place)),
            }
        }
        self.keys.remove(key.id);
        Ok(())
    }
}

impl Drop for Pkcs11Driver {
    fn drop(&mut self) {
        self.tokens.iter().for_each(|token| token.end());
    }
}
