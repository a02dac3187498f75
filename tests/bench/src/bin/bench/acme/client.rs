//! A client of ACME that costs little: it shares the cores with what is measured. Its key, its
//! connection and its requests' texts are made once; every answer's status is held against the one
//! that RFC 8555 gives.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::eyes::Eyes;
use super::{b64, read};
use crate::http::{Connection, Response, Tls};
use crate::stack::Stack;

/// How long a client waits before it asks again what an order or authorization came to.
const PAUSE: Duration = Duration::from_millis(5);

/// A client with an account and a connection.
pub(super) struct Client {
    connection: Connection<TlsStream<TcpStream>>,
    key: EcdsaKeyPair,
    random: SystemRandom,
    base: String,
    /// `"jwk":…` or `"kid":…`, as it stands in every protected header.
    who: String,
    nonce: String,
    eyes: Arc<Eyes>,
    thumbprint: String,
    /// How often it had to ask again.
    pub(super) polls: usize,
}

/// A name, and an order and a CSR for it.
pub(super) struct Wish {
    pub(super) order: String,
    pub(super) finalize: String,
}

#[derive(Deserialize)]
struct Order {
    status: String,
    authorizations: Vec<String>,
    finalize: String,
    certificate: Option<String>,
}

#[derive(Deserialize)]
struct Authorization {
    status: String,
    challenges: Vec<Challenge>,
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "type")]
    method: String,
    status: String,
    url: String,
    token: String,
}

impl Client {
    /// Connects and makes an account.
    pub(super) async fn register(
        stack: &Stack,
        tls: &Tls,
        eyes: &Arc<Eyes>,
    ) -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let mut connection = Connection::tls(stack.https, tls).await?;
        let given = connection.get("/acme/new-nonce", None).await?;
        ensure!(given.status == 204, "newNonce: {}", given.status);
        let jwk = jwk(&key);
        let mut client = Self {
            connection,
            thumbprint: b64(x509::sha256(jwk.as_bytes())),
            who: format!(r#""jwk":{jwk}"#),
            key,
            random: SystemRandom::new(),
            base: format!("https://{}", stack.https),
            nonce: given.nonce.context("a nonce")?,
            eyes: Arc::clone(eyes),
            polls: 0,
        };
        let url = format!("{}/acme/new-account", client.base);
        let made = client.post(&url, "{}", 201).await?;
        client.who = format!(r#""kid":"{}""#, made.location.context("an account's URL")?);
        Ok(client)
    }

    /// Posts a signed payload and expects exactly this status.
    async fn post(&mut self, url: &str, payload: &str, status: u16) -> anyhow::Result<Response> {
        let path = url.strip_prefix(&self.base).context("a URL of the server")?;
        let Self { who, nonce, .. } = self;
        let header = format!(r#"{{"alg":"ES256","nonce":"{nonce}","url":"{url}",{who}}}"#);
        let signed = format!("{}.{}", b64(header), b64(payload));
        let signature = b64(self.key.sign(&self.random, signed.as_bytes())?);
        let (protected, payload) = signed.split_once('.').context("a dot")?;
        let jws = format!(
            r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#
        );
        let media = "application/jose+json";
        let answer = self.connection.post_as(path, media, jws.as_bytes()).await?;
        ensure!(
            answer.status == status,
            "{path}: {} in place of {status}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        self.nonce.clone_from(answer.nonce.as_ref().context("a fresh nonce")?);
        Ok(answer)
    }

    /// One order, from newOrder to the certificate.
    pub(super) async fn order(&mut self, wish: &Wish) -> anyhow::Result<()> {
        let url = format!("{}/acme/new-order", self.base);
        let made = self.post(&url, &wish.order, 201).await?;
        let url = made.location.as_ref().context("an order's URL")?;
        let order: Order = read(&made.body)?;
        ensure!(order.status == "pending", "a new order is {}", order.status);
        let authorization = order.authorizations.first().context("an authorization")?;
        self.authorize(authorization).await?;
        let done = self.post(&order.finalize, &wish.finalize, 200).await?;
        let mut done: Order = read(&done.body)?;
        while done.status == "processing" {
            self.pause().await;
            done = read(&self.post(url, "", 200).await?.body)?;
        }
        ensure!(done.status == "valid", "the order is {}", done.status);
        let certificate = done.certificate.context("a certificate's URL")?;
        let chain = self.post(&certificate, "", 200).await?;
        ensure!(chain.body.starts_with(b"-----BEGIN CERTIFICATE-----"), "no certificate");
        Ok(())
    }

    /// Shows control over a name by http-01.
    async fn authorize(&mut self, authorization: &str) -> anyhow::Result<()> {
        let found: Authorization = read(&self.post(authorization, "", 200).await?.body)?;
        ensure!(found.status == "pending", "a new authorization is {}", found.status);
        let mut challenges = found.challenges.into_iter();
        let challenge = challenges.find(|one| one.method == "http-01").context("http-01")?;
        let Challenge { url, token, .. } = challenge;
        self.eyes.put(&token, format!("{token}.{}", self.thumbprint));
        let answer: Challenge = read(&self.post(&url, "{}", 200).await?.body)?;
        let mut status = answer.status;
        while status != "valid" {
            ensure!(status == "pending" || status == "processing", "a challenge is {status}");
            self.pause().await;
            let found: Authorization = read(&self.post(authorization, "", 200).await?.body)?;
            status = found.status;
        }
        self.eyes.take(&token);
        Ok(())
    }

    async fn pause(&mut self) {
        self.polls += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// RFC 7638 §3.2: the members in this order are what the thumbprint is of.
fn jwk(key: &EcdsaKeyPair) -> String {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, b64(x), b64(y))
}
