//! The fields that calls and leaves are made of.

use x509::{CrlReason, KeyKind, Serial, SignatureScheme, UnixTime};

use crate::codec::{Reader, Wire, WireError, Writer, wire_enum};

/// A key's name inside its ring: 1 to 64 of `a-z 0-9 . _ -`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyLabel(String);

impl KeyLabel {
    /// Checks the alphabet and the length.
    pub fn new(label: &str) -> Result<Self, WireError> {
        let allowed =
            |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-');
        let starts_well =
            label.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if label.len() <= 64 && starts_well && label.bytes().all(allowed) {
            Ok(Self(label.to_owned()))
        } else {
            Err(WireError::NotCanonical("key label"))
        }
    }

    /// Returns the label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::str::FromStr for KeyLabel {
    type Err = WireError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::new(s)
    }
}

impl Wire for KeyLabel {
    fn put(&self, w: &mut Writer) {
        w.string(self.0.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::new(&r.text("key label", 64)?)
    }
}

/// Declares sixteen or thirty-two fixed octets with a meaning; shown in lower-case hex.
macro_rules! octets {
    ($(#[$m:meta])* $name:ident, $n:literal) => {
        $(#[$m])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $n]);
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
        impl core::str::FromStr for $name {
            type Err = WireError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                let mut out = [0u8; $n];
                let nibble = |c: u8| match c {
                    b'0'..=b'9' => Some(c - b'0'),
                    b'a'..=b'f' => Some(c - b'a' + 10),
                    _ => None,
                };
                let bad = WireError::NotCanonical(stringify!($name));
                let (pairs, rest) = s.as_bytes().as_chunks::<2>();
                if pairs.len() != $n || !rest.is_empty() {
                    return Err(bad);
                }
                for (to, [high, low]) in out.iter_mut().zip(pairs) {
                    *to = nibble(*high).ok_or(bad)? << 4 | nibble(*low).ok_or(bad)?;
                }
                Ok(Self(out))
            }
        }
        impl Wire for $name {
            fn put(&self, w: &mut Writer) {
                w.raw(&self.0);
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.array().map(Self)
            }
        }
    };
}

octets!(
    /// A SHA-256 digest of something named where it stands.
    Digest,
    32
);
octets!(
    /// A key's identity for ever: 16 random octets, chosen at generation.
    KeyId,
    16
);
octets!(
    /// A ring's instance: 16 random octets, chosen at genesis.
    InstanceId,
    16
);
octets!(
    /// What makes a retry the same request: 16 octets chosen by the asking side.
    IdempotencyKey,
    16
);

wire_enum! {
    /// The one class of things that a key signs. Purposes never mix.
    pub enum Purpose: u8 {
        /// CA certificates and CRLs: roots and intermediates.
        CaCertAndCrl = 1, "ca-cert+crl",
        /// Leaf certificates and CRLs: issuing CAs.
        CertAndCrl = 2, "cert+crl",
        /// OCSP responses.
        Ocsp = 3, "ocsp",
        /// SCEP registration authority: decryption and CMS signatures.
        Scep = 4, "scep",
        /// The server's TLS handshakes.
        Tls = 5, "tls",
        /// House key: checkpoints of the journal.
        Log = 16, "log",
        /// House key: tags of serial numbers.
        Serial = 17, "serial",
        /// House key: sealing of the server's small secrets.
        Seal = 18, "seal",
    }
}

impl Purpose {
    /// Returns whether keys of this purpose sign certificates of others.
    #[must_use]
    pub fn is_authority(self) -> bool {
        matches!(self, Self::CaCertAndCrl | Self::CertAndCrl)
    }

    /// Returns whether this is one of the three keys that every ring has for itself.
    #[must_use]
    pub fn is_house(self) -> bool {
        matches!(self, Self::Log | Self::Serial | Self::Seal)
    }
}

wire_enum! {
    /// What key to generate.
    pub enum KeySpec: u8 {
        /// ECDSA over NIST P-256.
        P256 = 1, "p-256",
        /// ECDSA over NIST P-384.
        P384 = 2, "p-384",
        /// ECDSA over NIST P-521.
        P521 = 3, "p-521",
        /// Ed25519.
        Ed25519 = 4, "ed25519",
        /// RSA with 2048 bits, exponent 65537.
        Rsa2048 = 5, "rsa-2048",
        /// RSA with 3072 bits, exponent 65537.
        Rsa3072 = 6, "rsa-3072",
        /// RSA with 4096 bits, exponent 65537.
        Rsa4096 = 7, "rsa-4096",
        /// ML-DSA-44 (FIPS 204).
        MlDsa44 = 8, "ml-dsa-44",
        /// ML-DSA-65 (FIPS 204).
        MlDsa65 = 9, "ml-dsa-65",
        /// ML-DSA-87 (FIPS 204).
        MlDsa87 = 10, "ml-dsa-87",
        /// HMAC-SHA256 with 32 octets (house key `serial`).
        HmacSha256 = 32, "hmac-sha256",
        /// AES-256 for AES-256-GCM (house key `seal`).
        Aes256 = 33, "aes-256",
    }
}

impl KeySpec {
    /// Returns the kind of public key that this makes; none for the symmetric ones.
    #[must_use]
    pub fn kind(self) -> Option<KeyKind> {
        Some(match self {
            Self::P256 => KeyKind::P256,
            Self::P384 => KeyKind::P384,
            Self::P521 => KeyKind::P521,
            Self::Ed25519 => KeyKind::Ed25519,
            Self::Rsa2048 => KeyKind::Rsa2048,
            Self::Rsa3072 => KeyKind::Rsa3072,
            Self::Rsa4096 => KeyKind::Rsa4096,
            Self::MlDsa44 => KeyKind::MlDsa44,
            Self::MlDsa65 => KeyKind::MlDsa65,
            Self::MlDsa87 => KeyKind::MlDsa87,
            Self::HmacSha256 | Self::Aes256 => return None,
        })
    }
}

wire_enum! {
    /// Where a key stands in its life.
    pub enum KeyState: u8 {
        /// Generated, no policy yet: signs nothing but its own CSR.
        PreActive = 1, "pre-active",
        /// Signs under its policy.
        Active = 2, "active",
        /// Set aside by an operator: CRL, OCSP and revocation go on.
        Suspended = 3, "suspended",
        /// Revocation only, for good.
        Deactivated = 4, "deactivated",
        /// Known to others: revocation only, for good.
        Compromised = 5, "compromised",
        /// Gone.
        Destroyed = 6, "destroyed",
    }
}

wire_enum! {
    /// What happened to a certificate after it was issued.
    pub enum RevocationStatus: u8 {
        /// Revoked for good.
        Revoked = 1, "revoked",
        /// On hold (RFC 5280 certificateHold).
        Held = 2, "held",
        /// Released from hold.
        Released = 3, "released",
    }
}

wire_enum! {
    /// The hash of a CertID (RFC 6960 §4.1.1).
    pub enum CertIdHash: u8 {
        /// SHA-1, which RFC 5019 clients send.
        Sha1 = 1, "sha-1",
        /// SHA-256.
        Sha256 = 2, "sha-256",
    }
}

impl From<CertIdHash> for x509::CertIdHash {
    fn from(hash: CertIdHash) -> Self {
        match hash {
            CertIdHash::Sha1 => Self::Sha1,
            CertIdHash::Sha256 => Self::Sha256,
        }
    }
}

impl Wire for UnixTime {
    fn put(&self, w: &mut Writer) {
        self.0.put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        i64::take(r).map(Self)
    }
}

impl Wire for Serial {
    fn put(&self, w: &mut Writer) {
        w.string(self.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let bytes = r.string("serial", 20)?;
        let serial = Self::from_unsigned(bytes).map_err(|_| WireError::NotCanonical("serial"))?;
        if serial.as_bytes() == bytes { Ok(serial) } else { Err(WireError::NotCanonical("serial")) }
    }
}

impl Wire for SignatureScheme {
    fn put(&self, w: &mut Writer) {
        self.code().put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::from_code(u8::take(r)?).ok_or(WireError::UnknownValue("signature scheme"))
    }
}

impl Wire for CrlReason {
    fn put(&self, w: &mut Writer) {
        self.code().put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Self::from_code(u8::take(r)?).ok_or(WireError::UnknownValue("CRL reason"))
    }
}

/// Implements [`Wire`] for DER newtypes with a limit in octets.
macro_rules! der_string {
    ($($name:ident, $limit:expr, $what:literal;)*) => {$(
        impl Wire for x509::$name {
            fn put(&self, w: &mut Writer) {
                w.string(self.as_bytes());
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.string($what, $limit).map(|b| Self::from_vec(b.to_vec()))
            }
        }
    )*};
}

/// The largest to-be-signed certificate, in octets: with any signature it fits a leaf.
pub const MAX_TBS: usize = 32 * 1024;

der_string! {
    TbsCertificateDer, MAX_TBS, "TBS certificate";
    CertificationRequestInfoDer, MAX_TBS, "certification request information";
    CsrDer, MAX_TBS, "CSR";
    CertificateDer, MAX_TBS + 8 * 1024, "certificate";
    SpkiDer, 8 * 1024, "subject public key info";
    NameDer, 8 * 1024, "name";
    ResponseDataDer, 64 * 1024, "OCSP response data";
    TbsCertListDer, 512 * 1024 * 1024, "TBS certificate list";
    Signature, 8 * 1024, "signature";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_outside_the_alphabet_are_refused() {
        for bad in ["", "-a", ".", "A", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(KeyLabel::new(bad), Err(WireError::NotCanonical("key label")), "{bad}");
        }
        assert_eq!(
            KeyLabel::new("issuing-1.2_x").map(|l| l.to_string()),
            Ok("issuing-1.2_x".into())
        );
    }

    #[test]
    fn a_serial_with_a_leading_zero_is_not_canonical() {
        let mut w = Writer::new();
        w.string(&[0, 1]);
        assert_eq!(Serial::from_wire(&w.into_vec()), Err(WireError::NotCanonical("serial")));
    }

    #[test]
    fn hex_reads_back() {
        let id = KeyId([0xa5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("A5".repeat(16).parse::<KeyId>().is_err());
    }
}
