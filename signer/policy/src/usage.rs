//! What a certified key may be used for.

use signer_proto::{Refusal, Rule};
use x509::{Extensions, KeyKind, KeyUsage, Oid, TbsCertificate, oids};

use super::change::{Diff, equal};
use super::section::Section;

/// The key usages that a policy can list; the authority's bits are not among them.
const LISTABLE: [(&str, KeyUsage); 5] = [
    ("digitalSignature", KeyUsage::DIGITAL_SIGNATURE),
    ("contentCommitment", KeyUsage::CONTENT_COMMITMENT),
    ("keyEncipherment", KeyUsage::KEY_ENCIPHERMENT),
    ("dataEncipherment", KeyUsage::DATA_ENCIPHERMENT),
    ("keyAgreement", KeyUsage::KEY_AGREEMENT),
];

/// The extended key usages that have a name.
const NAMED: [(&str, Oid); 11] = [
    ("anyExtendedKeyUsage", oids::EKU_ANY),
    ("serverAuth", oids::EKU_SERVER_AUTH),
    ("clientAuth", oids::EKU_CLIENT_AUTH),
    ("codeSigning", oids::EKU_CODE_SIGNING),
    ("emailProtection", oids::EKU_EMAIL),
    ("timeStamping", oids::EKU_TIME_STAMPING),
    ("smartcardLogon", oids::EKU_SMARTCARD_LOGON),
    ("pkinitClientAuth", oids::EKU_PKINIT_CLIENT),
    ("pkinitKdc", oids::EKU_PKINIT_KDC),
    ("ipsecIKE", oids::EKU_IPSEC_IKE),
    ("OCSPSigning", oids::EKU_OCSP_SIGNING),
];

/// id-kp-cmcCA (RFC 6402 §2.10): speaks with the CA's voice.
const EKU_CMC_CA: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.27");

/// Usages that make a delegate of the CA. They are bound to pinned keys, never to a list.
pub(crate) const DELEGATING: [Oid; 3] = [oids::EKU_OCSP_SIGNING, oids::EKU_CMC_RA, EKU_CMC_CA];

/// The usages that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageRules {
    key_usage: KeyUsage,
    extended: Vec<Oid>,
}

impl UsageRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        let bits = section.list("key_usage", |text| {
            let listed = LISTABLE.into_iter().find(|(name, _)| *name == text);
            listed.map(|(_, bit)| bit).ok_or_else(|| "is no key usage of a leaf".to_owned())
        });
        Self {
            key_usage: bits.into_iter().fold(KeyUsage::empty(), KeyUsage::union),
            extended: section.list("extended_key_usage", extended),
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { key_usage, extended } = self;
        let names = |usage: KeyUsage| usage.names();
        let (old_bits, new_bits) = (names(*key_usage), names(new.key_usage));
        diff.list("key_usage", (&old_bits, &new_bits), equal, |name| (*name).to_owned());
        let extended = (extended.as_slice(), new.extended.as_slice());
        diff.list("extended_key_usage", extended, equal, name_of);
    }

    /// Refuses key usage and extended key usage that are absent, not listed, or do not fit the
    /// key. Absent would mean: for everything (RFC 5280 §4.2.1.3, §4.2.1.12).
    pub(crate) fn check(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        check_key_usage(tbs, self.key_usage)?;
        let usages = extended_of(&tbs.extensions)
            .ok_or_else(|| Refusal::new(Rule::ExtensionMissing, "extKeyUsage"))?;
        match usages.iter().find(|usage| !self.extended.contains(usage)) {
            Some(other) => Err(Refusal::new(Rule::ExtendedKeyUsageRefused, other.to_string())),
            None => Ok(()),
        }
    }
}

/// Gives the extended key usages, none if the extension is absent.
pub(crate) fn extended_of(extensions: &Extensions) -> Option<&[Oid]> {
    extensions.extended_key_usage()
}

/// Refuses key usage that is absent, empty, has a bit beyond `allowed`, or does not fit the key.
pub(crate) fn check_key_usage(tbs: &TbsCertificate, allowed: KeyUsage) -> Result<(), Refusal> {
    let usage = tbs
        .extensions
        .key_usage()
        .ok_or_else(|| Refusal::new(Rule::ExtensionMissing, "keyUsage"))?;
    let refuse = |why: &str| {
        let detail = format!("{}: {why}", usage.names().join(", "));
        Err(Refusal::new(Rule::KeyUsageRefused, detail))
    };
    // RFC 5280 §4.2.1.3: at least one of the bits MUST be set.
    if usage.bits() == 0 {
        return refuse("no bit is set");
    }
    if !allowed.contains(usage) {
        return refuse("not all are listed");
    }
    let kind = tbs.public_key.kind();
    if !fitting(kind).contains(usage) {
        return refuse(&format!("not all fit a key of kind {kind}"));
    }
    Ok(())
}

/// The bits that make sense for a kind of key.
fn fitting(kind: KeyKind) -> KeyUsage {
    let signing = KeyUsage::DIGITAL_SIGNATURE
        .union(KeyUsage::CONTENT_COMMITMENT)
        .union(KeyUsage::KEY_CERT_SIGN)
        .union(KeyUsage::CRL_SIGN);
    match kind {
        // RFC 3279 §2.3.1.
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::RsaOther(_) => {
            signing.union(KeyUsage::KEY_ENCIPHERMENT).union(KeyUsage::DATA_ENCIPHERMENT)
        }
        // RFC 8813 §3: neither keyEncipherment nor dataEncipherment with id-ecPublicKey.
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => signing.union(KeyUsage::KEY_AGREEMENT),
        // RFC 9295 §3 for Ed25519, RFC 9881 §5 for ML-DSA.
        KeyKind::Ed25519 | KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => signing,
    }
}

fn extended(text: &str) -> Result<Oid, String> {
    let named = NAMED.into_iter().find(|(name, _)| *name == text).map(|(_, oid)| oid);
    let oid = match named {
        Some(oid) => oid,
        None => dotted(text)?,
    };
    if named.is_none() && NAMED.iter().any(|(_, known)| *known == oid) {
        return Err("has a name, which is used here".to_owned());
    }
    if DELEGATING.contains(&oid) {
        return Err("makes a delegate of the CA: see [delegated]".to_owned());
    }
    Ok(oid)
}

/// Gives the name that a policy uses for an extended key usage.
pub(crate) fn name_of(usage: &Oid) -> String {
    let named = NAMED.into_iter().find(|(_, oid)| oid == usage);
    named.map_or_else(|| usage.to_string(), |(name, _)| name.to_owned())
}

/// Reads an object identifier in dotted form.
pub(crate) fn dotted(text: &str) -> Result<Oid, String> {
    let oid = Oid::new(text).map_err(|_| "is neither a known name nor a dotted OID".to_owned())?;
    if oid.to_string() == text { Ok(oid) } else { Err(format!("is written {oid}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_key_has_its_usages() {
        let rsa = KeyUsage::KEY_ENCIPHERMENT.union(KeyUsage::DATA_ENCIPHERMENT);
        for kind in KeyKind::ALL {
            let fits = |usage| fitting(kind).contains(usage);
            assert!(fits(KeyUsage::DIGITAL_SIGNATURE), "{kind}");
            let is_ec = matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521);
            assert_eq!(fits(KeyUsage::KEY_AGREEMENT), is_ec, "{kind}");
            assert_eq!(fits(rsa), kind.rsa_bits().is_some(), "{kind}");
            assert!(!fits(KeyUsage::ENCIPHER_ONLY) && !fits(KeyUsage::DECIPHER_ONLY));
        }
    }

    #[test]
    fn usages_have_one_spelling_and_delegates_none() {
        assert_eq!(extended("serverAuth"), Ok(oids::EKU_SERVER_AUTH));
        assert_eq!(
            extended("1.3.6.1.5.5.7.3.99").map(|oid| oid.to_string()),
            Ok("1.3.6.1.5.5.7.3.99".into())
        );
        for text in [
            "",
            "any",
            "ServerAuth",
            "1.3.6.1.5.5.7.3.1",
            "OCSPSigning",
            "1.3.6.1.5.5.7.3.9",
            "1.3.6.1.5.5.7.3.27",
            "1.3.6.1.5.5.7.3.28",
            "1.3.6.1.5.5.7.3.099",
            "9.9",
        ] {
            assert!(extended(text).is_err(), "{text}");
        }
    }
}
