//! `chancery up`: a working CA from nothing, in the foreground.

mod child;
mod identity;
mod layout;
mod prepare;
mod screen;
mod server_config;

pub use child::write_private;
pub use identity::Identities;
pub use layout::Layout;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ca::hierarchy::NameScope;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Failure, Outcome};
use child::Running;

/// More deaths than this within a minute, and `up` gives up.
const DEATHS_PER_MINUTE: usize = 5;

/// Makes what is missing and starts signer and server in the foreground.
#[derive(Debug, Args)]
pub struct Up {
    /// Where the API listens, with TLS
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub https: SocketAddr,
    /// Where CRL, OCSP and CA certificates are served, without TLS
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// sqlite:///PATH or postgres://...; default: a SQLite file in the data directory
    #[arg(long)]
    pub database: Option<String>,
    /// The base of the CRL, OCSP and CA URLs in certificates; default: http:// and --http
    #[arg(long)]
    pub public_url: Option<String>,
    /// Domains and networks that may be certified, as in corp.example,10.0.0.0/8; default: any.
    /// Taken at first start only: later `chancery policy` changes it
    #[arg(long, value_parser = |text: &str| NameScope::parse(text))]
    pub names: Option<NameScope>,
}

impl Up {
    /// Returns the base of the URLs in certificates.
    pub fn public_base(&self) -> String {
        self.public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.http))
    }

    /// Runs until it is told to end.
    pub async fn run(self, data: &Path) -> Outcome {
        let started = Instant::now();
        let layout = Layout::new(data)?;
        let identities = Identities::choose()?;
        let made = prepare::directories(&layout, &identities)?;
        let _lock = prepare::lock(&layout)?;
        let signer = prepare::signer(&layout, &identities).await?;
        let root = match prepare::hierarchy(&self, &layout).await {
            Ok(root) => root,
            Err(failure) => {
                signer.end().await;
                return Err(failure);
            }
        };
        let server = match prepare::server(&self, &layout, &identities).await {
            Ok(server) => server,
            Err(error) => {
                signer.end().await;
                return Err(Failure::Other(error));
            }
        };
        child::write_private(
            &layout.url(),
            format!("https://{}\n", self.https).as_bytes(),
            0o644,
        )?;
        screen::show(&self, &layout, &identities, &made, &root, started.elapsed());
        supervise(signer, server).await
    }
}

/// Makes a data directory as `up` does, and starts nothing that stays.
#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    up: Up,
}

impl Init {
    /// Makes directories, ring and hierarchy; the signer runs only for as long as that takes.
    pub async fn run(self, data: &Path) -> Outcome {
        let layout = Layout::new(data)?;
        let identities = Identities::choose()?;
        let made = prepare::directories(&layout, &identities)?;
        let _lock = prepare::lock(&layout)?;
        let signer = prepare::signer(&layout, &identities).await?;
        let root = prepare::hierarchy(&self.up, &layout).await;
        signer.end().await;
        let root = root?;
        println!(
            "{} {}: root {}, issuing {}",
            if made.ring { "made" } else { "found" },
            layout.data.display(),
            root.subject,
            root.issuing
        );
        Ok(())
    }
}

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl model::Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }
}

/// Returns the time by this machine's clock.
pub fn now() -> anyhow::Result<x509::UnixTime> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .context("this machine's clock stands before 1970")?;
    Ok(x509::UnixTime(i64::try_from(since.as_secs())?))
}

/// Waits for the end: Ctrl-C and SIGTERM end both in order; a process that dies is started again.
async fn supervise(mut signer: Running, mut server: Running) -> Outcome {
    let mut terminate = signal(SignalKind::terminate()).context("watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watch for SIGINT")?;
    let mut deaths: Vec<Instant> = Vec::new();
    let failure = loop {
        let (died, how) = tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            how = signer.died() => (&mut signer, how),
            how = server.died() => (&mut server, how),
        };
        eprintln!("chancery: {} died ({how}), starting it again", died.name());
        let now = Instant::now();
        deaths.retain(|death| now.duration_since(*death) < Duration::from_secs(60));
        deaths.push(now);
        if deaths.len() > DEATHS_PER_MINUTE {
            break Some(format!(
                "{} deaths within a minute: see the messages above, then `chancery doctor`",
                deaths.len()
            ));
        }
        match died.again().await {
            Ok(running) => *died = running,
            Err(error) => break Some(format!("{} does not start again: {error:#}", died.name())),
        }
    };
    // The server first: what it has under way still finds the signer.
    server.end().await;
    signer.end().await;
    match failure {
        None => {
            println!("chancery: ended");
            Ok(())
        }
        Some(why) => Err(Failure::Unavailable(why)),
    }
}
