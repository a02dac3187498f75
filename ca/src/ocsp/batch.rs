//! Gathers what is asked at the same time into one call: one leaf of the journal and one
//! fdatasync stand for all of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use model::UnixTime;
use signer_client::CallError;
use signer_proto::{Blame, OcspItem, OcspItems, OcspOutcome, SignOcsp, SignedOcsp};
use tokio::sync::{Semaphore, mpsc, oneshot};
use x509::{CertificateDer, OcspErrorStatus, OcspResponseDer, assemble_ocsp_response};

use crate::authority::Authority;
use crate::issuers::{IssuerEntry, ResponderKey};
use crate::profile::Seconds;

/// From thisUpdate to nextUpdate.
const SPAN: Seconds = Seconds::days(1);
/// The most items of a batch.
const BATCH: usize = 512;
/// Batches that are under way at a time: one is signed while the next is on its way.
const UNDER_WAY: usize = 2;
/// Requests that may wait; more are told to try later.
const QUEUE: usize = 8_192;
/// An issuer's task ends after so long without a request.
const IDLE: Duration = Duration::from_secs(60);

/// A request that waits for its answer.
pub(crate) struct Waiting {
    item: OcspItem,
    answer: oneshot::Sender<Outcome>,
}

/// What came of a request.
#[derive(Clone)]
pub(super) enum Outcome {
    Signed(Signed),
    Failed(OcspErrorStatus),
}

/// A signed response and its times.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) response: Arc<OcspResponseDer>,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
}

impl Authority {
    /// Has one response signed, together with others that are asked for at the same time.
    pub(super) async fn batched(&self, issuer: &Arc<IssuerEntry>, item: OcspItem) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let mut waiting = Waiting { item, answer };
        // The task may end between the look and the sending: then another one is begun.
        for _ in 0..2 {
            match self.batches_of(issuer).try_send(waiting) {
                Ok(()) => {
                    let gone = Outcome::Failed(OcspErrorStatus::TryLater);
                    return outcome.await.unwrap_or(gone);
                }
                Err(mpsc::error::TrySendError::Full(_)) => break,
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    self.0.responders.end_batches(issuer.issuer.id);
                    waiting = back;
                }
            }
        }
        Outcome::Failed(OcspErrorStatus::TryLater)
    }

    fn batches_of(&self, issuer: &Arc<IssuerEntry>) -> mpsc::Sender<Waiting> {
        let id = issuer.issuer.id;
        let batches = &self.0.responders.batches;
        let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = batches.entry(id).or_insert_with(|| {
            let (sender, waiting) = mpsc::channel(QUEUE);
            tokio::spawn(gather(self.clone(), id, waiting));
            sender
        });
        sender.clone()
    }

    /// Signs a batch and answers everybody in it.
    async fn sign_batch(&self, issuer: &IssuerEntry, batch: Vec<Waiting>) {
        let (items, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|w| (w.item, w.answer)).unzip();
        let outcomes = match self.ask(issuer, items).await {
            Ok(outcomes) => outcomes,
            Err(status) => vec![Outcome::Failed(status); answers.len()],
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who went away does not want it.
            let _ = answer.send(outcome);
        }
    }

    async fn ask(
        &self,
        issuer: &IssuerEntry,
        items: Vec<OcspItem>,
    ) -> Result<Vec<Outcome>, OcspErrorStatus> {
        let now = self.now();
        let (responder, certificate) =
            self.responder_of(issuer, now).ok_or(OcspErrorStatus::TryLater)?;
        let next_update = now.plus_seconds(SPAN.0);
        let call = SignOcsp {
            responder: responder.label.clone(),
            issuer: issuer.key.clone(),
            next_update,
            items: OcspItems(items),
        };
        let signed = responder.ring.signer.sign_ocsp(&call).await.map_err(|error| {
            tracing::warn!(issuer = %issuer.issuer.name, %error, "OCSP is not signed");
            status_of(&error)
        })?;
        Ok(assemble(signed, next_update, responder, &certificate))
    }

    /// Returns the key and the certificate that speak for an issuer now; none if the certificate
    /// is missing, over, or another key's.
    pub(super) fn responder_of<'a>(
        &self,
        issuer: &'a IssuerEntry,
        now: UnixTime,
    ) -> Option<(&'a ResponderKey, CertificateDer)> {
        let key = issuer.responder.as_ref()?;
        let held = issuer.issuer.responder.as_ref()?;
        let same = held.ring == key.ring.name && held.key_label == key.label.as_str();
        let fits = same && now <= held.not_after;
        fits.then(|| (key, held.certificate.clone()))
    }
}

/// Gathers batches of one issuer until nobody asks any more.
async fn gather(
    authority: Authority,
    issuer: model::Id<model::Issuer>,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    while let Ok(Some(first)) = tokio::time::timeout(IDLE, waiting.recv()).await {
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else {
            break;
        };
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match waiting.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        // As it is now: the responder's certificate may have been renewed meanwhile.
        let Some(entry) = authority.entry_by_id(issuer) else {
            continue;
        };
        let authority = authority.clone();
        tokio::spawn(async move {
            authority.sign_batch(&entry, batch).await;
            drop(permit);
        });
    }
}

fn assemble(
    signed: SignedOcsp,
    next_update: UnixTime,
    responder: &ResponderKey,
    certificate: &CertificateDer,
) -> Vec<Outcome> {
    let this_update = signed.this_update;
    let each = |outcome| match outcome {
        OcspOutcome::NeverIssued => Outcome::Failed(OcspErrorStatus::Unauthorized),
        OcspOutcome::Signed { response_data, signature } => Outcome::Signed(Signed {
            response: Arc::new(assemble_ocsp_response(
                &response_data,
                responder.scheme,
                &signature,
                std::slice::from_ref(certificate),
            )),
            this_update,
            next_update,
        }),
    };
    signed.outcomes.0.into_iter().map(each).collect()
}

fn status_of(error: &CallError) -> OcspErrorStatus {
    match error {
        CallError::Refused(refusal) => match refusal.rule.blame() {
            Blame::Unavailable => OcspErrorStatus::TryLater,
            Blame::Refused | Blame::Malformed | Blame::Corrupt => OcspErrorStatus::InternalError,
        },
        _ => OcspErrorStatus::TryLater,
    }
}
