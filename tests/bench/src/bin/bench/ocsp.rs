//! OCSP by GET (RFC 6960 App. A.1), answered from the server's cache.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use x509::{CertId, CertIdHash, CertStatus, Certificate, OcspRequest, OcspResponse, Serial};

use crate::process;
use crate::raw::Raw;
use crate::report::{Measured, Row, Times, count, time};
use crate::stack::Stack;

const CLIENTS: usize = 64;
const SPAN: Duration = Duration::from_secs(10);
const RATE: f64 = 20_000.0;
const SLOWEST: Duration = Duration::from_millis(5);

/// Returns the path that asks for one certificate.
pub fn path(issuing: &Certificate, serial: Serial) -> anyhow::Result<String> {
    let tbs = issuing.tbs();
    let id = CertId::for_certificate(CertIdHash::Sha1, &tbs.subject, &tbs.public_key, serial);
    let request = OcspRequest { requests: vec![id], nonce: None };
    let text = base64::engine::general_purpose::STANDARD.encode(request.encode()?);
    let mut path = "/.well-known/pki/ocsp/issuing/".to_owned();
    for octet in text.bytes() {
        match octet {
            b'+' | b'/' | b'=' => write!(path, "%{octet:02X}")?,
            plain => path.push(char::from(plain)),
        }
    }
    Ok(path)
}

/// Returns the status in a response.
pub fn status(body: &[u8]) -> anyhow::Result<CertStatus> {
    match OcspResponse::parse(body)? {
        OcspResponse::Successful(basic) => {
            let single = basic.data.responses.first().context("an empty response")?;
            Ok(single.status)
        }
        OcspResponse::Error(error) => bail!("the responder says {error:?}"),
    }
}

/// Measures the row.
pub async fn row(stack: &Arc<Stack>, serial: Option<Serial>, raw: &Raw) -> Row {
    let path = "OCSP GET from cache, 64 connections";
    let budget = "≥ 20,000/s on 2 cores, p99 < 5 ms";
    let outcome = match serial {
        Some(serial) => measure(stack, serial, raw).await,
        None => Err(anyhow::anyhow!("no certificate was issued to ask for")),
    };
    Row::new(path, budget, outcome)
}

async fn measure(stack: &Arc<Stack>, serial: Serial, raw: &Raw) -> anyhow::Result<Measured> {
    let path = path(&stack.issuing().await?, serial)?;
    let answer = stack.status().await?.get(&path, None).await?;
    ensure!(answer.status == 200, "GET gives {}", answer.status);
    ensure!(status(&answer.body)? == CertStatus::Good, "the certificate is not good");
    let before = process::cpu(stack.server)?;
    let seen = match wrk(stack, &path) {
        Some(seen) => seen?,
        None => own_client(stack, &path).await?,
    };
    let cpu = process::cpu(stack.server)? - before;
    let each = Duration::from_secs_f64(cpu / (seen.rate * SPAN.as_secs_f64()).max(1.0));
    Ok(Measured {
        value: format!(
            "{}/s, p99 {} by {} on the same cores; {} of server CPU each",
            count(seen.rate),
            time(seen.slowest),
            seen.client,
            time(each),
        ),
        ratio: raw.signatures(each),
        kept: Some(seen.rate >= RATE && seen.slowest < SLOWEST),
    })
}

/// What a load client saw.
#[derive(Debug)]
struct Seen {
    client: &'static str,
    rate: f64,
    slowest: Duration,
}

/// Loads by wrk; none if it is not installed.
fn wrk(stack: &Stack, path: &str) -> Option<anyhow::Result<Seen>> {
    let url = format!("http://{}{path}", stack.http);
    let (clients, span) = (format!("-c{CLIENTS}"), format!("-d{}s", SPAN.as_secs()));
    let output = Command::new("wrk").args(["-t2", &clients, &span, "--latency", &url]).output();
    let text = String::from_utf8_lossy(&output.ok()?.stdout).into_owned();
    Some(read_wrk(&text))
}

fn read_wrk(text: &str) -> anyhow::Result<Seen> {
    ensure!(!text.contains("Non-2xx"), "not every answer was one: {text}");
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
        found.map(str::trim).with_context(|| format!("wrk does not say {name}"))
    };
    Ok(Seen {
        client: "wrk",
        rate: value("Requests/sec:")?.parse()?,
        slowest: span(value("99%")?)?,
    })
}

/// Reads 1.25ms, 850.00us or 1.02s.
fn span(text: &str) -> anyhow::Result<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let found = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    });
    found.map(Duration::from_secs_f64).with_context(|| format!("`{text}` is no time"))
}

async fn own_client(stack: &Arc<Stack>, path: &str) -> anyhow::Result<Seen> {
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (stack, path) = (Arc::clone(stack), path.to_owned());
            tokio::spawn(async move {
                let (mut connection, mut times) = (stack.status().await?, Vec::new());
                while began.elapsed() < SPAN {
                    let asked = Instant::now();
                    let answer = connection.get(&path, None).await?;
                    ensure!(answer.status == 200, "GET gives {}", answer.status);
                    times.push(asked.elapsed());
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Seen {
        client: "our own client (wrk is not installed)",
        rate,
        slowest: Times::new(times).percentile(99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wrk_prints() {
        let text = "  Latency Distribution\n     50%    2.11ms\n     99%    4.97ms\n  20 requests \
                    in 1s\nRequests/sec:  24153.11\nTransfer/sec:  1MB\n";
        let seen = read_wrk(text).expect("figures");
        assert!((seen.rate - 24_153.11).abs() < 1e-6);
        assert_eq!(seen.slowest, Duration::from_micros(4_970));
        assert!(read_wrk(&format!("{text}  Non-2xx or 3xx responses: 7\n")).is_err());
        for (text, micros) in [("850.00us", 850), ("1.02s", 1_020_000)] {
            assert_eq!(span(text).expect("a time"), Duration::from_micros(micros));
        }
        assert!(span("12").is_err());
    }
}
