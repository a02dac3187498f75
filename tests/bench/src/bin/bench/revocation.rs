//! From the call that revokes to the moment at which clients see it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use x509::{CertStatus, Crl, Serial};

use crate::http::Connection;
use crate::load;
use crate::ocsp;
use crate::report::{Measured, Row, Times, count, time};
use crate::rest::Issued;
use crate::stack::Stack;

/// Revocations that are measured, one after the other.
const SAMPLES: usize = 5;
/// Calls of which each takes its time.
const CALLS: usize = 200;
const CLIENTS: usize = 32;
const PATIENCE: Duration = Duration::from_secs(30);
const CRL: &str = "/.well-known/pki/crl/issuing.crl";

const CALL: Duration = Duration::from_millis(10);
const BY_OCSP: Duration = Duration::from_secs(1);
const BY_CRL: Duration = Duration::from_secs(2);

/// Measures the rows, first with a short CRL, then with everything revoked that was issued.
pub async fn rows(stack: &Arc<Stack>, mut issued: Vec<Issued>) -> Vec<Row> {
    let mut rows = Vec::new();
    if issued.len() < 2 * (SAMPLES + CALLS) {
        let why = "too few certificates were issued before";
        return vec![Row::not_run("revocation visible", "OCSP ≤ 1 s, CRL ≤ 2 s", why)];
    }
    let second = issued.split_off(SAMPLES + CALLS);
    let crowd = second.len() - SAMPLES - CALLS;
    rows.extend(measure(stack, issued, "a short CRL").await);
    let mut last = second;
    let crowd = last.drain(..crowd).collect();
    match revoke_all(stack, crowd).await {
        Ok(revoked) => {
            let entries = count((revoked + SAMPLES + CALLS) as f64);
            rows.extend(measure(stack, last, &format!("{entries} entries")).await);
        }
        Err(error) => rows.push(Row::new("revocation visible, many entries", "", Err(error))),
    }
    rows
}

async fn measure(stack: &Arc<Stack>, mut issued: Vec<Issued>, what: &str) -> Vec<Row> {
    let calls = issued.split_off(SAMPLES);
    let measured = |limit: Duration| {
        move |times: Times| Measured {
            value: format!("p50 {}, worst {}", time(times.median()), time(times.percentile(100))),
            ratio: String::new(),
            kept: Some(times.percentile(100) <= limit),
        }
    };
    let (by_ocsp, by_crl) = match visible(stack, &issued).await {
        Ok((by_ocsp, by_crl)) => (Ok(by_ocsp), Ok(by_crl)),
        Err(error) => (Err(anyhow::anyhow!("{error:#}")), Err(error)),
    };
    let call = times_of_calls(stack, &calls).await.map(|times| Measured {
        value: format!("p50 {}, p99 {}", time(times.median()), time(times.percentile(99))),
        ratio: String::new(),
        kept: Some(times.percentile(99) <= CALL),
    });
    vec![
        Row::new(&format!("revocation: the call, {what}"), "≤ 10 ms", call),
        Row::new(
            &format!("revocation visible by OCSP GET, {what}"),
            "≤ 1 s",
            by_ocsp.map(measured(BY_OCSP)),
        ),
        Row::new(
            &format!("revocation visible in the CRL, {what}"),
            "≤ 2 s",
            by_crl.map(measured(BY_CRL)),
        ),
    ]
}

/// Revokes one by one and waits until OCSP and CRL have it, from the answer on.
async fn visible(stack: &Arc<Stack>, issued: &[Issued]) -> anyhow::Result<(Times, Times)> {
    let issuing = stack.issuing().await?;
    let mut api = Connection::tls(stack.https, &stack.tls).await?;
    let (mut by_ocsp, mut by_crl) = (Vec::new(), Vec::new());
    for one in issued {
        let path = ocsp::path(&issuing, one.serial)?;
        let mut status = stack.status().await?;
        // It is in the cache, good, before it is revoked.
        let answer = status.get(&path, None).await?;
        ensure!(ocsp::status(&answer.body)? == CertStatus::Good, "revoked already");
        revoke(&mut api, &one.id).await?;
        let began = Instant::now();
        let crl = tokio::spawn(in_crl(Arc::clone(stack), one.serial, began));
        loop {
            let answer = status.get(&path, None).await?;
            if matches!(ocsp::status(&answer.body)?, CertStatus::Revoked { .. }) {
                by_ocsp.push(began.elapsed());
                break;
            }
            wait(began, Duration::from_millis(1), "OCSP").await?;
        }
        by_crl.push(crl.await??);
    }
    Ok((Times::new(by_ocsp), Times::new(by_crl)))
}

/// Waits until the CRL has a serial.
async fn in_crl(stack: Arc<Stack>, serial: Serial, began: Instant) -> anyhow::Result<Duration> {
    let (mut status, mut tag) = (stack.status().await?, None);
    loop {
        let answer = status.get(CRL, tag.as_deref()).await?;
        let took = began.elapsed();
        if answer.status == 200 {
            let crl = Crl::parse(&answer.body)?;
            if crl.entries().iter().any(|entry| entry.serial == serial) {
                return Ok(took);
            }
            tag = answer.etag;
        }
        wait(began, Duration::from_millis(10), "the CRL").await?;
    }
}

async fn wait(began: Instant, pause: Duration, what: &str) -> anyhow::Result<()> {
    if began.elapsed() > PATIENCE {
        bail!("{what} did not have it after {}", time(PATIENCE));
    }
    tokio::time::sleep(pause).await;
    Ok(())
}

async fn times_of_calls(stack: &Stack, issued: &[Issued]) -> anyhow::Result<Times> {
    let mut api = Connection::tls(stack.https, &stack.tls).await?;
    let mut times = Vec::with_capacity(issued.len());
    for one in issued {
        let began = Instant::now();
        revoke(&mut api, &one.id).await?;
        times.push(began.elapsed());
    }
    Ok(Times::new(times))
}

/// Revokes many at a time; returns how many.
async fn revoke_all(stack: &Arc<Stack>, issued: Vec<Issued>) -> anyhow::Result<usize> {
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(Connection::tls(stack.https, &stack.tls).await?);
    }
    let pool = Arc::new(tokio::sync::Mutex::new(connections));
    let spent = load::run(issued, CLIENTS, &[], move |issued, index| {
        let pool = Arc::clone(&pool);
        async move {
            let taken = pool.lock().await.pop();
            let mut connection = taken.ok_or_else(|| anyhow::anyhow!("a connection a task"))?;
            revoke(&mut connection, &issued[index].id).await?;
            pool.lock().await.push(connection);
            Ok(())
        }
    });
    Ok(spent.await?.acts)
}

async fn revoke<S>(connection: &mut Connection<S>, id: &str) -> anyhow::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let path = format!("/api/v1/certificates/{id}/revoke");
    let answer = connection.post(&path, br#"{"reason":"superseded"}"#).await?;
    ensure!(
        (200..300).contains(&answer.status),
        "{}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}
