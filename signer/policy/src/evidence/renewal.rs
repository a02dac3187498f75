//! Renewal: the old key speaks for the new one, under the same names.

use std::collections::HashSet;

use signer_proto::{Refusal, Renewal, Rule};
use x509::{GeneralName, TbsCertificate, UnixTime};

use super::Facts;

/// Refuses a renewal unless the certificate that it names is this key's, is in force at the
/// signer's clock, has the subject and the alternative names of the new one, and its key signed
/// over the new CSR. The CSR was held against the new key before.
pub(super) fn check(
    now: UnixTime,
    tbs: &TbsCertificate,
    renewal: &Renewal,
    facts: &dyn Facts,
) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::new(Rule::RenewalRefused, why));
    let position = renewal.renewed;
    // The old key comes from the signer's own journal, not from the message.
    let Some(issued) = facts.issued(position)? else {
        return refuse(format!("the leaf at {position} is no certificate of this key"));
    };
    let old = match TbsCertificate::parse(issued.tbs.as_bytes()) {
        Ok(old) => old,
        Err(error) => return refuse(format!("the certificate at {position}: {error}")),
    };
    if issued.revoked {
        return refuse(format!("the certificate at {position} is revoked or on hold"));
    }
    if now < old.not_before || now > old.not_after {
        let (from, to) = (old.not_before, old.not_after);
        return refuse(format!("the certificate at {position} is valid {from} to {to}, not {now}"));
    }
    if old.subject.der() != tbs.subject.der() || names(&old) != names(tbs) {
        return refuse(format!("the certificate at {position} has other names"));
    }
    let message = Renewal::message(&renewal.csr);
    match old.public_key.verify(renewal.scheme, &message, &renewal.signature) {
        Ok(()) => Ok(()),
        Err(error) => refuse(format!("the old key's signature: {error}")),
    }
}

fn names(tbs: &TbsCertificate) -> HashSet<&GeneralName> {
    tbs.extensions.subject_alt_name().unwrap_or_default().iter().collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use signer_proto::Evidence;
    use x509::{CsrDer, PublicKey, Signature, SignatureScheme, TbsCertificateDer, sha256};

    use super::*;
    use crate::IssuedCertificate;
    use crate::sample::*;
    use crate::sample_keys as keys;

    struct Old {
        pair: EcdsaKeyPair,
        draft: Draft,
    }

    impl Old {
        fn new() -> Self {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
            let mut draft = server();
            draft.key = PublicKey::parse(pair.public_key().as_der().unwrap().as_ref()).unwrap();
            Self { pair, draft }
        }

        fn issued(&self, revoked: bool) -> IssuedCertificate {
            IssuedCertificate { tbs: TbsCertificateDer::from_vec(self.draft.der()), revoked }
        }

        fn sign(&self, message: &[u8]) -> Signature {
            let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
            Signature::from_vec(signature.as_ref().to_vec())
        }
    }

    fn csr(of: &str) -> CsrDer {
        let Evidence::Request(csr) = request(of) else { unreachable!() };
        csr
    }

    fn demanding() -> World {
        World::leaves_but("proof_of_possession = false", "evidence = [[\"renewal\"]]")
    }

    fn verdict(world: &mut World, draft: &Draft, renewal: Renewal) -> Result<(), Rule> {
        world.evidence = vec![Evidence::Renewal(renewal)];
        world.verdict(draft)
    }

    /// An honest renewal of what stands at `renewed`, over the CSR of the sample's leaf.
    fn honest(old: &Old, renewed: u64) -> Renewal {
        let csr = csr(keys::LEAF_REQUEST);
        let signature = old.sign(&Renewal::message(&csr));
        Renewal { renewed, csr, scheme: SignatureScheme::EcdsaP256Sha256, signature }
    }

    #[test]
    fn the_old_key_renews_under_the_same_names() {
        let mut world = demanding();
        assert_eq!(world.verdict(&server()), Err(Rule::EvidenceMissing));
        let old = Old::new();
        let renewed = world.facts.issue(old.issued(false));
        assert_eq!(verdict(&mut world, &server(), honest(&old, renewed)), Ok(()));
        // The order of the names says nothing.
        let mut turned = server();
        let names = turned.extensions.iter().find_map(|extension| match &extension.value {
            x509::ExtensionValue::SubjectAltName(names) => Some(names.clone()),
            _ => None,
        });
        turned.names(names.unwrap().into_iter().rev().collect());
        assert_eq!(verdict(&mut world, &turned, honest(&old, renewed)), Ok(()));
        let record = super::super::records(&world.evidence)[0];
        assert_eq!((record.kind, &record.digest.0[24..]), (3, &renewed.to_be_bytes()[..]));
    }

    #[test]
    fn refuses_a_certificate_that_is_not_in_force() {
        let mut world = demanding();
        let revoked = Old::new();
        let at = world.facts.issue(revoked.issued(true));
        let refused = Err(Rule::RenewalRefused);
        assert_eq!(verdict(&mut world, &server(), honest(&revoked, at)), refused);

        let mut expired = Old::new();
        expired.draft.not_before = now().plus_seconds(-90 * DAY);
        expired.draft.not_after = now().plus_seconds(-1);
        let at = world.facts.issue(expired.issued(false));
        assert_eq!(verdict(&mut world, &server(), honest(&expired, at)), refused);
        expired.draft.not_after = now();
        let at = world.facts.issue(expired.issued(false));
        assert_eq!(verdict(&mut world, &server(), honest(&expired, at)), Ok(()));

        let mut early = Old::new();
        early.draft.not_before = now().plus_seconds(1);
        let at = world.facts.issue(early.issued(false));
        assert_eq!(verdict(&mut world, &server(), honest(&early, at)), refused);
        assert_eq!(verdict(&mut world, &server(), honest(&early, 99)), refused);
    }

    #[test]
    fn refuses_other_names() {
        let mut world = demanding();
        for change in [
            |draft: &mut Draft| draft.subject = name("CN=www.corp.example,O=Corp"),
            |draft: &mut Draft| draft.names(vec![dns("www.corp.example")]),
            |draft: &mut Draft| {
                draft.names(vec![
                    dns("www.corp.example"),
                    GeneralName::Ip("10.1.2.4".parse().unwrap()),
                ]);
            },
        ] {
            let mut old = Old::new();
            change(&mut old.draft);
            let at = world.facts.issue(old.issued(false));
            let found = verdict(&mut world, &server(), honest(&old, at));
            assert_eq!(found, Err(Rule::RenewalRefused));
        }
    }

    #[test]
    fn refuses_signatures_over_anything_else() {
        let mut world = demanding();
        let old = Old::new();
        let at = world.facts.issue(old.issued(false));
        let good = csr(keys::LEAF_REQUEST);
        let other = Renewal::message(&csr(keys::P384_REQUEST));
        let bare = sha256(good.as_bytes()).to_vec();
        let without_zero = [Renewal::CONTEXT, &bare].concat();
        let whole = [Renewal::CONTEXT, &[0], good.as_bytes()].concat();
        for message in [other, bare, without_zero, whole, good.as_bytes().to_vec()] {
            let renewal = Renewal { signature: old.sign(&message), ..honest(&old, at) };
            assert_eq!(verdict(&mut world, &server(), renewal), Err(Rule::RenewalRefused));
        }
        let somebody = honest(&Old::new(), at);
        assert_eq!(verdict(&mut world, &server(), somebody), Err(Rule::RenewalRefused));
        let scheme = SignatureScheme::Ed25519;
        let renewal = Renewal { scheme, ..honest(&old, at) };
        assert_eq!(verdict(&mut world, &server(), renewal), Err(Rule::RenewalRefused));
    }

    #[test]
    fn refuses_a_request_for_another_key_than_the_certificates() {
        let mut world = demanding();
        let old = Old::new();
        let renewed = world.facts.issue(old.issued(false));
        let csr = csr(keys::P384_REQUEST);
        let signature = old.sign(&Renewal::message(&csr));
        let renewal = Renewal { csr, signature, ..honest(&old, renewed) };
        let found = verdict(&mut world, &server(), renewal);
        assert_eq!(found, Err(Rule::ProofOfPossessionRefused));
    }
}
