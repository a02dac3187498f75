//! What clients read most, by 200 of them: the directory, nonces, renewal information.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{CLIENTS, b64, read, worst};
use crate::http::{Connection, Tls};
use crate::process;
use crate::report::{Measured, Row, count, time};
use crate::stack::Stack;

/// The slowest of twenty.
const READ: Duration = Duration::from_millis(50);
const SPAN: Duration = Duration::from_secs(4);

/// What is read, and the one status that it is answered with.
struct Resource {
    name: &'static str,
    status: u16,
    /// Each client has its own.
    paths: Vec<String>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    serial: String,
}

/// Measures all three; certificates must have been issued.
pub(super) async fn rows(stack: &Stack, tls: &Tls) -> Vec<Row> {
    let mut rows = Vec::new();
    let budget = "p95 < 50 ms, no 5xx";
    let renewals = match renewals(stack).await {
        Ok(paths) => paths,
        Err(error) => return vec![Row::new("ACME renewalInfo", budget, Err(error))],
    };
    let distinct = renewals.len();
    for resource in [
        Resource { name: "directory", status: 200, paths: vec!["/acme/directory".into()] },
        Resource { name: "newNonce", status: 204, paths: vec!["/acme/new-nonce".into()] },
        Resource { name: "renewalInfo", status: 200, paths: renewals },
    ] {
        let measured = load(stack, tls, &resource).await;
        let of = if resource.name == "renewalInfo" {
            format!("ACME renewalInfo of {distinct} certificates, {CLIENTS} clients, limits on")
        } else {
            format!("ACME {}, {CLIENTS} clients, limits on", resource.name)
        };
        rows.push(Row::new(&of, budget, measured));
    }
    rows
}

async fn load(stack: &Stack, tls: &Tls, resource: &Resource) -> anyhow::Result<Measured> {
    let Resource { status, paths, .. } = resource;
    let status = *status;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut connection = Connection::tls(stack.https, tls).await?;
        let path = paths[number % paths.len()].clone();
        let first = connection.get(&path, None).await?;
        ensure!(first.status == status, "{path}: {} in place of {status}", first.status);
        clients.push((connection, path));
    }
    let (cpu, began) = (process::cpu(stack.server)?, Instant::now());
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|(mut connection, path)| {
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < SPAN {
                    let began = Instant::now();
                    let answer = connection.get(&path, None).await?;
                    took.push(began.elapsed());
                    ensure!(answer.status == status, "{path}: {}", answer.status);
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let acts = took.len() as f64;
    let rate = acts / began.elapsed().as_secs_f64();
    let cpu = Duration::from_secs_f64((process::cpu(stack.server)? - cpu) / acts);
    let (p95, slowest) = (worst(took.clone(), 95), worst(took, 100));
    Ok(Measured {
        value: format!(
            "p95 {}, slowest {}; {}/s, every answer {status}, {} of server CPU each",
            time(p95),
            time(slowest),
            count(rate),
            time(cpu)
        ),
        ratio: String::new(),
        kept: Some(p95 < READ),
    })
}

/// Gives the paths of renewal information of what was issued last (RFC 9773 §4.1).
async fn renewals(stack: &Stack) -> anyhow::Result<Vec<String>> {
    let issuing = stack.issuing().await?;
    let key = b64(issuing.tbs().public_key.key_identifier());
    let mut api = Connection::tls(stack.https, &stack.tls).await?;
    let path = format!("/api/v1/certificates?profile=bench&limit={CLIENTS}");
    let listed = api.get(&path, None).await?;
    ensure!(listed.status == 200, "{path}: {}", listed.status);
    let listed: Page = read(&listed.body)?;
    let one = |item: Item| {
        let serial = item.serial.replace(':', "").to_ascii_lowercase();
        let serial = x509::Serial::from_hex(&serial).context("a serial number")?;
        let octets = serial.as_bytes();
        let pad = octets.first().is_some_and(|first| first & 0x80 != 0);
        let content = [if pad { &[0][..] } else { &[] }, octets].concat();
        Ok(format!("/acme/renewal-info/{key}.{}", b64(content)))
    };
    let paths: Vec<String> = listed.items.into_iter().map(one).collect::<anyhow::Result<_>>()?;
    ensure!(!paths.is_empty(), "nothing was issued");
    Ok(paths)
}

/// Shares what every connection needs.
pub(super) fn anonymous(stack: &Stack) -> Arc<Tls> {
    Arc::new(stack.tls.anonymous())
}
