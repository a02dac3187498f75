//! What a vendor's service must be able to do: one file or folder a vendor implements it.

use std::fmt;
use std::pin::Pin;

use keystore::{Approved, KeyIdentity};
use signer_proto::{KeySpec, Purpose};
use thiserror::Error;
use x509::{PublicKey, SignatureScheme};

/// A call that is under way.
pub(crate) type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// Why a service did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CallError {
    /// Too much was asked; it passes.
    #[error("throttled: {0}")]
    Throttled(String),
    /// The service, or the way to it, failed; it passes.
    #[error("{0}")]
    Transient(String),
    /// There is no such key.
    #[error("there is no such key")]
    Missing,
    /// There is such a key already.
    #[error("there is such a key already")]
    Exists,
    /// It will not do it, and it would not the next time: no permission, a key that is disabled
    /// or of another kind.
    #[error("{0}")]
    Refused(String),
    /// The service signs nothing of this length with such a key.
    #[error("it signs at most {0} octets with such a key")]
    TooLong(usize),
    /// The service has no way to do this.
    #[error("{0}")]
    Cannot(&'static str),
}

impl CallError {
    /// Says whether the same call may succeed a moment later.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Transient(_))
    }
}

/// Where a key is, in the words of the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The region or location: each has an endpoint of its own.
    pub(crate) region: String,
    /// What the service knows the key by.
    pub(crate) name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A key that the service has.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where it is: never an alias, which somebody else may point elsewhere.
    pub(crate) place: Place,
    /// Its public key, as the service gives it.
    pub(crate) public: PublicKey,
    /// How the service wants what this key signs.
    pub(crate) form: Form,
}

/// How a service wants what a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With every scheme that fits the key.
    Any,
    /// With this scheme alone: Google binds a key to one.
    Only(SignatureScheme),
    /// ML-DSA over the message representative μ alone.
    Mu,
}

/// One vendor's service.
pub(crate) trait Cloud: Send + Sync {
    /// Returns its name.
    fn vendor(&self) -> &'static str;

    /// Refuses, in words for the operator, a key that the service cannot have or that could not
    /// do all that its purpose needs.
    fn offers(&self, spec: KeySpec, purpose: Purpose) -> Result<(), &'static str>;

    /// Reads where a key is.
    ///
    /// # Errors
    /// What is wrong with the text, for the operator.
    fn place(&self, text: &str) -> Result<Place, &'static str>;

    /// Returns where a key is that this driver makes, and where its copies are.
    fn own_places(&self, key: &KeyIdentity) -> Vec<Place>;

    /// Returns where else the service itself keeps the same key.
    fn replicas(&self, place: &Place) -> Vec<Place>;

    /// Looks a key up.
    fn find<'a>(&'a self, place: &'a Place, spec: KeySpec) -> Call<'a, Found>;

    /// Signs a message with a key that was found, and returns the signature as X.509 has it.
    fn sign<'a>(
        &'a self,
        found: &'a Found,
        scheme: SignatureScheme,
        message: Approved<'a>,
    ) -> Call<'a, Vec<u8>>;

    /// Makes a key. That it can be looked up may take a moment.
    fn create<'a>(&'a self, key: &'a KeyIdentity) -> Call<'a, ()>;

    /// Says whether a copy of the key may exist elsewhere: its material was imported.
    fn is_imported<'a>(&'a self, place: &'a Place) -> Call<'a, bool>;

    /// Has the service destroy a key, as soon as it does that, so that it is not found again.
    fn destroy<'a>(&'a self, key: &'a KeyIdentity, place: &'a Place) -> Call<'a, ()>;
}
