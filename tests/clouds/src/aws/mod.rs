//! AWS KMS: what the API reference says of the operations that a signer needs.

mod endpoint;
mod operations;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::post;
use serde_json::Value;

use crate::Faults;
use crate::material::{Kind, Material};
use crate::server::Server;

const ACCOUNT: &str = "111122223333";

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
            let router = Router::new().route("/", post(endpoint::answer)).with_state(region);
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

    /// Has a P-256 key, PKCS#8, DER, imported into the account; returns its ARN.
    pub fn import(&self, pkcs8: &[u8]) -> String {
        let region = self.regions.first().expect("there is a region").0.clone();
        let material = Material::p_256(pkcs8);
        let mut keys = self.lock();
        keys.take_in(&region, "ECC_NIST_P256", material, (false, "EXTERNAL"), BTreeMap::new())
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
        let material = Material::generate(kind(spec)?);
        Some(self.take_in(region, spec, material, (multi_region, origin), tags))
    }

    /// Gives a key its ARN.
    fn take_in(
        &mut self,
        region: &str,
        spec: &str,
        material: Material,
        (multi_region, origin): (bool, &'static str),
        tags: BTreeMap<String, String>,
    ) -> String {
        self.made += 1;
        let prefix = if multi_region { "mrk-" } else { "" };
        let arn = format!("arn:aws:kms:{region}:{ACCOUNT}:key/{prefix}{:032x}", self.made);
        let (material, spec) = (Arc::new(material), spec.to_owned());
        let key = Key { material, spec, multi_region, state: "Enabled", origin, tags };
        self.keys.insert(arn.clone(), key);
        arn
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
