//! A CA with its validation authority, whose eyes look at this machine's unprivileged ports.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{Database, Openssl, Stack, run};
use serde_json::{Value, json};

use super::dns;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a client that does not try again by itself is started, as cron would.
pub const TRIES: usize = 6;

pub struct World {
    pub stack: Stack,
    pub openssl: Openssl,
    /// Where http-01 is looked for.
    pub http: u16,
    /// Where tls-alpn-01 is looked for.
    pub tls: u16,
    /// Where hooks write TXT records.
    pub records: PathBuf,
    /// The base of the URLs that clients use, if it is not the server's own.
    base: Option<String>,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Finds a program of PyPI's in the folder that `CHANCERY_FOREIGN` names (.ci/run makes it); none,
/// with a line that says so, if it is not there.
pub fn foreign(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CHANCERY_FOREIGN").map(PathBuf::from);
    let found = folder.map(|folder| folder.join("bin").join(name)).filter(|file| file.is_file());
    if found.is_none() {
        kit::skip(name, "not in CHANCERY_FOREIGN: python3 -m venv, and pip install there");
    }
    found
}

impl World {
    /// Starts a CA; none, with a line that says so, without openssl.
    pub fn start() -> Option<Self> {
        Self::start_with_arguments(&[])
    }

    /// Starts a CA with more arguments of `chancery up`.
    pub fn start_with_arguments(more: &[&str]) -> Option<Self> {
        Self::start_by(Database::Sqlite, "dangerous_chaos = true\n", None, more)
    }

    /// Starts a CA with a database and settings of the ACME server; clients come by another base
    /// than its own, perhaps.
    pub fn start_on(database: Database, acme_settings: &str, base: Option<String>) -> Option<Self> {
        Self::start_by(database, acme_settings, base, &[])
    }

    fn start_by(
        database: Database,
        acme_settings: &str,
        base: Option<String>,
        more: &[&str],
    ) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let openssl = Openssl::find(&folder.join("openssl"))?;
        let records = folder.join("records");
        fs::create_dir(&records).expect("a folder");
        let (http, tls, dns) = (free_port(), free_port(), dns::serve(&records));
        let va = folder.join("va.toml");
        let text = format!(
            "version = 1\ndangerous_allow = [\"127.0.0.0/8\"]\ndangerous_http_port = {http}\n\
             dangerous_tls_alpn_port = {tls}\ndangerous_resolver = \"127.0.0.1:{dns}\"\n"
        );
        fs::write(&va, text).expect("written");
        let acme = folder.join("acme.toml");
        fs::write(&acme, acme_settings).expect("written");
        let arguments = [
            "--va-config",
            va.to_str().expect("text"),
            "--acme-config",
            acme.to_str().expect("text"),
        ];
        let stack = Stack::start_with(database, &[&arguments[..], more].concat());
        Some(Self { stack, openssl, http, tls, records, base })
    }

    pub fn directory(&self) -> String {
        format!("{}/acme/directory", self.base())
    }

    /// The base of all URLs of the ACME server.
    pub fn base(&self) -> String {
        self.base.clone().unwrap_or_else(|| self.stack.https())
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.stack.dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Runs a client again and again until it succeeds: one that gives up at the first refused nonce
    /// is one that cron starts again.
    pub fn until_it_succeeds(&self, what: &str, mut command: impl FnMut() -> Command) -> String {
        let mut told = String::new();
        for _ in 0..TRIES {
            let (good, text) = run(&mut command());
            if good {
                return text;
            }
            told = text;
        }
        panic!("{what} failed {TRIES} times; at last: {told}");
    }

    /// Waits until something holds.
    pub fn eventually(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Has openssl verify a chain, the leaf first, and gives the leaf's text.
    pub fn verify(&self, chain: &Path) -> String {
        let (root, chain) = (self.stack.root(), chain.to_str().expect("text"));
        let root = root.to_str().expect("text");
        let said = self.openssl.must(&["verify", "-CAfile", root, "-untrusted", chain, chain]);
        assert!(said.contains(": OK"), "{said}");
        self.openssl.must(&["x509", "-in", chain, "-noout", "-text"])
    }

    /// Waits until a server shows a certificate for a name that the root verifies.
    pub fn await_tls(&self, name: &str) {
        let (root, port) = (self.stack.root(), self.tls);
        let connect = format!("127.0.0.1:{port}");
        let root = root.to_str().expect("text");
        self.eventually(&format!("a certificate for {name}"), || {
            let mut command = Command::new("sh");
            let script = format!(
                "openssl s_client -connect {connect} -servername {name} -verify_hostname {name} \
                 -CAfile {root} -verify_return_error </dev/null"
            );
            let (good, text) = run(command.args(["-c", &script]));
            good && text.contains("Verify return code: 0")
        });
    }

    /// Gives the status of the newest certificate for a name, and how many there are.
    pub fn status(&self, name: &str) -> (String, usize) {
        let all = self.stack.api().list(&format!("/api/v1/certificates?name={name}"));
        let newest = all.iter().max_by_key(|one| one["id"].as_str().map(str::to_owned));
        let status = newest.map(|one| one["state"].as_str().unwrap_or_default().to_owned());
        (status.unwrap_or_default(), all.len())
    }

    /// Makes a profile that is for bound accounts, and a key for it.
    pub fn external(&self) -> (String, String) {
        let body = "version = 1\nvalidity = \"30d\"\nmax_validity = \"30d\"\n\
                    key_kinds = [\"p-256\", \"rsa-2048\"]\nextended_key_usage = [\"serverAuth\"]\n\
                    [san]\ndns = [\"*\"]\n[acme]\nexternal_account = true\n";
        let mut api = self.stack.api();
        let made = api.post("/api/v1/profiles", &json!({ "name": "bound", "body": body }));
        assert_eq!(made.status, 201, "{}", made.text());
        let text = self.stack.must(&[
            "acme",
            "eab",
            "create",
            "team",
            "--profile",
            "bound",
            "--names",
            "*.team.test",
            "--accounts",
            "1",
            "--json",
        ]);
        let key: Value = serde_json::from_str(&text).expect("JSON");
        let field = |name: &str| key[name].as_str().expect("a text").to_owned();
        (field("id"), field("secret"))
    }
}
