//! Who issues: the name, the key and the algorithm.

use signer_proto::{Refusal, Rule};
use x509::{Name, PublicKey, SignatureScheme, TbsCertificate, UnixTime};

use super::change::Diff;
use super::section::Section;

/// What stands for the issuer in everything that a CA key signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuerRules {
    pub(crate) scheme: SignatureScheme,
    pub(crate) name: Name,
    pub(crate) not_after: UnixTime,
}

impl IssuerRules {
    pub(crate) fn read(section: &mut Section) -> Option<Self> {
        let scheme = scheme(section);
        let name = name(section);
        let not_after = section.time("issuer_not_after");
        Some(Self { scheme: scheme?, name: name?, not_after })
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { scheme, name, not_after } = self;
        diff.fixed("signature", scheme, &new.scheme, SignatureScheme::to_string);
        diff.fixed("issuer", name, &new.name, Name::to_string);
        diff.ceiling("issuer_not_after", not_after, &new.not_after, UnixTime::to_string);
    }

    /// Refuses another signature algorithm than the one of the policy, and an issuer that is not
    /// the pinned one octet by octet: chains are built by names, and not every client compares
    /// them alike (RFC 5280 §7.1).
    pub(crate) fn check(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        if tbs.signature != self.scheme {
            let detail = format!("{} instead of {}", tbs.signature, self.scheme);
            return Err(Refusal::new(Rule::AlgorithmRefused, detail));
        }
        if tbs.issuer.der() != self.name.der() {
            let detail = format!("{} instead of {}", tbs.issuer, self.name);
            return Err(Refusal::new(Rule::IssuerMismatch, detail));
        }
        Ok(())
    }
}

/// Reads `signature`: one that we sign with, not one that is only verified.
pub(crate) fn scheme(section: &mut Section) -> Option<SignatureScheme> {
    section.parsed("signature", |text| {
        text.parse()
            .ok()
            .filter(|scheme: &SignatureScheme| scheme.is_matched())
            .ok_or_else(|| "is no signature algorithm such as \"ecdsa-p256-sha256\"".to_owned())
    })
}

/// Reads `issuer`.
pub(crate) fn name(section: &mut Section) -> Option<Name> {
    section.parsed("issuer", |text| {
        use base64::Engine as _;
        let der = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|_| "is not base64".to_owned())?;
        let name =
            Name::parse(&der).map_err(|error| format!("is not the DER of a Name: {error}"))?;
        if name.is_empty() { Err("is empty".to_owned()) } else { Ok(name) }
    })
}

/// Refuses an authority key identifier (RFC 5280 §4.2.1.1) that is missing or names anything but
/// the key that signs. A self-signed certificate may omit it.
pub(crate) fn check_authority_key_id(
    tbs: &TbsCertificate,
    signer: &PublicKey,
    may_omit: bool,
) -> Result<(), Refusal> {
    let refuse = |what: &str| Err(Refusal::new(Rule::AuthorityKeyIdMismatch, what));
    let Some(identifier) = tbs.extensions.authority_key_identifier() else {
        return if may_omit { Ok(()) } else { refuse("authorityKeyIdentifier is missing") };
    };
    if identifier.key_id.as_deref() != Some(&signer.key_identifier()[..]) {
        return refuse("keyIdentifier is not that of the issuer's key");
    }
    if !identifier.authority_cert_issuer.is_empty() || identifier.authority_cert_serial.is_some() {
        return refuse("authorityCertIssuer and authorityCertSerialNumber are not used");
    }
    Ok(())
}
