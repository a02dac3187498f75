//! `chancery up`: a working CA from nothing, in the foreground.

mod child;
mod directories;
mod driver;
mod factor;
mod identity;
mod layout;
mod prepare;
mod ring_file;
mod screen;
mod server;
mod server_config;
mod shares;
mod supervise;
mod validator;

pub use child::{beside, write_private};
pub use directories::hand_over;
pub use identity::Identities;
pub use layout::Layout;
pub use ring_file::{Opener, RingFile};
pub use server_config::{setting, settings};

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use ca::hierarchy::NameScope;
use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::options::{Global, read};
use factor::Factor;
use supervise::{Ends, Processes};

/// Makes what is missing and starts signer and server in the foreground.
#[derive(Debug, Args)]
pub struct Up {
    /// Where the API listens, with TLS
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub https: SocketAddr,
    /// Where CRL, OCSP and CA certificates are served, without TLS
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// Where the enrolment protocols alone, ACME among them, are served for clients that know no newer
    /// TLS than 1.2; default: nowhere. The policy of the key server.tls must say `tls12 = true`
    /// (docs/operate/server-tls.md)
    #[arg(long, value_name = "ADDRESS")]
    pub enrolment_tls12: Option<SocketAddr>,
    /// sqlite:///PATH or postgres://...; default: a SQLite file in the data directory
    #[arg(long)]
    pub database: Option<String>,
    /// A file with that URL, for one that has a password in it
    #[arg(long, conflicts_with = "database")]
    pub database_file: Option<PathBuf>,
    /// The base of the CRL, OCSP and CA URLs in certificates; default: http:// and --http
    #[arg(long)]
    pub public_url: Option<String>,
    /// Domains and networks that may be certified, as in corp.example,10.0.0.0/8; default: any.
    /// Taken at first start only: later `chancery policy` changes it
    #[arg(long, value_parser = |text: &str| NameScope::parse(text))]
    pub names: Option<NameScope>,
    /// A name or address of the server in its own certificate, besides localhost and that of
    /// --https; may be given several times
    #[arg(long = "server-name")]
    pub server_names: Vec<String>,
    /// A TOML file with settings of the ACME server, as they stand in the server's [acme]
    /// (docs/operate/acme.md)
    #[arg(long, value_name = "FILE")]
    pub acme_config: Option<PathBuf>,
    /// A file with the passphrase that opens the ring; a new ring is made with it. Without it a
    /// new ring is opened by DATA/unlock.key, and one with a passphrase waits for
    /// `chancery unlock`
    #[arg(long)]
    pub passphrase_file: Option<PathBuf>,
    /// Where the keys of the ring that is to be made are; default: file
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub driver: Option<driver::DriverFamily>,
    /// The configuration of that driver, kept in DATA/driver.toml from then on: which token or which
    /// service. Never a secret, only the files that hold them
    #[arg(long, value_name = "FILE")]
    pub driver_config: Option<PathBuf>,
    #[command(flatten)]
    pub shares: shares::NewShares,
    /// A TOML file with more settings of the validation authority
    /// (docs/operate/validation.md)
    #[arg(long, value_name = "FILE")]
    pub va_config: Option<PathBuf>,
    /// The public key of an operator of the ring that is to be made; may be given several times.
    /// Their keys approve its first acts by --operator-key or --approvals. Default: one operator,
    /// whose key is made in DATA/operator.key
    #[arg(long = "operator", value_name = "FILE")]
    pub operators: Vec<PathBuf>,
    /// How many of these operators must approve; default: all but one of three and more, else all
    #[arg(long, requires = "operators")]
    pub threshold: Option<u8>,
}

impl Up {
    /// Returns the base of the URLs in certificates.
    pub fn public_base(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.http))
    }

    /// Returns the names and addresses that stand in the server's own certificate.
    pub fn own_names(&self) -> Vec<String> {
        let mut names = vec!["localhost".to_owned(), self.local().to_string()];
        for name in &self.server_names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Returns the address by which this machine reaches the API.
    fn local(&self) -> std::net::IpAddr {
        match self.https.ip() {
            ip if !ip.is_unspecified() => ip,
            ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// Returns the API's URL on this machine.
    pub fn api_url(&self) -> String {
        format!("https://{}", SocketAddr::new(self.local(), self.https.port()))
    }

    /// Returns the database's URL, if one was named.
    pub fn database(&self) -> Outcome<Option<String>> {
        let (url, option) = match (&self.database, &self.database_file) {
            (Some(url), _) => (url.clone(), "--database"),
            (None, Some(file)) => (read(file, "--database-file")?, "--database-file"),
            (None, None) => return Ok(None),
        };
        let url = url.trim().to_owned();
        let bad = |why: String| Failure::Usage(format!("{option}: {why}"));
        let parsed: store::DatabaseUrl = url.parse().map_err(|error| bad(format!("{error}")))?;
        match parsed.file() {
            Some(path) if !path.is_absolute() => Err(bad(format!(
                "{} is no absolute path, as in sqlite:///var/lib/chancery/chancery.db",
                path.display()
            ))),
            _ => Ok(Some(url)),
        }
    }

    /// Returns the settings of the ACME server, if a file was named; the server reads them closely.
    pub fn acme(&self) -> Outcome<Option<toml::Table>> {
        let Some(file) = &self.acme_config else {
            return Ok(None);
        };
        let text = read(file, "--acme-config")?;
        let table = text.parse();
        table.map(Some).map_err(|error| Failure::Usage(format!("--acme-config: {error}")))
    }

    /// Tells mistakes in the options before anything is made.
    fn check(&self) -> Outcome {
        self.database()?;
        self.acme()?;
        ca::PublicUrls::new(&self.public_base())
            .map_err(|error| Failure::Usage(format!("--public-url: {error}")))?;
        for name in &self.server_names {
            let is_address = name.parse::<std::net::IpAddr>().is_ok();
            if !is_address && x509::check_dns_name(name, false).is_err() {
                return Err(Failure::Usage(format!(
                    "--server-name: `{name}` is neither a name nor an address"
                )));
            }
        }
        Ok(())
    }

    /// Runs until it is told to end.
    pub async fn run(self, global: &Global) -> Outcome {
        let started = Instant::now();
        self.check()?;
        let layout = Layout::new(&global.data)?;
        let identities = Identities::choose()?;
        let factor = Factor::choose(&layout, self.passphrase_file.as_deref(), &self.shares)?;
        let mut ends = Ends::watch()?;
        let family = driver::choose(&self, &layout)?;
        let made = directories::directories(&layout, &identities, &factor)?;
        let _lock = directories::lock(&layout)?;
        let signer = prepare::signer(&self, &layout, &identities, (&factor, family)).await?;
        let rest = async {
            factor.open(&layout).await?;
            let root = prepare::hierarchy(&self, global).await?;
            let validator = validator::validator(&self, &layout, &identities).await?;
            let server = server::server(&self, &layout, &identities, &factor).await;
            match (server, validator) {
                (Ok(server), validator) => Ok((root, server, validator)),
                (Err(failure), validator) => {
                    supervise::end(validator).await;
                    Err(failure)
                }
            }
        };
        let outcome = tokio::select! {
            outcome = rest => outcome,
            () = ends.asked() => Err(Failure::Unavailable("ended before it was ready".into())),
        };
        let (root, server, validator) = match outcome {
            Ok(rest) => rest,
            Err(failure) => {
                signer.end().await;
                return Err(failure);
            }
        };
        child::write_private(&layout.url(), format!("{}\n", self.api_url()).as_bytes(), 0o644)?;
        let shown = screen::screen(&self, &layout, &identities, &made, &root, started.elapsed());
        crate::output::text(&shown)?;
        let processes = Processes { signer, server, validator };
        supervise::supervise(processes, &layout, &factor, &mut ends).await
    }
}

/// Makes a data directory as `up` does, and starts nothing that stays.
#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    up: Up,
    /// Make only the ring, with no key in it: one that stands beside another
    /// (docs/operate/rings.md)
    #[arg(long)]
    ring_only: bool,
}

impl Init {
    /// Makes directories, ring and hierarchy; the signer runs only for as long as that takes.
    pub async fn run(self, global: &Global) -> Outcome {
        self.up.check()?;
        let layout = Layout::new(&global.data)?;
        let identities = Identities::choose()?;
        let factor = Factor::choose(&layout, self.up.passphrase_file.as_deref(), &self.up.shares)?;
        let family = driver::choose(&self.up, &layout)?;
        let made = directories::directories(&layout, &identities, &factor)?;
        let _lock = directories::lock(&layout)?;
        let signer = prepare::signer(&self.up, &layout, &identities, (&factor, family)).await?;
        let root = async {
            factor.open(&layout).await?;
            match self.ring_only {
                true => Ok(None),
                false => prepare::hierarchy(&self.up, global).await.map(Some),
            }
        };
        let root = root.await;
        signer.end().await;
        let Some(root) = root? else {
            let made = if made.ring { "made" } else { "found" };
            return crate::output::text(&format!("{made} {}", layout.ring().display()));
        };
        crate::output::text(&format!(
            "{} {}: root {}, issuing {}",
            if made.ring { "made" } else { "found" },
            layout.data.display(),
            root.subject,
            root.issuing
        ))
    }
}

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl model::Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Returns the time by this machine's clock.
pub fn now() -> anyhow::Result<x509::UnixTime> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .context("this machine's clock stands before 1970")?;
    Ok(x509::UnixTime(i64::try_from(since.as_secs())?))
}

/// Draws random octets from the kernel.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(bytes)
}
