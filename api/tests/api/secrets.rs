//! No secret in the log.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use kit::SubjectKey;
use model::Role;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use x509::{Name, pem};

use crate::bench::Bench;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn neither_tokens_nor_requests_stand_in_the_log() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bench = Bench::with_signer().await;
    let csr = SubjectKey::new().request(&Name::empty(), Vec::new());
    let csr = pem::encode(pem::CERTIFICATE_REQUEST, csr.as_bytes());
    let body = json!({ "profile": "tls-server", "csr": csr, "sans": ["www.corp.example"] });
    let issued = bench.post(Role::Operator, "/api/v1/certificates", body).await;
    assert_eq!(issued.status, 201);
    let body = json!({ "name": "ci", "role": "viewer" });
    let made = bench.post(Role::Admin, "/api/v1/tokens", body).await.json();
    bench.get(Role::Viewer, "/api/v1/tokens").await;
    bench.get(Role::Viewer, "/api/v1/nothing?secret=in-the-query").await;

    let log = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("route=\"/api/v1/certificates\" status=201"), "{log}");
    assert!(log.contains("permission-missing"), "{log}");
    let token = made["token"].as_str().expect("a token");
    let line_of_csr = csr.lines().nth(1).expect("base64");
    for secret in [token, bench.token(Role::Viewer), "Bearer", line_of_csr, "in-the-query"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
