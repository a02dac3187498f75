//! Taking over a CA that was elsewhere before: its key, and what it issued.

use std::sync::Arc;

use x509::{CertificateDer, CrlReason, Serial, UnixTime};

use super::{KeyDescription, Plaintext, Warrant, call, wire_newtype};
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{Digest, KeyLabel, Purpose};

/// Where a key store has a key: an RFC 7512 URI, an ARN, the name of a resource.
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

impl Wire for KeyLocation {
    fn put(&self, w: &mut Writer) {
        w.string(self.0.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let text = r.text("key location", Self::MOST)?;
        Self::new(&text).ok_or(WireError::NotCanonical("key location"))
    }
}

/// Where an adopted key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// It is in the key store, and stays there.
    Location(KeyLocation),
    /// An encrypted PKCS#8 file with this SHA-256.
    File(Digest),
}

impl Wire for KeySource {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Location(location) => {
                1u8.put(w);
                location.put(w);
            }
            Self::File(digest) => {
                2u8.put(w);
                digest.put(w);
            }
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            1 => KeyLocation::take(r).map(Self::Location),
            2 => Digest::take(r).map(Self::File),
            _ => Err(WireError::UnknownValue("key source")),
        }
    }
}

wire_struct! {
    /// An encrypted PKCS#8 file (RFC 5958 §3) and what opens it.
    #[derive(Debug)]
    pub struct KeyFile {
        /// The EncryptedPrivateKeyInfo.
        pub encrypted: Plaintext,
        /// The passphrase.
        pub passphrase: Plaintext,
    }
}

/// The file that a key is adopted from, in the one call that does it: no proposal has it, no
/// leaf, and no Debug shows it. Its copies share one memory, which is wiped with the last.
#[derive(Debug, Clone)]
pub struct FileGiven(pub Option<Arc<KeyFile>>);

impl PartialEq for FileGiven {
    fn eq(&self, other: &Self) -> bool {
        self.to_wire_wiped() == other.to_wire_wiped()
    }
}
impl Eq for FileGiven {}

impl FileGiven {
    fn to_wire_wiped(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(self.to_wire())
    }
}

impl Wire for FileGiven {
    fn put(&self, w: &mut Writer) {
        self.0.is_some().put(w);
        if let Some(file) = &self.0 {
            file.put(w);
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let file = <Option<KeyFile> as Wire>::take(r)?;
        Ok(Self(file.map(Arc::new)))
    }
}

wire_struct! {
    /// What an adopted key issued before, by digest: each chunk names the next one.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct InventoryDigest {
        /// How many certificates.
        pub certificates: u64,
        /// SHA-256 of the first [`InventoryChunk`]; none if there are no certificates.
        pub first: Option<Digest>,
    }
}

wire_struct! {
    /// Takes over a CA's key. It signs nothing before its whole inventory is here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AdoptKey {
        /// Its name in the ring.
        pub label: KeyLabel,
        /// What it will sign.
        pub purpose: Purpose,
        /// The CA's certificate, which has the public key.
        pub certificate: CertificateDer,
        /// Where it comes from.
        pub source: KeySource,
        /// The highest CRL number that anybody saw; zero for none.
        pub crl_number: u64,
        /// What it issued.
        pub inventory: InventoryDigest,
        /// The file itself, where the key comes from one.
        pub file: FileGiven,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(AdoptKey => KeyDescription);

wire_struct! {
    /// That a certificate was revoked, or put on hold, before.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OldRevocation {
        /// When.
        pub at: UnixTime,
        /// Why; certificateHold: it is on hold.
        pub reason: CrlReason,
        /// Since when the key is believed to be known to others.
        pub invalidity: Option<UnixTime>,
    }
}
wire_struct! {
    /// A certificate that was issued before.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OldCertificate {
        /// Its serial.
        pub serial: Serial,
        /// Its notAfter.
        pub not_after: UnixTime,
        /// Whether it was revoked.
        pub revoked: Option<OldRevocation>,
    }
}
/// The most certificates of an [`InventoryChunk`]: with any serials they fit a leaf.
pub const MAX_CHUNK: usize = 1200;
wire_newtype!(
    /// Certificates that were issued before, by ascending serials.
    OldCertificates, list OldCertificate, MAX_CHUNK, "old certificates"
);
wire_struct! {
    /// A part of an inventory.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InventoryChunk {
        /// Its certificates; each serial is greater than all before it, in earlier chunks too.
        pub certificates: OldCertificates,
        /// SHA-256 of the next chunk; none for the last.
        pub next: Option<Digest>,
    }
}
wire_struct! {
    /// Brings the next part of an adopted key's inventory: the one whose digest was approved.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ImportInventory {
        /// Whose.
        pub key: KeyLabel,
        /// The part.
        pub chunk: InventoryChunk,
    }
}
wire_struct! {
    /// How far an inventory has come.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct InventoryTaken {
        /// The position of the chunk's leaf.
        pub position: u64,
        /// How many certificates are still to come.
        pub missing: u64,
    }
}
call!(ImportInventory => InventoryTaken);
