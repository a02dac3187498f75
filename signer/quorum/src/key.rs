//! Public keys of operators, as OpenSSH writes them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use x509::{PublicKey, Signature, SignatureScheme, SpkiDer, sha256};

use crate::Malformed;
use crate::ssh::SshReader;

const ED25519: &str = "ssh-ed25519";
const P256: &str = "ecdsa-sha2-nistp256";
const P384: &str = "ecdsa-sha2-nistp384";
const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
const SK_P256: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

/// The longest application of a security key, in octets; OpenSSH's own is `ssh:`.
const MAX_APPLICATION: usize = 128;

/// RFC 8410 §4: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING of 32 octets }.
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// RFC 5480 §2: id-ecPublicKey, secp256r1, BIT STRING of an uncompressed point.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 3, 1, 7, 3, 0x42, 0,
];
/// RFC 5480 §2: id-ecPublicKey, secp384r1, BIT STRING of an uncompressed point.
const SPKI_P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22,
    3, 0x62, 0,
];

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ed25519,
    P256,
    P384,
    SkEd25519,
    SkP256,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Ed25519, Self::P256, Self::P384, Self::SkEd25519, Self::SkP256];

    fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => ED25519,
            Self::P256 => P256,
            Self::P384 => P384,
            Self::SkEd25519 => SK_ED25519,
            Self::SkP256 => SK_P256,
        }
    }

    fn named(name: &[u8]) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name);
        found.ok_or(Malformed("it is of a kind that is not taken"))
    }

    /// The curve's name as it stands in the key, for ECDSA.
    fn curve(self) -> Option<&'static [u8]> {
        match self {
            Self::P256 | Self::SkP256 => Some(b"nistp256"),
            Self::P384 => Some(b"nistp384"),
            Self::Ed25519 | Self::SkEd25519 => None,
        }
    }

    fn scheme(self) -> SignatureScheme {
        match self {
            Self::Ed25519 | Self::SkEd25519 => SignatureScheme::Ed25519,
            Self::P256 | Self::SkP256 => SignatureScheme::EcdsaP256Sha256,
            Self::P384 => SignatureScheme::EcdsaP384Sha384,
        }
    }

    fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkP256)
    }

    fn public_key(self, point: &[u8]) -> Result<PublicKey, Malformed> {
        let prefix = match self {
            Self::Ed25519 | Self::SkEd25519 => &SPKI_ED25519[..],
            Self::P256 | Self::SkP256 => &SPKI_P256[..],
            Self::P384 => &SPKI_P384[..],
        };
        let spki = SpkiDer::from_vec([prefix, point].concat());
        // The parser holds the lengths against each other and the point against its curve.
        let public = PublicKey::parse(spki.as_bytes())
            .map_err(|_| Malformed("its point is none of its curve"))?;
        public.check_strength().map_err(|_| Malformed("its point is a weak one"))?;
        Ok(public)
    }
}

/// Who was there when a signature was made, as a security key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// The flags that were signed: 0x01 somebody touched it, 0x04 it knew who.
    pub flags: u8,
    /// Its count of signatures.
    pub counter: u32,
}

/// Bit 0 of the flags of a FIDO2 authenticator: user presence.
pub const USER_PRESENT: u8 = 0x01;
/// Bit 2 of the flags of a FIDO2 authenticator: user verification.
pub const USER_VERIFIED: u8 = 0x04;
/// Attested credential data or extensions stand in what was signed: not a signature by OpenSSH.
const NEVER_SET: u8 = 0xc0;

/// A public key of a kind that may approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    kind: Kind,
    blob: Vec<u8>,
    public: PublicKey,
    application: Vec<u8>,
}

impl SshKey {
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`Malformed`]: another kind, a field too many, a point that is none.
    pub fn from_blob(blob: &[u8]) -> Result<Self, Malformed> {
        let mut fields = SshReader::new(blob);
        let kind = Kind::named(fields.string()?)?;
        if let Some(curve) = kind.curve()
            && fields.string()? != curve
        {
            return Err(Malformed("its curve is not that of its kind"));
        }
        let public = kind.public_key(fields.string()?)?;
        let application = if kind.is_security_key() { fields.string()? } else { &[] };
        if application.len() > MAX_APPLICATION {
            return Err(Malformed("its application is too long"));
        }
        fields.finish()?;
        Ok(Self { kind, blob: blob.to_vec(), public, application: application.to_vec() })
    }

    /// Reads the base64 text that follows the kind's name in a `.pub` file.
    pub(crate) fn from_text(name: &str, text: &str) -> Result<Self, Malformed> {
        let blob = STANDARD.decode(text).map_err(|_| Malformed("it is no base64"))?;
        let key = Self::from_blob(&blob)?;
        if key.kind.name() != name || STANDARD.encode(&blob) != text {
            return Err(Malformed("it is not in its one form"));
        }
        Ok(key)
    }

    /// Returns kind and key as they stand in a `.pub` file, without the comment.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {}", self.kind.name(), STANDARD.encode(&self.blob))
    }

    /// Returns the fingerprint, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(&self.blob)))
    }

    /// Returns whether the key lives in a security key, which demands a touch.
    #[must_use]
    pub fn is_security_key(&self) -> bool {
        self.kind.is_security_key()
    }

    /// Verifies a signature blob over a message; tells who was there where the key knows.
    pub(crate) fn verify(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Option<Presence>, VerifyError> {
        let mut fields = SshReader::new(signature);
        if fields.string()? != self.kind.name().as_bytes() {
            return Err(Malformed("the signature is of another kind than the key").into());
        }
        let raw = self.signature(fields.string()?)?;
        let presence = if self.kind.is_security_key() {
            let [flags] = fields.array()?;
            Some(Presence { flags, counter: fields.number()? })
        } else {
            None
        };
        fields.finish()?;
        let verified = match presence {
            None => self.public.verify(self.kind.scheme(), message, &raw),
            Some(presence) => {
                if presence.flags & NEVER_SET != 0 {
                    return Err(Malformed("the security key's flags are none of OpenSSH's").into());
                }
                let signed = self.attested(presence, message);
                self.public.verify(self.kind.scheme(), &signed, &raw)
            }
        };
        verified.map_err(|_| VerifyError::Faulty)?;
        match presence {
            Some(presence) if presence.flags & USER_PRESENT == 0 => Err(VerifyError::NobodyThere),
            presence => Ok(presence),
        }
    }

    /// Puts a signature into the form that x509 verifies.
    fn signature(&self, octets: &[u8]) -> Result<Signature, Malformed> {
        if self.kind.curve().is_none() {
            return Ok(Signature::from_vec(octets.to_vec()));
        }
        // RFC 5656 §3.1.2: two mpints; they become an Ecdsa-Sig-Value (RFC 3279 §2.2.3).
        let mut fields = SshReader::new(octets);
        let body = [integer(fields.positive()?)?, integer(fields.positive()?)?].concat();
        fields.finish()?;
        tlv(0x30, &body).map(Signature::from_vec)
    }

    /// What a security key signs (OpenSSH PROTOCOL.u2f): SHA-256 of the application, the flags,
    /// the counter, SHA-256 of the message.
    fn attested(&self, presence: Presence, message: &[u8]) -> Vec<u8> {
        let mut signed = sha256(&self.application).to_vec();
        signed.push(presence.flags);
        signed.extend_from_slice(&presence.counter.to_be_bytes());
        signed.extend_from_slice(&sha256(message));
        signed
    }

    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifyError {
    /// It is none.
    Malformed(Malformed),
    /// It does not verify.
    Faulty,
    /// A security key made it without anybody's touch.
    NobodyThere,
}

impl From<Malformed> for VerifyError {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// A positive INTEGER from its magnitude.
fn integer(magnitude: &[u8]) -> Result<Vec<u8>, Malformed> {
    match magnitude.first() {
        Some(high) if *high >= 0x80 => tlv(2, &[&[0], magnitude].concat()),
        _ => tlv(2, magnitude),
    }
}

/// A short definite length; nothing here is longer than two numbers of a curve.
fn tlv(tag: u8, content: &[u8]) -> Result<Vec<u8>, Malformed> {
    match u8::try_from(content.len()) {
        Ok(length @ 0..0x80) => Ok([&[tag, length], content].concat()),
        _ => Err(Malformed("a number is too long")),
    }
}
