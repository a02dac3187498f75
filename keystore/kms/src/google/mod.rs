//! Google Cloud KMS.

mod access;
mod failure;
mod name;
mod words;

use bytes::Bytes;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_kms_v1::model::crypto_key::CryptoKeyPurpose;
use google_cloud_kms_v1::model::crypto_key_version::CryptoKeyVersionState;
use google_cloud_kms_v1::model::digest::Digest as Kind;
use google_cloud_kms_v1::model::public_key::PublicKeyFormat;
use google_cloud_kms_v1::model::{
    AsymmetricSignResponse, CryptoKey, CryptoKeyVersionTemplate, Digest, ProtectionLevel,
};
use keystore::{Approved, DigestAlgorithm, KeyIdentity, digest};
use signer_proto::{KeySpec, Purpose};
use x509::SignatureScheme;

use crate::cloud::{Call, CallError, Cloud, Form, Found, Place};
use crate::prehash::{crc32c, external_mu};
pub(crate) use access::{GoogleAccess, Locations};
use failure::failure;
pub(crate) use name::{is_key_ring, read as read_place};

/// What `asymmetricSign` takes as `data` (Quotas and limits, "Sign data").
const DATA_LIMIT: usize = 64 * 1024;

const ED25519_CRL: &str = "Google Cloud KMS signs at most 65,536 octets with an Ed25519 key, which \
    a CRL outgrows: take p-256, p-384, RSA or ML-DSA for a CA";
const P521: &str = "Google Cloud KMS has no P-521 keys: take p-256 or p-384";
const SCEP: &str = "Google Cloud KMS decrypts RSA with OAEP only, and SCEP needs PKCS#1 v1.5: keep \
    scep keys in a file or PKCS#11 ring";
const NOT_ASYMMETRIC: &str = "a house key is no key of a driver";

/// How a new RSA key pads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RsaPadding {
    /// RSASSA-PKCS1-v1_5.
    #[default]
    Pkcs1,
    /// RSASSA-PSS.
    Pss,
}

/// What a ring wants of Google.
#[derive(Debug, Clone)]
pub(crate) struct GoogleSettings {
    /// Where keys are made: `projects/P/locations/L/keyRings/R`.
    pub(crate) key_ring: String,
    /// What stands before the name of each key.
    pub(crate) prefix: String,
    /// Labels of each key that is made.
    pub(crate) labels: Vec<(String, String)>,
    /// Whether keys are made in software instead of an HSM.
    pub(crate) software: bool,
    /// How new RSA keys pad: Google binds each key to one scheme.
    pub(crate) rsa_padding: RsaPadding,
}

/// Google Cloud KMS, in as many locations as keys name.
pub(crate) struct Google {
    settings: GoogleSettings,
    locations: Locations,
}

impl Google {
    /// Speaks to the service through these clients.
    pub(crate) fn new(settings: GoogleSettings, locations: Locations) -> Self {
        Self { settings, locations }
    }

    async fn client(&self, place: &Place) -> Result<KeyManagementService, CallError> {
        self.locations.client(&place.region).await
    }

    async fn look_up(&self, place: &Place, spec: KeySpec) -> Result<Found, CallError> {
        let format = match spec {
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => PublicKeyFormat::NistPqc,
            _ => PublicKeyFormat::Pem,
        };
        let client = self.client(place).await?;
        let asked = client.get_public_key().set_name(&place.name).set_public_key_format(format);
        let answer = match asked.with_idempotency(false).send().await.map_err(failure) {
            // FAILED_PRECONDITION: not enabled; a key that is destroyed is not there.
            Err(CallError::Refused(why)) => return Err(self.why_not(&client, place, why).await),
            other => other?,
        };
        let octets = match answer.public_key {
            Some(key) => guarded(key.data, key.crc32c_checksum)?,
            None => guarded(Bytes::from(answer.pem), answer.pem_crc32c)?,
        };
        let public = words::public_key(spec, &octets)?;
        if Some(public.kind()) != spec.kind() {
            return Err(CallError::Refused(format!("it is {}, not {spec}", public.kind())));
        }
        if answer.name != place.name {
            return Err(CallError::Refused(format!("it answers as {}", answer.name)));
        }
        let form = words::form(&answer.algorithm)
            .ok_or_else(|| CallError::Refused(format!("its algorithm is {}", answer.algorithm)))?;
        Ok(Found { place: place.clone(), public, form })
    }

    /// Says why a key has no public key to give.
    async fn why_not(
        &self,
        client: &KeyManagementService,
        place: &Place,
        why: String,
    ) -> CallError {
        let asked = client.get_crypto_key_version().set_name(&place.name);
        match asked.with_idempotency(false).send().await.map_err(failure).map(|key| key.state) {
            Ok(CryptoKeyVersionState::Destroyed | CryptoKeyVersionState::DestroyScheduled)
            | Err(CallError::Missing) => CallError::Missing,
            // It may be ready by the time that its state is told.
            Ok(CryptoKeyVersionState::PendingGeneration | CryptoKeyVersionState::Enabled) => {
                CallError::Transient("the key is being generated".to_owned())
            }
            Ok(_) | Err(_) => CallError::Refused(why),
        }
    }

    async fn sign_with(
        &self,
        found: &Found,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Vec<u8>, CallError> {
        let client = self.client(&found.place).await?;
        let asked = client.asymmetric_sign().set_name(&found.place.name);
        let (asked, is_digest) = match in_its_place(found, scheme, message)? {
            Some((digest, octets)) => {
                let guard = i64::from(crc32c(&octets));
                let digest = Digest::new().set_digest(Some(digest));
                (asked.set_digest(digest).set_digest_crc32c(guard), true)
            }
            None => {
                let data = Bytes::copy_from_slice(message.as_bytes());
                let guard = i64::from(crc32c(&data));
                (asked.set_data(data).set_data_crc32c(guard), false)
            }
        };
        // A signature is asked for once: whether it is asked for again, the driver decides.
        let answer = asked.with_idempotency(false).send().await.map_err(failure)?;
        check(&answer, &found.place, is_digest)?;
        guarded(answer.signature, answer.signature_crc32c).map(|octets| octets.to_vec())
    }

    async fn make(&self, key: &KeyIdentity) -> Result<(), CallError> {
        let place = self.own_place(key);
        let algorithm = words::algorithm(key.spec, self.settings.rsa_padding)
            .ok_or(CallError::Cannot(NOT_ASYMMETRIC))?;
        let level =
            if self.settings.software { ProtectionLevel::Software } else { ProtectionLevel::Hsm };
        let template =
            CryptoKeyVersionTemplate::new().set_algorithm(algorithm).set_protection_level(level);
        let own = [
            ("chancery-key", key.id.to_string()),
            ("chancery-purpose", key.purpose.to_string().replace('+', "_")),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let labels = own.chain(self.settings.labels.iter().cloned());
        let new = CryptoKey::new()
            .set_purpose(CryptoKeyPurpose::AsymmetricSign)
            .set_version_template(template)
            .set_labels(labels);
        let client = self.client(&place).await?;
        let asked = client
            .create_crypto_key()
            .set_parent(&self.settings.key_ring)
            .set_crypto_key_id(self.own_id(key))
            .set_crypto_key(new);
        asked.with_idempotency(false).send().await.map(drop).map_err(failure)
    }

    fn own_place(&self, key: &KeyIdentity) -> Place {
        let ring = &self.settings.key_ring;
        Place {
            region: name::location(ring).unwrap_or_default().to_owned(),
            name: format!("{ring}/cryptoKeys/{}/cryptoKeyVersions/1", self.own_id(key)),
        }
    }

    fn own_id(&self, key: &KeyIdentity) -> String {
        let (purpose, spec) = (key.purpose.code(), key.spec.code());
        format!("{}{}-{purpose}-{spec}", self.settings.prefix, key.id)
    }

    async fn import(&self, place: &Place) -> Result<bool, CallError> {
        let client = self.client(place).await?;
        let asked = client.get_crypto_key_version().set_name(&place.name);
        let version = asked.with_idempotency(false).send().await.map_err(failure)?;
        Ok(!version.import_job.is_empty())
    }

    async fn end(&self, place: &Place) -> Result<(), CallError> {
        let client = self.client(place).await?;
        let asked = client.destroy_crypto_key_version().set_name(&place.name);
        match asked.with_idempotency(false).send().await.map(drop).map_err(failure) {
            Err(CallError::Missing) => Ok(()),
            Err(CallError::Refused(why)) => match self.why_not(&client, place, why).await {
                CallError::Missing => Ok(()),
                error => Err(error),
            },
            other => other,
        }
    }
}

impl Cloud for Google {
    fn vendor(&self) -> &'static str {
        "Google Cloud KMS"
    }

    fn offers(&self, spec: KeySpec, purpose: Purpose) -> Result<(), &'static str> {
        if purpose == Purpose::Scep {
            return Err(SCEP);
        }
        match spec {
            KeySpec::HmacSha256 | KeySpec::Aes256 => Err(NOT_ASYMMETRIC),
            KeySpec::P521 => Err(P521),
            KeySpec::Ed25519 if purpose.is_authority() => Err(ED25519_CRL),
            _ => Ok(()),
        }
    }

    fn place(&self, text: &str) -> Result<Place, &'static str> {
        name::read(text)
    }

    fn own_places(&self, key: &KeyIdentity) -> Vec<Place> {
        vec![self.own_place(key)]
    }

    fn replicas(&self, _: &Place) -> Vec<Place> {
        // A key of a multi-region is one resource with one name; the service replicates it.
        Vec::new()
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
        Box::pin(self.import(place))
    }

    fn destroy<'a>(&'a self, _key: &'a KeyIdentity, place: &'a Place) -> Call<'a, ()> {
        Box::pin(self.end(place))
    }
}

/// What the key's algorithm wants in the place of the message; none: the message itself.
fn in_its_place(
    found: &Found,
    scheme: SignatureScheme,
    message: Approved<'_>,
) -> Result<Option<(Kind, Vec<u8>)>, CallError> {
    if let Some(digest) = digest(scheme, message) {
        let bytes = Bytes::copy_from_slice(&digest.octets);
        let kind = match digest.algorithm {
            DigestAlgorithm::Sha256 => Kind::Sha256(bytes),
            DigestAlgorithm::Sha384 => Kind::Sha384(bytes),
            DigestAlgorithm::Sha512 => Kind::Sha512(bytes),
        };
        return Ok(Some((kind, digest.octets)));
    }
    if found.form == Form::Mu {
        let octets = external_mu(&found.public, message);
        return Ok(Some((Kind::ExternalMu(Bytes::copy_from_slice(&octets)), octets)));
    }
    if message.as_bytes().len() > DATA_LIMIT {
        return Err(CallError::TooLong(DATA_LIMIT));
    }
    Ok(None)
}

/// Holds the answer against what was asked: the key, and that the octets arrived as they were
/// sent ("Data integrity guidelines").
fn check(answer: &AsymmetricSignResponse, place: &Place, is_digest: bool) -> Result<(), CallError> {
    let arrived =
        if is_digest { answer.verified_digest_crc32c } else { answer.verified_data_crc32c };
    if !arrived {
        return Err(CallError::Transient("the request was not checked on arrival".to_owned()));
    }
    if answer.name != place.name {
        return Err(CallError::Refused(format!("{} signed instead", answer.name)));
    }
    Ok(())
}

/// Takes octets that agree with their checksum.
fn guarded(octets: Bytes, checksum: Option<i64>) -> Result<Bytes, CallError> {
    match checksum {
        Some(checksum) if checksum == i64::from(crc32c(&octets)) => Ok(octets),
        Some(_) => Err(CallError::Transient("the answer was damaged on its way".to_owned())),
        None => Err(CallError::Transient("the answer carries no checksum".to_owned())),
    }
}
