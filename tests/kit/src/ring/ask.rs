//! What the tests ask of a ring: calls, drafts and orders, its journal.

use std::sync::atomic::Ordering;

use signer_proto::{
    Call, Describe, Digest, EvidenceList, GenerateKey, IdempotencyKey, KeyDescription, KeySpec,
    MintSerials, PolicyText, Purpose, ReadJournal, Refusal, Rule, SetPolicy, SignAuthority,
    SignCertificate, Socket, Warrant,
};
use x509::{Certificate, PublicKey, Serial, TbsCertificateDer};

use super::{Ring, assemble, label};
use crate::{Draft, ISSUING, ISSUING_NAME, Ledger, RESPONDER, ROOT, ROOT_NAME, draft, name};

impl Ring {
    /// Asks on a new connection to a socket that speaks the call.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn call<C: Call>(&self, call: &C) -> Result<C::Answer, Refusal> {
        let socket = Socket::ALL.iter().find(|socket| C::KIND.permitted_on(**socket));
        let mut peer = self.peer(*socket.expect("a socket speaks it"));
        peer.call(call).map_err(crate::Failure::refusal)
    }

    /// Returns a key.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn describe(&self, key: &str) -> KeyDescription {
        let described = self.call(&Describe).expect("a description");
        let mut keys = described.keys.0.into_iter();
        keys.find(|found| found.label.as_str() == key).expect("the key is there")
    }

    /// Returns a public key.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn public(&self, key: &str) -> PublicKey {
        let spki = self.describe(key).spki.expect("a public key");
        PublicKey::parse(spki.as_bytes()).expect("a strict SPKI")
    }

    /// Returns the digest of the policy in force.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn policy(&self, key: &str) -> Digest {
        self.describe(key).policy.expect("a policy").digest
    }

    /// Mints a serial.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn mint(&self, key: &str) -> Serial {
        let call = MintSerials { key: label(key), count: 1 };
        self.call(&call).expect("a serial").0[0]
    }

    /// Returns an idempotency key that was not used before.
    #[must_use]
    pub fn idempotency(&self) -> IdempotencyKey {
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        IdempotencyKey((0xc4a9_c0de_u128 << 64 | u128::from(next)).to_be_bytes())
    }

    /// Drafts an honest leaf of [`ISSUING`] with a fresh serial.
    #[must_use]
    pub fn leaf(&self) -> Draft {
        self.leaf_of(ISSUING, ISSUING_NAME)
    }

    /// Drafts an honest leaf of any issuing key.
    #[must_use]
    pub fn leaf_of(&self, key: &str, issuer: &str) -> Draft {
        let issuer = (&name(issuer), &self.public(key));
        draft::server(self.mint(key), issuer, self.clock.now())
    }

    /// Drafts an honest responder's certificate.
    #[must_use]
    pub fn responder(&self) -> Draft {
        let mut draft = self.leaf();
        draft.become_responder(&self.public(RESPONDER));
        draft
    }

    /// Drafts an honest CA certificate under the root; the root's own for its own name and key.
    #[must_use]
    pub fn authority(&self, subject: &str, key: &PublicKey) -> Draft {
        let root = (&name(ROOT_NAME), &self.public(ROOT));
        let serial = self.mint(ROOT);
        draft::authority(serial, root, self.clock.now(), (&name(subject), key))
    }

    /// Drafts a CA certificate by any key under the root's name.
    #[must_use]
    pub fn authority_by(&self, key: &str, subject: &str, public: &PublicKey) -> Draft {
        let issuer = (&name(ROOT_NAME), &self.public(key));
        draft::authority(self.mint(key), issuer, self.clock.now(), (&name(subject), public))
    }

    /// Asks [`ISSUING`] for a certificate.
    #[must_use]
    pub fn order(&self, draft: &Draft) -> SignCertificate {
        self.order_der(draft.tbs())
    }

    /// Asks [`ISSUING`] for the signature over any bytes.
    #[must_use]
    pub fn order_der(&self, tbs: impl Into<TbsBytes>) -> SignCertificate {
        SignCertificate {
            key: label(ISSUING),
            policy: self.policy(ISSUING),
            profile: Digest([0x33; 32]),
            tbs: tbs.into().0,
            evidence: EvidenceList(Vec::new()),
            idempotency: self.idempotency(),
        }
    }

    /// Asks the root for a CA certificate.
    #[must_use]
    pub fn authority_order(&self, draft: &Draft) -> SignAuthority {
        SignAuthority {
            key: label(ROOT),
            policy: self.policy(ROOT),
            tbs: draft.tbs(),
            idempotency: self.idempotency(),
            warrant: Warrant::none(),
        }
    }

    /// Issues an honest leaf and verifies it.
    ///
    /// # Panics
    /// If it is refused or does not verify.
    #[must_use]
    pub fn issue(&self) -> Certificate {
        let tbs = self.leaf().tbs();
        let signed = self.call(&self.order_der(tbs.clone())).expect("an honest leaf is issued");
        let certificate = assemble(&tbs, &signed);
        certificate.verify_by(&self.public(ISSUING)).expect("it verifies");
        certificate
    }

    /// Returns the certificate of a CA of this ring.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn certificate(&self, key: &str) -> &Certificate {
        let found = self.certificates.iter().find(|(found, _)| *found == key);
        &found.expect("the CA has a certificate").1
    }

    /// Reads the journal from a position to its end.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn ledger_from(&self, from: u64) -> Ledger {
        let mut peer = self.peer(Socket::Status);
        let mut octets: Vec<Vec<u8>> = Vec::new();
        loop {
            let read = ReadJournal { from: from + octets.len() as u64, limit: 4096 };
            let slice = peer.call(&read).expect("the journal is read");
            octets.extend(slice.leaves.0.into_iter().map(|leaf| leaf.0));
            if from + octets.len() as u64 >= slice.size {
                let ledger = Ledger::new(from, octets);
                if self.outside {
                    ledger.signatures().for_each(|signature| self.counts.learn(signature));
                }
                return ledger;
            }
        }
    }

    /// Returns how many leaves the journal has.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn size(&self) -> u64 {
        let read = ReadJournal { from: 0, limit: 1 };
        self.peer(Socket::Status).call(&read).expect("the journal is read").size
    }

    /// Waits until so many refusals by a rule are counted in the journal.
    ///
    /// # Panics
    /// If they do not come.
    pub fn await_refused(&self, rule: Rule, count: u64) {
        let begun = std::time::Instant::now();
        while self.ledger().refused_by(rule) < count {
            assert!(begun.elapsed().as_secs() < 5, "{count} refusals by {rule} are not counted");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Reads the whole journal.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger_from(0)
    }

    /// Generates a key.
    ///
    /// # Panics
    /// If it is refused.
    pub fn generate(&self, key: &str, purpose: Purpose, spec: KeySpec) -> PublicKey {
        let mut call = GenerateKey { label: label(key), purpose, spec, warrant: Warrant::none() };
        call.warrant = self.enough(call.clone());
        let key = self.call(&call).expect("a key");
        PublicKey::parse(key.spki.expect("a public key").as_bytes()).expect("a strict SPKI")
    }

    /// Puts a policy in force after the one that is.
    ///
    /// # Panics
    /// If it is refused.
    pub fn set_policy(&self, key: &str, text: &str) {
        let mut call = SetPolicy {
            key: label(key),
            previous: self.describe(key).policy.map(|policy| policy.digest),
            text: PolicyText(text.to_owned()),
            warrant: Warrant::none(),
        };
        call.warrant = self.enough(call.clone());
        self.call(&call).expect("the policy comes into force");
    }
}

/// Bytes to be signed, honest or not.
pub struct TbsBytes(TbsCertificateDer);

impl From<TbsCertificateDer> for TbsBytes {
    fn from(tbs: TbsCertificateDer) -> Self {
        Self(tbs)
    }
}

impl From<Vec<u8>> for TbsBytes {
    fn from(octets: Vec<u8>) -> Self {
        Self(TbsCertificateDer::from_vec(octets))
    }
}
