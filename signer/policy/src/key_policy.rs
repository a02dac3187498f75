//! The policy of one key: parsed once, asked for every signature.

use signer_proto::stub::STUBBED;
use signer_proto::{
    Digest, EvidenceRecord, KeyLabel, MAX_TBS, Purpose, Refusal, Rule, SignKeyExchange, Transcript,
};
use x509::{KeyKind, SignatureScheme, TbsCertificate, UnixTime, sha256};

use super::admitted::{Admitted, Meaning};
use super::authority::AuthorityRules;
use super::budget::Budget;
use super::change::Diff;
use super::evidence::{self, Given};
use super::issuer::IssuerRules;
use super::leaf::LeafRules;
use super::malformed::malformed;
use super::ring::AdmitContext;
use super::section::{PolicyErrors, Section};
use super::status::{CrlAdmission, CrlRules, OcspAdmission, OcspRules};
use super::tls::{HandshakeAdmission, TlsRules};
use super::tripwires::Tripwires;

/// What a key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPolicy {
    digest: Digest,
    imported: bool,
    rules: Rules,
}

/// What a CA key of either purpose has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CaRules<R> {
    issuer: IssuerRules,
    certificates: R,
    crl: CrlRules,
    budget: Budget,
    tripwires: Tripwires,
}

impl<R> CaRules<R> {
    fn compare(&self, new: &Self, compare: fn(&R, &R, &mut Diff), diff: &mut Diff) {
        let Self { issuer, certificates, crl, budget, tripwires } = self;
        issuer.compare(&new.issuer, diff);
        compare(certificates, &new.certificates, diff);
        crl.compare(&new.crl, diff);
        budget.compare(&new.budget, diff);
        tripwires.compare(&new.tripwires, diff);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rules {
    Leaves(CaRules<LeafRules>),
    Authorities(CaRules<AuthorityRules>),
    Responder(OcspRules),
    Server(TlsRules),
}

impl KeyPolicy {
    /// Reads the TOML text of docs/KEY-POLICY.md.
    ///
    /// # Errors
    /// [`PolicyErrors`] lists everything that is wrong, each with its path.
    pub fn parse(text: &str) -> Result<Self, PolicyErrors> {
        let mut root = Section::root(text)?;
        if root.required_number("version", i64::MAX) != 1 {
            root.wrong("version", "is not 1");
        }
        let purpose = root.parsed("purpose", |text| {
            text.parse().ok().filter(|purpose| has_policy(*purpose)).ok_or_else(|| {
                "is none of \"ca-cert+crl\", \"cert+crl\", \"ocsp\", \"tls\"".to_owned()
            })
        });
        let imported = root.flag("imported", false);
        let rules = match purpose {
            Some(Purpose::CaCertAndCrl) => {
                read_ca(&mut root, AuthorityRules::read, false).map(Rules::Authorities)
            }
            Some(Purpose::CertAndCrl) => {
                read_ca(&mut root, LeafRules::read, true).map(Rules::Leaves)
            }
            Some(Purpose::Tls) => TlsRules::read(&mut root).map(Rules::Server),
            Some(_) => OcspRules::read(&mut root).map(Rules::Responder),
            // The other fields mean something only with a purpose.
            None => return root.without_leftovers(),
        };
        let digest = Digest(sha256(text.as_bytes()));
        root.end(rules.map(|rules| Self { digest, imported, rules }))
    }

    /// Compares with the policy that is to follow. The digests differ where only comments do.
    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { digest: _, imported, rules } = self;
        diff.allowance("imported", *imported, new.imported);
        match (rules, &new.rules) {
            (Rules::Leaves(old), Rules::Leaves(new)) => {
                old.compare(new, LeafRules::compare, diff);
            }
            (Rules::Authorities(old), Rules::Authorities(new)) => {
                old.compare(new, AuthorityRules::compare, diff);
            }
            (Rules::Responder(old), Rules::Responder(new)) => old.compare(new, diff),
            (Rules::Server(old), Rules::Server(new)) => old.compare(new, diff),
            _ => diff.fixed("purpose", &self.purpose(), &new.purpose(), Purpose::to_string),
        }
    }

    /// Gives SHA-256 of the text, which names this policy.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Tells whether a key signs under this policy that others may have: it came as a file, or
    /// its store could have given it away.
    #[must_use]
    pub fn admits_imported(&self) -> bool {
        self.imported
    }

    /// Gives the purpose that a key under this policy has.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        match &self.rules {
            Rules::Leaves(_) => Purpose::CertAndCrl,
            Rules::Authorities(_) => Purpose::CaCertAndCrl,
            Rules::Responder(_) => Purpose::Ocsp,
            Rules::Server(_) => Purpose::Tls,
        }
    }

    /// Gives the only algorithm that a key under this policy signs with.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        match &self.rules {
            Rules::Leaves(rules) => rules.issuer.scheme,
            Rules::Authorities(rules) => rules.issuer.scheme,
            Rules::Responder(rules) => rules.scheme,
            Rules::Server(rules) => rules.scheme,
        }
    }

    /// Refuses to put this policy on a key of another purpose, or of a kind that cannot sign with
    /// its algorithm.
    ///
    /// # Errors
    /// `purpose-mismatch` or `algorithm-refused`.
    pub fn check_key(&self, purpose: Purpose, kind: KeyKind) -> Result<(), Refusal> {
        self.expect(purpose)?;
        if self.scheme().fits(kind) {
            Ok(())
        } else {
            let detail = format!("{} is not for a key of kind {kind}", self.scheme());
            Err(Refusal::new(Rule::AlgorithmRefused, detail))
        }
    }

    /// Gives the name that stands as issuer in certificates and CRLs; none for a key that signs
    /// neither.
    #[must_use]
    pub fn issuer(&self) -> Option<&x509::Name> {
        match &self.rules {
            Rules::Leaves(rules) => Some(&rules.issuer.name),
            Rules::Authorities(rules) => Some(&rules.issuer.name),
            Rules::Responder(_) | Rules::Server(_) => None,
        }
    }

    /// Gives the budget of certificates; none for a key that signs none.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        match &self.rules {
            Rules::Leaves(rules) => Some(rules.budget),
            Rules::Authorities(rules) => Some(rules.budget),
            Rules::Responder(_) | Rules::Server(_) => None,
        }
    }

    /// Gives what freezes issuance; nothing for keys that do not issue.
    #[must_use]
    pub fn tripwires(&self) -> Tripwires {
        match &self.rules {
            Rules::Leaves(rules) => rules.tripwires,
            Rules::Authorities(rules) => rules.tripwires,
            Rules::Responder(_) | Rules::Server(_) => Tripwires::default(),
        }
    }

    /// Tells whether certificates may be put on hold.
    #[must_use]
    pub fn allows_hold(&self) -> bool {
        matches!(&self.rules, Rules::Leaves(rules) if rules.certificates.hold)
    }

    /// Gives how old a validation record may be, in seconds; none for keys whose certificates
    /// need none.
    #[must_use]
    pub fn validation_max_age(&self) -> Option<i64> {
        match &self.rules {
            Rules::Leaves(rules) => Some(rules.certificates.validation_max_age()),
            _ => None,
        }
    }

    /// Gives what an `ocsp` key's policy says of its issuer; none for other keys.
    #[must_use]
    pub fn ocsp(&self) -> Option<&OcspRules> {
        match &self.rules {
            Rules::Responder(rules) => Some(rules),
            _ => None,
        }
    }

    /// Gives what a `tls` key's policy says; none for other keys.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsRules> {
        match &self.rules {
            Rules::Server(rules) => Some(rules),
            _ => None,
        }
    }

    /// Admits a leaf certificate (issue.sock).
    ///
    /// # Errors
    /// [`Refusal`] with the first rule that is broken.
    pub fn admit_certificate<'a>(
        &self,
        context: &AdmitContext<'_>,
        tbs_der: &'a [u8],
        given: &Given<'_>,
    ) -> Result<Admitted<'a>, Refusal> {
        let Rules::Leaves(rules) = &self.rules else {
            return Err(self.mismatch(Purpose::CertAndCrl));
        };
        let tbs = parse_tbs(tbs_der)?;
        let evidence = if STUBBED {
            evidence::records(given.evidence)
        } else {
            rules.certificates.check(&rules.issuer, context, &tbs, given)?
        };
        Ok(Admitted::new(tbs_der, rules.issuer.scheme, Meaning::Certificate(tbs, evidence)))
    }

    /// Admits a leaf certificate again, as a verifier of the journal does: by the clock of that
    /// moment, and with records in place of the evidence.
    ///
    /// # Errors
    /// [`Refusal`] with the first rule that is broken.
    pub fn readmit_certificate<'a>(
        &self,
        context: &AdmitContext<'_>,
        tbs_der: &'a [u8],
        records: &[EvidenceRecord],
    ) -> Result<Admitted<'a>, Refusal> {
        let Rules::Leaves(rules) = &self.rules else {
            return Err(self.mismatch(Purpose::CertAndCrl));
        };
        let tbs = parse_tbs(tbs_der)?;
        rules.certificates.recheck(&rules.issuer, context, &tbs, records)?;
        let meaning = Meaning::Certificate(tbs, records.to_vec());
        Ok(Admitted::new(tbs_der, rules.issuer.scheme, meaning))
    }

    /// Admits a CA certificate, the self-signed one too (admin.sock).
    ///
    /// # Errors
    /// [`Refusal`] with the first rule that is broken.
    pub fn admit_authority<'a>(
        &self,
        context: &AdmitContext<'_>,
        tbs_der: &'a [u8],
    ) -> Result<Admitted<'a>, Refusal> {
        let Rules::Authorities(rules) = &self.rules else {
            return Err(self.mismatch(Purpose::CaCertAndCrl));
        };
        let tbs = parse_tbs(tbs_der)?;
        if !STUBBED {
            rules.certificates.check(&rules.issuer, context, &tbs)?;
        }
        Ok(Admitted::new(tbs_der, rules.issuer.scheme, Meaning::Authority(tbs)))
    }

    /// Admits a CRL from `now` to `next_update`; `last_this_update` is the last CRL's thisUpdate.
    ///
    /// # Errors
    /// `purpose-mismatch`, `next-update-refused`, or `budget-exhausted` before `min_interval` is
    /// over.
    pub fn admit_crl(
        &self,
        now: UnixTime,
        last_this_update: Option<UnixTime>,
        next_update: UnixTime,
    ) -> Result<CrlAdmission, Refusal> {
        let crl = match &self.rules {
            Rules::Leaves(rules) => &rules.crl,
            Rules::Authorities(rules) => &rules.crl,
            Rules::Responder(_) | Rules::Server(_) => {
                return Err(self.mismatch(Purpose::CertAndCrl));
            }
        };
        if !STUBBED {
            crl.check(now, last_this_update, next_update)?;
        }
        Ok(CrlAdmission::new(self.scheme(), now, next_update))
    }

    /// Admits a batch of OCSP responses for the certificates of `issuer_key`.
    ///
    /// # Errors
    /// `purpose-mismatch`, `responder-not-for-issuer` or `next-update-refused`.
    pub fn admit_ocsp(
        &self,
        issuer_key: &KeyLabel,
        now: UnixTime,
        next_update: UnixTime,
    ) -> Result<OcspAdmission, Refusal> {
        let Rules::Responder(rules) = &self.rules else {
            return Err(self.mismatch(Purpose::Ocsp));
        };
        if !STUBBED {
            rules.check(issuer_key, now, next_update)?;
        }
        Ok(OcspAdmission::new(rules.scheme, now, next_update))
    }

    /// Admits the server's part of a TLS 1.3 handshake, and builds what is signed of it.
    ///
    /// # Errors
    /// `purpose-mismatch` or `handshake-refused`.
    pub fn admit_handshake(
        &self,
        scheme: SignatureScheme,
        transcript: &Transcript,
    ) -> Result<HandshakeAdmission, Refusal> {
        let rules = self.tls().ok_or_else(|| self.mismatch(Purpose::Tls))?;
        rules.check(scheme, transcript)
    }

    /// Admits the server's key exchange of TLS 1.2, and builds what is signed of it.
    ///
    /// # Errors
    /// `purpose-mismatch` or `handshake-refused`.
    pub fn admit_key_exchange(
        &self,
        call: &SignKeyExchange,
    ) -> Result<HandshakeAdmission, Refusal> {
        let rules = self.tls().ok_or_else(|| self.mismatch(Purpose::Tls))?;
        rules.check_key_exchange(call)
    }

    fn expect(&self, purpose: Purpose) -> Result<(), Refusal> {
        if purpose == self.purpose() { Ok(()) } else { Err(self.mismatch(purpose)) }
    }

    fn mismatch(&self, wanted: Purpose) -> Refusal {
        let detail = format!("{wanted} under a policy for {}", self.purpose());
        Refusal::new(Rule::PurposeMismatch, detail)
    }
}

/// Tells whether keys of this purpose are under a policy of this schema.
fn has_policy(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::CaCertAndCrl | Purpose::CertAndCrl | Purpose::Ocsp | Purpose::Tls)
}

fn read_ca<R>(
    root: &mut Section,
    read: impl FnOnce(&mut Section) -> Option<R>,
    has_names: bool,
) -> Option<CaRules<R>> {
    let issuer = IssuerRules::read(root);
    let certificates = read(root);
    let crl = CrlRules::read(root.section("crl"));
    let budget = Budget::read(root.section("budget"), has_names);
    let tripwires = Tripwires::read(root.section("tripwires"));
    Some(CaRules { issuer: issuer?, certificates: certificates?, crl, budget, tripwires })
}

fn parse_tbs(der: &[u8]) -> Result<TbsCertificate, Refusal> {
    if der.len() > MAX_TBS {
        return Err(Refusal::new(Rule::DerNotStrict, format!("more than {MAX_TBS} octets")));
    }
    TbsCertificate::parse(der).map_err(|error| malformed(&error))
}
