//! The whole: `chancery up` on free ports.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::net::TcpStream;
use x509::Certificate;

use crate::http::{Connection, Tls};
use crate::process::{self, Process};
use crate::report::{Measured, Row, time};

/// How long both processes idle before their memory is read.
const IDLE: Duration = Duration::from_secs(5);
const READY: Duration = Duration::from_secs(2);
const SERVER_MB: f64 = 60.0;
const SIGNER_MB: f64 = 30.0;

/// Signer and server, and where they are.
pub struct Stack {
    /// The server's process id.
    pub server: u32,
    /// The signer's process id.
    pub signer: u32,
    /// The validation authority's, if there is one.
    pub validator: Option<u32>,
    /// The API.
    pub https: SocketAddr,
    /// The status service.
    pub http: SocketAddr,
    /// What TLS connections need.
    pub tls: Tls,
    ready: Duration,
    _process: Process,
    _directory: tempfile::TempDir,
}

impl Stack {
    /// Starts both on a new data directory below `disk`.
    pub fn start(disk: &Path) -> anyhow::Result<Self> {
        Self::start_with(disk, "")
    }

    /// The same with settings of the validation authority.
    pub fn start_with(disk: &Path, eyes: &str) -> anyhow::Result<Self> {
        let directory = process::directory(disk)?;
        let data = directory.path().join("data");
        let (https, http) = (free_port()?, free_port()?);
        let mut up = Command::new(process::beside("chancery")?);
        up.arg("up").arg("--data").arg(&data);
        up.args(["--https", &https.to_string(), "--http", &http.to_string()]);
        if !eyes.is_empty() {
            let (va, acme) = (directory.path().join("va.toml"), directory.path().join("acme.toml"));
            std::fs::write(&va, eyes)?;
            std::fs::write(&acme, crate::acme::LIMITS)?;
            up.arg("--va-config").arg(va).arg("--acme-config").arg(acme);
        }
        let began = Instant::now();
        let log = directory.path().join("log");
        let process = Process::start(&mut up, "Chancery is ready", &log)?;
        let ready = began.elapsed();
        Ok(Self {
            server: process::child_of(process.id(), "chancery-server")?,
            signer: process::child_of(process.id(), "signer-file")?,
            validator: crate::acme::validator(process.id()).ok(),
            tls: Tls::new(&data.join("root.pem"), &data.join("admin.token"))?,
            https,
            http,
            ready,
            _process: process,
            _directory: directory,
        })
    }

    /// Returns both process ids.
    pub fn processes(&self) -> [u32; 2] {
        [self.server, self.signer]
    }

    /// Connects to the status service.
    pub async fn status(&self) -> anyhow::Result<Connection<TcpStream>> {
        Connection::plain(self.http).await
    }

    /// Reads the issuing CA's certificate from the status service.
    pub async fn issuing(&self) -> anyhow::Result<Certificate> {
        let path = "/.well-known/pki/ca/issuing.cer";
        let answer = self.status().await?.get(path, None).await?;
        anyhow::ensure!(answer.status == 200, "{path}: {}", answer.status);
        Certificate::parse(&answer.body).context("the issuing CA's certificate")
    }

    /// Measures what a fresh start took and holds.
    pub async fn rows(&self) -> Vec<Row> {
        let ready = Measured {
            value: time(self.ready),
            ratio: String::new(),
            kept: Some(self.ready < READY),
        };
        tokio::time::sleep(IDLE).await;
        let held = |id, budget| {
            process::resident(id).map(|megabytes| Measured {
                value: format!("{megabytes:.1} MB"),
                ratio: String::new(),
                kept: Some(megabytes <= budget),
            })
        };
        vec![
            Row::new(
                "first start to ready: ring, hierarchy, database, certificate",
                "< 2 s",
                Ok(ready),
            ),
            Row::new("memory, idle: server", "≤ 60 MB", held(self.server, SERVER_MB)),
            Row::new("memory, idle: signer-file", "≤ 30 MB", held(self.signer, SIGNER_MB)),
        ]
    }
}

/// Takes a port that was free a moment ago.
fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
