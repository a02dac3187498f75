//! How long CRLs and OCSP responses speak.

use signer_proto::{InstanceId, KeyLabel, Refusal, Rule};
use x509::{Name, ResponseDataDer, SignatureScheme, TbsCertListDer, UnixTime};

use super::admitted::{Admitted, Meaning};
use super::change::{Diff, span};
use super::issuer;
use super::section::Section;

/// nextUpdate's ceiling where `[crl]` is absent: ten days.
const DEFAULT_MAX_NEXT_UPDATE: i64 = 10 * 86_400;

/// The section `[crl]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CrlRules {
    max_next_update: i64,
    min_interval: i64,
}

impl CrlRules {
    pub(crate) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self { max_next_update: DEFAULT_MAX_NEXT_UPDATE, min_interval: 0 };
        };
        let rules = Self {
            max_next_update: section.duration_or("max_next_update", DEFAULT_MAX_NEXT_UPDATE),
            min_interval: section.duration_or("min_interval", 0),
        };
        section.finish();
        rules
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { max_next_update, min_interval } = self;
        diff.section("crl", |diff| {
            diff.ceiling("max_next_update", max_next_update, &new.max_next_update, span);
            diff.floor("min_interval", min_interval, &new.min_interval, span);
        });
    }

    pub(crate) fn check(
        &self,
        now: UnixTime,
        last_this_update: Option<UnixTime>,
        next_update: UnixTime,
    ) -> Result<(), Refusal> {
        check_next_update(now, next_update, self.max_next_update)?;
        let too_soon = |last: UnixTime| now.seconds_since(last) < self.min_interval;
        if last_this_update.is_some_and(too_soon) {
            let detail = format!("the last CRL is younger than {} s", self.min_interval);
            return Err(Refusal::new(Rule::BudgetExhausted, detail));
        }
        Ok(())
    }
}

fn check_next_update(now: UnixTime, next_update: UnixTime, most: i64) -> Result<(), Refusal> {
    if next_update > now && next_update <= now.plus_seconds(most) {
        Ok(())
    } else {
        let detail = format!("nextUpdate {next_update}, now {now}, at most {most} s later");
        Err(Refusal::new(Rule::NextUpdateRefused, detail))
    }
}

/// What a responder answers for a serial that was never issued (RFC 6960 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeverIssued {
    /// An unsigned error of the responder's front.
    Unauthorized,
    /// Revoked at 1970-01-01 with the extended-revoke extension.
    Revoked,
}

/// The policy of an `ocsp` key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspRules {
    pub(crate) scheme: SignatureScheme,
    issuer_key: KeyLabel,
    issuer_ring: Option<InstanceId>,
    max_behind: i64,
    issuer: Name,
    max_next_update: i64,
    never_issued: NeverIssued,
}

/// How old the news of a followed ring may be where the policy does not say, in seconds.
const MAX_BEHIND: i64 = 3600;

impl OcspRules {
    pub(crate) fn read(section: &mut Section) -> Option<Self> {
        let scheme = issuer::scheme(section);
        let issuer_key = section
            .parsed("issuer_key", |text| text.parse().map_err(|_| "is no key label".to_owned()));
        let issuer_ring = section.optional_parsed("issuer_ring", |text| {
            text.parse().map_err(|_| "is no instance of a ring in hexadecimal".to_owned())
        });
        let max_behind = section.duration_or("max_behind", MAX_BEHIND);
        let issuer = issuer::name(section);
        let max_next_update = section.duration("max_next_update");
        let never_issued = section
            .optional_parsed("never_issued", |text| match text {
                "unauthorized" => Ok(NeverIssued::Unauthorized),
                "revoked" => Ok(NeverIssued::Revoked),
                _ => Err("is neither \"unauthorized\" nor \"revoked\"".to_owned()),
            })
            .unwrap_or(NeverIssued::Unauthorized);
        Some(Self {
            scheme: scheme?,
            issuer_key: issuer_key?,
            issuer_ring,
            max_behind,
            issuer: issuer?,
            max_next_update,
            never_issued,
        })
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self {
            scheme,
            issuer_key,
            issuer_ring,
            max_behind,
            issuer,
            max_next_update,
            never_issued,
        } = self;
        diff.fixed("signature", scheme, &new.scheme, SignatureScheme::to_string);
        diff.fixed("issuer_key", issuer_key, &new.issuer_key, KeyLabel::to_string);
        diff.fixed("issuer_ring", issuer_ring, &new.issuer_ring, ring);
        diff.ceiling("max_behind", max_behind, &new.max_behind, span);
        diff.fixed("issuer", issuer, &new.issuer, Name::to_string);
        diff.ceiling("max_next_update", max_next_update, &new.max_next_update, span);
        // Revoked is a signed answer where there was none.
        match (never_issued, new.never_issued) {
            (NeverIssued::Unauthorized, NeverIssued::Revoked) => {
                diff.widens("never_issued", "from unauthorized to revoked");
            }
            (NeverIssued::Revoked, NeverIssued::Unauthorized) => {
                diff.narrows("never_issued", "from revoked to unauthorized");
            }
            _ => {}
        }
    }

    /// Gives the ring that has the issuer's key, where it is another one than the responder's.
    #[must_use]
    pub fn issuer_ring(&self) -> Option<InstanceId> {
        self.issuer_ring
    }

    /// Gives how old the news of that ring may be, in seconds.
    #[must_use]
    pub fn max_behind(&self) -> i64 {
        self.max_behind
    }

    /// Gives the label of the issuer's key in its ring.
    #[must_use]
    pub fn issuer_key(&self) -> &KeyLabel {
        &self.issuer_key
    }

    /// Gives the issuer's name, which CertIDs hash (RFC 6960 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Tells what is answered for a serial that was never issued.
    #[must_use]
    pub fn never_issued(&self) -> NeverIssued {
        self.never_issued
    }

    pub(crate) fn check(
        &self,
        issuer_key: &KeyLabel,
        now: UnixTime,
        next_update: UnixTime,
    ) -> Result<(), Refusal> {
        if *issuer_key != self.issuer_key {
            let detail = format!("{issuer_key} instead of {}", self.issuer_key);
            return Err(Refusal::new(Rule::ResponderNotForIssuer, detail));
        }
        check_next_update(now, next_update, self.max_next_update)
    }
}

fn ring(ring: &Option<InstanceId>) -> String {
    ring.map_or_else(|| "this ring".to_owned(), |ring| ring.to_string())
}

/// Says that a CRL with these times may be signed; the CRL is built afterwards.
#[derive(Debug)]
pub struct CrlAdmission {
    scheme: SignatureScheme,
    this_update: UnixTime,
    next_update: UnixTime,
}

impl CrlAdmission {
    pub(crate) fn new(scheme: SignatureScheme, this: UnixTime, next: UnixTime) -> Self {
        Self { scheme, this_update: this, next_update: next }
    }

    /// Gives the algorithm that stands in the CRL.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Gives thisUpdate: the signer's clock.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// Gives nextUpdate.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Admits the one CRL that the signer built from these times.
    #[must_use]
    pub fn built(self, tbs: &TbsCertListDer) -> Admitted<'_> {
        Admitted::new(tbs.as_bytes(), self.scheme, Meaning::CertificateList)
    }
}

/// Says that a batch of OCSP responses with these times may be signed.
#[derive(Debug)]
pub struct OcspAdmission {
    scheme: SignatureScheme,
    this_update: UnixTime,
    next_update: UnixTime,
}

impl OcspAdmission {
    pub(crate) fn new(scheme: SignatureScheme, this: UnixTime, next: UnixTime) -> Self {
        Self { scheme, this_update: this, next_update: next }
    }

    /// Gives thisUpdate and producedAt: the signer's clock.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// Gives nextUpdate.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Admits one response of the batch that the signer built from these times.
    #[must_use]
    pub fn built<'a>(&self, data: &'a ResponseDataDer) -> Admitted<'a> {
        Admitted::new(data.as_bytes(), self.scheme, Meaning::OcspResponse)
    }
}
