//! From a request to the bytes that the signer is asked to sign.

use model::IssuerName;
use x509::{
    AccessDescription, AttributeType, AuthorityKeyIdentifier, Csr, DistributionPoint, Extension,
    ExtensionValue, Extensions, GeneralName, Name, PublicKey, Serial, SignatureScheme,
    TbsCertificate, TbsCertificateDer, UnixTime, oids,
};

use super::IssueError;
use crate::lint::{self, Severity};
use crate::profile::{Holder, Profile, ProfileViolation, Seconds};
use crate::urls::PublicUrls;

/// What preparing needs to know of an issuer.
#[derive(Debug, Clone)]
pub struct IssuerFacts {
    /// Its name, which is its key's label too.
    pub name: IssuerName,
    /// Its subject: the certificate's issuer.
    pub subject: Name,
    /// Its key.
    pub public_key: PublicKey,
    /// How it signs.
    pub scheme: SignatureScheme,
    /// Its last second.
    pub not_after: UnixTime,
    /// Whether it has an OCSP responder.
    pub has_ocsp: bool,
}

/// What is asked for, after the outer forms were read.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The subject's key.
    pub key: &'a PublicKey,
    /// The CSR, its own signature verified; none for a renewal of the same key.
    pub csr: Option<&'a Csr>,
    /// A subject in place of the CSR's.
    pub subject: Option<&'a Name>,
    /// Alternative names in place of the CSR's.
    pub names: Option<&'a [GeneralName]>,
    /// A SID that a certificate before this one had.
    pub sid: Option<&'a str>,
    /// A span in place of the profile's.
    pub validity: Option<Seconds>,
}

/// A certificate that only lacks its signature. Only [`IssuerFacts::prepare`] makes one.
#[derive(Debug)]
pub struct Prepared {
    tbs: TbsCertificate,
    der: TbsCertificateDer,
    holder: Holder,
}

impl IssuerFacts {
    /// Holds the request against the profile, builds the certificate and lints it.
    pub fn prepare(
        &self,
        profile: &Profile,
        wanted: &Wanted<'_>,
        serial: Serial,
        urls: &PublicUrls,
        now: UnixTime,
    ) -> Result<Prepared, IssueError> {
        let key = wanted.key;
        if !profile.key_kinds.contains(&key.kind()) {
            return Err(IssueError::Profile(ProfileViolation::new(
                "key-kind-not-offered",
                format!(
                    "a key of kind {} is not among the profile's",
                    key.kind().as_str()
                ),
            )));
        }
        key.check_strength().map_err(IssueError::WeakKey)?;
        if key == &self.public_key {
            return Err(IssueError::Profile(ProfileViolation::new(
                "key-is-issuers",
                "the request has the issuer's own key",
            )));
        }
        let mut holder = profile
            .holder(wanted.csr, wanted.subject, wanted.names)
            .map_err(IssueError::Profile)?;
        if profile.body.san.microsoft_sid && holder.sid.is_none() {
            holder.sid = wanted.sid.map(str::to_owned);
        }
        let (not_before, not_after) = self.validity(profile, wanted.validity, now)?;
        let extensions = self.extensions(profile, &holder, key, urls)?;
        self.build(serial, (not_before, not_after), holder, key, extensions)
    }

    /// Builds the certificate of the OCSP key that speaks for this issuer: nobody asks for it by
    /// a CSR, since the key is in the ring.
    pub(crate) fn prepare_responder(
        &self,
        profile: &Profile,
        key: &PublicKey,
        serial: Serial,
        urls: &PublicUrls,
        now: UnixTime,
    ) -> Result<Prepared, IssueError> {
        let of = self.subject.common_names().first().copied().unwrap_or("CA");
        // RFC 5280 Appendix A.1: ub-common-name is 64 characters.
        let common_name: String = of.chars().take(64 - 5).chain(" OCSP".chars()).collect();
        let subject = Name::from_attributes(&[(AttributeType::CommonName, &common_name)])
            .map_err(|error| IssueError::State(error.to_string()))?;
        let holder = Holder {
            subject,
            names: Vec::new(),
            sid: None,
        };
        let span = self.validity(profile, None, now)?;
        let extensions = self.extensions(profile, &holder, key, urls)?;
        self.build(serial, span, holder, key, extensions)
    }

    fn build(
        &self,
        serial: Serial,
        (not_before, not_after): (UnixTime, UnixTime),
        holder: Holder,
        key: &PublicKey,
        extensions: Extensions,
    ) -> Result<Prepared, IssueError> {
        let tbs = TbsCertificate {
            serial,
            signature: self.scheme,
            issuer: self.subject.clone(),
            not_before,
            not_after,
            subject: holder.subject.clone(),
            public_key: key.clone(),
            extensions,
        };
        let findings = lint::run(&tbs);
        if findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
        {
            return Err(IssueError::Lint(findings));
        }
        let der = tbs.encode().map_err(IssueError::Encode)?;
        Ok(Prepared { tbs, der, holder })
    }

    /// Spans from now, set back for late clocks, and never beyond the issuer's own end.
    fn validity(
        &self,
        profile: &Profile,
        asked: Option<Seconds>,
        now: UnixTime,
    ) -> Result<(UnixTime, UnixTime), IssueError> {
        let span = asked.unwrap_or(profile.body.validity);
        if span.0 <= 0 || span > profile.body.max_validity {
            return Err(IssueError::Profile(ProfileViolation::new(
                "validity-not-offered",
                format!(
                    "a validity of {span} is outside 1s to {}",
                    profile.body.max_validity
                ),
            )));
        }
        let not_before = now.plus_seconds(-profile.body.backdate.0);
        // RFC 5280 §4.1.2.5: both ends are inclusive, so a span of n seconds ends at n - 1.
        let not_after = now.plus_seconds(span.0 - 1).min(self.not_after);
        if not_after <= now {
            return Err(IssueError::NoIssuer(format!(
                "the issuer {} has expired; renew it with `chancery ca`",
                self.name
            )));
        }
        Ok((not_before, not_after))
    }

    fn extensions(
        &self,
        profile: &Profile,
        holder: &Holder,
        key: &PublicKey,
        urls: &PublicUrls,
    ) -> Result<Extensions, IssueError> {
        let plain = |value| Extension {
            critical: false,
            value,
        };
        let responder = profile.extended_key_usage.contains(&oids::EKU_OCSP_SIGNING);
        let mut all = vec![
            plain(ExtensionValue::AuthorityKeyIdentifier(
                AuthorityKeyIdentifier::from_key_id(&self.public_key.key_identifier()),
            )),
            plain(ExtensionValue::SubjectKeyIdentifier(
                key.key_identifier().to_vec(),
            )),
            Extension {
                critical: true,
                value: ExtensionValue::KeyUsage(profile.key_usage_for(key.kind())),
            },
        ];
        if !profile.extended_key_usage.is_empty() {
            all.push(plain(ExtensionValue::ExtendedKeyUsage(
                profile.extended_key_usage.clone(),
            )));
        }
        if !holder.names.is_empty() {
            all.push(Extension {
                critical: holder.subject.is_empty(), // RFC 5280 §4.2.1.6
                value: ExtensionValue::SubjectAltName(holder.names.clone()),
            });
        }
        if !profile.policies.is_empty() {
            all.push(plain(ExtensionValue::CertificatePolicies(
                profile
                    .policies
                    .iter()
                    .copied()
                    .map(x509::PolicyInformation::new)
                    .collect(),
            )));
        }
        if profile.body.urls.crl {
            all.push(plain(ExtensionValue::CrlDistributionPoints(vec![
                DistributionPoint::uri(urls.crl(&self.name)),
            ])));
        }
        let access = self.access(profile, urls);
        if !access.is_empty() {
            all.push(plain(ExtensionValue::AuthorityInfoAccess(access)));
        }
        if profile.body.must_staple {
            // RFC 7633 §6: status_request is TLS extension 5.
            all.push(plain(ExtensionValue::TlsFeature(vec![5])));
        }
        if let Some(sid) = &holder.sid {
            all.push(plain(ExtensionValue::MicrosoftSid(sid.clone())));
        }
        if responder {
            // RFC 6960 §4.2.2.2.1: a responder's certificate has no status of its own.
            all.push(plain(ExtensionValue::OcspNoCheck));
        }
        Extensions::new(all).map_err(IssueError::Encode)
    }

    fn access(&self, profile: &Profile, urls: &PublicUrls) -> Vec<AccessDescription> {
        let entry = |method, uri| AccessDescription {
            method,
            location: GeneralName::Uri(uri),
        };
        let mut access = Vec::new();
        if profile.body.urls.ocsp && self.has_ocsp {
            access.push(entry(oids::AD_OCSP, urls.ocsp(&self.name)));
        }
        if profile.body.urls.ca_issuers {
            access.push(entry(oids::AD_CA_ISSUERS, urls.ca_certificate(&self.name)));
        }
        access
    }
}

impl Prepared {
    /// Returns the bytes to sign.
    #[must_use]
    pub fn der(&self) -> &TbsCertificateDer {
        &self.der
    }

    /// Returns what the bytes say.
    #[must_use]
    pub fn tbs(&self) -> &TbsCertificate {
        &self.tbs
    }

    /// Returns for whom it is.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Wraps the same bytes with their signature.
    #[must_use]
    pub fn assemble(self, signature: &x509::Signature) -> Assembled {
        Assembled {
            certificate: x509::Certificate::assemble(&self.der, self.tbs.signature, signature),
            tbs: self.tbs,
            holder: self.holder,
        }
    }
}

/// A certificate with its signature. Only [`Prepared::assemble`] makes one.
#[derive(Debug)]
pub struct Assembled {
    pub(super) certificate: x509::CertificateDer,
    pub(super) tbs: TbsCertificate,
    pub(super) holder: Holder,
}
