//! Signature schemes: names, wire numbers and AlgorithmIdentifiers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::KeyKind;

/// A signature algorithm together with its digest and parameters; the closed set that is signed
/// with and verified.
///
/// We sign with the matched schemes only, where the digest is the curve's own. The unmatched ones
/// are verified: RFC 5758 §3.2 allows any SHA-2 digest with any curve, and `openssl req` takes
/// SHA-256 whatever the curve. Their AlgorithmIdentifier names the digest alone, so that only the
/// key tells the scheme ([`SignatureScheme::from_algorithm_identifier_for`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureScheme {
    /// ECDSA on P-256 with SHA-256 (RFC 5758 §3.2).
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384 (RFC 5758 §3.2).
    EcdsaP384Sha384,
    /// ECDSA on P-521 with SHA-512 (RFC 5758 §3.2).
    EcdsaP521Sha512,
    /// Pure Ed25519 (RFC 8410 §6).
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4055 §5).
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 4055 §5).
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 4055 §5).
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a 32 octet salt (RFC 4055 §3.1).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a 48 octet salt (RFC 4055 §3.1).
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a 64 octet salt (RFC 4055 §3.1).
    RsaPssSha512,
    /// Pure ML-DSA-44 with an empty context (RFC 9881 §3).
    MlDsa44,
    /// Pure ML-DSA-65 with an empty context (RFC 9881 §3).
    MlDsa65,
    /// Pure ML-DSA-87 with an empty context (RFC 9881 §3).
    MlDsa87,
    /// ECDSA on P-256 with SHA-384; verified only.
    EcdsaP256Sha384,
    /// ECDSA on P-256 with SHA-512; verified only.
    EcdsaP256Sha512,
    /// ECDSA on P-384 with SHA-256; verified only.
    EcdsaP384Sha256,
    /// ECDSA on P-384 with SHA-512; verified only.
    EcdsaP384Sha512,
    /// ECDSA on P-521 with SHA-256; verified only.
    EcdsaP521Sha256,
    /// ECDSA on P-521 with SHA-384; verified only.
    EcdsaP521Sha384,
}

/// Why a scheme is not recognised; always the fault of whoever named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SchemeError {
    /// The text is not one of the names that [`SignatureScheme::as_str`] gives.
    #[error("unknown signature scheme name")]
    UnknownName,
    /// The object identifier names a known algorithm, the parameters are not the exact ones.
    #[error("signature algorithm parameters are not the exact ones of {0}")]
    Parameters(SignatureScheme),
    /// The AlgorithmIdentifier is not one of the supported ones.
    #[error("signature algorithm is not supported")]
    Unsupported,
}

struct Entry {
    scheme: SignatureScheme,
    name: &'static str,
    identifier: &'static [u8],
    /// Length of the SEQUENCE header and the OBJECT IDENTIFIER, so that a wrong parameter is told
    /// apart from a wrong algorithm.
    oid: &'static [u8],
}

macro_rules! entry {
    ($scheme:ident, $name:literal, $oid:expr, $identifier:expr) => {
        Entry { scheme: SignatureScheme::$scheme, name: $name, identifier: $identifier, oid: $oid }
    };
}

/// An RSASSA-PSS AlgorithmIdentifier with every field explicit (RFC 4055 §3.1: hash parameters
/// are NULL; trailerField is the DEFAULT and therefore absent). `$hash` is the last arc of the
/// SHA-2 object identifier, `$salt` its output length.
macro_rules! pss {
    ($hash:literal, $salt:literal) => {
        &[
            0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30,
            0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
            0x02, $hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
            0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
            0x03, 0x04, 0x02, $hash, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, $salt,
        ]
    };
}

const OID_PSS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// An ECDSA AlgorithmIdentifier (RFC 5758 §3.2: parameters MUST be absent); `$hash` is the last
/// arc of ecdsa-with-SHA2.
macro_rules! ecdsa {
    ($scheme:ident, $name:literal, $hash:literal) => {
        entry!(
            $scheme,
            $name,
            &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, $hash],
            &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, $hash]
        )
    };
}

/// Every scheme in the order of its wire number, 1..=19. The matched ECDSA schemes stand before
/// the others with their digest, so that a search finds them first.
#[rustfmt::skip]
const TABLE: [Entry; 19] = [
    ecdsa!(EcdsaP256Sha256, "ecdsa-p256-sha256", 0x02),
    ecdsa!(EcdsaP384Sha384, "ecdsa-p384-sha384", 0x03),
    ecdsa!(EcdsaP521Sha512, "ecdsa-p521-sha512", 0x04),
    // RFC 8410 §3: parameters MUST be absent.
    entry!(Ed25519, "ed25519", b"\x06\x03\x2b\x65\x70", b"\x30\x05\x06\x03\x2b\x65\x70"),
    // RFC 4055 §5: parameters MUST be NULL.
    entry!(RsaPkcs1Sha256, "rsa-pkcs1-sha256", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"),
    entry!(RsaPkcs1Sha384, "rsa-pkcs1-sha384", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c",
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"),
    entry!(RsaPkcs1Sha512, "rsa-pkcs1-sha512", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00"),
    entry!(RsaPssSha256, "rsa-pss-sha256", OID_PSS, pss!(0x01, 0x20)),
    entry!(RsaPssSha384, "rsa-pss-sha384", OID_PSS, pss!(0x02, 0x30)),
    entry!(RsaPssSha512, "rsa-pss-sha512", OID_PSS, pss!(0x03, 0x40)),
    // RFC 9881 §2: parameters MUST be absent.
    entry!(MlDsa44, "ml-dsa-44", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11",
        b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11"),
    entry!(MlDsa65, "ml-dsa-65", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12",
        b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12"),
    entry!(MlDsa87, "ml-dsa-87", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13",
        b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13"),
    ecdsa!(EcdsaP256Sha384, "ecdsa-p256-sha384", 0x03),
    ecdsa!(EcdsaP256Sha512, "ecdsa-p256-sha512", 0x04),
    ecdsa!(EcdsaP384Sha256, "ecdsa-p384-sha256", 0x02),
    ecdsa!(EcdsaP384Sha512, "ecdsa-p384-sha512", 0x04),
    ecdsa!(EcdsaP521Sha256, "ecdsa-p521-sha256", 0x02),
    ecdsa!(EcdsaP521Sha384, "ecdsa-p521-sha384", 0x03),
];

impl SignatureScheme {
    /// Every scheme in the order of its wire number.
    pub const ALL: [SignatureScheme; 19] = [
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::EcdsaP521Sha512,
        Self::Ed25519,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::EcdsaP256Sha384,
        Self::EcdsaP256Sha512,
        Self::EcdsaP384Sha256,
        Self::EcdsaP384Sha512,
        Self::EcdsaP521Sha256,
        Self::EcdsaP521Sha384,
    ];

    /// Returns the name that configuration and policy use.
    pub fn as_str(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// Returns the wire number, 1..=19; it never changes meaning.
    pub fn code(self) -> u8 {
        match self {
            Self::EcdsaP256Sha256 => 1,
            Self::EcdsaP384Sha384 => 2,
            Self::EcdsaP521Sha512 => 3,
            Self::Ed25519 => 4,
            Self::RsaPkcs1Sha256 => 5,
            Self::RsaPkcs1Sha384 => 6,
            Self::RsaPkcs1Sha512 => 7,
            Self::RsaPssSha256 => 8,
            Self::RsaPssSha384 => 9,
            Self::RsaPssSha512 => 10,
            Self::MlDsa44 => 11,
            Self::MlDsa65 => 12,
            Self::MlDsa87 => 13,
            Self::EcdsaP256Sha384 => 14,
            Self::EcdsaP256Sha512 => 15,
            Self::EcdsaP384Sha256 => 16,
            Self::EcdsaP384Sha512 => 17,
            Self::EcdsaP521Sha256 => 18,
            Self::EcdsaP521Sha384 => 19,
        }
    }

    /// Returns the scheme with this wire number, `None` for a number that is not assigned.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// Returns the complete DER of the AlgorithmIdentifier, exactly one encoding per scheme.
    pub fn algorithm_identifier_der(self) -> Vec<u8> {
        self.algorithm_identifier().to_vec()
    }

    /// Returns the complete DER of the AlgorithmIdentifier without copying it.
    pub fn algorithm_identifier(self) -> &'static [u8] {
        self.entry().map_or(&[], |entry| entry.identifier)
    }

    /// Recognises a complete AlgorithmIdentifier by comparing it octet for octet, so that no
    /// variant of the parameters (RFC 4055 §2.1 allows several) is accepted. For ECDSA this gives
    /// the matched scheme, the only one that we sign with.
    ///
    /// # Errors
    /// [`SchemeError::Parameters`] for a known algorithm with other parameters, else
    /// [`SchemeError::Unsupported`].
    pub fn from_algorithm_identifier(der: &[u8]) -> Result<Self, SchemeError> {
        if let Some(entry) = TABLE.iter().find(|entry| entry.identifier == der) {
            return Ok(entry.scheme);
        }
        let content = der.get(2..).unwrap_or_default();
        match TABLE.iter().find(|entry| content.starts_with(entry.oid)) {
            Some(entry) => Err(SchemeError::Parameters(entry.scheme)),
            None => Err(SchemeError::Unsupported),
        }
    }

    /// Recognises a complete AlgorithmIdentifier of a signature by a key of this kind, as foreign
    /// software makes them: any SHA-2 digest with any curve.
    ///
    /// # Errors
    /// As [`SignatureScheme::from_algorithm_identifier`].
    pub fn from_algorithm_identifier_for(der: &[u8], kind: KeyKind) -> Result<Self, SchemeError> {
        Self::from_algorithm_identifier(der).map(|scheme| scheme.made_by(kind))
    }

    /// Returns the scheme with the same AlgorithmIdentifier that a key of this kind makes; the
    /// scheme itself if there is none, which then does not verify.
    #[must_use]
    pub fn made_by(self, kind: KeyKind) -> Self {
        Self::ALL
            .into_iter()
            .filter(|scheme| scheme.algorithm_identifier() == self.algorithm_identifier())
            .find(|scheme| scheme.is_verified_for(kind))
            .unwrap_or(self)
    }

    /// Returns the scheme that a key of this kind signs with unless told otherwise; `None` for an
    /// RSA size outside 2048..=4096.
    pub fn default_for(kind: KeyKind) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.fits(kind))
    }

    /// Tells whether we sign with this scheme: false for ECDSA with another digest than the
    /// curve's own.
    #[must_use]
    pub fn is_matched(self) -> bool {
        !matches!(
            self,
            Self::EcdsaP256Sha384
                | Self::EcdsaP256Sha512
                | Self::EcdsaP384Sha256
                | Self::EcdsaP384Sha512
                | Self::EcdsaP521Sha256
                | Self::EcdsaP521Sha384
        )
    }

    /// Tells whether our keys of this kind sign with this scheme; no kind fits an unmatched one.
    pub fn fits(self, kind: KeyKind) -> bool {
        self.is_matched() && self.is_verified_for(kind)
    }

    /// Tells whether signatures with this scheme by a key of this kind are verified.
    pub fn is_verified_for(self, kind: KeyKind) -> bool {
        match self {
            Self::EcdsaP256Sha256 | Self::EcdsaP256Sha384 | Self::EcdsaP256Sha512 => {
                kind == KeyKind::P256
            }
            Self::EcdsaP384Sha256 | Self::EcdsaP384Sha384 | Self::EcdsaP384Sha512 => {
                kind == KeyKind::P384
            }
            Self::EcdsaP521Sha256 | Self::EcdsaP521Sha384 | Self::EcdsaP521Sha512 => {
                kind == KeyKind::P521
            }
            Self::Ed25519 => kind == KeyKind::Ed25519,
            Self::RsaPkcs1Sha256
            | Self::RsaPkcs1Sha384
            | Self::RsaPkcs1Sha512
            | Self::RsaPssSha256
            | Self::RsaPssSha384
            | Self::RsaPssSha512 => {
                kind.rsa_bits().is_some_and(|bits| (2048..=4096).contains(&bits))
            }
            Self::MlDsa44 => kind == KeyKind::MlDsa44,
            Self::MlDsa65 => kind == KeyKind::MlDsa65,
            Self::MlDsa87 => kind == KeyKind::MlDsa87,
        }
    }

    fn entry(self) -> Option<&'static Entry> {
        const ENTRIES: &[Entry] = &TABLE;
        ENTRIES.get(usize::from(self.code()).checked_sub(1)?)
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignatureScheme {
    type Err = SchemeError;

    fn from_str(name: &str) -> Result<Self, SchemeError> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name).ok_or(SchemeError::UnknownName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_goes_back_to_the_same_scheme() {
        for (index, scheme) in SignatureScheme::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(scheme.code()), index + 1);
            assert_eq!(TABLE[index].scheme, scheme);
            assert_eq!(SignatureScheme::from_code(scheme.code()), Some(scheme));
            assert_eq!(scheme.as_str().parse(), Ok(scheme));
            let der = scheme.algorithm_identifier_der();
            let read = SignatureScheme::from_algorithm_identifier(&der).unwrap();
            assert!(read.is_matched());
            assert_eq!(read == scheme, scheme.is_matched());
            for kind in KeyKind::ALL.into_iter().filter(|k| scheme.is_verified_for(*k)) {
                let read = SignatureScheme::from_algorithm_identifier_for(&der, kind);
                assert_eq!(read, Ok(scheme));
            }
        }
        assert_eq!(SignatureScheme::from_code(0), None);
        assert_eq!(SignatureScheme::from_code(20), None);
        assert_eq!("ecdsa-p256-sha1".parse::<SignatureScheme>(), Err(SchemeError::UnknownName));
    }

    #[test]
    fn identifiers_are_der_and_begin_with_the_oid() {
        use der::Decode as _;
        for entry in &TABLE {
            let parsed = spki::AlgorithmIdentifierRef::from_der(entry.identifier)
                .unwrap_or_else(|error| panic!("{}: {error}", entry.name));
            assert_eq!(&entry.identifier[2..2 + entry.oid.len()], entry.oid);
            let rsa_pkcs1 = entry.name.starts_with("rsa-pkcs1");
            let pss = entry.name.starts_with("rsa-pss");
            assert_eq!(parsed.parameters.is_some(), rsa_pkcs1 || pss);
            assert_eq!(parsed.parameters.is_some_and(|any| any.is_null()), rsa_pkcs1);
        }
    }

    #[test]
    fn refuses_identifiers_that_differ_in_parameters_or_algorithm() {
        use SchemeError::{Parameters, Unsupported};
        use SignatureScheme as S;
        let cases = [
            ("", Unsupported),
            ("3000", Unsupported),
            // ecdsa-with-SHA256 with NULL
            ("300c06082a8648ce3d0403020500", Parameters(S::EcdsaP256Sha256)),
            // sha256WithRSAEncryption with absent parameters
            ("300b06092a864886f70d01010b", Parameters(S::RsaPkcs1Sha256)),
            // RSASSA-PSS with absent parameters (all defaults: SHA-1)
            ("300b06092a864886f70d01010a", Parameters(S::RsaPssSha256)),
            // Ed25519 with NULL
            ("300706032b65700500", Parameters(S::Ed25519)),
            // ML-DSA-44 with NULL
            ("300d06096086480165030403110500", Parameters(S::MlDsa44)),
            // sha1WithRSAEncryption, md5WithRSAEncryption, ecdsa-with-SHA1, Ed448
            ("300d06092a864886f70d0101050500", Unsupported),
            ("300d06092a864886f70d0101040500", Unsupported),
            ("300906072a8648ce3d0401", Unsupported),
            ("300506032b6571", Unsupported),
        ];
        for (der, error) in cases {
            let der = hex::decode(der).unwrap();
            assert_eq!(S::from_algorithm_identifier(&der), Err(error));
        }
        // PSS with a salt of 20, and with MGF1 over another hash
        let mut der = S::RsaPssSha256.algorithm_identifier_der();
        *der.last_mut().unwrap() = 20;
        assert_eq!(S::from_algorithm_identifier(&der), Err(Parameters(S::RsaPssSha256)));
        let mut der = S::RsaPssSha256.algorithm_identifier_der();
        der[59] = 2;
        assert_eq!(S::from_algorithm_identifier(&der), Err(Parameters(S::RsaPssSha256)));
    }

    #[test]
    fn every_curve_goes_with_every_digest_and_signs_with_one() {
        for (curve, kind) in
            [("p256", KeyKind::P256), ("p384", KeyKind::P384), ("p521", KeyKind::P521)]
        {
            let of_curve = |digest: &str| {
                let name = format!("ecdsa-{curve}-{digest}");
                name.parse::<SignatureScheme>().unwrap()
            };
            let schemes = ["sha256", "sha384", "sha512"].map(of_curve);
            for (scheme, der) in schemes.iter().zip([0x02, 0x03, 0x04]) {
                assert_eq!(scheme.algorithm_identifier().last(), Some(&der));
                assert!(scheme.is_verified_for(kind));
            }
            assert_eq!(schemes.iter().filter(|s| s.fits(kind)).count(), 1);
            // A key of another algorithm does not change what is read, and does not verify it.
            for scheme in schemes {
                let read = scheme.made_by(KeyKind::Rsa2048);
                assert_eq!(read, scheme);
                assert!(!read.is_verified_for(KeyKind::Rsa2048));
            }
        }
        for scheme in SignatureScheme::ALL.into_iter().filter(|s| !s.is_matched()) {
            assert!(!KeyKind::ALL.into_iter().any(|kind| scheme.fits(kind)));
        }
    }

    #[test]
    fn defaults_fit_their_kind() {
        for kind in KeyKind::ALL {
            let scheme = SignatureScheme::default_for(kind).unwrap();
            assert!(scheme.fits(kind), "{kind}");
        }
        for bits in [512, 1024, 2047, 4097, 8192] {
            assert_eq!(SignatureScheme::default_for(KeyKind::RsaOther(bits)), None);
        }
        assert_eq!(
            SignatureScheme::default_for(KeyKind::RsaOther(2560)),
            Some(SignatureScheme::RsaPkcs1Sha256)
        );
    }
}
