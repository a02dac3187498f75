//! Comparisons of inventory and journal.

use ca::{Finding, FindingKind, Reconciliation, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// How the comparisons of this server stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub struct ReconciliationBody {
    /// Whether one is under way.
    pub running: bool,
    /// The newest run; they count from 1 since the server's start.
    pub run: u64,
    /// Why the newest run that is over came to nothing.
    pub failure: Option<String>,
    /// What the last run came to.
    pub last: Option<ReconciliationReport>,
}

/// What a comparison came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReconciliationReport {
    /// Which run.
    run: u64,
    /// When it began.
    started_at: Time,
    /// When it ended.
    finished_at: Time,
    /// The rings whose journals were compared; one that did not answer is missing.
    rings: Vec<String>,
    /// Whether inventory and journal agree.
    agrees: bool,
    /// Leaves of the journal that were read.
    leaves: u64,
    /// Certificates among them.
    certificates: u64,
    /// Certificates of the inventory that were read.
    rows: u64,
    /// Statuses that were compared.
    statuses: u64,
    /// Rows whose certificate was never signed.
    never_signed: u64,
    /// Rows that say something else than the journal.
    differs: u64,
    /// Certificates that the inventory did not have.
    missing: u64,
    /// Statuses that were not the signer's.
    status: u64,
    /// How many of these differences were mended from the journal.
    repaired: u64,
    /// The first hundred of them.
    findings: Vec<FindingBody>,
}

/// A difference between inventory and journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingBody {
    /// The ring whose journal was compared.
    ring: String,
    /// `never-signed`, `differs`, `missing` or `status`.
    kind: &'static str,
    /// The position in the journal, as the inventory says where it is wrong.
    position: Option<i64>,
    /// The serial number in hex.
    serial: Option<String>,
    /// The id of the inventory's certificate.
    certificate: Option<String>,
    /// What exactly.
    detail: String,
    /// Whether it was mended from the journal.
    repaired: bool,
}

impl ReconciliationBody {
    /// Describes how they stand.
    #[must_use]
    pub fn new(standing: &Standing) -> Self {
        Self {
            running: standing.begun > standing.ended,
            run: standing.begun,
            failure: standing.failure.clone(),
            last: standing.last.as_deref().map(ReconciliationReport::from),
        }
    }
}

impl From<&Reconciliation> for ReconciliationReport {
    fn from(report: &Reconciliation) -> Self {
        Self {
            run: report.run,
            started_at: Time(report.started_at),
            finished_at: Time(report.finished_at),
            rings: report.rings.iter().map(ToString::to_string).collect(),
            agrees: report.agrees(),
            leaves: report.leaves,
            certificates: report.certificates,
            rows: report.rows,
            statuses: report.statuses,
            never_signed: report.count(FindingKind::NeverSigned),
            differs: report.count(FindingKind::Differs),
            missing: report.count(FindingKind::Missing),
            status: report.count(FindingKind::Status),
            repaired: report.repaired,
            findings: report.findings.iter().map(FindingBody::from).collect(),
        }
    }
}

impl From<&Finding> for FindingBody {
    fn from(finding: &Finding) -> Self {
        Self {
            ring: finding.ring.to_string(),
            kind: finding.kind.as_str(),
            position: finding.position,
            serial: finding.serial.clone(),
            certificate: finding.certificate.clone(),
            detail: finding.detail.clone(),
            repaired: finding.repaired,
        }
    }
}
