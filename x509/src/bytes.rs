//! Newtypes for encoded values, so that one kind of bytes is never taken for another.

use core::fmt;

macro_rules! der_bytes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Wraps the bytes as they are; no check is made.
            #[must_use]
            pub fn from_vec(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// Gives the bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Gives the bytes away.
            #[must_use]
            pub fn into_vec(self) -> Vec<u8> {
                self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                digest_debug(f, stringify!($name), &self.0)
            }
        }
    )*};
}

/// Logs stay short and free of content: length and the start of the digest.
fn digest_debug(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    write!(f, "{name}({} octets, sha256 ", bytes.len())?;
    for octet in crate::sha256(bytes).iter().take(4) {
        write!(f, "{octet:02x}")?;
    }
    f.write_str("…)")
}

der_bytes! {
    /// The DER of a TBSCertificate (RFC 5280 §4.1).
    TbsCertificateDer;
    /// The DER of a Certificate (RFC 5280 §4.1).
    CertificateDer;
    /// The DER of a CertificationRequest (RFC 2986 §4.2).
    CsrDer;
    /// The DER of a CertificationRequestInfo (RFC 2986 §4.1).
    CertificationRequestInfoDer;
    /// The DER of a TBSCertList (RFC 5280 §5.1).
    TbsCertListDer;
    /// The DER of a CertificateList (RFC 5280 §5.1).
    CrlDer;
    /// The DER of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    SpkiDer;
    /// The DER of a Name (RFC 5280 §4.1.2.4).
    NameDer;
    /// The DER of a ResponseData (RFC 6960 §4.2.1).
    ResponseDataDer;
    /// The DER of an OCSPResponse (RFC 6960 §4.2.1).
    OcspResponseDer;
    /// The content octets of a signatureValue BIT STRING; for ECDSA the DER of Ecdsa-Sig-Value
    /// (RFC 5480 §2.2).
    Signature;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_length_and_digest_only() {
        let bytes = SpkiDer::from_vec(b"abc".to_vec());
        assert_eq!(format!("{bytes:?}"), "SpkiDer(3 octets, sha256 ba7816bf…)");
    }
}
