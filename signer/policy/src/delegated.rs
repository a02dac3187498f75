//! Certificates that make a delegate of the CA: OCSP responders and registration authorities.
//!
//! A responder's word on revocation and a registration authority's word on identity are the CA's
//! own. Such a certificate is admitted for a pinned key only (RFC 6960 §4.2.2.2, RFC 6402 §2.10).

use signer_proto::{Digest, Purpose, Refusal, Rule};
use x509::{KeyUsage, Oid, TbsCertificate, oids};

use super::change::Diff;
use super::ring::{AdmitContext, RingKey};
use super::section::Section;
use super::usage::{DELEGATING, check_key_usage, extended_of};

/// The section `[delegated]`: keys outside this ring that may be delegates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DelegatedRules {
    responders: Vec<Digest>,
    registrations: Vec<Digest>,
}

/// What a leaf certificate is to the CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Somebody else.
    Subject,
    /// An OCSP responder.
    Responder,
    /// A registration authority.
    Registration,
    /// The server itself, with a `tls` key of this ring.
    Server,
}

/// The extensions of a responder's certificate; a policy's list does not widen it.
const OF_RESPONDERS: [Oid; 9] = [
    oids::EXT_BASIC_CONSTRAINTS,
    oids::EXT_KEY_USAGE,
    oids::EXT_EXTENDED_KEY_USAGE,
    oids::EXT_SUBJECT_KEY_IDENTIFIER,
    oids::EXT_AUTHORITY_KEY_IDENTIFIER,
    oids::EXT_CRL_DISTRIBUTION_POINTS,
    oids::EXT_AUTHORITY_INFO_ACCESS,
    oids::EXT_CERTIFICATE_POLICIES,
    oids::EXT_OCSP_NO_CHECK,
];

/// The extensions of a registration authority's certificate.
const OF_REGISTRATIONS: [Oid; 8] = [
    oids::EXT_BASIC_CONSTRAINTS,
    oids::EXT_KEY_USAGE,
    oids::EXT_EXTENDED_KEY_USAGE,
    oids::EXT_SUBJECT_KEY_IDENTIFIER,
    oids::EXT_AUTHORITY_KEY_IDENTIFIER,
    oids::EXT_CRL_DISTRIBUTION_POINTS,
    oids::EXT_AUTHORITY_INFO_ACCESS,
    oids::EXT_CERTIFICATE_POLICIES,
];

impl Role {
    /// Gives the extensions that a delegate's certificate may have; none for others, whose list
    /// is the policy's.
    pub(crate) fn extensions(self) -> Option<&'static [Oid]> {
        match self {
            Self::Subject | Self::Server => None,
            Self::Responder => Some(&OF_RESPONDERS),
            Self::Registration => Some(&OF_REGISTRATIONS),
        }
    }
}

impl DelegatedRules {
    pub(crate) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self::default();
        };
        let digest = |text: &str| {
            text.parse().map_err(|_| "is no SHA-256 in 64 lower-case hexadecimal digits".to_owned())
        };
        let rules = Self {
            responders: section.list("responders", digest),
            registrations: section.list("registrations", digest),
        };
        section.finish();
        rules
    }

    /// A key that is pinned no more is no delegate's; but it may then be anybody's, which it was
    /// not while it was pinned. So either way something is admitted that was not.
    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { responders, registrations } = self;
        diff.section("delegated", |diff| {
            compare_pins("responders", responders, &new.responders, diff);
            compare_pins("registrations", registrations, &new.registrations, diff);
        });
    }

    /// Finds out what the certificate makes of its subject, and refuses what that role may not
    /// have: another key than a pinned one, another usage, or, for a subject, a key of this ring.
    pub(crate) fn check(
        &self,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
    ) -> Result<Role, Refusal> {
        let digest = tbs.public_key.spki_sha256();
        let ring_key = context.ring.get(&digest);
        let digest = Digest(digest);
        if tbs.public_key == *context.public_key {
            return Err(Refusal::new(Rule::KeyIsIssuers, "the issuer's own key"));
        }
        let usages = extended_of(&tbs.extensions).unwrap_or_default();
        if usages.contains(&oids::EKU_OCSP_SIGNING) {
            self.check_responder(context, tbs, ring_key, digest)?;
            return Ok(Role::Responder);
        }
        let registers = ring_key.is_some_and(|key| key.purpose == Purpose::Scep)
            || self.registrations.contains(&digest);
        if registers || usages.iter().any(|usage| DELEGATING.contains(usage)) {
            check_registration(tbs, registers)?;
            return Ok(Role::Registration);
        }
        match ring_key {
            // The server's own TLS certificate: its key is in the ring for just that.
            Some(key) if key.purpose == Purpose::Tls => {
                check_server(tbs, key)?;
                Ok(Role::Server)
            }
            Some(key) => {
                let detail = format!("{} is a key of this ring ({})", key.label, key.purpose);
                Err(Refusal::new(Rule::KeyIsIssuers, detail))
            }
            None if self.responders.contains(&digest) => {
                Err(Refusal::new(Rule::KeyIsIssuers, "the key is pinned for OCSP only"))
            }
            None => Ok(Role::Subject),
        }
    }

    /// RFC 6960 §4.2.2.2: id-kp-OCSPSigning and nothing else, for an `ocsp` key of this ring that
    /// speaks for this issuer, or for a pinned one.
    fn check_responder(
        &self,
        context: &AdmitContext<'_>,
        tbs: &TbsCertificate,
        ring_key: Option<&RingKey>,
        digest: Digest,
    ) -> Result<(), Refusal> {
        let pinned = match ring_key {
            Some(key) => {
                key.purpose == Purpose::Ocsp && key.speaks_for.as_ref() == Some(context.key)
            }
            None => self.responders.contains(&digest),
        };
        if !pinned {
            let detail = format!("key {digest} does not respond for {}", context.key);
            return Err(Refusal::new(Rule::ResponderKeyNotPinned, detail));
        }
        if extended_of(&tbs.extensions) != Some(&[oids::EKU_OCSP_SIGNING]) {
            let detail = "OCSPSigning stands alone";
            return Err(Refusal::new(Rule::ExtendedKeyUsageRefused, detail));
        }
        check_key_usage(tbs, KeyUsage::DIGITAL_SIGNATURE)?;
        // RFC 6960 §4.2.2.2.1: nobody could answer for the responder's own certificate.
        if tbs.extensions.get(oids::EXT_OCSP_NO_CHECK).is_none() {
            return Err(Refusal::new(Rule::ExtensionMissing, "ocspNoCheck"));
        }
        Ok(())
    }
}

/// A `tls` key signs as a server only, under the names that operators gave it: its signatures are
/// at the server's command, so that any other name would be as good as the server's own key.
fn check_server(tbs: &TbsCertificate, key: &RingKey) -> Result<(), Refusal> {
    let names = key.serves.as_ref().ok_or_else(|| {
        Refusal::new(Rule::KeyNotActive, format!("{} has no policy yet", key.label))
    })?;
    if extended_of(&tbs.extensions) != Some(&[oids::EKU_SERVER_AUTH]) {
        let detail = "a tls key of this ring has serverAuth alone";
        return Err(Refusal::new(Rule::ExtendedKeyUsageRefused, detail));
    }
    check_key_usage(tbs, KeyUsage::DIGITAL_SIGNATURE)?;
    let subject = tbs.extensions.subject_alt_name().unwrap_or_default();
    subject.iter().try_for_each(|name| names.check(name))
}

fn compare_pins(field: &str, old: &[Digest], new: &[Digest], diff: &mut Diff) {
    for key in new.iter().filter(|key| !old.contains(key)) {
        diff.widens(field, &format!("adds {key}"));
    }
    for key in old.iter().filter(|key| !new.contains(key)) {
        diff.widens(field, &format!("removes {key}, which others may have then"));
    }
}

/// A registration authority signs and decrypts (RFC 8894 §2.1.2); it has no other usage.
fn check_registration(tbs: &TbsCertificate, pinned: bool) -> Result<(), Refusal> {
    if !pinned {
        let detail = format!("key {}", Digest(tbs.public_key.spki_sha256()));
        return Err(Refusal::new(Rule::RegistrationKeyNotPinned, detail));
    }
    match extended_of(&tbs.extensions) {
        None => {}
        Some(usages) if usages == [oids::EKU_CMC_RA] => {}
        Some(_) => {
            let detail = "a registration authority has cmcRA or none";
            return Err(Refusal::new(Rule::ExtendedKeyUsageRefused, detail));
        }
    }
    check_key_usage(tbs, KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT))
}
