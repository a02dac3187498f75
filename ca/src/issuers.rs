//! The issuers in memory: what the database says of them joined with what the signer holds.

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::join_all;
use model::{Id, Issuer, IssuerName, IssuerState, RingName, UnixTime};
use signer_client::{CallError, SerialPool};
use signer_proto::{
    Description, Digest, InstanceId, KeyDescription, KeyLabel, Purpose, ReadPolicy,
};
use store::{StoreError, issuers};
use x509::{
    CertId, CertIdHash, CertificateDer, ForeignCertificate, PublicKey, Serial, SignatureScheme,
};

use crate::authority::Authority;
use crate::courier::{Delegate, SpeaksFor};
use crate::issue::{IssueError, IssuerFacts};
use crate::profile::Profile;
use crate::rings::Ring;
use crate::wants::Wants;

/// The issuers as they were read last.
#[derive(Default)]
pub(crate) struct Issuers {
    /// Those that the database has, whether or not the signer answers.
    listed: RwLock<Arc<Vec<Issuer>>>,
    /// Those whose key is in its ring and under a policy.
    entries: RwLock<Arc<Vec<Arc<IssuerEntry>>>>,
    /// Lets one read at a time: what was read earlier must not be put in place later, or an
    /// issuer that was just retired would go on. Each ring has a lock of its own for its keys.
    listing: tokio::sync::Mutex<()>,
}

/// An issuer with what is needed at every request.
#[derive(Clone)]
pub(crate) struct IssuerEntry {
    /// The ring that holds its key.
    pub(crate) ring: Arc<Ring>,
    pub(crate) issuer: Issuer,
    pub(crate) facts: IssuerFacts,
    pub(crate) certificate: CertificateDer,
    pub(crate) chain: Vec<CertificateDer>,
    pub(crate) key: KeyLabel,
    pub(crate) policy: Digest,
    /// What the policy wants beside the certificate.
    pub(crate) wants: Wants,
    /// The responders of other rings that the policy admits: SHA-256 of their keys, in hex.
    pinned: Arc<[String]>,
    pub(crate) serials: SerialPool,
    /// The OCSP key that speaks for it.
    pub(crate) responder: Option<ResponderKey>,
    /// How OCSP clients name it, by SHA-1 and by SHA-256; the serial in them means nothing.
    pub(crate) named: [CertId; 2],
}

/// An OCSP key.
#[derive(Clone)]
pub(crate) struct ResponderKey {
    /// The ring that holds it.
    pub(crate) ring: Arc<Ring>,
    pub(crate) label: KeyLabel,
    pub(crate) public_key: PublicKey,
    pub(crate) scheme: SignatureScheme,
}

impl IssuerEntry {
    /// Says whether it issues leaves now.
    pub(crate) fn issues(&self, now: UnixTime) -> bool {
        let active = matches!(self.issuer.state, IssuerState::Active(_));
        self.issuer.is_issuing && active && self.facts.not_after > now
    }

    /// Says whether a ring's OCSP key answers for it.
    pub(crate) fn answers_by(&self, ring: &Ring) -> bool {
        self.responder.as_ref().is_some_and(|responder| responder.ring.name == ring.name)
    }

    /// Returns its own certificate and those above it, root last.
    pub(crate) fn path(&self) -> Vec<CertificateDer> {
        let mut path = Vec::with_capacity(self.chain.len() + 1);
        path.push(self.certificate.clone());
        path.extend(self.chain.iter().cloned());
        path
    }
}

impl Authority {
    pub(crate) fn entries(&self) -> Arc<Vec<Arc<IssuerEntry>>> {
        let entries = &self.0.issuers.entries;
        Arc::clone(&entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the issuers as the database had them last, pending ones too.
    #[must_use]
    pub fn issuers(&self) -> Arc<Vec<Issuer>> {
        let listed = &self.0.issuers.listed;
        Arc::clone(&listed.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn entry_by_name(&self, name: &IssuerName) -> Option<Arc<IssuerEntry>> {
        let entries = self.entries();
        entries.iter().find(|entry| entry.issuer.name == *name).cloned()
    }

    pub(crate) fn entry_by_id(&self, id: Id<Issuer>) -> Option<Arc<IssuerEntry>> {
        let entries = self.entries();
        entries.iter().find(|entry| entry.issuer.id == id).cloned()
    }

    /// Names the ring that would sign for a profile now; none: the first one.
    ///
    /// # Errors
    /// [`IssueError::NoIssuer`] and [`IssueError::SignerUnavailable`].
    pub fn ring_for(&self, profile: &Profile) -> Result<Option<RingName>, IssueError> {
        let ring = self.issuer_for(profile)?.issuer.ring.clone();
        Ok((ring != self.first_ring().name).then_some(ring))
    }

    /// Selects the issuer that a profile names, or the newest active issuing CA.
    ///
    /// One whose ring has not answered since the start is not passed over in silence: who asks
    /// again gets a certificate by the CA that is meant.
    pub(crate) fn issuer_for(&self, profile: &Profile) -> Result<Arc<IssuerEntry>, IssueError> {
        let now = self.now();
        let wanted = profile.body.issuer.as_deref();
        let listed = self.issuers();
        let mut meant: Vec<&Issuer> = listed.iter().filter(|i| is_meant(i, wanted)).collect();
        meant.sort_by_key(|issuer| std::cmp::Reverse((issuer.created_at, issuer.id)));
        for issuer in meant {
            match self.entry_by_id(issuer.id) {
                Some(entry) if entry.issues(now) => return Ok(entry),
                None if self.is_silent(&issuer.ring) => return Err(self.no_key_of(issuer.id)),
                _ => {}
            }
        }
        Err(self.no_issuer(profile))
    }

    /// Lists the issuers that may issue under a profile: the one it names, or all issuing CAs that
    /// are active, newest first.
    pub(crate) fn issuers_for(&self, profile: &Profile) -> Vec<Arc<IssuerEntry>> {
        let now = self.now();
        let wanted = profile.body.issuer.as_deref();
        let entries = self.entries();
        let fits = |entry: &&Arc<IssuerEntry>| {
            entry.issues(now) && wanted.is_none_or(|name| entry.issuer.name.as_str() == name)
        };
        let mut found: Vec<Arc<IssuerEntry>> = entries.iter().filter(fits).cloned().collect();
        found.sort_by_key(|entry| std::cmp::Reverse((entry.issuer.created_at, entry.issuer.id)));
        found
    }

    /// Tells a missing issuer from one whose key its signer does not show now.
    pub(crate) fn no_issuer(&self, profile: &Profile) -> IssueError {
        let wanted = profile.body.issuer.as_deref();
        let listed = self.issuers();
        let hidden = |issuer: &&Issuer| self.entry_by_id(issuer.id).is_none();
        if let Some(issuer) = listed.iter().filter(|i| is_meant(i, wanted)).find(hidden) {
            return self.no_key_of(issuer.id);
        }
        IssueError::NoIssuer(match wanted {
            Some(name) => format!("the profile's issuer `{name}` is not active"),
            None => "there is no active issuing CA: see `chancery ca list`".into(),
        })
    }

    /// Says why an issuer's key is not there: its ring is away, or none of this server's.
    pub(crate) fn no_key_of(&self, issuer: Id<Issuer>) -> IssueError {
        let listed = self.issuers();
        let Some(issuer) = listed.iter().find(|listed| listed.id == issuer) else {
            return IssueError::NoIssuer("there is no such issuer any more".into());
        };
        let Issuer { name, ring, .. } = issuer;
        match self.ring(ring) {
            Some(_) => IssueError::SignerUnavailable(format!(
                "the key of `{name}` is not there yet: it is in the ring `{ring}`"
            )),
            None => IssueError::NoIssuer(format!(
                "the key of `{name}` is in the ring `{ring}`, which is none of this server's"
            )),
        }
    }

    /// Returns the certificates above what this issuer signs, root last.
    #[must_use]
    pub fn path(&self, issuer: Id<Issuer>) -> Vec<CertificateDer> {
        let listed = self.issuers();
        let found = listed.iter().find(|listed| listed.id == issuer);
        found.map(|issuer| path_of(issuer, &listed)).unwrap_or_default()
    }

    /// Reads issuers from the database, and their keys from the signers, again. What the database
    /// says is taken over also if a signer does not answer.
    ///
    /// # Errors
    /// The first error; what other rings hold is taken over all the same.
    pub async fn reload_issuers(&self) -> Result<(), IssueError> {
        self.list_issuers_again().await?;
        // Who speaks for a CA may be in any ring, so that is read first.
        let others = self.0.rings.iter().filter(|_| self.0.rings.len() > 1);
        join_all(others.map(|ring| ring.learn())).await;
        let each = self.0.rings.iter().map(|ring| self.reload_ring(ring));
        join_all(each).await.into_iter().collect()
    }

    /// Reads one ring's keys again.
    pub(crate) async fn reload_ring(&self, ring: &Arc<Ring>) -> Result<(), IssueError> {
        let _one = ring.describing.lock().await;
        let described = ring.learn().await;
        let listed = self.list_issuers_again().await?;
        let held = listed.iter().filter(|issuer| ring.holds(issuer));
        let (fresh, outcome) = match &described {
            Ok(described) => {
                let mut fresh = Vec::new();
                let mut outcome = Ok(());
                for issuer in held {
                    match self.entry(ring, issuer, &listed, described).await {
                        Ok(entry) => fresh.extend(entry),
                        Err(error) => {
                            fresh.extend(self.as_before(issuer, &listed));
                            outcome = outcome.and(Err(error));
                        }
                    }
                }
                (fresh, outcome)
            }
            // Its keys as they were, and what the database says now: a retired CA issues no more.
            Err(error) => {
                let fresh = held.filter_map(|issuer| self.as_before(issuer, &listed));
                (fresh.collect(), Err(error.clone().into()))
            }
        };
        let entries = &self.0.issuers.entries;
        let mut entries = entries.write().unwrap_or_else(PoisonError::into_inner);
        let others = entries.iter().filter(|entry| entry.ring.name != ring.name).cloned();
        *entries = Arc::new(others.chain(fresh.into_iter().map(Arc::new)).collect());
        outcome
    }

    /// Joins what is known of an issuer's key with what the database says of it now.
    fn as_before(&self, issuer: &Issuer, listed: &[Issuer]) -> Option<IssuerEntry> {
        let known = self.entry_by_id(issuer.id)?;
        let held = issuer.state.certificate()?;
        // A certificate that was renewed meanwhile is read with the key.
        (known.certificate == held.certificate).then(|| IssuerEntry {
            chain: path_of(issuer, listed).split_off(1),
            issuer: issuer.clone(),
            ..(*known).clone()
        })
    }

    /// Reads only what the database says of issuers again.
    pub(crate) async fn list_issuers_again(&self) -> Result<Arc<Vec<Issuer>>, StoreError> {
        let _one = self.0.issuers.listing.lock().await;
        let fresh = Arc::new(issuers::list(&self.0.store).await?);
        let listed = &self.0.issuers.listed;
        *listed.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }

    async fn entry(
        &self,
        ring: &Arc<Ring>,
        issuer: &Issuer,
        listed: &[Issuer],
        described: &Description,
    ) -> Result<Option<IssuerEntry>, IssueError> {
        let Some(held) = issuer.state.certificate() else {
            return Ok(None);
        };
        // The key may have no policy before an import is complete.
        let Some((key, policy)) = find(described, &issuer.key_label)
            .and_then(|key| key.policy.map(|policy| (key, policy.digest)))
        else {
            return Ok(None);
        };
        let certificate =
            ForeignCertificate::parse(held.certificate.as_bytes()).map_err(IssueError::Encode)?;
        if key.spki.as_ref() != Some(certificate.public_key().spki()) {
            tracing::error!(issuer = %issuer.name, "the ring has another key under this label");
            return Ok(None);
        }
        let public_key = certificate.public_key();
        let known = self.entry_by_id(issuer.id);
        let unchanged = known.as_ref().filter(|entry| entry.policy == policy);
        let (wants, pinned) = match unchanged {
            Some(entry) => (entry.wants.clone(), Arc::clone(&entry.pinned)),
            None => ring.read_wishes(&key.label).await?,
        };
        let own = || {
            find(described, &responder_label(&issuer.key_label))
                .and_then(|key| responder_key(ring, key))
        };
        let responder = match key.purpose {
            Purpose::CertAndCrl => {
                self.delegate_of(described.instance, &issuer.key_label, &pinned).or_else(own)
            }
            _ => None,
        };
        let facts = IssuerFacts {
            name: issuer.name.clone(),
            subject: certificate.subject().clone(),
            public_key: public_key.clone(),
            scheme: SignatureScheme::default_for(public_key.kind())
                .ok_or_else(|| IssueError::State("the issuer's key cannot sign".into()))?,
            not_after: certificate.not_after(),
            has_ocsp: responder.is_some(),
        };
        Ok(Some(IssuerEntry {
            named: [CertIdHash::Sha1, CertIdHash::Sha256]
                .map(|hash| CertId::for_certificate(hash, &facts.subject, public_key, one())),
            facts,
            certificate: held.certificate.clone(),
            chain: path_of(issuer, listed).split_off(1),
            key: key.label.clone(),
            policy,
            wants,
            pinned,
            // Serials that were minted and not used yet stay good.
            serials: known.map_or_else(
                || ring.signer.serial_pool(key.label.clone()),
                |entry| entry.serials.clone(),
            ),
            responder,
            ring: Arc::clone(ring),
            issuer: issuer.clone(),
        }))
    }
}

impl Authority {
    /// Finds the OCSP key of another ring that speaks for a CA's key, if the CA's policy admits it:
    /// whoever set it up wants it to answer in place of one beside the CA's key.
    fn delegate_of(
        &self,
        instance: InstanceId,
        issuer_key: &str,
        pinned: &[String],
    ) -> Option<ResponderKey> {
        self.0.rings.iter().find_map(|ring| {
            let delegates = ring.following_others.delegates();
            let is_its = |delegate: &&Delegate| {
                let SpeaksFor { instance: of, issuer_key: key } = &delegate.speaks_for;
                let digest = Digest(delegate.public_key.spki_sha256()).to_string();
                *of == instance && key == issuer_key && pinned.contains(&digest)
            };
            let found = delegates.iter().find(is_its)?;
            Some(ResponderKey {
                ring: Arc::clone(ring),
                label: found.label.clone(),
                public_key: found.public_key.clone(),
                scheme: found.scheme,
            })
        })
    }
}

impl Ring {
    /// Asks what it holds, and for which CAs of other rings its OCSP keys speak.
    async fn learn(&self) -> Result<Arc<Description>, CallError> {
        let described = self.describe().await?;
        self.read_delegates(&described).await?;
        Ok(described)
    }

    /// Reads from the policy what it wants, and whom it admits as responders.
    async fn read_wishes(&self, key: &KeyLabel) -> Result<(Wants, Arc<[String]>), IssueError> {
        let call = ReadPolicy { key: key.clone() };
        let text = self.signer.read_policy(&call).await?.text.0;
        let policy: toml::Table = toml::from_str(&text)
            .map_err(|error| IssueError::State(format!("the policy of {key}: {error}")))?;
        let responders = policy.get("delegated").and_then(|section| section.get("responders"));
        let responders = responders.and_then(toml::Value::as_array).into_iter().flatten();
        let pinned = responders.filter_map(toml::Value::as_str).map(str::to_owned).collect();
        Ok((policy.get("certificates").map(Wants::of).unwrap_or_default(), pinned))
    }
}

/// Says whether an issuer is one that a profile means.
fn is_meant(issuer: &Issuer, wanted: Option<&str>) -> bool {
    let active = matches!(issuer.state, IssuerState::Active(_));
    issuer.is_issuing && active && wanted.is_none_or(|name| issuer.name.as_str() == name)
}

fn find<'a>(described: &'a Description, label: &str) -> Option<&'a KeyDescription> {
    described.keys.0.iter().find(|key| key.label.as_str() == label)
}

fn responder_key(ring: &Arc<Ring>, key: &KeyDescription) -> Option<ResponderKey> {
    if key.purpose != Purpose::Ocsp || key.policy.is_none() {
        return None;
    }
    let public_key = PublicKey::parse(key.spki.as_ref()?.as_bytes()).ok()?;
    Some(ResponderKey {
        ring: Arc::clone(ring),
        label: key.label.clone(),
        scheme: SignatureScheme::default_for(public_key.kind())?,
        public_key,
    })
}

/// Joins an issuer's certificate with those above it, as they are now: a parent that was renewed
/// stands in every path below it.
pub(crate) fn path_of(issuer: &Issuer, listed: &[Issuer]) -> Vec<CertificateDer> {
    let mut path = Vec::new();
    let mut at = Some(issuer);
    while let Some(this) = at {
        let Some(held) = this.state.certificate() else {
            break;
        };
        path.push(held.certificate.clone());
        at = this.parent.and_then(|id| listed.iter().find(|above| above.id == id));
        if at.is_none() || path.len() > listed.len() {
            // Above the topmost of ours stands what was given when it was imported.
            path.extend(held.chain.iter().cloned());
            break;
        }
    }
    path
}

/// Names the OCSP key of an issuer's key.
pub(crate) fn responder_label(issuer_key: &str) -> String {
    format!("{issuer_key}.ocsp")
}

fn one() -> Serial {
    Serial::from_unsigned(&[1]).expect("1 is a serial number")
}
