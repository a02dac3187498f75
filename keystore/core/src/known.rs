//! Keys of a ring as its journal has them, and where they are.

use x509::SpkiDer;

use crate::KeyIdentity;

/// Where a key is that no ring has as a file: an RFC 7512 URI, an ARN, a resource name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLocation(String);

impl KeyLocation {
    /// How many octets one may have.
    pub const MOST: usize = 512;

    /// Takes a text of 1 to 512 visible ASCII characters; what they mean, the driver knows.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MOST).contains(&text.len());
        (fits && text.bytes().all(|octet| octet.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key of the ring: the public key is pinned, wherever the private one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// What it is.
    pub identity: KeyIdentity,
    /// Its public key, as the journal has it.
    pub public: SpkiDer,
    /// Where it was when it was adopted; none: the driver made it.
    pub location: Option<KeyLocation>,
}

/// A line of what a driver tells of itself. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// What it is about: a module, a token, a key.
    pub subject: String,
    /// The property.
    pub name: String,
    /// Its value.
    pub value: String,
}
