//! AWS KMS: what the API reference says of the operations that a signer needs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Faults;
use crate::faults::Fate;
use crate::material::{Kind, Material, Padding};
use crate::server::Server;

const ACCOUNT: &str = "111122223333";
/// Sign, Message: "Messages can be 0-4096 bytes."
const MESSAGE_LIMIT: usize = 4096;

/// A fake of AWS KMS in one or more regions, with the same account.
pub struct AwsCloud {
    regions: Vec<(String, Server, Arc<Faults>)>,
    keys: Arc<Mutex<Keys>>,
    access_key_id: String,
    secret: String,
    home: tempfile::TempDir,
}

#[derive(Default)]
struct Keys {
    /// By ARN.
    keys: HashMap<String, Key>,
    /// ARN of the key by region and alias.
    aliases: HashMap<(String, String), String>,
    made: u32,
}

struct Key {
    material: Arc<Material>,
    spec: String,
    multi_region: bool,
    state: &'static str,
    origin: &'static str,
    tags: BTreeMap<String, String>,
}

#[derive(Clone)]
struct Region {
    name: String,
    keys: Arc<Mutex<Keys>>,
    faults: Arc<Faults>,
    access_key_id: String,
}

/// An error of the service: its code and its words.
struct Fault(&'static str, String);

type Outcome = Result<Value, Fault>;

impl AwsCloud {
    /// Starts it in these regions; the first one is where keys are made.
    pub fn start(regions: &[&str]) -> Self {
        Self::with_secret(regions, "fake-secret-access-key-of-the-tests")
    }

    /// Starts it with an account that has this secret access key.
    pub fn with_secret(regions: &[&str], secret: &str) -> Self {
        let keys = Arc::new(Mutex::new(Keys::default()));
        let access_key_id = "AKIAFAKEOFTHETESTS00".to_owned();
        let start = |name: &&str| {
            let faults = Arc::new(Faults::default());
            let region = Region {
                name: (*name).to_owned(),
                keys: Arc::clone(&keys),
                faults: Arc::clone(&faults),
                access_key_id: access_key_id.clone(),
            };
            let router = Router::new().route("/", post(answer)).with_state(region);
            ((*name).to_owned(), Server::start(router, Arc::clone(&faults)), faults)
        };
        let home = tempfile::tempdir().expect("a directory");
        let file = format!(
            "[default]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n"
        );
        std::fs::write(home.path().join("credentials"), file).expect("a file");
        Self {
            regions: regions.iter().map(start).collect(),
            keys,
            access_key_id,
            secret: secret.to_owned(),
            home,
        }
    }

    /// Returns the faults of a region's endpoint.
    pub fn faults(&self, region: &str) -> &Faults {
        let found = self.regions.iter().find(|(name, ..)| name == region);
        &found.expect("the region was started").2
    }

    /// Returns the URL of a region's endpoint.
    pub fn url(&self, region: &str) -> String {
        let found = self.regions.iter().find(|(name, ..)| name == region);
        found.expect("the region was started").1.url()
    }

    /// Returns the secret access key.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns the access key id.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the path of a credentials file.
    pub fn credentials_file(&self) -> std::path::PathBuf {
        self.home.path().join("credentials")
    }

    /// Returns a kms.toml that uses all its regions; `more` stands at its end.
    pub fn config(&self, more: &str) -> String {
        self.config_with(&self.credentials_file(), more)
    }

    /// The same with a credentials file elsewhere.
    pub fn config_with(&self, credentials: &std::path::Path, more: &str) -> String {
        let names: Vec<_> = self.regions.iter().map(|(name, ..)| name.as_str()).collect();
        let (first, others) = names.split_first().expect("there is a region");
        let endpoints: Vec<_> =
            names.iter().map(|name| format!("{name} = {:?}", self.url(name))).collect();
        format!(
            "version = 1\ndangerous_plain_http = true\n[aws]\nregion = {first:?}\n\
             replica_regions = {others:?}\ncredentials_file = {:?}\nendpoints = {{ {} }}\n{more}",
            credentials.display().to_string(),
            endpoints.join(", ")
        )
    }

    /// Makes a key as another program of the account would; returns its ARN.
    pub fn make(&self, spec: &str, origin: &'static str) -> String {
        let region = self.regions.first().expect("there is a region").0.clone();
        self.lock().make(&region, spec, false, origin, BTreeMap::new()).expect("a known spec")
    }

    /// Points an alias at a key.
    pub fn point(&self, alias: &str, arn: &str) {
        let region = self.regions.first().expect("there is a region").0.clone();
        self.lock().aliases.insert((region, alias.to_owned()), arn.to_owned());
    }

    /// Returns where an alias points.
    pub fn pointed(&self, alias: &str) -> Option<String> {
        let region = self.regions.first().expect("there is a region").0.clone();
        self.lock().aliases.get(&(region, alias.to_owned())).cloned()
    }

    /// Returns the public key at an ARN.
    pub fn public_key(&self, arn: &str) -> x509::SpkiDer {
        let keys = self.lock();
        x509::SpkiDer::from_vec(keys.keys[arn].material.spki())
    }

    /// Lets the ARN of a key name other material from now on.
    pub fn exchange(&self, arn: &str) {
        let mut keys = self.lock();
        let key = keys.keys.get_mut(arn).expect("the key is there");
        key.material = Arc::new(Material::generate(kind(&key.spec).expect("a known spec")));
    }

    /// Disables or enables a key.
    pub fn enable(&self, arn: &str, enable: bool) {
        let state = if enable { "Enabled" } else { "Disabled" };
        self.lock().keys.get_mut(arn).expect("the key is there").state = state;
    }

    /// Returns the ARNs of all keys with their states and tags.
    pub fn keys(&self) -> Vec<(String, &'static str, BTreeMap<String, String>)> {
        let keys = self.lock();
        keys.keys.iter().map(|(arn, key)| (arn.clone(), key.state, key.tags.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn make(
        &mut self,
        region: &str,
        spec: &str,
        multi_region: bool,
        origin: &'static str,
        tags: BTreeMap<String, String>,
    ) -> Option<String> {
        self.made += 1;
        let prefix = if multi_region { "mrk-" } else { "" };
        let arn = format!("arn:aws:kms:{region}:{ACCOUNT}:key/{prefix}{:032x}", self.made);
        let material = Arc::new(Material::generate(kind(spec)?));
        let spec = spec.to_owned();
        let key = Key { material, spec, multi_region, state: "Enabled", origin, tags };
        self.keys.insert(arn.clone(), key);
        Some(arn)
    }

    /// Finds a key by whatever may name it in a region.
    fn find(&self, region: &str, name: &str) -> Result<String, Fault> {
        let missing = || Fault("NotFoundException", format!("{name} is not found"));
        let alias = name.split(':').next_back().unwrap_or(name);
        let arn = if alias.starts_with("alias/") {
            let pointed = self.aliases.get(&(region.to_owned(), alias.to_owned()));
            pointed.cloned().ok_or_else(missing)?
        } else if name.starts_with("arn:") {
            name.to_owned()
        } else {
            format!("arn:aws:kms:{region}:{ACCOUNT}:key/{name}")
        };
        let is_here = arn.split(':').nth(3) == Some(region) && self.keys.contains_key(&arn);
        is_here.then_some(arn).ok_or_else(missing)
    }
}

async fn answer(State(region): State<Region>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation =
        target.and_then(|target| target.strip_prefix("TrentService.")).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let key = body["KeyId"].as_str().unwrap_or_default();
    region.faults.note_call(operation, key);
    let fate = region.faults.fate().await;
    if let Some(url) = region.faults.redirected() {
        return Redirect::temporary(&url).into_response();
    }
    let outcome = match (fate, region.check_signature(&headers)) {
        (Fate::Throttled, _) => Err(Fault("ThrottlingException", "Rate exceeded".to_owned())),
        (Fate::Failed, _) => Err(Fault("KMSInternalException", "a fault".to_owned())),
        (Fate::Served, Err(fault)) => Err(fault),
        (Fate::Served, Ok(())) => region.serve(operation, &body),
    };
    match outcome {
        Ok(value) => (StatusCode::OK, value.to_string()).into_response(),
        Err(Fault(code, message)) => {
            let status = if code == "KMSInternalException" { 500 } else { 400 };
            let status = StatusCode::from_u16(status).expect("a status");
            (status, json!({ "__type": code, "message": message }).to_string()).into_response()
        }
    }
}

impl Region {
    /// Signature Version 4, as far as it can be seen from outside: who, where, which service,
    /// which headers.
    fn check_signature(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        let refused = |why: &str| Fault("IncompleteSignatureException", why.to_owned());
        let given = header("authorization");
        let fields = given
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| Fault("MissingAuthenticationToken", "no SigV4".to_owned()))?;
        let field = |name: &str| {
            let mut all = fields.split(", ").filter_map(|field| field.split_once('='));
            all.find(|(known, _)| *known == name).map(|(_, value)| value).unwrap_or_default()
        };
        let scope: Vec<_> = field("Credential").split('/').collect();
        match scope.as_slice() {
            [id, date, region, "kms", "aws4_request"]
                if *id == self.access_key_id
                    && *region == self.name
                    && header("x-amz-date").starts_with(date) =>
            {
                self.faults.note_credential(id);
            }
            _ => return Err(Fault("UnrecognizedClientException", "who is that?".to_owned())),
        }
        let signature = field("Signature");
        let signed = field("SignedHeaders");
        if signature.len() != 64 || !signed.contains("host") || !signed.contains("x-amz-target") {
            return Err(refused("the signature does not cover what it must"));
        }
        Ok(())
    }

    fn serve(&self, operation: &str, body: &Value) -> Outcome {
        match operation {
            "CreateKey" => self.create_key(body),
            "CreateAlias" => self.create_alias(body),
            "DeleteAlias" => self.delete_alias(body),
            "DescribeKey" => self.describe_key(body),
            "GetPublicKey" => self.get_public_key(body),
            "ReplicateKey" => self.replicate_key(body),
            "ScheduleKeyDeletion" => self.schedule_key_deletion(body),
            "Sign" => self.sign(body),
            other => Err(Fault("UnknownOperationException", other.to_owned())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create_key(&self, body: &Value) -> Outcome {
        let invalid = |why: &str| Fault("ValidationException", why.to_owned());
        if body["KeyUsage"] != "SIGN_VERIFY" {
            return Err(invalid("KeyUsage"));
        }
        let spec = body["KeySpec"].as_str().unwrap_or_default();
        let multi_region = body["MultiRegion"] == true;
        let mut keys = self.lock();
        let made = keys.make(&self.name, spec, multi_region, "AWS_KMS", tags(body));
        let arn = made.ok_or_else(|| invalid("KeySpec"))?;
        Ok(json!({ "KeyMetadata": metadata(&arn, &keys.keys[&arn]) }))
    }

    fn create_alias(&self, body: &Value) -> Outcome {
        let alias = body["AliasName"].as_str().unwrap_or_default();
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"/_-".contains(&c);
        if !alias.starts_with("alias/") || !alias.bytes().all(allowed) {
            return Err(Fault("InvalidAliasNameException", alias.to_owned()));
        }
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["TargetKeyId"].as_str().unwrap_or_default())?;
        let place = (self.name.clone(), alias.to_owned());
        if keys.aliases.contains_key(&place) {
            return Err(Fault("AlreadyExistsException", alias.to_owned()));
        }
        keys.aliases.insert(place, arn);
        Ok(json!({}))
    }

    fn delete_alias(&self, body: &Value) -> Outcome {
        let alias = body["AliasName"].as_str().unwrap_or_default().to_owned();
        match self.lock().aliases.remove(&(self.name.clone(), alias.clone())) {
            Some(_) => Ok(json!({})),
            None => Err(Fault("NotFoundException", alias)),
        }
    }

    fn describe_key(&self, body: &Value) -> Outcome {
        let keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        Ok(json!({ "KeyMetadata": metadata(&arn, &keys.keys[&arn]) }))
    }

    fn get_public_key(&self, body: &Value) -> Outcome {
        let keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let key = &keys.keys[&arn];
        usable(&arn, key)?;
        Ok(json!({
            "KeyId": arn,
            "PublicKey": STANDARD.encode(key.material.spki()),
            "KeySpec": key.spec,
            "KeyUsage": "SIGN_VERIFY",
        }))
    }

    fn replicate_key(&self, body: &Value) -> Outcome {
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let region = body["ReplicaRegion"].as_str().unwrap_or_default();
        let key = &keys.keys[&arn];
        if !key.multi_region {
            return Err(Fault("UnsupportedOperationException", "not multi-region".to_owned()));
        }
        let copy = Key {
            material: Arc::clone(&key.material),
            spec: key.spec.clone(),
            multi_region: true,
            state: "Enabled",
            origin: key.origin,
            tags: tags(body),
        };
        let other = arn.replacen(&format!(":{}:", self.name), &format!(":{region}:"), 1);
        let answer = json!({ "ReplicaKeyMetadata": metadata(&other, &copy) });
        keys.keys.insert(other, copy);
        Ok(answer)
    }

    fn schedule_key_deletion(&self, body: &Value) -> Outcome {
        let days = body["PendingWindowInDays"].as_u64().unwrap_or(30);
        if !(7..=30).contains(&days) {
            return Err(Fault("ValidationException", "PendingWindowInDays".to_owned()));
        }
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let Some(key) = keys.keys.get_mut(&arn) else {
            return Err(Fault("NotFoundException", arn));
        };
        if key.state == "PendingDeletion" {
            return Err(Fault("KMSInvalidStateException", "it is pending deletion".to_owned()));
        }
        key.state = "PendingDeletion";
        Ok(json!({ "KeyId": arn, "KeyState": "PendingDeletion" }))
    }

    fn sign(&self, body: &Value) -> Outcome {
        let (arn, material, spec) = {
            let keys = self.lock();
            let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
            let key = &keys.keys[&arn];
            usable(&arn, key)?;
            (arn, Arc::clone(&key.material), key.spec.clone())
        };
        let invalid = |why: &str| Fault("ValidationException", why.to_owned());
        let text = body["Message"].as_str().unwrap_or_default();
        let mut message = STANDARD.decode(text).map_err(|_| invalid("Message"))?;
        if message.len() > MESSAGE_LIMIT {
            return Err(invalid("Member must have length less than or equal to 4096"));
        }
        if self.faults.lies() {
            message.push(0);
            message.remove(0);
        }
        let algorithm = body["SigningAlgorithm"].as_str().unwrap_or_default();
        let kind = body["MessageType"].as_str().unwrap_or("RAW");
        let mut signature = sign(&material, &spec, (algorithm, kind), &message)
            .ok_or_else(|| Fault("InvalidKeyUsageException", format!("{algorithm}, {kind}")))?;
        if self.faults.damages() {
            signature.reverse();
        }
        Ok(json!({
            "KeyId": arn,
            "Signature": STANDARD.encode(signature),
            "SigningAlgorithm": algorithm,
        }))
    }
}

fn sign(
    material: &Material,
    spec: &str,
    (algorithm, kind): (&str, &str),
    message: &[u8],
) -> Option<Vec<u8>> {
    let bits = algorithm.rsplit('_').next()?.parse().ok()?;
    let padding = match algorithm.split("_SHA_").next()? {
        "RSASSA_PKCS1_V1_5" if spec.starts_with("RSA") => Padding::Pkcs1,
        "RSASSA_PSS" if spec.starts_with("RSA") => Padding::Pss,
        "ECDSA" if spec.starts_with("ECC_NIST_P") => Padding::None,
        "ED25519" if spec == "ECC_NIST_EDWARDS25519" && kind == "RAW" => Padding::None,
        "ML_DSA_SHAKE_256" if spec.starts_with("ML_DSA") => Padding::None,
        _ => return None,
    };
    match kind {
        "RAW" => material.sign(padding, bits, message),
        "DIGEST" => material.sign_digest(padding, bits, message),
        "EXTERNAL_MU" => material.sign_mu(message),
        _ => None,
    }
}

fn usable(arn: &str, key: &Key) -> Result<(), Fault> {
    match key.state {
        "Enabled" => Ok(()),
        "Disabled" => Err(Fault("DisabledException", format!("{arn} is disabled."))),
        state => Err(Fault("KMSInvalidStateException", format!("{arn} is {state}."))),
    }
}

fn metadata(arn: &str, key: &Key) -> Value {
    json!({
        "KeyId": arn.rsplit('/').next(),
        "Arn": arn,
        "AWSAccountId": ACCOUNT,
        "KeyState": key.state,
        "Enabled": key.state == "Enabled",
        "KeySpec": key.spec,
        "KeyUsage": "SIGN_VERIFY",
        "Origin": key.origin,
        "MultiRegion": key.multi_region,
    })
}

fn tags(body: &Value) -> BTreeMap<String, String> {
    let all = body["Tags"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|tag| (text(&tag["TagKey"]), text(&tag["TagValue"]))).collect()
}

fn kind(spec: &str) -> Option<Kind> {
    Some(match spec {
        "ECC_NIST_P256" => Kind::P256,
        "ECC_NIST_P384" => Kind::P384,
        "ECC_NIST_P521" => Kind::P521,
        "ECC_NIST_EDWARDS25519" => Kind::Ed25519,
        "RSA_2048" => Kind::Rsa(2048),
        "RSA_3072" => Kind::Rsa(3072),
        "RSA_4096" => Kind::Rsa(4096),
        "ML_DSA_44" => Kind::MlDsa(44),
        "ML_DSA_65" => Kind::MlDsa(65),
        "ML_DSA_87" => Kind::MlDsa(87),
        _ => return None,
    })
}
