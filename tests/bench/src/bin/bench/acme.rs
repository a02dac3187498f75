//! Full ACME orders: newOrder, challenge by http-01 on loopback, finalize, certificate; durable.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::draft;
use crate::eyes::Eyes;
use crate::http::{Connection, Response};
use crate::load::{Spent, total_cpu};
use crate::process;
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, count, time};
use crate::stack::Stack;

const SPAN: Duration = Duration::from_secs(8);
const RATE: f64 = 600.0;
const CPU: Duration = Duration::from_micros(1_600);
/// Keys that take turns.
const KEYS: usize = 256;
/// Orders while fdatasync is counted.
const COUNTED: usize = 200;
/// The slowest of twenty on the read endpoints.
const READ: Duration = Duration::from_millis(50);

/// Numbers names, so that no order is for what was validated before.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A client with an account and a connection.
struct Client {
    connection: Connection<TlsStream<TcpStream>>,
    key: EcdsaKeyPair,
    base: String,
    kid: Option<String>,
    nonce: String,
    eyes: Arc<Eyes>,
    thumbprint: String,
}

fn b64(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

impl Client {
    async fn register(stack: &Stack, eyes: &Arc<Eyes>) -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let mut connection = Connection::tls(stack.https, &stack.tls).await?;
        let nonce = connection.get("/acme/new-nonce", None).await?.nonce.context("a nonce")?;
        let mut client = Self {
            connection,
            thumbprint: b64(x509::sha256(jwk(&key).to_string().as_bytes())),
            key,
            base: format!("https://{}", stack.https),
            kid: None,
            nonce,
            eyes: Arc::clone(eyes),
        };
        let made = client.post("/acme/new-account", Some(json!({}))).await?;
        client.kid = Some(made.location.context("an account's URL")?);
        Ok(client)
    }

    async fn post(&mut self, url: &str, payload: Option<Value>) -> anyhow::Result<Response> {
        let path = url.strip_prefix(&self.base).unwrap_or(url).to_owned();
        let url = format!("{}{path}", self.base);
        let mut header = json!({ "alg": "ES256", "nonce": self.nonce, "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = json!(kid),
            None => header["jwk"] = jwk(&self.key),
        }
        let payload = payload.map(|payload| payload.to_string()).unwrap_or_default();
        let signed = format!("{}.{}", b64(header.to_string()), b64(payload));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        let (protected, payload) = signed.split_once('.').context("a dot")?;
        let jws = json!({
            "protected": protected, "payload": payload, "signature": b64(signature)
        });
        let media = "application/jose+json";
        let answer = self.connection.post_as(&path, media, jws.to_string().as_bytes()).await?;
        if let Some(nonce) = &answer.nonce {
            self.nonce.clone_from(nonce);
        }
        ensure!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
        Ok(answer)
    }

    async fn read(&mut self, url: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.post(url, None).await?.body)?)
    }

    /// One order, from newOrder to the certificate.
    async fn order(&mut self, csrs: &[(String, String)]) -> anyhow::Result<()> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, csr) = &csrs[number % csrs.len()];
        let wanted =
            json!({ "identifiers": [{ "type": "dns", "value": name }], "profile": "bench" });
        let made = self.post("/acme/new-order", Some(wanted)).await?;
        let url = made.location.context("an order's URL")?;
        let order: Value = serde_json::from_slice(&made.body)?;
        let authorization = text(&order["authorizations"][0])?;
        let found = self.read(&authorization).await?;
        let challenges = found["challenges"].as_array().context("challenges")?;
        let challenge = challenges.iter().find(|one| one["type"] == "http-01");
        let challenge = challenge.context("http-01")?;
        let token = text(&challenge["token"])?;
        self.eyes.put(&token, format!("{token}.{}", self.thumbprint));
        let answer = self.post(&text(&challenge["url"])?, Some(json!({}))).await?;
        let mut state: Value = serde_json::from_slice(&answer.body)?;
        while state["status"] != "valid" {
            ensure!(state["status"] != "invalid", "{state}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            state = self.read(&authorization).await?;
        }
        self.eyes.take(&token);
        let done = self.post(&text(&order["finalize"])?, Some(json!({ "csr": csr }))).await?;
        let mut done: Value = serde_json::from_slice(&done.body)?;
        while done["status"] == "processing" {
            tokio::time::sleep(Duration::from_millis(5)).await;
            done = self.read(&url).await?;
        }
        let chain = self.post(&text(&done["certificate"])?, None).await?;
        ensure!(chain.body.starts_with(b"-----BEGIN CERTIFICATE-----"), "no certificate");
        Ok(())
    }
}

fn jwk(key: &EcdsaKeyPair) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({ "crv": "P-256", "kty": "EC", "x": b64(x), "y": b64(y) })
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(value.as_str().context("a text")?.to_owned())
}

/// Measures all rows of ACME.
pub async fn rows(disk: &Path, raw: &Raw) -> Vec<Row> {
    let path = "full ACME order with http-01 on loopback, database on disk";
    let (stack, eyes) = match start(disk).await {
        Ok(started) => started,
        Err(error) => return vec![Row::new(path, "≥ 600/s on 2 cores", Err(error))],
    };
    let mut rows = Vec::new();
    for clients in [8, 1, 32, 200] {
        let budget = if clients == 8 { "≥ 600/s on 2 cores, ≤ 1.6 ms CPU each" } else { "" };
        let measured = load(&stack, &eyes, clients).await.map(|(spent, p99)| Measured {
            value: format!(
                "{}/s with the clients on the same cores, p99 {}, {} of server, signer and va CPU each",
                count(spent.rate()),
                time(p99),
                time(spent.each()),
            ),
            ratio: raw.signatures(spent.each()),
            kept: (clients == 8).then(|| spent.rate() >= RATE && spent.each() <= CPU),
        });
        rows.push(Row::new(&format!("{path}, {clients} at a time"), budget, measured));
    }
    for clients in [1, 32] {
        let counted = syncs(&stack, &eyes, clients).await.map(|each| Measured {
            value: format!("{each:.2}"),
            ratio: String::new(),
            kept: None,
        });
        rows.push(Row::new(
            &format!("fdatasyncs an ACME order, {clients} at a time"),
            "few",
            counted,
        ));
    }
    rows.extend(reads(&stack, &eyes).await);
    rows
}

async fn start(disk: &Path) -> anyhow::Result<(Arc<Stack>, Arc<Eyes>)> {
    let eyes = Arc::new(Eyes::open()?);
    let stack = Arc::new(Stack::start_with(disk, &eyes.settings())?);
    let body = "version = 1\nvalidity = \"90d\"\nmax_validity = \"90d\"\nkey_kinds = [\"p-256\"]\n\
                extended_key_usage = [\"serverAuth\"]\n[san]\ndns = [\"*\"]\n[acme]\nreuse = \"0s\"\n";
    let body = json!({ "name": "bench", "body": body }).to_string();
    let mut api = Connection::tls(stack.https, &stack.tls).await?;
    let made = api.post("/api/v1/profiles", body.as_bytes()).await?;
    ensure!(made.status == 201, "the profile: {}", String::from_utf8_lossy(&made.body));
    Ok((stack, eyes))
}

fn csrs() -> anyhow::Result<Arc<Vec<(String, String)>>> {
    let one = |number: usize| {
        let name = format!("host-{number}.bench.example");
        let csr = draft::request(&Pair::generate()?, &name)?;
        Ok((name, b64(csr.der().as_bytes())))
    };
    Ok(Arc::new((0..KEYS).map(one).collect::<anyhow::Result<_>>()?))
}

async fn clients(
    stack: &Stack,
    eyes: &Arc<Eyes>,
    number: usize,
    csrs: &[(String, String)],
) -> anyhow::Result<Vec<Client>> {
    let mut all = Vec::with_capacity(number);
    for _ in 0..number {
        let mut client = Client::register(stack, eyes).await?;
        // The first order of each warms up.
        client.order(csrs).await?;
        all.push(client);
    }
    Ok(all)
}

async fn load(
    stack: &Arc<Stack>,
    eyes: &Arc<Eyes>,
    number: usize,
) -> anyhow::Result<(Spent, Duration)> {
    let csrs = csrs()?;
    let clients = clients(stack, eyes, number, &csrs).await?;
    let (cpu, began) = (total_cpu(&stack.all())?, Instant::now());
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let csrs = Arc::clone(&csrs);
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < SPAN {
                    let began = Instant::now();
                    client.order(&csrs).await?;
                    took.push(began.elapsed());
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let spent =
        Spent { acts: took.len(), wall: began.elapsed(), cpu: total_cpu(&stack.all())? - cpu };
    Ok((spent, worst(took, 99)))
}

/// Gives the time that so many of a hundred keep.
fn worst(mut took: Vec<Duration>, percent: usize) -> Duration {
    took.sort_unstable();
    let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
    took.get(place).copied().unwrap_or_default()
}

/// Counts fdatasync with strace, apart from what is timed: it slows everything down.
async fn syncs(stack: &Arc<Stack>, eyes: &Arc<Eyes>, number: usize) -> anyhow::Result<f64> {
    let csrs = csrs()?;
    let clients = clients(stack, eyes, number, &csrs).await?;
    let log = tempfile::NamedTempFile::new()?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fdatasync,fsync", "-o"]).arg(log.path());
    for id in stack.processes() {
        strace.args(["-p", &id.to_string()]);
    }
    let mut strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = std::fs::read_to_string(log.path())?.matches("sync(").count();
    let left = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let (csrs, left) = (Arc::clone(&csrs), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_add(1, Ordering::Relaxed) < COUNTED {
                    client.order(&csrs).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let after = std::fs::read_to_string(log.path())?.matches("sync(").count();
    let _ = Command::new("kill").args(["-INT", &strace.id().to_string()]).status();
    let _ = strace.wait();
    Ok((after - before) as f64 / COUNTED as f64)
}

/// What clients read most: 200 of them on the directory, on nonces, on renewal information.
async fn reads(stack: &Arc<Stack>, eyes: &Arc<Eyes>) -> Vec<Row> {
    let mut rows = Vec::new();
    let id = match renewal_id(stack, eyes).await {
        Ok(id) => id,
        Err(error) => return vec![Row::new("renewalInfo", "p95 < 50 ms", Err(error))],
    };
    for (name, path) in [
        ("directory", "/acme/directory".to_owned()),
        ("newNonce", "/acme/new-nonce".to_owned()),
        ("renewalInfo of a real certificate", format!("/acme/renewal-info/{id}")),
    ] {
        let measured = read_load(stack, &path).await.map(|(rate, p95)| Measured {
            value: format!("{}/s, p95 {}", count(rate), time(p95)),
            ratio: String::new(),
            kept: Some(p95 < READ),
        });
        rows.push(Row::new(&format!("ACME {name}, 200 clients"), "p95 < 50 ms, no 5xx", measured));
    }
    rows
}

async fn read_load(stack: &Arc<Stack>, path: &str) -> anyhow::Result<(f64, Duration)> {
    let mut connections = Vec::new();
    for _ in 0..200 {
        let mut connection = Connection::tls(stack.https, &stack.tls).await?;
        connection.get(path, None).await?;
        connections.push(connection);
    }
    let began = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let path = path.to_owned();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < Duration::from_secs(4) {
                    let began = Instant::now();
                    let answer = connection.get(&path, None).await?;
                    // The limiter is on: who asks too much is told so, and that is no failure.
                    ensure!(answer.status < 300 || answer.status == 429, "{}", answer.status);
                    took.push(began.elapsed());
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let rate = took.len() as f64 / began.elapsed().as_secs_f64();
    Ok((rate, worst(took, 95)))
}

/// Issues one certificate and gives its identifier (RFC 9773 §4.1).
async fn renewal_id(stack: &Arc<Stack>, eyes: &Arc<Eyes>) -> anyhow::Result<String> {
    let csrs = csrs()?;
    let mut client = Client::register(stack, eyes).await?;
    client.order(&csrs).await?;
    let issuing = stack.issuing().await?;
    let mut api = Connection::tls(stack.https, &stack.tls).await?;
    let listed = api.get("/api/v1/certificates?limit=1", None).await?;
    let listed: Value = serde_json::from_slice(&listed.body)?;
    let serial = text(&listed["items"][0]["serial"])?.replace(':', "").to_ascii_lowercase();
    let serial = x509::Serial::from_hex(&serial)?;
    let octets = serial.as_bytes();
    let pad: &[u8] = if octets.first().is_some_and(|first| first & 0x80 != 0) { &[0] } else { &[] };
    let key = issuing.tbs().public_key.key_identifier();
    Ok(format!("{}.{}", b64(key), b64([pad, octets].concat())))
}

/// Finds the validation authority of a stack.
pub fn validator(up: u32) -> anyhow::Result<u32> {
    process::child_of(up, "chancery-va")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_hundred() {
        let took: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(worst(took.clone(), 99), Duration::from_millis(100));
        assert_eq!(worst(took, 95), Duration::from_millis(96));
        assert_eq!(worst(vec![], 99), Duration::ZERO);
    }
}
