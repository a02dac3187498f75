//! Google Cloud KMS: what the REST reference says of the methods that a signer needs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Faults;
use crate::faults::Fate;
use crate::material::{Bits, Kind, Material, Padding};
use crate::server::Server;

/// AsymmetricSign: `data` is at most 64 KiB.
const DATA_LIMIT: usize = 64 * 1024;

/// A fake of Google Cloud KMS.
pub struct GoogleCloud {
    server: Server,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    keys: Arc<Mutex<HashMap<String, Version>>>,
    faults: Arc<Faults>,
}

struct Version {
    material: Arc<Material>,
    algorithm: String,
    level: String,
    state: &'static str,
    imported: bool,
    labels: BTreeMap<String, String>,
    /// How often it is still said to be generated.
    pending: u32,
}

/// An error of the service: HTTP status, code, words.
struct Fault(u16, &'static str, String);

type Outcome = Result<Value, Fault>;

impl GoogleCloud {
    /// The key ring that [`GoogleCloud::config`] names.
    pub const KEY_RING: &str = "projects/tests/locations/europe-west3/keyRings/chancery";

    /// Starts it.
    pub fn start() -> Self {
        let shared = Shared { keys: Arc::default(), faults: Arc::default() };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let server = Server::start(router, Arc::clone(&shared.faults));
        Self { server, shared }
    }

    /// Returns its faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Returns its URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns a kms.toml that uses it without a credential; `more` stands at its end.
    pub fn config(&self, more: &str) -> String {
        self.config_with("dangerous_anonymous = true\n", more)
    }

    /// Returns a kms.toml that uses it; `inside` stands in its table, `more` at its end.
    pub fn config_with(&self, inside: &str, more: &str) -> String {
        format!(
            "version = 1\ndangerous_plain_http = true\n[google]\nkey_ring = {:?}\n\
             endpoint = {:?}\n{inside}{more}",
            Self::KEY_RING,
            self.url()
        )
    }

    /// Makes a key as another program of the project would; returns the name of its version.
    pub fn make(&self, id: &str, algorithm: &str, imported: bool) -> String {
        let name = format!("{}/cryptoKeys/{id}/cryptoKeyVersions/1", Self::KEY_RING);
        let (kind, ..) = algorithm_of(algorithm).expect("a known algorithm");
        let version = Version {
            material: Arc::new(Material::generate(kind)),
            algorithm: algorithm.to_owned(),
            level: "HSM".to_owned(),
            state: "ENABLED",
            imported,
            labels: BTreeMap::new(),
            pending: 0,
        };
        self.lock().insert(name.clone(), version);
        name
    }

    /// Returns the public key of a version.
    pub fn public_key(&self, name: &str) -> x509::SpkiDer {
        x509::SpkiDer::from_vec(self.lock()[name].material.spki())
    }

    /// Lets the name of a version name other material from now on.
    pub fn exchange(&self, name: &str) {
        let mut keys = self.lock();
        let version = keys.get_mut(name).expect("the version is there");
        let (kind, ..) = algorithm_of(&version.algorithm).expect("a known algorithm");
        version.material = Arc::new(Material::generate(kind));
    }

    /// Disables or enables a version.
    pub fn enable(&self, name: &str, enable: bool) {
        let state = if enable { "ENABLED" } else { "DISABLED" };
        self.lock().get_mut(name).expect("the version is there").state = state;
    }

    /// Returns the names of all versions with their states and labels.
    pub fn versions(&self) -> Vec<(String, &'static str, BTreeMap<String, String>)> {
        let keys = self.lock();
        let all = keys.iter();
        all.map(|(name, version)| (name.clone(), version.state, version.labels.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Version>> {
        self.shared.lock()
    }
}

async fn answer(
    State(shared): State<Shared>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = uri.path().strip_prefix("/v1/").unwrap_or_default().to_owned();
    let (operation, name) = match (method.as_str(), path.split_once(':')) {
        ("POST", Some((name, "asymmetricSign"))) => ("asymmetricSign", name),
        ("POST", Some((name, "destroy"))) => ("destroy", name),
        ("POST", None) if path.ends_with("/cryptoKeys") => ("create", path.as_str()),
        ("GET", None) => match path.strip_suffix("/publicKey") {
            Some(name) => ("getPublicKey", name),
            None => ("get", path.as_str()),
        },
        _ => ("", ""),
    };
    shared.faults.note_call(operation, name);
    let credential = headers.get("authorization").and_then(|value| value.to_str().ok());
    shared.faults.note_credential(credential.unwrap_or("none"));
    if let Some(url) = shared.faults.redirected() {
        return Redirect::temporary(&format!("{url}{uri}")).into_response();
    }
    let query = uri.query().unwrap_or_default();
    let outcome = match shared.faults.fate().await {
        Fate::Throttled => Err(Fault(429, "RESOURCE_EXHAUSTED", "Quota exceeded".to_owned())),
        Fate::Failed => Err(Fault(503, "UNAVAILABLE", "a fault".to_owned())),
        Fate::Served => match operation {
            "create" => shared.create(name, query, &body),
            "getPublicKey" => shared.public_key(name, query),
            "get" => shared.get(name),
            "asymmetricSign" => shared.sign(name, &body),
            "destroy" => shared.destroy(name),
            _ => Err(Fault(404, "NOT_FOUND", "no such method".to_owned())),
        },
    };
    let json = [("content-type", "application/json")];
    match outcome {
        Ok(value) => (StatusCode::OK, json, value.to_string()).into_response(),
        Err(Fault(status, code, message)) => {
            let error = json!({ "code": status, "status": code, "message": message });
            let status = StatusCode::from_u16(status).expect("a status");
            (status, json, json!({ "error": error }).to_string()).into_response()
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Version>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, parent: &str, query: &str, body: &Value) -> Outcome {
        let invalid = |why: &str| Fault(400, "INVALID_ARGUMENT", why.to_owned());
        let id = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("cryptoKeyId="))
            .ok_or_else(|| invalid("cryptoKeyId"))?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if !(1..=63).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(invalid("crypto_key_id"));
        }
        // JSON of protocol buffers takes the name of an enum's value, or its number.
        if body["purpose"] != "ASYMMETRIC_SIGN" && body["purpose"] != 5 {
            return Err(invalid("purpose"));
        }
        let template = &body["versionTemplate"];
        let algorithm = match template["algorithm"].as_u64() {
            Some(number) => named(number).ok_or_else(|| invalid("algorithm"))?,
            None => template["algorithm"].as_str().unwrap_or_default(),
        };
        let (kind, ..) = algorithm_of(algorithm).ok_or_else(|| invalid("algorithm"))?;
        let mut labels = BTreeMap::new();
        for (name, value) in body["labels"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let allowed =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
            if value.len() > 63 || !name.bytes().chain(value.bytes()).all(allowed) {
                return Err(invalid("labels"));
            }
            labels.insert(name.clone(), value.to_owned());
        }
        let name = format!("{parent}/{id}");
        let version = Version {
            material: Arc::new(Material::generate(kind)),
            algorithm: algorithm.to_owned(),
            level: if template["protectionLevel"] == 2 { "HSM" } else { "SOFTWARE" }.to_owned(),
            state: "ENABLED",
            imported: false,
            labels,
            pending: 1,
        };
        let first = format!("{name}/cryptoKeyVersions/1");
        let mut keys = self.lock();
        if keys.contains_key(&first) {
            return Err(Fault(409, "ALREADY_EXISTS", format!("{name} already exists")));
        }
        keys.insert(first, version);
        Ok(json!({ "name": name, "purpose": "ASYMMETRIC_SIGN" }))
    }

    fn public_key(&self, name: &str, query: &str) -> Outcome {
        let mut keys = self.lock();
        let version = enabled(&mut keys, name)?;
        let spki = version.material.spki();
        let is_pqc = version.algorithm.starts_with("PQ_SIGN");
        let format = query.split('&').find_map(|pair| pair.strip_prefix("publicKeyFormat="));
        // By name or by number: 1 is PEM, 3 is NIST_PQC.
        let mut octets = match (format, is_pqc) {
            (Some("NIST_PQC" | "3"), true) => spki[spki.len() - raw_length(spki.len())..].to_vec(),
            (Some("PEM" | "1"), false) => pem(&spki).into_bytes(),
            _ => {
                let why = format!("public_key_format {format:?} for {}", version.algorithm);
                return Err(Fault(400, "INVALID_ARGUMENT", why));
            }
        };
        let checksum = crc32c(&octets).to_string();
        if self.faults.damages() {
            octets[10] ^= 1;
        }
        Ok(json!({
            "name": name,
            "algorithm": version.algorithm,
            "protectionLevel": version.level,
            "publicKey": { "data": STANDARD.encode(octets), "crc32cChecksum": checksum },
        }))
    }

    fn get(&self, name: &str) -> Outcome {
        let mut keys = self.lock();
        let version = keys
            .get_mut(name)
            .ok_or_else(|| Fault(404, "NOT_FOUND", format!("{name} not found")))?;
        let state = if version.pending > 0 { "PENDING_GENERATION" } else { version.state };
        version.pending = version.pending.saturating_sub(1);
        let job =
            if version.imported { "projects/p/locations/l/keyRings/r/importJobs/j" } else { "" };
        Ok(json!({
            "name": name, "state": state, "algorithm": version.algorithm, "importJob": job,
        }))
    }

    fn destroy(&self, name: &str) -> Outcome {
        let mut keys = self.lock();
        let version = keys
            .get_mut(name)
            .ok_or_else(|| Fault(404, "NOT_FOUND", format!("{name} not found")))?;
        if version.state == "DESTROY_SCHEDULED" {
            let why = format!("{name} is not enabled, current state is: DESTROY_SCHEDULED.");
            return Err(Fault(400, "FAILED_PRECONDITION", why));
        }
        version.state = "DESTROY_SCHEDULED";
        Ok(json!({ "name": name, "state": "DESTROY_SCHEDULED" }))
    }

    fn sign(&self, name: &str, body: &Value) -> Outcome {
        let (material, algorithm, level) = {
            let mut keys = self.lock();
            let version = enabled(&mut keys, name)?;
            (Arc::clone(&version.material), version.algorithm.clone(), version.level.clone())
        };
        let invalid = |why: &str| Fault(400, "INVALID_ARGUMENT", why.to_owned());
        let (_, padding, bits) = algorithm_of(&algorithm).ok_or_else(|| invalid("algorithm"))?;
        let asked = Asked::read(body).map_err(invalid)?;
        let mut octets = asked.octets.clone();
        if self.faults.lies() {
            octets.reverse();
        }
        let signature = match (asked.field, algorithm.as_str()) {
            ("data", algorithm) if is_whole(algorithm) => material.sign(padding, bits, &octets),
            ("externalMu", algorithm) if algorithm.ends_with("_EXTERNAL_MU") => {
                material.sign_mu(&octets)
            }
            (field, algorithm)
                if !algorithm.starts_with("PQ_") && field == format!("sha{bits}") =>
            {
                material.sign_digest(padding, bits, &octets)
            }
            _ => None,
        };
        let mut signature = signature.ok_or_else(|| invalid("digest does not fit the key"))?;
        let checksum = crc32c(&signature).to_string();
        if self.faults.damages() {
            signature[5] ^= 1;
        }
        Ok(json!({
            "name": name,
            "signature": STANDARD.encode(signature),
            "signatureCrc32c": checksum,
            "verifiedDigestCrc32c": asked.guarded && asked.field != "data",
            "verifiedDataCrc32c": asked.guarded && asked.field == "data",
            "protectionLevel": level,
        }))
    }
}

/// What is to be signed.
struct Asked {
    field: &'static str,
    octets: Vec<u8>,
    guarded: bool,
}

impl Asked {
    fn read(body: &Value) -> Result<Self, &'static str> {
        let digests = ["sha256", "sha384", "sha512", "externalMu"];
        let digest = digests.iter().find(|name| body["digest"][**name].is_string());
        let (field, text, guard) = match (digest, body["data"].as_str()) {
            (Some(name), None) => {
                (*name, body["digest"][*name].as_str().unwrap_or_default(), &body["digestCrc32c"])
            }
            (None, Some(text)) => ("data", text, &body["dataCrc32c"]),
            // An empty message leaves the field away.
            (None, None) => ("data", "", &body["dataCrc32c"]),
            (Some(_), Some(_)) => return Err("both digest and data"),
        };
        let octets = STANDARD.decode(text).map_err(|_| "base64")?;
        if field == "data" && octets.len() > DATA_LIMIT {
            return Err("data is longer than 64 KiB");
        }
        let guard: Option<u32> = guard.as_str().and_then(|text| text.parse().ok());
        if guard.is_some_and(|guard| guard != crc32c(&octets)) {
            return Err("the checksum in the request did not match: crc32c");
        }
        Ok(Self { field, octets, guarded: guard.is_some() })
    }
}

fn is_whole(algorithm: &str) -> bool {
    algorithm == "EC_SIGN_ED25519"
        || algorithm.starts_with("PQ_SIGN_ML_DSA") && !algorithm.ends_with("_EXTERNAL_MU")
}

fn enabled<'a>(keys: &'a mut HashMap<String, Version>, name: &str) -> Result<&'a Version, Fault> {
    let version =
        keys.get_mut(name).ok_or_else(|| Fault(404, "NOT_FOUND", format!("{name} not found")))?;
    let not = |state: &str| {
        let why = format!("{name} is not enabled, current state is: {state}.");
        Err(Fault(400, "FAILED_PRECONDITION", why))
    };
    if version.pending > 0 {
        return not("PENDING_GENERATION");
    }
    if version.state != "ENABLED" { not(version.state) } else { Ok(version) }
}

/// CryptoKeyVersionAlgorithm, by number.
fn named(number: u64) -> Option<&'static str> {
    Some(match number {
        2 => "RSA_SIGN_PSS_2048_SHA256",
        3 => "RSA_SIGN_PSS_3072_SHA256",
        4 => "RSA_SIGN_PSS_4096_SHA256",
        5 => "RSA_SIGN_PKCS1_2048_SHA256",
        6 => "RSA_SIGN_PKCS1_3072_SHA256",
        7 => "RSA_SIGN_PKCS1_4096_SHA256",
        12 => "EC_SIGN_P256_SHA256",
        13 => "EC_SIGN_P384_SHA384",
        15 => "RSA_SIGN_PSS_4096_SHA512",
        16 => "RSA_SIGN_PKCS1_4096_SHA512",
        40 => "EC_SIGN_ED25519",
        56 => "PQ_SIGN_ML_DSA_65",
        67 => "PQ_SIGN_ML_DSA_65_EXTERNAL_MU",
        68 => "PQ_SIGN_ML_DSA_44",
        69 => "PQ_SIGN_ML_DSA_87",
        70 => "PQ_SIGN_ML_DSA_44_EXTERNAL_MU",
        71 => "PQ_SIGN_ML_DSA_87_EXTERNAL_MU",
        _ => return None,
    })
}

fn algorithm_of(name: &str) -> Option<(Kind, Padding, Bits)> {
    let rsa = |text: &str, padding| {
        let (size, hash) = text.split_once("_SHA")?;
        let offered = matches!((size, hash), (_, "256") | ("4096", "512"));
        offered.then_some((Kind::Rsa(size.parse().ok()?), padding, hash.parse().ok()?))
    };
    if let Some(rest) = name.strip_prefix("RSA_SIGN_PKCS1_") {
        return rsa(rest, Padding::Pkcs1);
    }
    if let Some(rest) = name.strip_prefix("RSA_SIGN_PSS_") {
        return rsa(rest, Padding::Pss);
    }
    Some(match name.trim_end_matches("_EXTERNAL_MU") {
        "EC_SIGN_P256_SHA256" => (Kind::P256, Padding::None, 256),
        "EC_SIGN_P384_SHA384" => (Kind::P384, Padding::None, 384),
        "EC_SIGN_ED25519" => (Kind::Ed25519, Padding::None, 512),
        "PQ_SIGN_ML_DSA_44" => (Kind::MlDsa(44), Padding::None, 0),
        "PQ_SIGN_ML_DSA_65" => (Kind::MlDsa(65), Padding::None, 0),
        "PQ_SIGN_ML_DSA_87" => (Kind::MlDsa(87), Padding::None, 0),
        _ => return None,
    })
}

/// FIPS 204 §4, table 2; 22 octets stand before the key in its SubjectPublicKeyInfo.
fn raw_length(spki: usize) -> usize {
    spki - 22
}

fn pem(spki: &[u8]) -> String {
    let text = STANDARD.encode(spki);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// CRC-32C by a table, as the service's documentation computes it.
fn crc32c(octets: &[u8]) -> u32 {
    let entry = |index: u32| {
        (0..8).fold(index, |c, _| (c >> 1) ^ (0x82f6_3b78 & (0u32.wrapping_sub(c & 1))))
    };
    let table: Vec<u32> = (0..256).map(entry).collect();
    !octets
        .iter()
        .fold(!0u32, |crc, octet| (crc >> 8) ^ table[((crc ^ u32::from(*octet)) & 0xff) as usize])
}
