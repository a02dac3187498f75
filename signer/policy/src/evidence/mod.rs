//! What stands for a certificate besides its bytes, and what of it a policy demands.

mod demand;
mod officer;
mod renewal;
mod validation;

use signer_proto::{Digest, Evidence, EvidenceRecord, Refusal, Rule, Wire};
use x509::{Csr, CsrDer, PublicKey, TbsCertificate, TbsCertificateDer, UnixTime, sha256};

use self::demand::{Demand, Proof};
use self::officer::Officers;
use super::change::{Diff, span};
use super::section::Section;

pub use officer::{OFFICER_NAMESPACE, certificate_summary};
pub use validation::Validation;

/// How old a validation record may be where the policy does not say: thirty days.
const DEFAULT_MAX_AGE: i64 = 30 * 86_400;

/// What the signer knows from its own journal: evidence only points there.
pub trait Facts {
    /// Tells of the certificate whose leaf stands at a position, if the key that is asked to sign
    /// signed it.
    ///
    /// # Errors
    /// [`Refusal`] if the journal does not read.
    fn issued(&self, position: u64) -> Result<Option<IssuedCertificate>, Refusal>;

    /// Tells of the validation whose leaf stands at a position.
    ///
    /// # Errors
    /// [`Refusal`] if the journal does not read.
    fn validation(&self, position: u64) -> Result<Option<Validation>, Refusal>;
}

/// A certificate that was issued earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// What was signed.
    pub tbs: TbsCertificateDer,
    /// Whether it is revoked, or on hold.
    pub revoked: bool,
}

/// Evidence, and what it points to.
#[derive(Clone, Copy)]
pub struct Given<'g> {
    /// What came with the request.
    pub evidence: &'g [Evidence],
    /// What the signer knows.
    pub facts: &'g dyn Facts,
}

/// What evidence is demanded, and what makes it hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EvidenceRules {
    demand: Demand,
    validation_max_age: i64,
    officers: Officers,
}

impl EvidenceRules {
    /// Reads `proof_of_possession`, `evidence`, `validation_max_age` and `[officers]`.
    pub(crate) fn read(root: &mut Section, section: &mut Section) -> Self {
        let rules = Self {
            demand: Demand::read(section),
            validation_max_age: section.duration_or("validation_max_age", DEFAULT_MAX_AGE),
            officers: Officers::read(root.section("officers")),
        };
        if rules.demand.names_officers() && rules.officers.is_empty() {
            root.wrong("officers.keys", "are needed by `evidence`");
        }
        rules
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { demand, validation_max_age, officers } = self;
        demand.compare(&new.demand, diff);
        diff.ceiling("validation_max_age", validation_max_age, &new.validation_max_age, span);
        diff.outside(|diff| officers.compare(&new.officers, diff));
    }

    /// Refuses evidence that does not hold, and the lack of what is demanded of `demanded`
    /// certificates.
    ///
    /// All that is given is checked, also where none is demanded: it is recorded in the journal
    /// as what stood for the certificate.
    pub(crate) fn check(
        &self,
        demanded: bool,
        now: UnixTime,
        tbs: &TbsCertificate,
        given: &Given<'_>,
    ) -> Result<Vec<EvidenceRecord>, Refusal> {
        if demanded {
            let enough = self.officers.enough(given.evidence);
            self.check_demand(enough, given.evidence.iter().map(Evidence::kind))?;
        }
        for evidence in given.evidence {
            self.check_one(now, tbs, evidence, given.facts)?;
        }
        Ok(records(given.evidence))
    }

    fn check_one(
        &self,
        now: UnixTime,
        tbs: &TbsCertificate,
        evidence: &Evidence,
        facts: &dyn Facts,
    ) -> Result<(), Refusal> {
        match evidence {
            Evidence::Request(csr) => check_request(&tbs.public_key, csr),
            Evidence::ScepRenewal(_) => {
                // RFC 8894 §3.2.2: the CSR is in an envelope that only a registration authority
                // opens; without it nothing says what was asked for.
                let why = "a SCEP message needs a scep key in this ring: not there yet";
                Err(Refusal::new(Rule::RenewalRefused, why))
            }
            Evidence::Renewal(renewal) => {
                check_request(&tbs.public_key, &renewal.csr)?;
                renewal::check(now, tbs, renewal, facts)
            }
            Evidence::Validation(positions) => {
                validation::check(now, self.validation_max_age, tbs, (&positions.0, facts))
            }
            Evidence::Officer(signature) => self.officers.check(tbs, signature),
        }
    }

    pub(crate) fn validation_max_age(&self) -> i64 {
        self.validation_max_age
    }

    /// Refuses records that are not what is demanded, and records of evidence that nobody knows.
    pub(crate) fn check_records(
        &self,
        demanded: bool,
        records: &[EvidenceRecord],
    ) -> Result<(), Refusal> {
        if let Some(unknown) = records.iter().find(|record| Proof::of_kind(record.kind).is_none()) {
            let detail = format!("evidence of kind {}", unknown.kind);
            return Err(Refusal::new(Rule::EvidenceMissing, detail));
        }
        if demanded {
            let enough = self.officers.enough_records(records);
            self.check_demand(enough, records.iter().map(|record| record.kind))?;
        }
        Ok(())
    }

    /// Holds kinds of evidence against the demand; officers count if there are enough of them.
    fn check_demand(&self, enough: bool, kinds: impl Iterator<Item = u8>) -> Result<(), Refusal> {
        let counts = |kind: &u8| enough || Proof::of_kind(*kind) != Some(Proof::Officer);
        self.demand.check(kinds.filter(counts)).map_err(|refusal| match self.officers.threshold() {
            several @ 2.. if refusal.rule == Rule::EvidenceMissing => {
                let detail = format!("{}; {several} officers must sign", refusal.detail);
                Refusal::new(refusal.rule, detail)
            }
            _ => refusal,
        })
    }
}

/// Gives what the journal keeps of evidence: nothing that is not in the request itself, so that
/// a retry is known by it.
#[must_use]
pub fn records(evidence: &[Evidence]) -> Vec<EvidenceRecord> {
    evidence.iter().map(record).collect()
}

fn record(evidence: &Evidence) -> EvidenceRecord {
    let digest = match evidence {
        Evidence::Request(csr) => sha256(csr.as_bytes()),
        Evidence::ScepRenewal(message) => sha256(&message.0),
        Evidence::Renewal(renewal) => {
            let mut digest = sha256(&renewal.to_wire());
            if let Some(tail) = digest.last_chunk_mut::<8>() {
                *tail = renewal.renewed.to_be_bytes();
            }
            digest
        }
        Evidence::Validation(positions) => sha256(&positions.to_wire()),
        Evidence::Officer(signature) => sha256(&signature.0),
    };
    EvidenceRecord { kind: evidence.kind(), digest: Digest(digest) }
}

/// Refuses a CSR (RFC 2986) that is not strict, is for another key, or whose signature does not
/// verify.
fn check_request(subject_key: &PublicKey, csr: &CsrDer) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal::new(Rule::ProofOfPossessionRefused, why);
    let csr = Csr::parse(csr.as_bytes()).map_err(|error| refuse(format!("CSR: {error}")))?;
    if csr.public_key() != subject_key {
        return Err(refuse("the CSR is for another key".to_owned()));
    }
    csr.verify_self_signature().map_err(|error| refuse(format!("CSR: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::*;
    use crate::sample_keys as keys;

    #[test]
    fn a_request_proves_possession_of_the_subjects_key() {
        let mut world =
            World::leaves_but("proof_of_possession = false", "proof_of_possession = true");
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
        assert_eq!(world.verdict(&responder()), Ok(()));

        world.evidence = vec![request(keys::LEAF_REQUEST)];
        let der = server().der();
        let context = world.context();
        let given = Given { evidence: &world.evidence, facts: &world.facts };
        let admitted = world.policy.admit_certificate(&context, &der, &given).unwrap();
        assert_eq!(admitted.evidence().len(), 1);
        assert_eq!(admitted.evidence()[0].kind, 1);
    }

    #[test]
    fn refuses_a_request_for_another_key() {
        let mut world = World::leaves();
        world.evidence = vec![request(keys::LEAF_REQUEST), request(keys::P384_REQUEST)];
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
    }

    #[test]
    fn refuses_a_request_whose_signature_does_not_verify() {
        let mut world = World::leaves();
        let Evidence::Request(csr) = request(keys::LEAF_REQUEST) else { unreachable!() };
        let mut der = csr.into_vec();
        *der.last_mut().unwrap() ^= 1;
        world.evidence = vec![Evidence::Request(x509::CsrDer::from_vec(der))];
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
    }

    #[test]
    fn refuses_a_scep_message_by_name() {
        let mut world = World::leaves();
        world.evidence = vec![Evidence::ScepRenewal(signer_proto::ScepMessage(vec![0x30, 0]))];
        let refusal = world.admit(&server()).unwrap_err();
        assert_eq!(refusal.rule, Rule::RenewalRefused);
        assert!(refusal.detail.contains("scep key"), "{refusal}");
    }

    #[test]
    fn refuses_an_officer_where_the_policy_names_none() {
        let mut world = World::leaves();
        let signature = signer_proto::OfficerSignature(b"-----BEGIN SSH SIGNATURE-----".to_vec());
        world.evidence = vec![Evidence::Officer(signature)];
        assert_eq!(world.verdict(&server()), Err(Rule::OfficerRefused));
    }
}
