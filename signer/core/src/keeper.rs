//! The keeper of the seal: what all calls share while the signer runs.
//!
//! One lock guards the state. A worker takes it to look up and to reserve, signs without it,
//! and queues the leaf; the journal's writer takes it to apply the durable leaf, and answers.
//! So the state changes in the journal's order and no worker waits for the disk.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use keystore::{
    KeyDriver, KeyIdentity, KnownKey, Opened, UnlockError, UnlockFactor, UnlockKind, Vault,
};
use signer_proto::{
    Digest, KeyId, KeyLabel, KeyState, Leaf, Purpose, Refusal, Refused, Rule, SignIntended,
    SignerState, Wire,
};
use x509::{Signature, UnixTime};
use zeroize::Zeroizing;

use crate::acting::{Acting, Acts};
use crate::approve::{SignError, refuse_driver, sign_admitted};
use crate::calls::Gathered;
use crate::clock::{Clock, Entropy};
use crate::floor::Floor;
use crate::followed::FollowedJournals;
use crate::handshakes::Handshakes;
use crate::journal::Journal;
use crate::key_view::KeyView;
use crate::ledger::Ledger;
use crate::refusals::Refusals;
use crate::standby::Standby;
use crate::state::{Key, KeyCard, Live, OpenIntent, State, house_label};
use crate::tripwires;
use signer_policy::Admitted;

/// Everything that calls share.
pub(crate) struct Keeper {
    live: Mutex<Live>,
    pub(crate) floor: Mutex<Floor>,
    pub(crate) journal: Journal,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) vault: Arc<dyn Vault>,
    /// How many threads a batch may use.
    pub(crate) cores: usize,
    opened: OnceLock<Opened>,
    /// Why the ring must stay locked: an item of the self-check failed, in strict mode.
    pub(crate) unlock_forbidden: OnceLock<String>,
    /// One unlock attempt at a time: each costs the memory of its key derivation. Shares wait here
    /// for each other.
    pub(crate) unlocking: Mutex<Gathered>,
    acts: Acts,
    refusals: Mutex<Refusals>,
    refused: Condvar,
    handshakes: Mutex<Handshakes>,
    /// Checkpoints, witnesses, and whether the journal was rolled back.
    pub(crate) ledger: Ledger,
    /// Whether this ring stands by for another instance of itself.
    pub(crate) standby: Standby,
    /// The journals of other rings.
    pub(crate) followed: FollowedJournals,
    ending: AtomicBool,
}

/// A leaf that is durable and applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Its position.
    pub(crate) position: u64,
    /// When it was written.
    pub(crate) at: UnixTime,
}

/// Locks a mutex. The binaries abort on a panic, so that no other thread ever sees what one left
/// half done; a poisoned lock is only met in tests that catch panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Starts from the replayed state.
    pub(crate) fn new(
        state: State,
        journal: Journal,
        vault: Arc<dyn Vault>,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        (ledger, standby, followed): (Ledger, Standby, FollowedJournals),
    ) -> Self {
        let floor = Floor::new(state.newest_ms(), clock.wall_ms(), clock.uptime_ms());
        Self {
            live: Mutex::new(Live { state, ..Live::default() }),
            floor: Mutex::new(floor),
            journal,
            clock,
            entropy,
            vault,
            cores: std::thread::available_parallelism().map_or(1, NonZero::get),
            opened: OnceLock::new(),
            unlock_forbidden: OnceLock::new(),
            unlocking: Mutex::default(),
            acts: Acts::default(),
            refusals: Mutex::default(),
            refused: Condvar::new(),
            handshakes: Mutex::default(),
            ledger,
            standby,
            followed,
            ending: AtomicBool::new(false),
        }
    }

    /// Returns whose turn it is.
    pub(crate) fn acts(&self) -> &Acts {
        &self.acts
    }

    /// Begins an act, when the one before it is done.
    pub(crate) fn begin_act(self: &Arc<Self>) -> Acting {
        self.acts.begin();
        Acting(Arc::clone(self))
    }

    /// Takes the state lock. Never held while signing, parsing or reading the disk.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    /// Returns the time to act by, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> Result<i64, Refusal> {
        lock(&self.floor).read(self.clock.wall_ms(), self.clock.uptime_ms())
    }

    /// Returns the time to act by, in whole seconds.
    pub(crate) fn now(&self) -> Result<UnixTime, Refusal> {
        self.now_ms().map(|ms| UnixTime(ms.div_euclid(1000)))
    }

    /// Returns the unlocked keys.
    pub(crate) fn opened(&self) -> Result<&Opened, Refusal> {
        self.opened.get().ok_or_else(|| Refusal::new(Rule::Locked, "the ring is locked"))
    }

    /// Keeps the unlocked keys; they stay until the process ends.
    pub(crate) fn keep_opened(&self, opened: Opened) {
        let driver = Arc::clone(&opened.driver);
        self.journal.hold_while(Box::new(move || driver.is_full()));
        // The unlocking lock is held: nobody else sets it.
        let _ = self.opened.set(opened);
    }

    /// Returns all keys with their pinned public keys, for the driver.
    pub(crate) fn known_keys(&self) -> Vec<KnownKey> {
        let live = self.live();
        let kept = live.state.keys().iter().filter(|key| key.state != KeyState::Destroyed);
        kept.map(|key| key.card.known()).collect()
    }

    /// Returns what opens the ring: its unlock file says so.
    pub(crate) fn unlock_kind(&self) -> Result<UnlockKind, UnlockError> {
        self.vault.kind(self.genesis()?)
    }

    /// Returns the genesis digest, for the vault.
    pub(crate) fn genesis(&self) -> Result<Digest, UnlockError> {
        let genesis = self.live().state.ring().map(|ring| ring.digest);
        genesis.ok_or_else(|| UnlockError::Corrupt("there is no genesis".to_owned()))
    }

    /// Makes an unlock factor of the kind that opens this ring.
    pub(crate) fn factor_of(
        &self,
        octets: Zeroizing<Vec<u8>>,
    ) -> Result<UnlockFactor, UnlockError> {
        match self.unlock_kind()? {
            UnlockKind::Passphrase => Ok(UnlockFactor::Passphrase(octets)),
            UnlockKind::Credential => Ok(UnlockFactor::Credential(octets)),
            UnlockKind::Shares { .. } => {
                Err(UnlockError::FactorUnusable("the ring is opened by shares"))
            }
        }
    }

    /// Returns the genesis digest and the house keys as genesis names them.
    pub(crate) fn house_keys(&self) -> Result<(Digest, Vec<KeyIdentity>), Refusal> {
        let live = self.live();
        let ring = live
            .state
            .ring()
            .ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
        let identity = |key: &signer_proto::HouseKey| {
            Some(KeyIdentity {
                id: key.id,
                label: house_label(key.purpose)?,
                purpose: key.purpose,
                spec: key.spec,
            })
        };
        let house = ring.genesis.house_keys.0.iter().filter_map(identity);
        Ok((ring.digest, house.collect()))
    }

    /// Tells what the signer can do.
    pub(crate) fn standing(&self) -> SignerState {
        if self.live().broken.is_some() || self.journal.failure().is_some() {
            SignerState::JournalFailed
        } else if self.is_rolled_back() {
            SignerState::RolledBack
        } else if self.opened.get().is_some() {
            SignerState::Ready
        } else {
            SignerState::Locked
        }
    }

    /// Refuses what writes while nothing can be written.
    pub(crate) fn check_writable(&self) -> Result<(), Refusal> {
        self.check_journal()?;
        self.standby.check()?;
        self.check_not_rolled_back()
    }

    /// Refuses while the journal takes nothing.
    pub(crate) fn check_journal(&self) -> Result<(), Refusal> {
        if self.ending.load(Ordering::Acquire) {
            return Err(Refusal::new(Rule::ShuttingDown, "the signer is ending"));
        }
        if let Some(rule) = self.live().broken {
            return Err(Refusal::new(rule, "the signer stopped writing"));
        }
        if self.journal.is_crowded() {
            return Err(Refusal::new(Rule::Overloaded, "the journal is behind"));
        }
        Ok(())
    }

    /// Looks up a key whose purpose is allowed.
    pub(crate) fn view(
        &self,
        label: &KeyLabel,
        allowed: impl FnOnce(Purpose) -> bool,
    ) -> Result<KeyView, Refusal> {
        let live = self.live();
        let key = known_key(&live.state, label)?;
        let purpose = key.card.identity.purpose;
        if !allowed(purpose) {
            return Err(wrong_purpose(label, purpose));
        }
        Ok(KeyView {
            card: Arc::clone(&key.card),
            gate: Arc::clone(&key.gate),
            ring: Arc::clone(live.state.ring_keys()),
            serial_prefix: live.state.serial_prefix(),
            state: key.state,
            ruling: key.ruling.clone(),
        })
    }

    /// Returns a key's gate; see [`Key::gate`]. What is looked up after it was taken stays in
    /// force until it is released.
    pub(crate) fn gate(&self, label: &KeyLabel) -> Result<Arc<RwLock<()>>, Refusal> {
        known_key(&self.live().state, label).map(|key| Arc::clone(&key.gate))
    }

    /// Signs what policy admitted. A signature that does not verify sets the key aside until a
    /// restart. `until`: from then on nobody waits for it.
    pub(crate) fn sign(
        self: &Arc<Self>,
        card: &KeyCard,
        admitted: &Admitted<'_>,
        until: Option<Instant>,
    ) -> Result<Signature, Refusal> {
        self.check_not_rolled_back()?;
        let opened = self.opened()?;
        self.check_usable(card)?;
        self.intend(opened.driver.as_ref(), card, admitted)?;
        sign_admitted(opened.driver.as_ref(), card, admitted, until).map_err(|error| match error {
            SignError::Driver(error) => refuse_driver(&error),
            SignError::Faulty => {
                let rule = Rule::SignatureFaulty;
                self.live().quarantine.insert(card.identity.id, rule);
                set_aside(card, rule)
            }
        })
    }

    /// Makes it durable that a signature is about to exist, where the driver demands it.
    fn intend(
        self: &Arc<Self>,
        driver: &dyn KeyDriver,
        card: &KeyCard,
        admitted: &Admitted<'_>,
    ) -> Result<(), Refusal> {
        if !driver.wants_intent() || !admitted.is_single() {
            return Ok(());
        }
        let tbs_digest = Digest(x509::sha256(admitted.bytes()));
        let (key, scheme) = (card.identity.id, admitted.scheme());
        self.write_and_wait(SignIntended { key, tbs_digest, scheme }).map(drop)
    }

    /// Returns the signatures that were intended and are not in the journal: whether they exist,
    /// only their driver's own log can tell.
    pub(crate) fn open_intents(&self) -> Vec<OpenIntent> {
        self.live().state.intents().open()
    }

    /// Refuses a key that was set aside, and an adopted one that does not sign yet.
    pub(crate) fn check_usable(&self, card: &KeyCard) -> Result<(), Refusal> {
        let live = self.live();
        if let Some(rule) = live.quarantine.get(&card.identity.id) {
            return Err(set_aside(card, *rule));
        }
        live.state.key_by_id(card.identity.id).map_or(Ok(()), Key::check_adopted)
    }

    /// Reads a durable leaf.
    pub(crate) fn leaf_at(&self, position: u64) -> Result<Leaf, Refusal> {
        let corrupt = |why: String| Refusal::new(Rule::StateCorrupt, why);
        let leaves = self
            .journal
            .read(position, 1, usize::MAX)
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?;
        let bytes = leaves
            .first()
            .ok_or_else(|| corrupt(format!("the leaf at {position} is not there")))?;
        Leaf::from_wire(bytes).map_err(|error| corrupt(format!("the leaf at {position}: {error}")))
    }

    /// Notes a refusal for the journal.
    pub(crate) fn note_refusal(self: &Arc<Self>, refused: Refused) {
        let now = self.clock.uptime_ms();
        let first = lock(&self.refusals).note(now, refused);
        if let Some(leaf) = first {
            self.write(leaf, |_, _| {});
        }
        self.refused.notify_one();
    }

    /// Starts the tripwires' count of refusals anew.
    pub(crate) fn forget_refusals(&self) {
        lock(&self.refusals).forget_lately();
    }

    /// Notes a handshake that was signed; its leaf comes within a second.
    pub(crate) fn note_handshake(
        self: &Arc<Self>,
        key: KeyId,
        content: &[u8],
    ) -> Result<(), Refusal> {
        let noted = lock(&self.handshakes).note(self.clock.uptime_ms(), key, content);
        let full = noted.map_err(|_| Refusal::new(Rule::ShuttingDown, "the signer is ending"))?;
        if let Some(leaf) = full {
            self.write(leaf, |_, _| {});
        }
        // The lock is taken so that the ticker cannot miss it between its look and its wait.
        drop(lock(&self.refusals));
        self.refused.notify_one();
        Ok(())
    }

    /// Queues the leaves of all handshakes that were signed until now. Called with a key's gate
    /// shut, before a leaf that changes what the key may sign: what was signed comes before it.
    pub(crate) fn flush_handshakes(self: &Arc<Self>) {
        let signed = lock(&self.handshakes).take();
        for leaf in signed {
            self.write(leaf, |_, _| {});
        }
    }

    /// Writes what was counted when its second is over, until the signer ends: refusals and
    /// handshakes. Forgets shares that nobody adds to.
    pub(crate) fn tick(self: &Arc<Self>) {
        let mut refusals = lock(&self.refusals);
        while !self.ending.load(Ordering::Acquire) {
            let now = self.clock.uptime_ms();
            let due = refusals.due(now);
            let lately = refusals.lately(now);
            let idle = refusals.is_empty();
            drop(refusals);
            for leaf in due {
                self.write(leaf, |_, _| {});
            }
            tripwires::watch(self, lately);
            let signed = lock(&self.handshakes).due(now);
            for leaf in signed {
                self.write(leaf, |_, _| {});
            }
            refusals = lock(&self.refusals);
            if self.ending.load(Ordering::Acquire) {
                break;
            }
            let idle = idle && lock(&self.handshakes).is_empty() && !self.shares_wait();
            refusals = if idle && refusals.is_empty() {
                self.refused.wait(refusals).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.refused.wait_timeout(refusals, TICK).unwrap_or_else(PoisonError::into_inner).0
            };
        }
        let rest = refusals.drain();
        drop(refusals);
        for leaf in rest {
            self.write(leaf, |_, _| {});
        }
        let signed = lock(&self.handshakes).end();
        for leaf in signed {
            self.write(leaf, |_, _| {});
        }
    }

    /// Forgets shares that waited too long; says whether any still wait.
    fn shares_wait(&self) -> bool {
        match self.unlocking.try_lock() {
            Ok(mut gathered) => {
                gathered.expire(self.clock.uptime_ms());
                !gathered.is_empty()
            }
            // An attempt is under way; look again at the next tick.
            Err(_) => true,
        }
    }

    /// Lets the ticker look after what waits.
    pub(crate) fn wake_ticker(&self) {
        // The lock is taken so that the ticker cannot miss it between its look and its wait.
        drop(lock(&self.refusals));
        self.refused.notify_one();
    }

    /// Stops the writing of refusals and refuses what comes from now on.
    pub(crate) fn end(&self) {
        // Under the lock, so that the ticker cannot miss it between its check and its wait.
        let refusals = lock(&self.refusals);
        self.ending.store(true, Ordering::Release);
        drop(refusals);
        self.refused.notify_all();
    }
}

/// How often what was counted is looked at.
pub(crate) const TICK: std::time::Duration = std::time::Duration::from_millis(250);

/// Looks up a key by its label; a house key is known and has the wrong purpose for every call.
pub(crate) fn known_key<'a>(state: &'a State, label: &KeyLabel) -> Result<&'a Key, Refusal> {
    if let Some(key) = state.key(label) {
        return Ok(key);
    }
    match Purpose::ALL.iter().find(|p| p.is_house() && p.as_str() == label.as_str()) {
        Some(purpose) => Err(wrong_purpose(label, *purpose)),
        None => {
            Err(Refusal::new(Rule::KeyUnknown, format!("there is no key {label} in this ring")))
        }
    }
}

pub(crate) fn wrong_purpose(label: &KeyLabel, purpose: Purpose) -> Refusal {
    Refusal::new(Rule::PurposeMismatch, format!("{label} is a key for {purpose}"))
}

fn set_aside(card: &KeyCard, rule: Rule) -> Refusal {
    let label = &card.identity.label;
    Refusal::new(rule, format!("{label} is set aside until the signer is restarted"))
}
