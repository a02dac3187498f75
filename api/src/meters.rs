//! Metrics in the text form of Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use ca::{Authority, FindingKind, IssuerMetrics, Readiness, SignerReadiness, Standing};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::{CertificateState, UnixTime};
use store::StoreError;
use tokio::time::sleep;

/// How often what histograms have gathered is put together.
const UPKEEP: Duration = Duration::from_secs(5);
/// The histograms' bounds, in seconds.
const BOUNDS: [f64; 11] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The recorder is the process's.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Writes the process's metrics.
#[derive(Clone)]
pub struct Meters(PrometheusHandle);

impl Meters {
    /// Installs the recorder, once a process.
    #[must_use]
    pub fn install() -> Self {
        let handle = RECORDER.get_or_init(|| {
            let matcher = Matcher::Full("chancery_http_request_seconds".to_owned());
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(matcher, &BOUNDS)
                .expect("there are bounds")
                .build_recorder();
            let handle = recorder.handle();
            // Somebody else's recorder stays; ours then writes nothing.
            let _ = metrics::set_global_recorder(recorder);
            describe();
            handle
        });
        Self(handle.clone())
    }

    /// Puts histograms together for ever, or they would grow between two looks at them.
    pub async fn upkeep(self) {
        loop {
            sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }

    /// Writes everything down, after a look at the issuers.
    ///
    /// # Errors
    /// [`StoreError`] if the certificates cannot be counted.
    pub async fn render(&self, authority: &Authority) -> Result<String, StoreError> {
        let now = authority.now();
        for issuer in authority.metrics().await? {
            set(&issuer, now);
        }
        for ring in authority.ring_metrics().await? {
            let taken_over = i64::try_from(ring.taken_over).unwrap_or(i64::MAX);
            gauge!("chancery_ring_journal_position", "ring" => ring.name.to_string())
                .set(real(taken_over));
        }
        set_reconciliation(&authority.reconciliation());
        Ok(self.0.render())
    }
}

/// Says whether certificates can be issued, and how each ring is.
pub fn set_readiness(readiness: &Readiness) {
    let flag = |is_so: bool| f64::from(u8::from(is_so));
    gauge!("chancery_ready").set(flag(readiness.is_ready()));
    for ring in &readiness.rings {
        let name = ring.name.to_string();
        let issuing = i64::try_from(ring.issuing).unwrap_or(i64::MAX);
        gauge!("chancery_ring_ready", "ring" => name.clone())
            .set(flag(ring.signer == SignerReadiness::Ready));
        gauge!("chancery_ring_issuing", "ring" => name).set(real(issuing));
    }
}

/// Counts an issued certificate.
pub fn count_issued(profile: &str) {
    counter!("chancery_certificates_issued_total", "profile" => profile.to_owned()).increment(1);
}

/// Counts a revocation, hold or release.
pub fn count_revoked(reason: &'static str) {
    counter!("chancery_certificates_revoked_total", "reason" => reason).increment(1);
}

/// Counts a request for a certificate that was refused.
pub fn count_refused(rule: &str) {
    counter!("chancery_certificates_refused_total", "rule" => rule.to_owned()).increment(1);
}

/// Counts a TLS handshake that the signer signed, or why it did not.
pub fn count_handshake(outcome: &'static str) {
    counter!("chancery_tls_handshakes_total", "outcome" => outcome).increment(1);
}

fn set(issuer: &IssuerMetrics, now: UnixTime) {
    let name = issuer.name.to_string();
    let seconds = |later: UnixTime, earlier: UnixTime| real(later.seconds_since(earlier));
    let ring = issuer.ring.to_string();
    gauge!("chancery_ca_expiry_seconds", "issuer" => name.clone(), "ring" => ring)
        .set(seconds(issuer.not_after, now));
    if let Some(not_after) = issuer.responder_not_after {
        gauge!("chancery_ocsp_responder_expiry_seconds", "issuer" => name.clone())
            .set(seconds(not_after, now));
    }
    if let Some(crl) = &issuer.crl {
        gauge!("chancery_crl_age_seconds", "issuer" => name.clone())
            .set(seconds(now, crl.this_update));
        gauge!("chancery_crl_expiry_seconds", "issuer" => name.clone())
            .set(seconds(crl.next_update, now));
        gauge!("chancery_crl_number", "issuer" => name.clone())
            .set(real(i64::try_from(crl.number).unwrap_or(i64::MAX)));
    }
    for state in CertificateState::ALL {
        let count = i64::try_from(issuer.certificates.of(state)).unwrap_or(i64::MAX);
        gauge!("chancery_certificates", "issuer" => name.clone(), "state" => state.as_str())
            .set(real(count));
    }
}

fn set_reconciliation(standing: &Standing) {
    counter!("chancery_reconcile_runs_total").absolute(standing.ended);
    counter!("chancery_reconcile_alarms_total").absolute(standing.alarms);
    gauge!("chancery_reconcile_failed").set(real(i64::from(standing.failure.is_some())));
    let Some(last) = &standing.last else {
        return;
    };
    gauge!("chancery_reconcile_last_run_timestamp_seconds").set(real(last.finished_at.0));
    for kind in FindingKind::ALL {
        let count = i64::try_from(last.count(kind)).unwrap_or(i64::MAX);
        gauge!("chancery_reconcile_differences", "kind" => kind.as_str()).set(real(count));
    }
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
fn real(value: i64) -> f64 {
    value as f64
}

fn describe_rings() {
    describe_gauge!("chancery_ring_ready", "Whether a ring's signer signs: 1 or 0");
    describe_gauge!("chancery_ring_issuing", "Issuers that can issue leaves by a ring's keys");
    describe_gauge!(
        "chancery_ring_journal_position",
        "The position up to which a ring's journal is in the inventory"
    );
}

fn describe() {
    describe_gauge!(
        "chancery_ca_expiry_seconds",
        Unit::Seconds,
        "Until the CA's certificate expires"
    );
    describe_gauge!(
        "chancery_ocsp_responder_expiry_seconds",
        Unit::Seconds,
        "Until the OCSP responder's certificate expires"
    );
    describe_gauge!(
        "chancery_tls_expiry_seconds",
        Unit::Seconds,
        "Until the server's own certificate expires"
    );
    describe_gauge!("chancery_crl_age_seconds", Unit::Seconds, "Since the CRL's thisUpdate");
    describe_gauge!("chancery_crl_expiry_seconds", Unit::Seconds, "Until the CRL's nextUpdate");
    describe_gauge!("chancery_crl_number", "The CRL's number");
    describe_gauge!("chancery_certificates", "Certificates in the inventory");
    describe_gauge!("chancery_ready", "Whether certificates can be issued: 1 or 0");
    describe_rings();
    describe_counter!("chancery_certificates_issued_total", "Certificates issued by this process");
    describe_counter!(
        "chancery_certificates_revoked_total",
        "Revocations, holds and releases by this process"
    );
    describe_counter!(
        "chancery_certificates_refused_total",
        "Requests for certificates that were refused"
    );
    describe_counter!(
        "chancery_tls_handshakes_total",
        "TLS handshakes that the signer was asked to sign, by what came of it"
    );
    describe_counter!(
        "chancery_reconcile_runs_total",
        "Comparisons of inventory and journal that are over"
    );
    describe_counter!(
        "chancery_reconcile_alarms_total",
        "Differences between inventory and journal that were found"
    );
    describe_gauge!("chancery_reconcile_failed", "Whether the last comparison failed: 1 or 0");
    describe_gauge!(
        "chancery_reconcile_last_run_timestamp_seconds",
        Unit::Seconds,
        "When the last comparison ended, since 1970"
    );
    describe_gauge!(
        "chancery_reconcile_differences",
        "Differences between inventory and journal in the last comparison"
    );
    describe_counter!("chancery_http_requests_total", "Requests answered");
    describe_histogram!(
        "chancery_http_request_seconds",
        Unit::Seconds,
        "From a request's headers to its answer"
    );
}
