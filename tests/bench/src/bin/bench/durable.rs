//! The signer under load, its journal on disk: certificates, then OCSP responses for them.

use std::path::Path;
use std::sync::Arc;

use signer_proto::{CertIdHash, OcspItem, OcspItems, OcspNonce, OcspOutcome, OcspSubject};
use signer_proto::{OcspSubjects, SignOcsp};
use x509::{Serial, TbsCertificate};

use crate::load::{self, Spent};
use crate::machine::now;
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, count, time};
use crate::ring::Ring;

const CERTIFICATES: usize = 40_000;
const IN_FLIGHT: usize = 64;
/// Responses in one batch; two batches at a time.
const BATCH: usize = 512;
const BATCHES_IN_FLIGHT: usize = 2;

const CERTIFICATES_PER_CORE: f64 = 4_000.0;
const RESPONSES_PER_CORE: f64 = 10_000.0;

/// Measures both rows.
pub async fn rows(disk: &Path, raw: &Raw) -> Vec<Row> {
    let certificates = "SignCertificate: file key, durable, 64 in flight";
    let responses = "OCSP pre-signing in batches of 512, each signature verified";
    let budget = ["≥ 4,000/s per core", "≥ 10,000/s per core"];
    let ring = match Ring::start(disk).await {
        Ok(ring) => Arc::new(ring),
        Err(error) => {
            let why = format!("{error:#}");
            return vec![
                Row::not_run(certificates, budget[0], &why),
                Row::not_run(responses, budget[1], &why),
            ];
        }
    };
    let issued = issue(&ring).await;
    let (spent, serials) = match issued {
        Ok((spent, serials)) => (Ok(spent), serials),
        Err(error) => (Err(error), Vec::new()),
    };
    let first = spent.map(|spent| measured(&spent, raw, CERTIFICATES_PER_CORE));
    let second =
        respond(&ring, serials).await.map(|spent| measured(&spent, raw, RESPONSES_PER_CORE));
    vec![Row::new(certificates, budget[0], first), Row::new(responses, budget[1], second)]
}

fn measured(spent: &Spent, raw: &Raw, budget: f64) -> Measured {
    Measured {
        value: format!(
            "{}/s per core of the signer ({} of CPU each); {}/s with its client on the same cores",
            count(spent.per_core()),
            time(spent.each()),
            count(spent.rate()),
        ),
        ratio: raw.signatures(spent.each()),
        kept: Some(spent.per_core() >= budget),
    }
}

async fn issue(ring: &Arc<Ring>) -> anyhow::Result<(Spent, Vec<Serial>)> {
    let subject = Pair::generate()?;
    let orders = ring.orders(CERTIFICATES, subject.public(), 1, None).await?;
    let serial = |order: &signer_proto::SignCertificate| {
        Ok(TbsCertificate::parse(order.tbs.as_bytes())?.serial)
    };
    let serials: anyhow::Result<Vec<Serial>> = orders.iter().map(serial).collect();
    let (asked, signer) = (Arc::clone(ring), [ring.pid()]);
    let spent = load::run(orders, IN_FLIGHT, &signer, move |orders, index| {
        let ring = Arc::clone(&asked);
        async move {
            ring.client().sign_certificate(&orders[index]).await?;
            Ok(())
        }
    });
    Ok((spent.await?, serials?))
}

async fn respond(ring: &Arc<Ring>, serials: Vec<Serial>) -> anyhow::Result<Spent> {
    anyhow::ensure!(!serials.is_empty(), "no certificates were issued");
    let next_update = now()?.plus_seconds(7 * 86_400);
    let batch = |serials: &[Serial]| SignOcsp {
        responder: ring.responder().clone(),
        issuer: ring.issuing().clone(),
        next_update,
        items: OcspItems(serials.iter().map(|serial| item(*serial)).collect()),
    };
    let batches: Vec<SignOcsp> = serials.chunks(BATCH).map(batch).collect();
    let (asked, signer) = (Arc::clone(ring), [ring.pid()]);
    let spent = load::run(batches, BATCHES_IN_FLIGHT, &signer, move |batches, index| {
        let ring = Arc::clone(&asked);
        async move {
            let signed = ring.client().sign_ocsp(&batches[index]).await?;
            let all = signed.outcomes.0.iter();
            let signed =
                all.filter(|outcome| matches!(outcome, OcspOutcome::Signed { .. })).count();
            anyhow::ensure!(signed == batches[index].items.0.len(), "a response is missing");
            Ok(())
        }
    });
    Ok(Spent { acts: serials.len(), ..spent.await? })
}

fn item(serial: Serial) -> OcspItem {
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial };
    OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(Vec::new()) }
}
