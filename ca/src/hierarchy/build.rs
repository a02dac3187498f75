//! The certificates of CAs: built from a wish and from what stands above.

use x509::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, Certificate, DistributionPoint,
    Extension, ExtensionValue, Extensions, GeneralName, KeyUsage, Name, NameConstraints, PublicKey,
    Serial, SignatureScheme, TbsCertificate, UnixTime, oids,
};

use super::HierarchyError;
use super::constraints;
use crate::lint::{self, Severity};
use crate::profile::Seconds;

/// How far notBefore is set back, so that a machine whose clock is late trusts the CA at once.
pub(crate) const BACKDATE: Seconds = Seconds(3_600);

/// What a CA is to be.
#[derive(Debug, Clone)]
pub struct CaWish {
    /// Its subject.
    pub subject: Name,
    /// Its key.
    pub public_key: PublicKey,
    /// From now to its last second.
    pub validity: Seconds,
    /// How many CAs may stand below it; none: no limit is written (roots only).
    pub path_len: Option<u8>,
    /// What it is confined to; must stand within what confines the parent.
    pub constraints: Option<NameConstraints>,
    /// Where its status is found; none for roots.
    pub crl_url: Option<String>,
    /// Where the parent's certificate is found; none for roots.
    pub parent_url: Option<String>,
}

/// Builds a root's certificate, signed by its own key.
pub fn root(
    wish: &CaWish,
    serial: Serial,
    scheme: SignatureScheme,
    now: UnixTime,
) -> Result<TbsCertificate, HierarchyError> {
    let tbs = TbsCertificate {
        serial,
        signature: scheme,
        issuer: wish.subject.clone(),
        not_before: now.plus_seconds(-BACKDATE.0),
        not_after: now.plus_seconds(wish.validity.0 - 1),
        subject: wish.subject.clone(),
        public_key: wish.public_key.clone(),
        extensions: extensions(wish, &wish.public_key)?,
    };
    linted(tbs)
}

/// Builds a subordinate's certificate, within everything that confines the parent.
pub fn subordinate(
    wish: &CaWish,
    parent: &Certificate,
    serial: Serial,
    scheme: SignatureScheme,
    now: UnixTime,
) -> Result<TbsCertificate, HierarchyError> {
    let above = parent.tbs();
    let basic = above.extensions.basic_constraints();
    if !basic.is_some_and(|bc| bc.ca) {
        return Err(HierarchyError::ParentIsNoCa);
    }
    check_path_length(basic.and_then(|bc| bc.path_len), wish.path_len)?;
    if wish.subject == above.subject {
        return Err(HierarchyError::SubjectIsParents);
    }
    if wish.public_key == above.public_key {
        return Err(HierarchyError::KeyIsParents);
    }
    constraints::within(above.extensions.name_constraints(), wish.constraints.as_ref())?;
    let not_after = now.plus_seconds(wish.validity.0 - 1).min(above.not_after);
    if not_after <= now {
        return Err(HierarchyError::ParentExpired);
    }
    let tbs = TbsCertificate {
        serial,
        signature: scheme,
        issuer: above.subject.clone(),
        not_before: now.plus_seconds(-BACKDATE.0).max(above.not_before),
        not_after,
        subject: wish.subject.clone(),
        public_key: wish.public_key.clone(),
        extensions: extensions(wish, &above.public_key)?,
    };
    linted(tbs)
}

/// RFC 5280 §4.2.1.9: what stands below has a shorter way to go.
pub(crate) fn check_path_length(
    parent: Option<u8>,
    wanted: Option<u8>,
) -> Result<(), HierarchyError> {
    match (parent, wanted) {
        (None, _) => Ok(()),
        (Some(limit), Some(wanted)) if wanted < limit => Ok(()),
        (Some(limit), wanted) => Err(HierarchyError::PathLength { wanted, limit }),
    }
}

fn extensions(wish: &CaWish, issuer_key: &PublicKey) -> Result<Extensions, HierarchyError> {
    let mut all = vec![
        Extension::critical(ExtensionValue::BasicConstraints(BasicConstraints {
            ca: true,
            path_len: wish.path_len,
        })),
        Extension::critical(ExtensionValue::KeyUsage(
            KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN),
        )),
        Extension::non_critical(ExtensionValue::SubjectKeyIdentifier(
            wish.public_key.key_identifier().to_vec(),
        )),
        Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(
            AuthorityKeyIdentifier::from_key_id(&issuer_key.key_identifier()),
        )),
    ];
    if let Some(constraints) = &wish.constraints {
        all.push(Extension::critical(ExtensionValue::NameConstraints(constraints.clone())));
    }
    if let Some(url) = &wish.crl_url {
        all.push(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![
            DistributionPoint::uri(url.clone()),
        ])));
    }
    if let Some(url) = &wish.parent_url {
        all.push(Extension::non_critical(ExtensionValue::AuthorityInfoAccess(vec![
            AccessDescription {
                method: oids::AD_CA_ISSUERS,
                location: GeneralName::Uri(url.clone()),
            },
        ])));
    }
    Extensions::new(all).map_err(HierarchyError::Encode)
}

fn linted(tbs: TbsCertificate) -> Result<TbsCertificate, HierarchyError> {
    let findings = lint::run(&tbs);
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(HierarchyError::Lint(findings));
    }
    Ok(tbs)
}
