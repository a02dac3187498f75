//! Certificates by the REST API: durable, in SQLite, over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use x509::Serial;

use crate::draft;
use crate::http::Connection;
use crate::load::{Spent, total_cpu};
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, count, time};
use crate::stack::Stack;

const CLIENTS: usize = 64;
/// Keys that take turns.
const KEYS: usize = 256;
const SPAN: Duration = Duration::from_secs(10);
const RATE: f64 = 2_500.0;
const CPU: Duration = Duration::from_micros(450);

/// What was issued.
pub struct Issued {
    /// The API's id.
    pub id: String,
    /// The serial number.
    pub serial: Serial,
}

/// Measures the row; returns what was issued for the rows that follow.
pub async fn row(stack: &Arc<Stack>, raw: &Raw) -> (Row, Vec<Issued>) {
    let path = "REST issue: P-256, SQLite, durable, TLS keep-alive, 64 clients";
    let budget = "≥ 2,500/s on 2 cores, ≤ 0.45 ms CPU each";
    match load(stack).await {
        Ok((spent, issued)) => {
            let measured = Measured {
                value: format!(
                    "{}/s with the clients on the same cores, {} of server and signer CPU each",
                    count(spent.rate()),
                    time(spent.each()),
                ),
                ratio: raw.signatures(spent.each()),
                kept: Some(spent.rate() >= RATE && spent.each() <= CPU),
            };
            (Row::new(path, budget, Ok(measured)), issued)
        }
        Err(error) => (Row::new(path, budget, Err(error)), Vec::new()),
    }
}

async fn load(stack: &Arc<Stack>) -> anyhow::Result<(Spent, Vec<Issued>)> {
    let bodies = Arc::new(bodies()?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut connection = Connection::tls(stack.https, &stack.tls).await?;
        // The first one on each connection warms up.
        issue(&mut connection, &bodies[0]).await?;
        connections.push(connection);
    }
    let (cpu, began) = (total_cpu(&stack.processes())?, Instant::now());
    let clients: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (bodies, next) = (Arc::clone(&bodies), Arc::clone(&next));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while began.elapsed() < SPAN {
                    let body = &bodies[next.fetch_add(1, Ordering::Relaxed) % KEYS];
                    answers.push(issue(&mut connection, body).await?);
                }
                anyhow::Ok(answers)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await??);
    }
    let spent = Spent {
        acts: answers.len(),
        wall: began.elapsed(),
        cpu: total_cpu(&stack.processes())? - cpu,
    };
    let issued: anyhow::Result<Vec<Issued>> = answers.iter().map(|body| read(body)).collect();
    Ok((spent, issued?))
}

fn bodies() -> anyhow::Result<Vec<Vec<u8>>> {
    let body = |n: usize| {
        let csr = draft::request(&Pair::generate()?, &format!("host-{n}.bench.example"))?;
        let body = json!({ "profile": "tls-server", "csr": csr.to_pem() });
        Ok(serde_json::to_vec(&body)?)
    };
    (0..KEYS).map(body).collect()
}

async fn issue<S>(connection: &mut Connection<S>, body: &[u8]) -> anyhow::Result<Vec<u8>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let answer = connection.post("/api/v1/certificates", body).await?;
    ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(answer.body)
}

fn read(body: &[u8]) -> anyhow::Result<Issued> {
    let certificate: Value = serde_json::from_slice(body)?;
    let text = |name: &str| certificate[name].as_str().context("a text in the answer");
    Ok(Issued {
        id: text("id")?.to_owned(),
        serial: Serial::from_hex(&text("serial")?.replace(':', "").to_ascii_lowercase())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_issued() {
        let issued = read(br#"{"id":"abc","serial":"0a1b"}"#).expect("an answer");
        assert_eq!((issued.id.as_str(), issued.serial.to_hex()), ("abc", "0a1b".to_owned()));
        assert!(read(br#"{"id":"abc"}"#).is_err());
    }
}
