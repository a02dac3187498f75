//! `make bench`: the rows of DESIGN §7, as ratios to the raw library in the same run, written to
//! docs/PERFORMANCE.md.
//!
//! Environment: `BENCH_DISK` (where durable rows write; /var/tmp), `BENCH_MEMORY` (a tmpfs;
//! /dev/shm), `BENCH_ONLY` (`pkcs11`, `kms`, `acme`: its rows alone, and no page; `pkcs11:RSA`: the
//! tokens with RSA in their names), `BENCH_CRL_ENTRIES` (1000000; 0 leaves the row out), `BENCH_PAGE` (the page).

mod acme;
mod boundary;
mod clouds;
mod crl;
mod draft;
mod durable;
mod handshakes;
mod http;
mod load;
mod machine;
mod ocsp;
mod process;
mod raw;
mod report;
mod rest;
mod revocation;
mod ring;
mod stack;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use raw::Raw;
use report::Row;
use stack::Stack;

const CRL_ENTRIES: usize = 1_000_000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(tokens::alone::ACT) {
        return tokens::alone::serve(arguments);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let disk = directory("BENCH_DISK", "/var/tmp");
    let memory = directory("BENCH_MEMORY", "/dev/shm");
    let entries = match std::env::var("BENCH_CRL_ENTRIES") {
        Ok(text) => text.parse().context("BENCH_CRL_ENTRIES")?,
        Err(_) => CRL_ENTRIES,
    };
    if let Ok(only) = std::env::var("BENCH_ONLY") {
        match only.split_once(':').unwrap_or((&only, "")) {
            ("pkcs11", named) => tokens::rows(&disk, named).await,
            ("kms", _) => clouds::rows(&disk).await,
            ("acme", _) => {
                acme::rows(&disk, &Raw::measure(&disk).context("the raw library")?).await
            }
            _ => anyhow::bail!("BENCH_ONLY is pkcs11, kms or acme"),
        };
        return Ok(());
    }
    let machine = machine::describe(&disk, &memory);
    eprint!("{machine}");
    let raw = Raw::measure(&disk).context("the raw library")?;
    let mut rows = raw.rows();
    rows.extend(boundary::rows(&memory, &raw).await);
    rows.extend(durable::rows(&disk, &raw).await);
    rows.extend(of_the_stack(&disk, &raw).await);
    rows.extend(tokens::rows(&disk, "").await);
    rows.extend(clouds::rows(&disk).await);
    rows.extend(acme::rows(&disk, &raw).await);
    rows.extend(crl::rows(&memory, &raw, entries).await);
    rows.extend(left_out());
    let page =
        directory("BENCH_PAGE", concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PERFORMANCE.md"));
    std::fs::write(&page, report::page(&machine, &rows)).context("write the page")?;
    Ok(())
}

fn directory(variable: &str, otherwise: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| PathBuf::from(otherwise), PathBuf::from)
}

/// Measures what needs server and signer together.
async fn of_the_stack(disk: &Path, raw: &Raw) -> Vec<Row> {
    let stack = match Stack::start(disk) {
        Ok(stack) => Arc::new(stack),
        Err(error) => {
            let path = "REST issue, OCSP GET, revocation visible, memory idle";
            return vec![Row::new(path, "", Err(error.context("`chancery up`")))];
        }
    };
    let mut rows = stack.rows().await;
    let (row, issued) = rest::row(&stack, raw).await;
    rows.push(row);
    rows.push(handshakes::row(&stack).await);
    rows.push(ocsp::row(&stack, issued.last().map(|issued| issued.serial), raw).await);
    rows.extend(revocation::rows(&stack, issued).await);
    rows
}

/// Names the rows of DESIGN §7 that are not measured here, and why.
fn left_out() -> Vec<Row> {
    vec![
        Row::not_run(
            "revocation visible in a full CRL of 1,000,000 entries",
            "≤ 5 s",
            "the server would issue and revoke them for half an hour; its parts stand above",
        ),
        Row::not_run(
            "scale: 10,000,000 certificates",
            "list, issue, revoke within 20 % of empty",
            "takes hours; it is measured apart from `make bench`",
        ),
    ]
}
