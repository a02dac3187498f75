//! CSRs for this ring's own CA keys: what admin.sock may ask for, also before a first policy.

use signer_proto::stub::STUBBED;
use signer_proto::{Purpose, Refusal, Rule};
use x509::{
    CertificationRequestInfo, ExtensionValue, KeyUsage, Oid, PublicKey, SignatureScheme, oids,
};

use super::admitted::{Admitted, Meaning};
use super::malformed::malformed;
use super::subject::check_text;
use super::usage::DELEGATING;

/// The extensions that a request may ask for.
const REQUESTED: [Oid; 6] = [
    oids::EXT_BASIC_CONSTRAINTS,
    oids::EXT_KEY_USAGE,
    oids::EXT_SUBJECT_KEY_IDENTIFIER,
    oids::EXT_NAME_CONSTRAINTS,
    oids::EXT_CERTIFICATE_POLICIES,
    oids::EXT_EXTENDED_KEY_USAGE,
];

/// Admits the CSR (RFC 2986 §4.1) of a CA key of this ring: for that very key, with a subject,
/// asking for nothing but a CA's extensions.
///
/// # Errors
/// [`Refusal`] with the rule that is broken.
pub fn admit_request<'a>(
    purpose: Purpose,
    public_key: &PublicKey,
    info_der: &'a [u8],
) -> Result<Admitted<'a>, Refusal> {
    if !purpose.is_authority() {
        return Err(Refusal::new(Rule::PurposeMismatch, format!("{purpose} keys have no CSR")));
    }
    let info = CertificationRequestInfo::parse(info_der).map_err(|error| malformed(&error))?;
    if !STUBBED {
        check_info(public_key, &info)?;
    }
    let scheme = SignatureScheme::default_for(public_key.kind())
        .ok_or_else(|| Refusal::new(Rule::AlgorithmRefused, public_key.kind().to_string()))?;
    Ok(Admitted::new(info_der, scheme, Meaning::Request(info)))
}

fn check_info(public_key: &PublicKey, info: &CertificationRequestInfo) -> Result<(), Refusal> {
    if info.public_key != *public_key {
        // The signature would prove possession of a key that this is not.
        let why = "the CSR is for another key";
        return Err(Refusal::new(Rule::ProofOfPossessionRefused, why));
    }
    if info.subject.is_empty() {
        return Err(Refusal::new(Rule::NameMalformed, "a CA without a subject"));
    }
    info.subject.attributes().try_for_each(check_text)?;
    info.extensions.iter().try_for_each(|extension| check_requested(public_key, &extension.value))
}

fn check_requested(public_key: &PublicKey, value: &ExtensionValue) -> Result<(), Refusal> {
    let oid = value.oid();
    if !REQUESTED.contains(&oid) {
        return Err(Refusal::new(
            Rule::ExtensionRefused,
            format!("{oid} is not requested by a CA"),
        ));
    }
    let allowed =
        KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN).union(KeyUsage::DIGITAL_SIGNATURE);
    match value {
        ExtensionValue::BasicConstraints(constraints) if !constraints.ca => {
            Err(Refusal::new(Rule::BasicConstraintsRefused, "cA is not TRUE"))
        }
        ExtensionValue::KeyUsage(usage) if !allowed.contains(*usage) => {
            Err(Refusal::new(Rule::KeyUsageRefused, usage.names().join(", ")))
        }
        ExtensionValue::SubjectKeyIdentifier(id) if *id != public_key.key_identifier() => {
            Err(Refusal::new(Rule::SubjectKeyIdMismatch, "subjectKeyIdentifier"))
        }
        ExtensionValue::ExtendedKeyUsage(usages)
            if usages.iter().any(|usage| DELEGATING.contains(usage)) =>
        {
            Err(Refusal::new(Rule::ExtendedKeyUsageRefused, "a delegate's usage"))
        }
        _ => Ok(()),
    }
}
