//! AWS KMS.

mod failure;
mod name;
mod regions;
mod words;

use std::time::Duration;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, OriginType, Tag};
use keystore::{Approved, KeyIdentity, digest};
use signer_proto::{KeySpec, Purpose};
use x509::{PublicKey, SignatureScheme};

use crate::cloud::{Call, CallError, Cloud, Form, Found, Place};
use crate::prehash::external_mu;
use failure::failure;
pub(crate) use name::{is_region, read as read_place};
pub(crate) use regions::{Access, Regions};

/// What `Sign` takes as it is; above it, and of nothing at all, a digest (API reference, Sign, Message:
/// "Minimum length of 1. Maximum length of 4096.").
const RAW_LIMIT: usize = 4096;

const ED25519_CRL: &str = "AWS KMS signs at most 4,096 octets with an Ed25519 key, which no CRL \
    keeps to: take p-256, p-384, p-521, RSA or ML-DSA for a CA";
const ED25519_EMPTY: &str = "AWS KMS signs no empty message with an Ed25519 key";
const SCEP: &str = "AWS KMS decrypts RSA with OAEP only, and SCEP needs PKCS#1 v1.5: keep scep keys \
    in a file or PKCS#11 ring";
const NOT_ASYMMETRIC: &str = "a house key is no key of a driver";

/// How long a new replica may take before it can be named: some 10 s.
const REPLICA_TRIES: u32 = 20;
const REPLICA_WAIT: Duration = Duration::from_millis(500);

/// What a ring wants of AWS.
#[derive(Debug, Clone)]
pub(crate) struct AwsSettings {
    /// Where keys are made.
    pub(crate) region: String,
    /// Regions that get a replica of each key that is made, as multi-region keys.
    pub(crate) replica_regions: Vec<String>,
    /// What stands before the name of each alias.
    pub(crate) prefix: String,
    /// Tags of each key that is made.
    pub(crate) tags: Vec<(String, String)>,
    /// How long a key that is destroyed can still be called back by AWS: 7 to 30.
    pub(crate) deletion_days: u8,
}

/// AWS KMS, in as many regions as keys name.
pub(crate) struct Aws {
    settings: AwsSettings,
    regions: Regions,
}

impl Aws {
    /// Speaks to the service through these clients.
    pub(crate) fn new(settings: AwsSettings, regions: Regions) -> Self {
        Self { settings, regions }
    }

    async fn look_up(&self, place: &Place, spec: KeySpec) -> Result<Found, CallError> {
        let client = self.regions.client(&place.region);
        let answer = client.get_public_key().key_id(&place.name).send().await.map_err(failure)?;
        if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
            return Err(CallError::Refused("the key's usage is not SIGN_VERIFY".to_owned()));
        }
        let arn = answer.key_id().unwrap_or(&place.name);
        let der = answer.public_key().map(AsRef::as_ref).unwrap_or_default();
        let public = PublicKey::parse(der)
            .map_err(|error| CallError::Refused(format!("its public key: {error}")))?;
        if Some(public.kind()) != spec.kind() {
            return Err(CallError::Refused(format!("it is {}, not {spec}", public.kind())));
        }
        let region = name::region(arn).unwrap_or(&place.region).to_owned();
        Ok(Found { place: Place { region, name: arn.to_owned() }, public, form: Form::Any })
    }

    async fn sign_with(
        &self,
        found: &Found,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Vec<u8>, CallError> {
        let algorithm = words::algorithm(scheme)
            .ok_or(CallError::Cannot("AWS KMS has no such signature algorithm"))?;
        let (kind, octets) = what_to_send(&found.public, scheme, message)?;
        let answer = self
            .regions
            .client(&found.place.region)
            .sign()
            .key_id(&found.place.name)
            .message(Blob::new(octets))
            .message_type(kind)
            .signing_algorithm(algorithm.clone())
            .send()
            .await
            .map_err(failure)?;
        if answer.signing_algorithm() != Some(&algorithm) {
            return Err(CallError::Refused("it was signed by another algorithm".to_owned()));
        }
        // ECDSA comes as DER (Ecdsa-Sig-Value), all others raw: as X.509 has them.
        Ok(answer.signature().map(|octets| octets.as_ref().to_vec()).unwrap_or_default())
    }

    async fn make(&self, key: &KeyIdentity) -> Result<(), CallError> {
        let own = self.alias(key);
        let client = self.regions.client(&self.settings.region);
        let home = Place { region: self.settings.region.clone(), name: own.clone() };
        // The alias is looked for first: a key that cannot get it would be left behind.
        match self.look_up(&home, key.spec).await {
            Err(CallError::Missing) => {}
            Ok(_) => return Err(CallError::Exists),
            Err(error) => return Err(error),
        }
        let spec = words::key_spec(key.spec).ok_or(CallError::Cannot(NOT_ASYMMETRIC))?;
        let made = client
            .create_key()
            .key_spec(spec)
            .key_usage(KeyUsageType::SignVerify)
            .origin(OriginType::AwsKms)
            .multi_region(!self.settings.replica_regions.is_empty())
            .description(format!("Chancery {} {}", key.label, key.id))
            .set_tags(Some(self.tags(key)?))
            .send()
            .await
            .map_err(failure)?;
        let id = made.key_metadata().map(|key| key.key_id().to_owned()).unwrap_or_default();
        let named = client.create_alias().alias_name(&own).target_key_id(&id);
        named.send().await.map_err(failure)?;
        for region in &self.settings.replica_regions {
            // The key is there and signs: a replica that is not made is one that is missing, and
            // the report says so.
            let _ = self.replicate(key, &id, region).await;
        }
        Ok(())
    }

    /// Makes a replica, and gives it the alias once it is ready.
    async fn replicate(&self, key: &KeyIdentity, id: &str, region: &str) -> Result<(), CallError> {
        let home = self.regions.client(&self.settings.region);
        let asked = home.replicate_key().key_id(id).replica_region(region);
        asked.set_tags(Some(self.tags(key)?)).send().await.map_err(failure)?;
        let away = self.regions.client(region);
        for _ in 0..REPLICA_TRIES {
            let named = away.create_alias().alias_name(self.alias(key)).target_key_id(id);
            match named.send().await.map(drop).map_err(failure) {
                // "Creating", or not known there yet.
                Err(CallError::Refused(_) | CallError::Missing) => {
                    tokio::time::sleep(REPLICA_WAIT).await;
                }
                other => return other,
            }
        }
        Err(CallError::Transient("the replica is not ready yet".to_owned()))
    }

    fn alias(&self, key: &KeyIdentity) -> String {
        let (purpose, spec) = (key.purpose.code(), key.spec.code());
        format!("alias/{}{}-{purpose}-{spec}", self.settings.prefix, key.id)
    }

    fn tags(&self, key: &KeyIdentity) -> Result<Vec<Tag>, CallError> {
        let own = [
            ("chancery-key", key.id.to_string()),
            ("chancery-label", key.label.to_string()),
            ("chancery-purpose", key.purpose.to_string()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let all = own.chain(self.settings.tags.iter().cloned());
        let tag = |(name, value)| Tag::builder().tag_key(name).tag_value(value).build();
        all.map(tag)
            .collect::<Result<_, _>>()
            .map_err(|error| CallError::Refused(error.to_string()))
    }

    async fn end(&self, place: &Place, own: &str) -> Result<(), CallError> {
        let client = self.regions.client(&place.region);
        let described = client.describe_key().key_id(&place.name).send().await.map_err(failure);
        let id = match described {
            Err(CallError::Missing) => return Ok(()),
            Err(error) => return Err(error),
            Ok(answer) => answer.key_metadata().map(|key| key.key_id().to_owned()),
        };
        // A primary key waits until its replicas are gone; each is scheduled by itself.
        let scheduled = client
            .schedule_key_deletion()
            .key_id(id.as_deref().unwrap_or(&place.name))
            .pending_window_in_days(i32::from(self.settings.deletion_days))
            .send()
            .await;
        match scheduled.map(drop).map_err(failure) {
            Ok(()) | Err(CallError::Missing) => {}
            Err(error) => return Err(error),
        }
        let alias = client.delete_alias().alias_name(own);
        match alias.send().await.map(drop).map_err(failure) {
            Ok(()) | Err(CallError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn origin(&self, place: &Place) -> Result<bool, CallError> {
        let client = self.regions.client(&place.region);
        let answer = client.describe_key().key_id(&place.name).send().await.map_err(failure)?;
        let origin = answer.key_metadata().and_then(|key| key.origin());
        Ok(!matches!(origin, Some(OriginType::AwsKms | OriginType::AwsCloudhsm)))
    }
}

impl Cloud for Aws {
    fn vendor(&self) -> &'static str {
        "AWS KMS"
    }

    fn offers(&self, spec: KeySpec, purpose: Purpose) -> Result<(), &'static str> {
        if purpose == Purpose::Scep {
            return Err(SCEP);
        }
        match spec {
            KeySpec::HmacSha256 | KeySpec::Aes256 => Err(NOT_ASYMMETRIC),
            KeySpec::Ed25519 if purpose.is_authority() => Err(ED25519_CRL),
            _ => Ok(()),
        }
    }

    fn place(&self, text: &str) -> Result<Place, &'static str> {
        name::read(text, &self.settings.region)
    }

    fn own_places(&self, key: &KeyIdentity) -> Vec<Place> {
        let all = [&self.settings.region].into_iter().chain(&self.settings.replica_regions);
        all.map(|region| Place { region: region.clone(), name: self.alias(key) }).collect()
    }

    fn replicas(&self, place: &Place) -> Vec<Place> {
        name::replicas(place, &self.settings.replica_regions)
    }

    fn find<'a>(&'a self, place: &'a Place, spec: KeySpec) -> Call<'a, Found> {
        Box::pin(self.look_up(place, spec))
    }

    fn sign<'a>(
        &'a self,
        found: &'a Found,
        scheme: SignatureScheme,
        message: Approved<'a>,
    ) -> Call<'a, Vec<u8>> {
        Box::pin(self.sign_with(found, scheme, message))
    }

    fn create<'a>(&'a self, key: &'a KeyIdentity) -> Call<'a, ()> {
        Box::pin(self.make(key))
    }

    fn is_imported<'a>(&'a self, place: &'a Place) -> Call<'a, bool> {
        Box::pin(self.origin(place))
    }

    fn destroy<'a>(&'a self, key: &'a KeyIdentity, place: &'a Place) -> Call<'a, ()> {
        Box::pin(async move { self.end(place, &self.alias(key)).await })
    }
}

/// Chooses the message type: the message itself as long as it is short enough, else what the
/// algorithm makes of it first.
fn what_to_send(
    public: &PublicKey,
    scheme: SignatureScheme,
    message: Approved<'_>,
) -> Result<(MessageType, Vec<u8>), CallError> {
    let length = message.as_bytes().len();
    if (1..=RAW_LIMIT).contains(&length) {
        return Ok((MessageType::Raw, message.as_bytes().to_vec()));
    }
    match (digest(scheme, message), scheme) {
        (Some(digest), _) => Ok((MessageType::Digest, digest.octets)),
        (None, SignatureScheme::Ed25519) if length == 0 => Err(CallError::Cannot(ED25519_EMPTY)),
        (None, SignatureScheme::Ed25519) => Err(CallError::TooLong(RAW_LIMIT)),
        (None, _) => Ok((MessageType::ExternalMu, external_mu(public, message))),
    }
}
