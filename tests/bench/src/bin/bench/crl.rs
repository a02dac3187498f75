//! A CRL of a million entries, built and signed by the signer.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signer_proto::{BuildCrl, Revoke};
use x509::{Crl, CrlReason, TbsCertificate};

use crate::load;
use crate::machine::now;
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, count, time};
use crate::ring::Ring;

const BUDGET: Duration = Duration::from_millis(2_500);
const IN_FLIGHT: usize = 128;
/// Certificates that are drafted, issued and revoked together.
const PORTION: usize = 20_000;

/// Measures the row with so many entries; none leaves it out.
pub async fn rows(memory: &Path, raw: &Raw, entries: usize) -> Vec<Row> {
    let path = format!("CRL with {} entries, built, signed and streamed", count(entries as f64));
    let budget = "≤ 2.5 s for 1,000,000";
    if entries == 0 {
        return vec![Row::not_run(&path, budget, "left out by BENCH_CRL_ENTRIES=0")];
    }
    vec![Row::new(&path, budget, measure(memory, raw, entries).await)]
}

async fn measure(memory: &Path, raw: &Raw, entries: usize) -> anyhow::Result<Measured> {
    let ring = Arc::new(Ring::start(memory).await?);
    let mut revoked = 0;
    while revoked < entries {
        let portion = PORTION.min(entries - revoked);
        fill(&ring, portion).await?;
        revoked += portion;
    }
    let call = BuildCrl {
        key: ring.issuing().clone(),
        shard: 0,
        next_update: now()?.plus_seconds(86_400),
    };
    let (cpu, began) = (crate::process::cpu(ring.pid())?, Instant::now());
    let built = ring.client().build_crl(&call).await?;
    let took = began.elapsed();
    let cpu = crate::process::cpu(ring.pid())? - cpu;
    let scheme = x509::SignatureScheme::EcdsaP256Sha256;
    let der = Crl::assemble(&built.tbs, scheme, &built.signature);
    let crl = Crl::parse(der.as_bytes())?;
    crl.verify_by(&ring.issuer().key)?;
    anyhow::ensure!(crl.entries().len() == entries, "entries are missing");
    let resident = crate::process::resident(ring.pid())?;
    Ok(Measured {
        value: format!(
            "{} until the last octet was here ({cpu:.2} s of the signer's CPU, {:.1} MB of CRL); the \
             signer then holds {resident:.0} MB",
            time(took),
            der.as_bytes().len() as f64 / 1e6,
        ),
        ratio: raw.signatures(took),
        kept: (entries >= 1_000_000).then_some(took <= BUDGET),
    })
}

/// Issues certificates and revokes them.
async fn fill(ring: &Arc<Ring>, portion: usize) -> anyhow::Result<()> {
    let subject = Pair::generate()?;
    let orders = ring.orders(portion, subject.public(), 1, None).await?;
    let asked = Arc::clone(ring);
    load::run(orders, IN_FLIGHT, &[], move |orders, index| {
        let ring = Arc::clone(&asked);
        async move {
            ring.client().sign_certificate(&orders[index]).await?;
            let serial = TbsCertificate::parse(orders[index].tbs.as_bytes())?.serial;
            let call = Revoke {
                key: ring.issuing().clone(),
                serial,
                reason: CrlReason::Superseded,
                invalidity: None,
            };
            ring.client().revoke(&call).await?;
            Ok(())
        }
    })
    .await?;
    Ok(())
}
