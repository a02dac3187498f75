//! A driver under test.

use std::sync::Arc;

use signer_proto::KeySpec;
use x509::{SignatureScheme, SpkiDer};
use zeroize::Zeroizing;

use crate::{AdoptSource, KeyDriver, KeyLocation};

/// A driver under test, over a place of its own in which there is no key.
pub trait Subject: Send {
    /// Names it in reports.
    fn name(&self) -> String;

    /// Returns the running driver.
    fn driver(&self) -> Arc<dyn KeyDriver>;

    /// Ends the driver and starts it again over the same keys.
    fn restart(&mut self);

    /// Says why it has no keys of this algorithm; none: it has.
    fn lacks(&self, spec: KeySpec) -> Option<String>;

    /// Says why it does not sign by this scheme although it has such keys; none: it signs.
    fn lacks_scheme(&self, scheme: SignatureScheme) -> Option<String> {
        let _ = scheme;
        None
    }

    /// Returns the longest message that it signs by this scheme, in octets; none: there is no
    /// limit. A longer one must be refused by `MessageTooLong`.
    fn longest(&self, scheme: SignatureScheme) -> Option<usize> {
        let _ = scheme;
        None
    }

    /// Takes away what the driver reaches its keys by, until [`Subject::bring_back`].
    ///
    /// # Errors
    /// Why that cannot be done.
    fn take_away(&mut self) -> Result<(), String> {
        Err("nothing that it needs can be taken away".to_owned())
    }

    /// Brings it back.
    fn bring_back(&mut self) {}

    /// Makes a key beside the driver, which can then adopt it.
    ///
    /// # Errors
    /// Why that cannot be done.
    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        let _ = spec;
        Err("it adopts no keys".to_owned())
    }
}

/// A key that the driver did not make.
pub struct Foreign {
    /// Where it is to be taken from.
    pub source: ForeignSource,
    /// Its public key.
    pub public: SpkiDer,
    /// Whether the driver must say that a copy may exist.
    pub could_have_left: bool,
}

/// Where a key comes from.
pub enum ForeignSource {
    /// It stays there.
    Location(KeyLocation),
    /// A file, and what opens it.
    Pkcs8(Vec<u8>, Zeroizing<Vec<u8>>),
}

impl ForeignSource {
    /// Gives it as drivers take it.
    #[must_use]
    pub fn as_source(&self) -> AdoptSource<'_> {
        match self {
            Self::Location(location) => AdoptSource::Location(location),
            Self::Pkcs8(encrypted, passphrase) => AdoptSource::Pkcs8 { encrypted, passphrase },
        }
    }

    /// Returns the place, for [`crate::KnownKey`].
    #[must_use]
    pub fn location(&self) -> Option<KeyLocation> {
        match self {
            Self::Location(location) => Some(location.clone()),
            Self::Pkcs8(..) => None,
        }
    }
}
