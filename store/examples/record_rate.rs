//! Measures `record_issued`: rows a second and CPU a row.
//!
//! `cargo run --release -p store --features testing --example record_rate -- [URL] [rows] [callers]`

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use model::{
    ActiveIssuer, AuditAction, CertificateStatus, Clock, Id, IssuedCertificate, Issuer,
    IssuerCertificate, IssuerKind, IssuerName, IssuerState, JournalPosition, NewAuditEvent,
    ProfileName, RingName, UnixTime,
};
use store::testing::TestClock;
use store::{IdempotencyEntry, NewIssued, Store, issuers};
use x509::{CertificateDer, NameDer, Serial, sha256};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = format!("sqlite://{}/rate.db", folder.path().display());
    let url = arguments.next().filter(|url| url != "-").unwrap_or(file);
    let mut number = |otherwise| arguments.next().map_or(otherwise, |n| n.parse().expect("n"));
    let (rows, callers) = (number(100_000), number(64));
    let clock = Arc::new(TestClock::default());
    let store = Store::open(&url.parse().expect("a URL"), &*clock).await.expect("it opens");
    let issuer = insert_issuer(&store, &clock).await;
    let (next, began, cpu) = (Arc::new(AtomicU32::new(0)), Instant::now(), cpu_seconds());
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, next, clock) = (store.clone(), Arc::clone(&next), Arc::clone(&clock));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= rows {
                        return;
                    }
                    clock.advance_millis(1);
                    let new = new_issued(issuer, number, &clock);
                    store.record_issued(new).await.expect("it is recorded");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let rows = f64::from(rows);
    println!(
        "{:.0} rows/s, {:.1} µs of CPU a row, {callers} callers",
        rows / seconds,
        cpu * 1e6 / rows
    );
    store.close().await;
}

async fn insert_issuer(store: &Store, clock: &TestClock) -> Id<Issuer> {
    let id = Id::generate(clock);
    let issuer = Issuer {
        id,
        name: IssuerName::new(format!("rate-{}", &id.to_string()[24..])).expect("a name"),
        subject: NameDer::from_vec(vec![0x30, 0]),
        parent: None,
        ring: RingName::default(),
        key_label: "issuing".to_owned(),
        kind: IssuerKind::Issuing,
        is_issuing: true,
        state: IssuerState::Active(ActiveIssuer {
            certificate: IssuerCertificate {
                certificate: CertificateDer::from_vec(vec![0; 600]),
                chain: vec![],
                not_after: UnixTime::NEVER,
            },
        }),
        responder: None,
        revision: 1,
        created_at: clock.now(),
    };
    let insert = store.write(move |tx| Box::pin(async move { issuers::insert(tx, &issuer).await }));
    insert.await.expect("it is inserted");
    id
}

fn new_issued(issuer: Id<Issuer>, number: u32, clock: &TestClock) -> NewIssued {
    let (id, now) = (Id::generate(clock), clock.now());
    let digest = sha256(&[issuer.to_string().as_bytes(), &number.to_be_bytes()].concat());
    let name = format!("host-{number}.corp.example");
    let certificate = IssuedCertificate {
        id,
        issuer,
        serial: Serial::from_unsigned(&digest[..19]).expect("not zero"),
        profile: ProfileName::new("tls-server").expect("a name"),
        subject: format!("CN={name}"),
        names: vec![name],
        not_before: now,
        not_after: now.plus_seconds(90 * 86_400),
        spki_sha256: digest,
        der: CertificateDer::from_vec(digest.iter().copied().cycle().take(900).collect()),
        status: CertificateStatus::Valid,
        journal: JournalPosition(number.into()),
        requested_by: "rate".to_owned(),
        created_at: now,
        replaces: None,
    };
    let audit = NewAuditEvent {
        at: now,
        actor: "rate".to_owned(),
        action: AuditAction::CertificateIssue,
        target: id.to_string(),
        detail: "{}".to_owned(),
        journal: Some(JournalPosition(number.into())),
    };
    let idempotency = number.is_multiple_of(4).then(|| IdempotencyEntry {
        token: Id::from_parts(1, &[1; 10]),
        key: id.to_string(),
        request_sha256: digest,
        certificate: id,
        created_at: now,
    });
    NewIssued { certificate, idempotency, audit, ring: RingName::default(), order: None }
}

/// Gives this process' CPU time, user and system (proc(5), fields 14 and 15, in 1/100 s).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields = stat.rsplit(") ").next().expect("a name").split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}
