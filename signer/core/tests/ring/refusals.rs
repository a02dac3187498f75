//! What is refused leaves a trace, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keystore::{Approved, DriverError, KeyDriver, KeyIdentity};
use signer_proto::{
    Approval, Approvals, Event, GenerateKey, Health, KeySpec, PolicyText, Purpose, Refused, Rule,
    Seal, SealContext, SetPolicy, SignCaRequest, Socket, Unseal, Warrant,
};
use x509::{
    BasicConstraints, CertificationRequestInfo, Extension, ExtensionValue, Extensions, Signature,
    SignatureScheme, SpkiDer,
};
use zeroize::Zeroizing;

use super::drafts::{self, DAY};
use super::workshop::{CREDENTIAL, UID, Workshop, label};

/// Waits until the journal has refusals of a rule, and returns them.
fn refused(workshop: &Workshop, rule: Rule, count: u32) -> Vec<Refused> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let found: Vec<Refused> = workshop
            .leaves()
            .into_iter()
            .filter_map(|leaf| match leaf.event {
                Event::Refused(refused) if refused.rule == rule => Some(refused),
                _ => None,
            })
            .collect();
        if found.iter().map(|refused| refused.count).sum::<u32>() >= count {
            return found;
        }
        assert!(Instant::now() < until, "{rule} was not journaled");
        workshop.clock.pass(1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_refusal_is_journaled_with_who_and_what() {
    let workshop = Workshop::with_hierarchy();
    let tbs = workshop.leaf("www.elsewhere.example");
    let refusal = workshop.call(workshop.order(&tbs)).unwrap_err();
    assert_eq!(refusal.rule, Rule::NameNotPermitted);
    let found = refused(&workshop, Rule::NameNotPermitted, 1);
    let leaf = &found[0];
    assert_eq!((leaf.uid, leaf.count), (UID, 1));
    assert_eq!((leaf.socket, leaf.kind), (Socket::Issue.code(), 17));
    assert_eq!(leaf.detail.0, refusal.detail);
}

#[test]
fn many_refusals_are_few_leaves_and_none_is_lost() {
    let mut workshop = Workshop::with_hierarchy();
    let order = workshop.order(&workshop.leaf("www.elsewhere.example"));
    for _ in 0..50 {
        assert!(workshop.call(order.clone()).is_err());
    }
    workshop.restart();
    let found = refused(&workshop, Rule::NameNotPermitted, 50);
    assert_eq!(found.iter().map(|refused| refused.count).sum::<u32>(), 50);
    assert!(found.len() < 10, "{found:?}");
}

#[test]
fn refuses_calls_on_sockets_that_do_not_speak_them() {
    let workshop = Workshop::with_hierarchy();
    let call = GenerateKey {
        label: label("mine"),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
        warrant: Warrant::none(),
    };
    for socket in [Socket::Issue, Socket::Status, Socket::Va] {
        let answer = workshop.ask_on(socket, &call).recv().unwrap();
        assert_eq!(answer.unwrap_err().rule, Rule::KindNotPermitted);
    }
    assert!(workshop.ask_on(Socket::Va, &Health).recv().unwrap().is_ok());
}

#[test]
fn refuses_what_is_over_the_budget_until_the_hour_is_over() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(3, false));
    let order = |workshop: &Workshop| workshop.order(&workshop.leaf("a.corp.example"));
    for _ in 0..3 {
        workshop.call(order(&workshop)).unwrap();
    }
    assert_eq!(workshop.call(order(&workshop)).unwrap_err().rule, Rule::BudgetExhausted);
    workshop.restart();
    assert_eq!(workshop.call(order(&workshop)).unwrap_err().rule, Rule::BudgetExhausted);
    workshop.clock.pass(62 * 60);
    workshop.call(order(&workshop)).unwrap();
}

#[test]
fn refuses_clocks_that_step_back_or_jump_ahead() {
    let workshop = Workshop::with_hierarchy();
    let order = workshop.order(&workshop.leaf("a.corp.example"));
    workshop.clock.set_wall_by(-10);
    assert_eq!(workshop.call(order.clone()).unwrap_err().rule, Rule::ClockBehind);
    workshop.clock.set_wall_by(10 + 31 * DAY);
    assert_eq!(workshop.call(order.clone()).unwrap_err().rule, Rule::ClockAhead);
    workshop.clock.set_wall_by(-31 * DAY);
    // The jump was refused and not written down: the floor did not move.
    let signed = workshop.call(order).unwrap();
    assert!(signed.signed_at.seconds_since(workshop.now()).abs() <= 1);
    let times: Vec<i64> = workshop.leaves().iter().map(|leaf| leaf.at_ms).collect();
    assert!(times.is_sorted());
}

static FAULTY: AtomicBool = AtomicBool::new(false);

/// A driver that bends every signature while a switch is on.
struct Bent(Arc<dyn KeyDriver>);

impl KeyDriver for Bent {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.public_key(key)
    }
    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        let mut octets = self.0.sign(key, scheme, message)?.into_vec();
        if FAULTY.load(Ordering::SeqCst) {
            *octets.last_mut().unwrap() ^= 1;
        }
        Ok(Signature::from_vec(octets))
    }
    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.generate(key)
    }
    fn health(&self) -> Result<(), DriverError> {
        self.0.health()
    }
}

#[test]
fn a_signature_that_does_not_verify_never_leaves_and_sets_the_key_aside() {
    let mut workshop = Workshop::locked(|driver| Arc::new(Bent(driver)));
    workshop.signer().unlock(Zeroizing::new(CREDENTIAL.to_vec())).unwrap();
    workshop = workshop.found_hierarchy();
    let order = workshop.order(&workshop.leaf("a.corp.example"));
    FAULTY.store(true, Ordering::SeqCst);
    let faulty = workshop.call(order.clone()).unwrap_err();
    FAULTY.store(false, Ordering::SeqCst);
    assert_eq!(faulty.rule, Rule::SignatureFaulty);
    assert_eq!(workshop.call(order.clone()).unwrap_err().rule, Rule::SignatureFaulty);
    refused(&workshop, Rule::SignatureFaulty, 2);
    assert_eq!(workshop.count(|event| matches!(event, Event::CertificateSigned(_))), 0);
    // Other keys go on, and a restart gives the key another chance.
    workshop.sign_ca_request("root").unwrap();
    workshop.restart();
    workshop.call(order).unwrap();
}

#[test]
fn refuses_policies_that_do_not_follow_or_do_not_fit() {
    let workshop = Workshop::with_hierarchy();
    let in_force = Some(workshop.policy("issuing"));
    let set = |key: &str, previous, text: String, approvals: Vec<Approval>| {
        let call = SetPolicy {
            key: label(key),
            previous,
            text: PolicyText(text),
            warrant: Warrant { approvals: Approvals(approvals), ..Warrant::none() },
        };
        workshop.call(call).map(|_| ()).unwrap_err().rule
    };
    let text = || drafts::issuing_policy_with(5, false);
    assert_eq!(set("issuing", None, text(), vec![]), Rule::PolicyPredecessor);
    assert_eq!(
        set("issuing", Some(workshop.policy("root")), text(), vec![]),
        Rule::PolicyPredecessor
    );
    assert_eq!(set("issuing", in_force, "?".to_owned(), vec![]), Rule::PolicyMalformed);
    assert_eq!(set("ocsp", in_force, text(), vec![]), Rule::PurposeMismatch);
    assert_eq!(set("log", None, text(), vec![]), Rule::PurposeMismatch);
    let rsa = text().replace("ecdsa-p256-sha256", "rsa-pkcs1-sha256");
    assert_eq!(set("issuing", in_force, rsa, vec![]), Rule::AlgorithmRefused);
    let approval = vec![Approval(b"SSHSIG".to_vec())];
    assert_eq!(set("issuing", in_force, text(), approval), Rule::ApprovalMissing);
    let nobody = drafts::responder_policy().replace("\"issuing\"", "\"gone\"");
    let ocsp = Some(workshop.policy("ocsp"));
    assert_eq!(set("ocsp", ocsp, nobody, vec![]), Rule::KeyUnknown);
    assert_eq!(workshop.describe("issuing").policy.unwrap().version, 1);
}

#[test]
fn refuses_labels_that_are_taken_and_keys_that_no_purpose_has() {
    let workshop = Workshop::with_hierarchy();
    let generate = |label_text: &str, purpose, spec| {
        let call =
            GenerateKey { label: label(label_text), purpose, spec, warrant: Warrant::none() };
        workshop.call(call).map(|_| ()).unwrap_err().rule
    };
    let purpose = Purpose::CertAndCrl;
    assert_eq!(generate("issuing", purpose, KeySpec::P256), Rule::KeyExists);
    assert_eq!(generate("log", purpose, KeySpec::P256), Rule::KeyExists);
    assert_eq!(generate("new", purpose, KeySpec::Aes256), Rule::KeySpecRefused);
    assert_eq!(generate("new", Purpose::Log, KeySpec::Ed25519), Rule::PurposeMismatch);
    assert_eq!(generate("new", Purpose::Scep, KeySpec::Rsa2048), Rule::PurposeMismatch);
    for spec in [KeySpec::Rsa2048, KeySpec::MlDsa44, KeySpec::HmacSha256] {
        assert_eq!(generate("new", Purpose::Tls, spec), Rule::KeySpecRefused);
    }
    workshop.generate("new", purpose, KeySpec::P256);
}

impl Workshop {
    fn ca_request(&self, key: &str) -> CertificationRequestInfo {
        let constraints = BasicConstraints { ca: true, path_len: None };
        let extension = Extension::critical(ExtensionValue::BasicConstraints(constraints));
        CertificationRequestInfo {
            subject: drafts::root_name(),
            public_key: self.public(key),
            extensions: Extensions::new(vec![extension]).unwrap(),
        }
    }

    fn sign_ca_request(
        &self,
        key: &str,
    ) -> Result<signer_proto::SignedCertificate, signer_proto::Refusal> {
        self.call(SignCaRequest {
            key: label(key),
            info: self.ca_request(key).encode().unwrap(),
            warrant: Warrant::none(),
        })
    }
}

#[test]
fn a_key_without_policy_signs_its_own_request_and_nothing_else() {
    let workshop = Workshop::new();
    workshop.generate("issuing", Purpose::CertAndCrl, KeySpec::P256);
    let signed = workshop.sign_ca_request("issuing").unwrap();
    let info = workshop.ca_request("issuing").encode().unwrap();
    let public = workshop.public("issuing");
    let scheme = SignatureScheme::EcdsaP256Sha256;
    assert_eq!(public.verify(scheme, info.as_bytes(), &signed.signature), Ok(()));
    let tbs = workshop.leaf("a.corp.example");
    let order = signer_proto::SignCertificate {
        key: label("issuing"),
        policy: signer_proto::Digest([0; 32]),
        profile: signer_proto::Digest([0; 32]),
        tbs: tbs.encode().unwrap(),
        evidence: signer_proto::EvidenceList(vec![]),
        idempotency: workshop.idempotency(),
    };
    assert_eq!(workshop.call(order).unwrap_err().rule, Rule::KeyNotActive);
    workshop.generate("other", Purpose::CertAndCrl, KeySpec::P256);
    let foreign = SignCaRequest { key: label("other"), info, warrant: Warrant::none() };
    assert_eq!(workshop.call(foreign).unwrap_err().rule, Rule::ProofOfPossessionRefused);
}

#[test]
fn a_sealed_value_opens_in_its_own_context_only() {
    let workshop = Workshop::new();
    let seal = Seal {
        context: SealContext(b"row 1".to_vec()),
        plaintext: signer_proto::Plaintext(Zeroizing::new(b"secret".to_vec())),
    };
    let sealed = workshop.call(seal).unwrap();
    let unseal = |context: &[u8], sealed: &signer_proto::Sealed| {
        workshop.call(Unseal { context: SealContext(context.to_vec()), sealed: sealed.clone() })
    };
    assert_eq!(*unseal(b"row 1", &sealed).unwrap().0, b"secret");
    assert_eq!(unseal(b"row 2", &sealed).unwrap_err().rule, Rule::SealNotOurs);
    let mut bent = sealed;
    *bent.0.last_mut().unwrap() ^= 1;
    assert_eq!(unseal(b"row 1", &bent).unwrap_err().rule, Rule::SealNotOurs);
}
