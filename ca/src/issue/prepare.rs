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
    /// The very first and last second, where somebody asks for them.
    pub between: (Option<UnixTime>, Option<UnixTime>),
}

/// A certificate that only lacks its signature. Only [`IssuerFacts::prepare`] makes one, and
/// [`Prepared::of_draft`] brings one back.
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
        let (holder, span) = self.admit(profile, wanted, now)?;
        let extensions = self.extensions(profile, &holder, wanted.key, urls)?;
        self.build(serial, span, holder, wanted.key, extensions)
    }

    /// Holds the request against the profile: for whom, and for how long.
    pub(super) fn admit(
        &self,
        profile: &Profile,
        wanted: &Wanted<'_>,
        now: UnixTime,
    ) -> Result<(Holder, (UnixTime, UnixTime)), IssueError> {
        let key = wanted.key;
        if !profile.key_kinds.contains(&key.kind()) {
            return Err(IssueError::Profile(ProfileViolation::new(
                "key-kind-not-offered",
                format!("a key of kind {} is not among the profile's", key.kind().as_str()),
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
        let span = match wanted.between {
            (None, None) => self.validity(profile, wanted.validity, now)?,
            between => self.exactly(profile, between, now)?,
        };
        Ok((holder, span))
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
        let holder = Holder { subject, names: Vec::new(), sid: None };
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
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
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
                format!("a validity of {span} is outside 1s to {}", profile.body.max_validity),
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

    /// Takes exactly the times that were asked for, or refuses: RFC 8555 §7.4 forbids to issue
    /// something else.
    fn exactly(
        &self,
        profile: &Profile,
        (not_before, not_after): (Option<UnixTime>, Option<UnixTime>),
        now: UnixTime,
    ) -> Result<(UnixTime, UnixTime), IssueError> {
        let refuse = |detail: String| {
            Err(IssueError::Profile(ProfileViolation::new("validity-not-offered", detail)))
        };
        let body = &profile.body;
        let earliest = now.plus_seconds(-body.backdate.0);
        let begins = not_before.unwrap_or(earliest);
        let ends = not_after.unwrap_or_else(|| {
            let from = not_before.unwrap_or(now).max(now);
            from.plus_seconds(body.validity.0 - 1).min(self.not_after)
        });
        if begins < earliest {
            return refuse(format!("notBefore {begins} is more than {} ago", body.backdate));
        }
        let span = Seconds(ends.seconds_since(begins.max(now)) + 1);
        if ends <= begins || ends <= now || span > body.max_validity {
            return refuse(format!(
                "a validity of {begins} to {ends} is outside 1s to {}",
                body.max_validity
            ));
        }
        if ends > self.not_after {
            return refuse(format!("the issuer ends at {}", self.not_after));
        }
        Ok((begins, ends))
    }

    fn extensions(
        &self,
        profile: &Profile,
        holder: &Holder,
        key: &PublicKey,
        urls: &PublicUrls,
    ) -> Result<Extensions, IssueError> {
        let plain = |value| Extension { critical: false, value };
        let responder = profile.extended_key_usage.contains(&oids::EKU_OCSP_SIGNING);
        let mut all = vec![
            plain(ExtensionValue::AuthorityKeyIdentifier(AuthorityKeyIdentifier::from_key_id(
                &self.public_key.key_identifier(),
            ))),
            plain(ExtensionValue::SubjectKeyIdentifier(key.key_identifier().to_vec())),
            Extension {
                critical: true,
                value: ExtensionValue::KeyUsage(profile.key_usage_for(key.kind())),
            },
        ];
        if !profile.extended_key_usage.is_empty() {
            all.push(plain(ExtensionValue::ExtendedKeyUsage(profile.extended_key_usage.clone())));
        }
        if !holder.names.is_empty() {
            all.push(Extension {
                critical: holder.subject.is_empty(), // RFC 5280 §4.2.1.6
                value: ExtensionValue::SubjectAltName(holder.names.clone()),
            });
        }
        if !profile.policies.is_empty() {
            all.push(plain(ExtensionValue::CertificatePolicies(
                profile.policies.iter().copied().map(x509::PolicyInformation::new).collect(),
            )));
        }
        if profile.body.urls.crl {
            all.push(plain(ExtensionValue::CrlDistributionPoints(vec![DistributionPoint::uri(
                urls.crl(&self.name),
            )])));
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
        let entry = |method, uri| AccessDescription { method, location: GeneralName::Uri(uri) };
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
    /// Brings back what was prepared once: the caller vouches that these are its bytes.
    pub(super) fn of_draft(der: TbsCertificateDer) -> Result<Self, IssueError> {
        let tbs = TbsCertificate::parse(der.as_bytes()).map_err(IssueError::Encode)?;
        let names = tbs.extensions.subject_alt_name().unwrap_or_default().to_vec();
        let holder = Holder { subject: tbs.subject.clone(), names, sid: None };
        Ok(Self { tbs, der, holder })
    }

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

#[cfg(test)]
mod tests {
    use x509::Certificate;

    use super::*;
    use crate::lint::testing::key;

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const PROFILE: &str = r#"
        version = 1
        validity = "90d"
        max_validity = "100d"
        key_kinds = ["p-256"]
        extended_key_usage = ["serverAuth"]
        [subject]
        common_name = "from-san"
        [san]
        dns = ["*"]
    "#;

    fn facts() -> IssuerFacts {
        IssuerFacts {
            name: "issuing".parse().expect("a name"),
            subject: Name::parse_rfc4514("CN=Issuing CA").expect("a name"),
            public_key: issuer_key(),
            scheme: SignatureScheme::EcdsaP256Sha256,
            not_after: NOW.plus_seconds(1_000 * 86_400),
            has_ocsp: true,
        }
    }

    fn issuer_key() -> PublicKey {
        let certificate = include_bytes!("testdata/issuing.der");
        let certificate = x509::ForeignCertificate::parse(certificate).expect("a certificate");
        certificate.public_key().clone()
    }

    /// Prepares for `www.corp.example` under a profile with `text` in it.
    fn prepare(
        facts: &IssuerFacts,
        profile: &str,
        change: impl FnOnce(&mut Wanted<'_>),
    ) -> Result<TbsCertificate, IssueError> {
        let profile = Profile::parse("test".parse().expect("a name"), profile).expect("reads");
        let key = key();
        let names = [GeneralName::Dns("www.corp.example".into())];
        let subject = Name::parse_rfc4514("CN=www.corp.example").expect("a name");
        let mut wanted = Wanted {
            key: &key,
            csr: None,
            subject: Some(&subject),
            names: Some(&names),
            sid: None,
            validity: None,
            between: (None, None),
        };
        change(&mut wanted);
        let serial = Serial::from_unsigned(&[7; 19]).expect("positive");
        let urls = PublicUrls::new("http://pki.corp.example").expect("a base");
        let prepared = facts.prepare(&profile, &wanted, serial, &urls, NOW)?;
        // What stands beside the bytes is what the bytes say.
        let der = prepared.der().clone();
        assert_eq!(TbsCertificate::parse(der.as_bytes()).as_ref(), Ok(prepared.tbs()));
        let assembled = prepared.assemble(&x509::Signature::from_vec(vec![0x30, 0]));
        let certificate = Certificate::parse(assembled.certificate.as_bytes()).expect("strict");
        assert_eq!(certificate.tbs_der(), &der);
        Ok(assembled.tbs)
    }

    fn with(line: &str) -> String {
        PROFILE.replace("version = 1", &format!("version = 1\n{line}"))
    }

    #[test]
    fn the_end_is_cut_to_the_issuers() {
        let mut facts = facts();
        let tbs = prepare(&facts, PROFILE, |_| {}).expect("prepared");
        assert_eq!(tbs.not_after, NOW.plus_seconds(90 * 86_400 - 1));
        assert_eq!(tbs.not_before, NOW.plus_seconds(-3_600));
        facts.not_after = NOW.plus_seconds(86_400);
        let tbs = prepare(&facts, PROFILE, |_| {}).expect("prepared");
        assert_eq!(tbs.not_after, facts.not_after);
        facts.not_after = NOW;
        let expired = prepare(&facts, PROFILE, |_| {});
        assert!(matches!(expired, Err(IssueError::NoIssuer(_))));
    }

    #[test]
    fn a_validity_is_asked_for_within_the_profiles() {
        for (days, good) in [(1, true), (100, true), (101, false), (0, false), (-1, false)] {
            let outcome = prepare(&facts(), PROFILE, |w| w.validity = Some(Seconds::days(days)));
            match outcome {
                Ok(_) => assert!(good, "{days}"),
                Err(error) => assert_eq!((good, error.rule()), (false, "validity-not-offered")),
            }
        }
    }

    #[test]
    fn a_subject_that_is_empty_makes_the_names_critical() {
        for (named, critical) in [(true, false), (false, true)] {
            let tbs = prepare(&facts(), PROFILE, |wanted| {
                wanted.subject = wanted.subject.filter(|_| named);
            });
            let tbs = tbs.expect("prepared");
            assert_eq!(tbs.subject.is_empty(), critical);
            let names = tbs.extensions.get(oids::EXT_SUBJECT_ALT_NAME);
            assert_eq!(names.expect("names").critical, critical);
        }
    }

    #[test]
    fn urls_follow_the_profile_and_the_responder() {
        let text = |facts: &IssuerFacts, profile: &str| {
            format!("{:?}", prepare(facts, profile, |_| {}).expect("prepared").extensions)
        };
        let silent = IssuerFacts { has_ocsp: false, ..facts() };
        assert!(text(&facts(), PROFILE).contains("/ocsp/issuing"));
        assert!(!text(&silent, PROFILE).contains("/ocsp/issuing"));
        let no_crl = format!("{PROFILE}\n[urls]\ncrl = false\n");
        assert!(!text(&facts(), &no_crl).contains("/crl/issuing"));
        assert!(text(&facts(), &no_crl).contains("/ocsp/issuing"));
    }

    #[test]
    fn what_the_profile_says_stands_in_it() {
        let stapled = prepare(&facts(), &with("must_staple = true"), |_| {}).expect("prepared");
        let feature = stapled.extensions.get(oids::EXT_TLS_FEATURE).expect("TLS feature");
        assert_eq!(feature.value, ExtensionValue::TlsFeature(vec![5]));
        let sid = "S-1-5-21-1-2-3-500";
        let with_sid = PROFILE.replace("[san]", "[san]\nmicrosoft_sid = true");
        for (profile, expected) in [(PROFILE, false), (with_sid.as_str(), true)] {
            let tbs = prepare(&facts(), profile, |w| w.sid = Some(sid)).expect("prepared");
            let found = ExtensionValue::MicrosoftSid(sid.into());
            assert_eq!(tbs.extensions.iter().any(|e| e.value == found), expected);
        }
    }

    #[test]
    fn refuses_the_issuers_own_key_and_kinds_not_offered() {
        let own = issuer_key();
        let facts_of_own = IssuerFacts { public_key: key(), ..facts() };
        let refused = prepare(&facts_of_own, PROFILE, |_| {});
        assert_eq!(refused.expect_err("own key").rule(), "key-is-issuers");
        let p384 = PROFILE.replace("p-256", "p-384");
        assert_eq!(own.kind().as_str(), "p-256");
        let refused = prepare(&facts(), &p384, |_| {});
        assert_eq!(refused.expect_err("another kind").rule(), "key-kind-not-offered");
    }

    #[test]
    fn a_lint_stops_what_no_relying_party_should_see() {
        // keyEncipherment for an elliptic curve key (RFC 5480 §3).
        let refused = prepare(&facts(), &with(r#"key_usage = ["keyEncipherment"]"#), |_| {});
        assert_eq!(refused.expect_err("a lint").rule(), "key-usage-fits-key");
    }
}
