//! The steps that ceremonies are made of.

use signer_client::CallError;
use signer_proto::{
    Description, Digest, Event, GenerateKey, IdempotencyKey, KeyDescription, KeyLabel, KeySpec,
    Leaf, LeafBytes, MintSerials, PolicyText, Purpose, ReadJournal, ReadPolicy, SetPolicy,
    SignAuthority, Socket, Warrant, Wire,
};
use x509::{
    Certificate, CertificateDer, Csr, CsrDer, NameDer, PublicKey, Serial, SignatureScheme, SpkiDer,
    TbsCertificate, UnixTime,
};

use super::CeremonyError;
use super::operator::{ActError, Operator};

/// Leaves that are read at a time.
const READ: u32 = 1_024;
/// How long minting may take; it writes nothing.
const MINTING: std::time::Duration = std::time::Duration::from_secs(10);

/// A ring as an operator sees it: by admin.sock.
pub(super) struct Ring<'a>(pub(super) &'a Operator);

/// A key with its public half read.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) label: KeyLabel,
    pub(super) public_key: PublicKey,
    pub(super) scheme: SignatureScheme,
    pub(super) policy: Option<Digest>,
    /// Whether it was generated just now.
    pub(super) fresh: bool,
}

pub(super) fn failed(act: impl Into<String>) -> impl FnOnce(CallError) -> CeremonyError {
    let act = act.into();
    move |source| CeremonyError::Call { act, source }
}

/// Says which act was not carried out.
pub(super) fn stopped(act: impl Into<String>) -> impl FnOnce(ActError) -> CeremonyError {
    let act = act.into();
    move |error| match error {
        ActError::Call(source) => CeremonyError::Call { act, source },
        ActError::Warrant(source) => CeremonyError::Warrant { act, source },
    }
}

pub(super) fn label(text: &str) -> Result<KeyLabel, CeremonyError> {
    KeyLabel::new(text).map_err(|_| CeremonyError::Label(text.to_owned()))
}

impl Key {
    fn new(described: &KeyDescription, fresh: bool) -> Result<Self, CeremonyError> {
        let no_key = || CeremonyError::NoKey(described.label.to_string());
        let spki = described.spki.as_ref().ok_or_else(no_key)?;
        let public_key = PublicKey::parse(spki.as_bytes()).map_err(|_| no_key())?;
        Ok(Self {
            label: described.label.clone(),
            scheme: SignatureScheme::default_for(public_key.kind()).ok_or_else(no_key)?,
            public_key,
            policy: described.policy.map(|policy| policy.digest),
            fresh,
        })
    }
}

impl Ring<'_> {
    /// Counts what a ceremony makes: keys, and keys under a policy.
    pub(super) async fn count(&self) -> Result<(usize, usize), CeremonyError> {
        let keys = self.describe().await?.keys.0;
        let ruled = keys.iter().filter(|key| key.policy.is_some()).count();
        Ok((keys.len(), ruled))
    }

    /// Finds a key by its label.
    pub(super) async fn key(&self, label: &KeyLabel) -> Result<Option<Key>, CeremonyError> {
        let found = self.described(label).await?;
        found.map(|key| Key::new(&key, false)).transpose()
    }

    /// Finds out which key of the ring a public key is.
    pub(super) async fn holder_of(
        &self,
        public_key: &PublicKey,
    ) -> Result<Option<KeyLabel>, CeremonyError> {
        let described = self.describe().await?;
        let mut keys = described.keys.0.into_iter();
        let own = keys.find(|key| key.spki.as_ref() == Some(public_key.spki()));
        Ok(own.map(|key| key.label))
    }

    async fn describe(&self) -> Result<Description, CeremonyError> {
        let described = self.0.describe().await;
        described.map_err(failed("asking what the ring holds"))
    }

    async fn described(&self, label: &KeyLabel) -> Result<Option<KeyDescription>, CeremonyError> {
        let described = self.describe().await?;
        Ok(described.keys.0.into_iter().find(|key| key.label == *label))
    }

    /// Finds a key or has it generated.
    pub(super) async fn ensure_key(
        &self,
        label: &KeyLabel,
        purpose: Purpose,
        spec: KeySpec,
    ) -> Result<Key, CeremonyError> {
        if let Some(found) = self.described(label).await? {
            if (found.purpose, found.spec) != (purpose, spec) {
                return Err(CeremonyError::OtherKey {
                    label: label.to_string(),
                    what: format!("a {} key for {}", found.spec, found.purpose),
                });
            }
            return Key::new(&found, false);
        }
        let call = GenerateKey { label: label.clone(), purpose, spec, warrant: Warrant::none() };
        let act = format!("generating the key `{label}`");
        let (_, made) = self.0.act(call).await.map_err(stopped(act))?;
        Key::new(&made, true)
    }

    /// Puts a policy in force unless the key is under one already: a ceremony that is run again
    /// never replaces what an operator may have narrowed.
    pub(super) async fn first_policy(
        &self,
        key: &mut Key,
        text: String,
    ) -> Result<(), CeremonyError> {
        match key.policy {
            Some(_) => Ok(()),
            None => self.set_policy(key, text).await,
        }
    }

    /// Puts a policy in force in the place of the one that is.
    pub(super) async fn set_policy(
        &self,
        key: &mut Key,
        text: String,
    ) -> Result<(), CeremonyError> {
        if key.policy == Some(Digest(x509::sha256(text.as_bytes()))) {
            return Ok(());
        }
        let call = SetPolicy {
            key: key.label.clone(),
            previous: key.policy,
            text: PolicyText(text),
            warrant: Warrant::none(),
        };
        let act = format!("putting a policy in force for `{}`", key.label);
        let (_, set) = self.0.act(call).await.map_err(stopped(act))?;
        key.policy = Some(set.digest);
        Ok(())
    }

    /// Reads the text of the policy in force.
    pub(super) async fn policy_text(&self, key: &Key) -> Result<String, CeremonyError> {
        let call = ReadPolicy { key: key.label.clone() };
        let act = format!("reading the policy of `{}`", key.label);
        Ok(self.0.read_policy(&call).await.map_err(failed(act))?.text.0)
    }

    /// Reads from the policy in force until when the issuer lasts.
    pub(super) async fn issuer_not_after(&self, key: &Key) -> Result<UnixTime, CeremonyError> {
        let time = self.policy_field(key, "issuer_not_after").await?;
        UnixTime::parse_rfc3339(&time).map_err(|_| CeremonyError::Policy(key.label.to_string()))
    }

    /// Reads from the policy in force who the issuer is.
    pub(super) async fn issuer(&self, key: &Key) -> Result<NameDer, CeremonyError> {
        use base64::Engine as _;
        let text = self.policy_field(key, "issuer").await?;
        let der = base64::engine::general_purpose::STANDARD.decode(text);
        der.map(NameDer::from_vec).map_err(|_| CeremonyError::Policy(key.label.to_string()))
    }

    async fn policy_field(&self, key: &Key, field: &str) -> Result<String, CeremonyError> {
        let text = self.policy_text(key).await?;
        let policy: Option<toml::Table> = toml::from_str(&text).ok();
        let value = policy.as_ref().and_then(|policy| policy.get(field)?.as_str());
        value.map(str::to_owned).ok_or_else(|| CeremonyError::Policy(key.label.to_string()))
    }

    pub(super) async fn serial(&self, key: &Key) -> Result<Serial, CeremonyError> {
        let call = MintSerials { key: key.label.clone(), count: 1 };
        let act = format!("minting a serial number for `{}`", key.label);
        let asked = self.0.call(Socket::Admin, &call, MINTING).await;
        let minted = asked.map_err(failed(&*act))?;
        minted.0.first().copied().ok_or_else(|| {
            failed(act)(CallError::Unavailable { why: "the signer minted none".into() })
        })
    }

    /// Has a CA's certificate signed, and verifies it.
    pub(super) async fn sign(
        &self,
        signer: &Key,
        tbs: &TbsCertificate,
    ) -> Result<CertificateDer, CeremonyError> {
        let policy =
            signer.policy.ok_or_else(|| CeremonyError::NoPolicy(signer.label.to_string()))?;
        let der = tbs.encode().map_err(CeremonyError::Certificate)?;
        let digest = x509::sha256(der.as_bytes());
        let mut idempotency = [0; 16];
        idempotency.copy_from_slice(&digest[..16]);
        let call = SignAuthority {
            key: signer.label.clone(),
            policy,
            tbs: der,
            idempotency: IdempotencyKey(idempotency),
            warrant: Warrant::none(),
        };
        let act = format!("signing the certificate of {}", tbs.subject);
        let (call, signed) = self.0.act(call).await.map_err(stopped(act))?;
        signer
            .public_key
            .verify(signer.scheme, call.tbs.as_bytes(), &signed.signature)
            .map_err(CeremonyError::Signature)?;
        Ok(Certificate::assemble(&call.tbs, signer.scheme, &signed.signature))
    }

    /// Reads the journal's next events from a position on; none at its end.
    pub(super) async fn events(&self, from: u64) -> Result<Vec<Event>, CeremonyError> {
        let call = ReadJournal { from, limit: READ };
        let slice = self.0.read_journal(&call).await.map_err(failed("reading the journal"))?;
        let read = |(position, octets): (u64, LeafBytes)| {
            let leaf = Leaf::from_wire(&octets.0);
            leaf.map(|leaf| leaf.event).map_err(|source| CeremonyError::Leaf { position, source })
        };
        (from..).zip(slice.leaves.0).map(read).collect()
    }

    /// Looks in the journal for the first certificate of each key, and stops when all are found.
    pub(super) async fn find_certificates(
        &self,
        wanted: &[&SpkiDer],
    ) -> Result<Vec<Option<CertificateDer>>, CeremonyError> {
        let mut found: Vec<Option<CertificateDer>> = vec![None; wanted.len()];
        let mut position = 0;
        while found.iter().any(Option::is_none) {
            let events = self.events(position).await?;
            if events.is_empty() {
                break;
            }
            position += events.len() as u64;
            for event in events {
                let Event::AuthoritySigned(signed) = event else {
                    continue;
                };
                let tbs = TbsCertificate::parse(signed.tbs.as_bytes())
                    .map_err(CeremonyError::Certificate)?;
                let slot = wanted.iter().position(|spki| **spki == *tbs.public_key.spki());
                if let Some(slot) = slot.and_then(|slot| found.get_mut(slot)) {
                    slot.get_or_insert_with(|| {
                        Certificate::assemble(&signed.tbs, signed.scheme, &signed.signature)
                    });
                }
            }
        }
        Ok(found)
    }

    /// Looks in the journal for the CSR of a key: the newest.
    pub(super) async fn request_of(&self, key: &Key) -> Result<Option<CsrDer>, CeremonyError> {
        let mut found = None;
        let mut position = 0;
        loop {
            let events = self.events(position).await?;
            if events.is_empty() {
                return Ok(found);
            }
            position += events.len() as u64;
            for event in events {
                if let Event::RequestSigned(signed) = event {
                    let csr = Csr::assemble(&signed.info, signed.scheme, &signed.signature);
                    let parsed = Csr::parse(csr.as_bytes()).map_err(CeremonyError::Certificate)?;
                    if *parsed.public_key() == key.public_key {
                        found = Some(csr);
                    }
                }
            }
        }
    }

    /// Finds the certificate of a key; one that was generated just now has none.
    pub(super) async fn certificate_of(
        &self,
        key: &Key,
    ) -> Result<Option<CertificateDer>, CeremonyError> {
        if key.fresh {
            return Ok(None);
        }
        let found = self.find_certificates(&[key.public_key.spki()]).await?;
        Ok(found.into_iter().next().flatten())
    }
}

/// Finds the certificate of a CA of this ring in its journal; none if it has none yet.
///
/// # Errors
/// [`CeremonyError`].
pub async fn certificate_of(
    operator: &Operator,
    key: &KeyLabel,
) -> Result<Option<CertificateDer>, CeremonyError> {
    let ring = Ring(operator);
    match ring.key(key).await? {
        Some(key) => ring.certificate_of(&key).await,
        None => Ok(None),
    }
}
