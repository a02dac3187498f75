//! The least of an ACME client: it sends one and the same JWS to whichever server the test means.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Api, Response};
use serde_json::{Value, json};

fn b64(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// A key, an account perhaps, and the base that all URLs have.
pub struct Jose {
    key: EcdsaKeyPair,
    base: String,
    kid: Option<String>,
}

/// A signed request.
pub struct Signed {
    path: String,
    body: Vec<u8>,
}

impl Jose {
    pub fn new(base: String) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { key, base, kid: None }
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
    }

    /// What answers a challenge with this token (RFC 8555 §8.1, RFC 7638 §3).
    pub fn key_authorization(&self, token: &str) -> String {
        let jwk = self.jwk();
        let (x, y) = (&jwk["x"], &jwk["y"]);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#);
        format!("{token}.{}", b64(digest(&SHA256, canonical.as_bytes())))
    }

    fn host(&self) -> &str {
        self.base.trim_start_matches("https://")
    }

    /// Asks for a nonce, which may be refused.
    pub fn ask_for_nonce(&self, api: &mut Api) -> Response {
        api.ask("GET", "/acme/new-nonce", &[("host", self.host())], None)
    }

    pub fn nonce(&self, api: &mut Api) -> String {
        let answer = self.ask_for_nonce(api);
        assert_eq!(answer.status, 204, "{}", answer.text());
        answer.header("replay-nonce").expect("a nonce").to_owned()
    }

    /// Signs a request for a path below the base; without payload POST-as-GET.
    pub fn sign(&self, path: &str, payload: Option<&Value>, nonce: &str) -> Signed {
        let url = format!("{}{path}", self.base);
        let mut header = json!({ "alg": "ES256", "nonce": nonce, "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = json!(kid),
            None => header["jwk"] = self.jwk(),
        }
        let protected = b64(header.to_string());
        let payload = b64(payload.map(ToString::to_string).unwrap_or_default());
        let signed = format!("{protected}.{payload}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        let jws =
            json!({ "protected": protected, "payload": payload, "signature": b64(signature) });
        Signed { path: path.to_owned(), body: jws.to_string().into_bytes() }
    }

    /// Sends what was signed to a server.
    pub fn send(&self, api: &mut Api, signed: &Signed) -> Response {
        let headers = [("host", self.host()), ("content-type", "application/jose+json")];
        api.ask("POST", &signed.path, &headers, Some(&signed.body))
    }

    /// Signs with a nonce of that server's and sends.
    pub fn post(&self, api: &mut Api, path: &str, payload: &Value) -> Response {
        let nonce = self.nonce(api);
        self.send(api, &self.sign(path, Some(payload), &nonce))
    }

    /// Reads by POST-as-GET.
    pub fn read(&self, api: &mut Api, path: &str) -> Response {
        let nonce = self.nonce(api);
        self.send(api, &self.sign(path, None, &nonce))
    }

    /// The path of a URL that the server wrote into an answer.
    pub fn path(&self, url: &Value) -> String {
        let below = url.as_str().and_then(|url| url.strip_prefix(&self.base));
        below.unwrap_or_else(|| panic!("{url} is not below {}", self.base)).to_owned()
    }

    /// Asks for an account, and keeps its URL.
    pub fn register(&mut self, api: &mut Api) -> Response {
        let answer = self.post(api, "/acme/new-account", &json!({ "termsOfServiceAgreed": true }));
        if answer.status == 201 {
            self.kid = answer.header("location").map(str::to_owned);
        }
        answer
    }

    /// The path of its account.
    pub fn account(&self) -> String {
        let kid = self.kid.as_deref().expect("an account");
        kid.strip_prefix(&self.base).expect("below the base").to_owned()
    }

    pub fn order(&self, api: &mut Api, name: &str) -> Response {
        let order = json!({ "identifiers": [{ "type": "dns", "value": name }] });
        self.post(api, "/acme/new-order", &order)
    }
}

/// The problem type without its URN, and the status.
pub fn problem(answer: &Response) -> (String, u16) {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    (kind.trim_start_matches("urn:ietf:params:acme:error:").to_owned(), answer.status)
}
