//! The server's configuration: one TOML file, every fault of it told at once.

mod acme;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ca::PublicUrls;
use daemon::{Faults, Section, absolute, parse, read};
use model::{ProfileName, RingName};
use signer_proto::KeyLabel;
use store::DatabaseUrl;
use x509::{GeneralName, check_dns_name};

pub use acme::Acme;
pub use daemon::{ConfigError, Log};

/// The only version of the file that there is.
const VERSION: i64 = 1;

/// Is what the server is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where API and status are served with TLS.
    pub https: SocketAddr,
    /// Where status is served without TLS; nowhere if it is not given.
    pub http: Option<SocketAddr>,
    /// Where the enrolment protocols alone are served, for clients that know no newer TLS than 1.2;
    /// nowhere if it is not given.
    pub enrolment_tls12: Option<SocketAddr>,
    /// The inventory.
    pub database: Database,
    /// The rings: the first one has the server's TLS key.
    pub rings: Vec<RingPlace>,
    /// What stands in certificates.
    pub urls: PublicUrls,
    /// The server's own certificate.
    pub tls: Tls,
    /// The first token; without it somebody must have made one.
    pub bootstrap: Option<Bootstrap>,
    /// Where the validation authority listens; without it no ACME challenge can be validated.
    pub va_socket: Option<PathBuf>,
    /// The ACME server.
    pub acme: Acme,
    /// What the server keeps itself out of; empty where it has a user of its own.
    pub keep_out: Vec<PathBuf>,
    /// The log.
    pub log: Log,
}

/// Is where a ring's signer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingPlace {
    /// What the server calls it.
    pub name: RingName,
    /// The folder with its signer's sockets.
    pub run: PathBuf,
}

/// Is where the inventory is.
#[derive(Clone)]
pub enum Database {
    /// The URL itself.
    Url(DatabaseUrl),
    /// A file that holds the URL, since that may hold a password.
    File(PathBuf),
}

/// Is how the server gets its own certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The folder of `tls.pem`.
    pub directory: PathBuf,
    /// The label of its key in the signer's ring.
    pub key: KeyLabel,
    /// The server's names and addresses.
    pub names: Vec<GeneralName>,
    /// The profile that it is issued from.
    pub profile: ProfileName,
}

/// Is how the first token comes to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// Somebody made it; the server knows its SHA-256.
    Sha256([u8; 32]),
    /// The server makes it while there is none at all, and writes it into this file, mode 0600.
    File(PathBuf),
}

impl fmt::Debug for Database {
    // The URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.engine_name()),
            Self::File(path) => path.fmt(f),
        }
    }
}

impl Database {
    /// Gives the URL, from its file if it stands there.
    ///
    /// # Errors
    /// [`ConfigError`]; it never repeats the URL.
    pub fn url(&self) -> Result<DatabaseUrl, ConfigError> {
        let path = match self {
            Self::Url(url) => return Ok(url.clone()),
            Self::File(path) => path,
        };
        let text = read(path)?;
        text.trim()
            .parse()
            .map_err(|error| ConfigError::Fields(vec![format!("{}: {error}", path.display())]))
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read(path)?)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        parse(text, |root, faults| Parts::take(root, faults).whole())
    }
}

/// What was found; a required part that is missing has its fault already.
struct Parts {
    https: Option<SocketAddr>,
    http: Option<SocketAddr>,
    enrolment_tls12: Option<SocketAddr>,
    database: Option<Database>,
    rings: Option<Vec<RingPlace>>,
    urls: Option<PublicUrls>,
    tls: Option<Tls>,
    bootstrap: Option<Bootstrap>,
    va_socket: Option<PathBuf>,
    acme: Acme,
    keep_out: Vec<PathBuf>,
    log: Log,
}

impl Parts {
    fn take(mut root: Section, faults: &mut Faults) -> Self {
        match root.integer("version", faults) {
            Some(VERSION) => {}
            Some(other) => faults.add("version", format_args!("is {VERSION}, not {other}")),
            None => faults.add("version", format_args!("is missing: it is {VERSION}")),
        }
        let mut listen = root.section("listen", faults);
        let https = listen.required("https", faults, address);
        let http = listen.parsed("http", faults, address);
        let enrolment_tls12 = listen.parsed("enrolment_tls12", faults, address);
        listen.end(faults);
        let database = take_database(root.section("database", faults), faults);
        let rings = take_rings(&mut root, faults);
        let mut public = root.section("public", faults);
        let urls = public.required("url", faults, PublicUrls::new);
        public.end(faults);
        let tls = take_tls(root.section("tls", faults), faults);
        let bootstrap = take_bootstrap(root.section("bootstrap", faults), faults);
        let mut va = root.section("va", faults);
        let va_socket = va.parsed("socket", faults, absolute);
        va.end(faults);
        let acme = acme::take(root.section("acme", faults), faults);
        let keep_out = take_boundary(root.section("boundary", faults), faults);
        let log = Log::take(root.section("log", faults), faults);
        root.end(faults);
        Self {
            https,
            http,
            enrolment_tls12,
            database,
            rings,
            urls,
            tls,
            bootstrap,
            va_socket,
            acme,
            keep_out,
            log,
        }
    }

    fn whole(self) -> Option<Config> {
        Some(Config {
            https: self.https?,
            http: self.http,
            enrolment_tls12: self.enrolment_tls12,
            database: self.database?,
            rings: self.rings?,
            urls: self.urls?,
            tls: self.tls?,
            bootstrap: self.bootstrap,
            va_socket: self.va_socket,
            acme: self.acme,
            keep_out: self.keep_out,
            log: self.log,
        })
    }
}

fn take_database(mut section: Section, faults: &mut Faults) -> Option<Database> {
    let both = section.has("url") && section.has("url_file");
    let neither = !section.has("url") && !section.has("url_file");
    if both || neither {
        faults.add("database", "has one of url and url_file");
    }
    let url = section.parsed("url", faults, DatabaseUrl::from_str);
    let file = section.parsed("url_file", faults, absolute);
    section.end(faults);
    url.map(Database::Url).or(file.map(Database::File))
}

/// Reads the first ring, and those beside it.
fn take_rings(root: &mut Section, faults: &mut Faults) -> Option<Vec<RingPlace>> {
    let mut signer = root.section("signer", faults);
    let name = signer.parsed("name", faults, RingName::from_str).unwrap_or_default();
    let run = signer.required("run", faults, absolute);
    signer.end(faults);
    let mut rings = vec![run.map(|run| RingPlace { name, run })];
    for mut ring in root.sections("ring", faults) {
        let name = ring.required("name", faults, RingName::from_str);
        let run = ring.required("run", faults, absolute);
        let place = name.zip(run).map(|(name, run)| RingPlace { name, run });
        for there in rings.iter().flatten() {
            if place.as_ref().is_some_and(|place| place.name == there.name) {
                faults.add(&ring.path_of("name"), format_args!("another ring is `{}`", there.name));
            }
            if place.as_ref().is_some_and(|place| place.run == there.run) {
                faults.add(&ring.path_of("run"), format_args!("is that of `{}`", there.name));
            }
        }
        ring.end(faults);
        rings.push(place);
    }
    rings.into_iter().collect()
}

fn take_tls(mut section: Section, faults: &mut Faults) -> Option<Tls> {
    let directory = section.required("directory", faults, absolute);
    let names = section.list("names", faults, own_name).unwrap_or_default();
    if names.is_empty() {
        let path = section.path_of("names");
        faults.add(&path, "names the server: at least one name or address");
    }
    let profile = section.parsed("profile", faults, ProfileName::from_str);
    let key = section.parsed("key", faults, KeyLabel::from_str);
    section.end(faults);
    Some(Tls {
        directory: directory?,
        key: key.unwrap_or_else(|| KeyLabel::new(ca::TLS_KEY).expect("a label")),
        names,
        profile: profile.unwrap_or_else(|| ProfileName::new("tls-server").expect("a name")),
    })
}

fn own_name(text: &str) -> Result<GeneralName, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(GeneralName::Ip(ip));
    }
    match check_dns_name(text, false) {
        Ok(()) => Ok(GeneralName::Dns(text.to_ascii_lowercase())),
        Err(error) => Err(format!("`{text}` is neither an address nor a name: {error}")),
    }
}

fn take_bootstrap(mut section: Section, faults: &mut Faults) -> Option<Bootstrap> {
    if section.has("admin_token_sha256") && section.has("admin_token_file") {
        faults.add("bootstrap", "has one of admin_token_sha256 and admin_token_file");
    }
    let sha256 = section.parsed("admin_token_sha256", faults, digest);
    let file = section.parsed("admin_token_file", faults, absolute);
    section.end(faults);
    sha256.map(Bootstrap::Sha256).or(file.map(Bootstrap::File))
}

fn take_boundary(mut section: Section, faults: &mut Faults) -> Vec<PathBuf> {
    let paths = section.list("keep_out", faults, absolute);
    section.end(faults);
    paths.unwrap_or_default()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address and port, as in 127.0.0.1:8443"))
}

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| "is 64 hexadecimal digits")?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use daemon::LogFormat;

    use super::*;

    const GOOD: &str = r#"
        version = 1
        [listen]
        https = "127.0.0.1:8443"
        http = "127.0.0.1:8080"
        enrolment_tls12 = "127.0.0.1:8444"
        [database]
        url = "sqlite:///var/lib/chancery/chancery.db"
        [signer]
        run = "/run/chancery"
        [[ring]]
        name = "hsm"
        run = "/run/chancery-hsm"
        [public]
        url = "http://pki.corp.example"
        [tls]
        directory = "/var/lib/chancery"
        names = ["Localhost", "127.0.0.1"]
        [bootstrap]
        admin_token_sha256 = "0707070707070707070707070707070707070707070707070707070707070707"
        [va]
        socket = "/run/chancery-va/va-work.sock"
        [boundary]
        keep_out = ["/var/lib/chancery/ring"]
        [log]
        format = "json"
    "#;

    #[test]
    fn reads_a_whole_file() {
        let config = Config::parse(GOOD).expect("a good file");
        assert_eq!(config.https.port(), 8443);
        assert_eq!(config.http.map(|http| http.port()), Some(8080));
        assert_eq!(config.enrolment_tls12.map(|old| old.port()), Some(8444));
        let place = |name: &str, run: &str| RingPlace {
            name: name.parse().expect("a name"),
            run: PathBuf::from(run),
        };
        let rings = [place("default", "/run/chancery"), place("hsm", "/run/chancery-hsm")];
        assert_eq!(config.rings, rings);
        assert_eq!(
            config.tls.names,
            [GeneralName::Dns("localhost".into()), GeneralName::Ip([127, 0, 0, 1].into())]
        );
        assert_eq!(config.tls.profile.as_str(), "tls-server");
        assert_eq!(config.bootstrap, Some(Bootstrap::Sha256([7; 32])));
        assert_eq!(config.va_socket.as_deref(), Some(Path::new("/run/chancery-va/va-work.sock")));
        assert_eq!(config.keep_out, [Path::new("/var/lib/chancery/ring")]);
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.log.filter, "info");
    }

    #[test]
    fn the_least_file_is_enough() {
        let text = r#"
            version = 1
            listen.https = "[::1]:0"
            database.url_file = "/run/credentials/database"
            signer.run = "/run/chancery"
            public.url = "http://pki.corp.example"
            tls = { directory = "/var/lib/chancery", names = ["pki.corp.example"] }
        "#;
        let config = Config::parse(text).expect("a good file");
        assert_eq!((config.http, config.bootstrap, config.va_socket), (None, None, None));
        assert_eq!(config.enrolment_tls12, None, "TLS 1.2 is off");
        assert_eq!((config.rings.len(), config.rings[0].name.as_str()), (1, "default"));
        assert!(matches!(config.database, Database::File(_)));
    }

    #[test]
    fn tells_every_fault_at_once_with_its_path() {
        let text = r#"
            version = 2
            surprise = 1
            [listen]
            https = "localhost"
            port = 1
            [database]
            url = "mysql://user:secret@host/db"
            [signer]
            name = "Default"
            run = "run"
            [[ring]]
            name = "hsm"
            run = "/run/hsm"
            [[ring]]
            name = "hsm"
            run = "/run/hsm"
            pin = "1234"
            [[ring]]
            [public]
            url = "ftp://x"
            [tls]
            names = ["a b", 1]
            [bootstrap]
            admin_token_sha256 = "00"
            admin_token_file = "/x"
            [log]
            format = "xml"
        "#;
        let Err(ConfigError::Fields(faults)) = Config::parse(text) else {
            panic!("a bad file was read");
        };
        let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            paths,
            [
                "version",
                "listen.https",
                "listen.port",
                "database.url",
                "signer.name",
                "signer.run",
                "ring[2].name",
                "ring[2].run",
                "ring[2].pin",
                "ring[3].name",
                "ring[3].run",
                "public.url",
                "tls.directory",
                "tls.names",
                "tls.names",
                "bootstrap",
                "bootstrap.admin_token_sha256",
                "log.format",
                "surprise",
            ]
        );
        assert!(!faults.join("\n").contains("secret"));
    }

    #[test]
    fn refuses_what_is_no_toml() {
        assert!(matches!(Config::parse("version ="), Err(ConfigError::Syntax(_))));
    }
}
