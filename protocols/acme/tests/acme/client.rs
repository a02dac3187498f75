//! An ACME client of the tests' own, that can bend every part of a request.

use std::net::SocketAddr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub fn b64(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn links(&self, relation: &str) -> Vec<String> {
        let end = format!(">;rel=\"{relation}\"");
        let links = self.headers.iter().filter(|(name, _)| name == "link");
        let url = |(_, value): &(String, String)| {
            value.strip_prefix('<')?.strip_suffix(&end).map(str::to_owned)
        };
        links.filter_map(url).collect()
    }

    pub fn location(&self) -> String {
        self.header("location").expect("a Location").to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The error type without its URN.
    pub fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        let short = kind.strip_prefix("urn:ietf:params:acme:error:").map(str::to_owned);
        short.unwrap_or(kind)
    }

    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// Asks once, on a connection of its own.
pub async fn http(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await.expect("written");
    stream.write_all(body).await.expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let header = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Reply {
        status: status.parse().expect("a number"),
        headers: lines.map(header).collect(),
        body: answer[end + 4..].to_vec(),
    }
}

/// A key that signs requests.
pub enum Key {
    Ec(&'static str, &'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    pub fn p256() -> Self {
        Self::ec("ES256", "P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn ec(
        alg: &'static str,
        curve: &'static str,
        algorithm: &'static signature::EcdsaSigningAlgorithm,
    ) -> Self {
        Self::Ec(alg, curve, EcdsaKeyPair::generate(algorithm).expect("a key"))
    }

    /// One of every kind that the server knows.
    pub fn every() -> Vec<Self> {
        vec![
            Self::p256(),
            Self::ec("ES384", "P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::ec("ES512", "P-521", &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Self::Ed25519(Ed25519KeyPair::generate().expect("a key")),
            Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        ]
    }

    pub fn alg(&self) -> &'static str {
        match self {
            Self::Ec(alg, ..) => alg,
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    pub fn jwk(&self) -> Value {
        match self {
            Self::Ec(_, curve, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) })
            }
            Self::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({ "kty": "RSA", "n": b64(n), "e": b64(e) })
            }
        }
    }

    /// RFC 7638; JSON objects of serde_json are sorted.
    pub fn thumbprint(&self) -> [u8; 32] {
        x509::sha256(self.jwk().to_string().as_bytes())
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(_, _, pair) => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("signed");
                signature
            }
        }
    }
}

/// Takes `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` apart; the lengths
/// of a key of 2,048 bits are known.
fn rsa_numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let n = &der[9..9 + 256];
    let e = &der[9 + 256 + 2..];
    (n.to_vec(), e.to_vec())
}

/// A request that is not yet signed: every part may be bent.
pub struct Draft {
    pub method: &'static str,
    /// Where it is sent.
    pub target: String,
    pub host: String,
    pub content_type: Option<&'static str>,
    pub accept: Option<&'static str>,
    pub header: Value,
    /// The protected header's text, in place of `header`.
    pub header_text: Option<String>,
    pub payload: Vec<u8>,
    /// What becomes of the finished JWS.
    pub finish: Box<dyn FnOnce(&mut Value) + Send>,
    /// The body, in place of the JWS.
    pub body: Option<Vec<u8>>,
}

/// A client with a key and perhaps an account.
pub struct Client {
    pub address: SocketAddr,
    pub base: String,
    pub key: Key,
    pub kid: Option<String>,
}

impl Client {
    pub fn new(address: SocketAddr, key: Key) -> Self {
        Self { address, base: format!("http://{address}"), key, kid: None }
    }

    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    pub async fn get(&self, url: &str) -> Reply {
        let url = self.url(url);
        let target = url.strip_prefix(&self.base).unwrap_or(&url).to_owned();
        http(self.address, "GET", &target, &[("host", &self.address.to_string())], b"").await
    }

    pub async fn nonce(&self) -> String {
        let host = self.address.to_string();
        let reply = http(self.address, "HEAD", "/acme/new-nonce", &[("host", &host)], b"").await;
        reply.expect(200).header("replay-nonce").expect("a nonce").to_owned()
    }

    /// Drafts a request as it should be; without payload POST-as-GET.
    pub async fn draft(&self, url: &str, payload: Option<Value>) -> Draft {
        let url = self.url(url);
        let mut header = json!({ "alg": self.key.alg(), "nonce": self.nonce().await, "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = json!(kid),
            None => header["jwk"] = self.key.jwk(),
        }
        Draft {
            method: "POST",
            target: url.strip_prefix(&self.base).unwrap_or("/").to_owned(),
            host: self.address.to_string(),
            content_type: Some("application/jose+json"),
            accept: None,
            header,
            header_text: None,
            payload: payload.map(|payload| payload.to_string().into_bytes()).unwrap_or_default(),
            finish: Box::new(|_| {}),
            body: None,
        }
    }

    pub fn jws(&self, header: &str, payload: &[u8]) -> Value {
        let (protected, payload) = (b64(header), b64(payload));
        let signature = self.key.sign(format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": b64(signature) })
    }

    pub async fn send(&self, draft: Draft) -> Reply {
        let header = draft.header_text.unwrap_or_else(|| draft.header.to_string());
        let mut jws = self.jws(&header, &draft.payload);
        (draft.finish)(&mut jws);
        let body = draft.body.unwrap_or_else(|| jws.to_string().into_bytes());
        let mut headers = vec![("host", draft.host.as_str())];
        headers.extend(draft.content_type.map(|media| ("content-type", media)));
        headers.extend(draft.accept.map(|media| ("accept", media)));
        http(self.address, draft.method, &draft.target, &headers, &body).await
    }

    pub async fn post(&self, url: &str, payload: Value) -> Reply {
        self.send(self.draft(url, Some(payload)).await).await
    }

    pub async fn read(&self, url: &str) -> Reply {
        self.send(self.draft(url, None).await).await
    }

    /// Makes an account and keeps its URL.
    pub async fn register(&mut self) -> Reply {
        self.register_at("/acme/new-account", json!({ "termsOfServiceAgreed": true })).await
    }

    pub async fn register_at(&mut self, url: &str, payload: Value) -> Reply {
        let reply = self.post(url, payload).await;
        if reply.status < 300 {
            self.kid = Some(reply.location());
        }
        reply
    }
}
