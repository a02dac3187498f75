//! Which key usage fits: what the profile lists, or what the key and its use need.

use x509::{KeyKind, KeyUsage, oids};

use super::Profile;

impl Profile {
    /// Returns the key usage for a subject key of this kind.
    ///
    /// An empty list in the profile means digitalSignature, and for RSA keys of TLS servers and
    /// of mail keyEncipherment as well (RFC 5246 §7.4.2, RFC 8551 §4.4.2).
    #[must_use]
    pub fn key_usage_for(&self, kind: KeyKind) -> KeyUsage {
        if let Some(usage) = self.key_usage {
            return usage;
        }
        let rsa = matches!(
            kind,
            KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::RsaOther(_)
        );
        let transports = self
            .extended_key_usage
            .iter()
            .any(|usage| *usage == oids::EKU_SERVER_AUTH || *usage == oids::EKU_EMAIL);
        if rsa && transports {
            KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT)
        } else {
            KeyUsage::DIGITAL_SIGNATURE
        }
    }
}
