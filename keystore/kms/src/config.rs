//! kms.toml: read as a whole, with all its faults at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use signer_proto::KeyLabel;

use crate::aws::{self, Access, AwsSettings};
use crate::bucket::Quota;
use crate::cloud::Place;
use crate::driver::Timing;
use crate::google::{self, GoogleAccess, GoogleSettings, RsaPadding};

/// What is wrong with the configuration, each fault with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigFaults {}

/// A configuration that holds together.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) provider: Provider,
    pub(crate) quota: Quota,
    pub(crate) timing: Timing,
    pub(crate) named: BTreeMap<KeyLabel, Vec<Place>>,
    read: Vec<PathBuf>,
}

/// One vendor and what it is told.
#[derive(Debug, Clone)]
pub(crate) enum Provider {
    Aws(AwsSettings, Access),
    Google(GoogleSettings, GoogleAccess),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u32,
    /// Allows `http://` endpoints: requests and answers can be read and bent on their way.
    #[serde(default)]
    dangerous_plain_http: bool,
    aws: Option<AwsText>,
    google: Option<GoogleText>,
    #[serde(default)]
    quota: QuotaText,
    #[serde(default)]
    timeouts: TimeoutsText,
    #[serde(default)]
    key: BTreeMap<String, KeyText>,
    /// Files and directories that the vendor's library reads: tokens, further CA certificates.
    #[serde(default)]
    read: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AwsText {
    region: String,
    #[serde(default)]
    replica_regions: Vec<String>,
    credentials_file: Option<PathBuf>,
    profile: Option<String>,
    endpoint: Option<String>,
    #[serde(default)]
    endpoints: BTreeMap<String, String>,
    #[serde(default = "prefix")]
    alias_prefix: String,
    #[serde(default = "month")]
    deletion_days: u8,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoogleText {
    key_ring: String,
    credentials_file: Option<PathBuf>,
    /// Sends no credential at all: for emulators.
    #[serde(default)]
    dangerous_anonymous: bool,
    endpoint: Option<String>,
    #[serde(default)]
    endpoints: BTreeMap<String, String>,
    #[serde(default = "prefix")]
    key_prefix: String,
    #[serde(default = "hsm")]
    protection: String,
    #[serde(default = "pkcs1")]
    rsa_padding: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuotaText {
    per_second: u32,
    burst: u32,
    reserved: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TimeoutsText {
    attempt_ms: u64,
    call_ms: u64,
    making_ms: u64,
    recheck_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    places: Vec<String>,
}

fn prefix() -> String {
    "chancery-".to_owned()
}

fn month() -> u8 {
    30
}

fn hsm() -> String {
    "hsm".to_owned()
}

fn pkcs1() -> String {
    "pkcs1".to_owned()
}

impl Default for QuotaText {
    fn default() -> Self {
        Self { per_second: 250, burst: 50, reserved: 10 }
    }
}

impl Default for TimeoutsText {
    fn default() -> Self {
        Self { attempt_ms: 1_000, call_ms: 8_000, making_ms: 25_000, recheck_seconds: 86_400 }
    }
}

impl Config {
    /// Reads the text of kms.toml.
    ///
    /// # Errors
    /// [`ConfigFaults`], all of them.
    pub fn read(text: &str) -> Result<Self, ConfigFaults> {
        let text: Text =
            toml::from_str(text).map_err(|error| ConfigFaults(vec![error.to_string()]))?;
        let mut faults = Faults(Vec::new());
        if text.version != 1 {
            faults.add("version", "it is not 1");
        }
        let quota = faults.quota(&text.quota);
        let timing = faults.timing(&text.timeouts);
        let plain = text.dangerous_plain_http;
        let provider = match (text.aws, text.google) {
            (Some(aws), None) => Some(faults.aws(aws, plain, timing)),
            (None, Some(google)) => Some(faults.google(google, plain, timing)),
            _ => {
                faults.add("aws, google", "one of the two tables must be there, and only one");
                None
            }
        };
        for path in text.read.iter().filter(|path| !path.is_absolute()) {
            faults.add("read", format!("{} is no absolute path", path.display()));
        }
        let named = faults.keys(text.key, provider.as_ref());
        match (provider, faults.0.is_empty()) {
            (Some(provider), true) => Ok(Self { provider, quota, timing, named, read: text.read }),
            _ => Err(ConfigFaults(faults.0)),
        }
    }

    /// Names the files and directories that the vendor's library reads while it runs, as far as
    /// the configuration says.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let credentials = match &self.provider {
            Provider::Aws(_, access) => access.credentials_file.as_deref(),
            Provider::Google(_, access) => access.credentials_file.as_deref(),
        };
        self.read.iter().map(PathBuf::as_path).chain(credentials).collect()
    }

    /// Names the TCP ports that the vendor's library connects to: of the service, of what gives
    /// credentials inside of a virtual machine or container (80), and of name servers.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        let endpoints = match &self.provider {
            Provider::Aws(_, access) => &access.endpoints,
            Provider::Google(_, access) => &access.endpoints,
        };
        let mut ports: Vec<u16> = vec![443, 80, 53];
        ports.extend(endpoints.values().filter_map(|endpoint| port(endpoint)));
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Names the service.
    #[must_use]
    pub fn vendor(&self) -> &'static str {
        match &self.provider {
            Provider::Aws(..) => "AWS KMS",
            Provider::Google(..) => "Google Cloud KMS",
        }
    }
}

/// The port that a URL names.
fn port(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, path: &str, why: impl fmt::Display) {
        self.0.push(format!("{path}: {why}"));
    }

    fn quota(&mut self, text: &QuotaText) -> Quota {
        let QuotaText { per_second, burst, reserved } = *text;
        if !(1..=100_000).contains(&per_second) {
            self.add("quota.per_second", "it must be 1 to 100000");
        }
        if !(2..=100_000).contains(&burst) {
            self.add("quota.burst", "it must be 2 to 100000");
        }
        if reserved == 0 || reserved >= burst {
            self.add("quota.reserved", "it must be at least 1 and less than quota.burst");
        }
        Quota { per_second, burst, reserved }
    }

    fn timing(&mut self, text: &TimeoutsText) -> Timing {
        for (path, value, most) in [
            ("timeouts.attempt_ms", text.attempt_ms, 30_000),
            ("timeouts.call_ms", text.call_ms, 30_000),
            ("timeouts.making_ms", text.making_ms, 30_000),
        ] {
            if !(10..=most).contains(&value) {
                self.add(path, format!("it must be 10 to {most}"));
            }
        }
        if !(1..=7 * 86_400).contains(&text.recheck_seconds) {
            self.add("timeouts.recheck_seconds", "it must be 1 to 604800");
        }
        Timing {
            attempt: Duration::from_millis(text.attempt_ms),
            call: Duration::from_millis(text.call_ms),
            making: Duration::from_millis(text.making_ms),
            recheck: Duration::from_secs(text.recheck_seconds),
        }
    }

    fn aws(&mut self, text: AwsText, plain: bool, timing: Timing) -> Provider {
        let regions = text.replica_regions.iter().chain([&text.region]);
        for region in regions.chain(text.endpoints.keys()) {
            if !aws::is_region(region) {
                self.add("aws", format!("{region:?} is no region"));
            }
        }
        if !(7..=30).contains(&text.deletion_days) {
            self.add("aws.deletion_days", "AWS takes 7 to 30");
        }
        self.prefix("aws.alias_prefix", &text.alias_prefix);
        self.absolute("aws.credentials_file", text.credentials_file.as_deref());
        let mut endpoints = text.endpoints;
        endpoints.extend(text.endpoint.map(|endpoint| (text.region.clone(), endpoint)));
        self.endpoints("aws", &endpoints, plain);
        let settings = AwsSettings {
            region: text.region,
            replica_regions: text.replica_regions,
            prefix: text.alias_prefix,
            tags: text.tags.into_iter().collect(),
            deletion_days: text.deletion_days,
        };
        let access = Access {
            credentials_file: text.credentials_file,
            profile: text.profile,
            endpoints,
            connect_timeout: timing.attempt,
        };
        Provider::Aws(settings, access)
    }

    fn google(&mut self, text: GoogleText, plain: bool, timing: Timing) -> Provider {
        if !google::is_key_ring(&text.key_ring) {
            self.add("google.key_ring", "it is no projects/P/locations/L/keyRings/R");
        }
        if !["hsm", "software"].contains(&text.protection.as_str()) {
            self.add("google.protection", "it is neither hsm nor software");
        }
        if !["pkcs1", "pss"].contains(&text.rsa_padding.as_str()) {
            self.add("google.rsa_padding", "it is neither pkcs1 nor pss");
        }
        self.prefix("google.key_prefix", &text.key_prefix);
        self.absolute("google.credentials_file", text.credentials_file.as_deref());
        let mut endpoints = text.endpoints;
        endpoints.extend(text.endpoint.map(|endpoint| (String::new(), endpoint)));
        self.endpoints("google", &endpoints, plain);
        let rsa_padding =
            if text.rsa_padding == "pss" { RsaPadding::Pss } else { RsaPadding::Pkcs1 };
        let settings = GoogleSettings {
            key_ring: text.key_ring,
            prefix: text.key_prefix,
            labels: text.labels.into_iter().collect(),
            software: text.protection == "software",
            rsa_padding,
        };
        let access = GoogleAccess {
            credentials_file: text.credentials_file,
            anonymous: text.dangerous_anonymous,
            endpoints,
            attempt: timing.making,
        };
        Provider::Google(settings, access)
    }

    /// With the key's number, purpose and algorithm it must stay a name that both vendors take:
    /// Google's have at most 63 characters.
    fn prefix(&mut self, path: &str, prefix: &str) {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if prefix.len() > 20 || !prefix.bytes().all(allowed) {
            self.add(path, "it must be at most 20 of a-z, A-Z, 0-9, - and _");
        }
    }

    fn absolute(&mut self, path: &str, file: Option<&Path>) {
        if file.is_some_and(|file| !file.is_absolute()) {
            self.add(path, "it is no absolute path");
        }
    }

    fn endpoints(&mut self, table: &str, endpoints: &BTreeMap<String, String>, plain: bool) {
        for endpoint in endpoints.values() {
            let is_plain = endpoint.starts_with("http://");
            if is_plain && !plain {
                let why = "is not encrypted; dangerous_plain_http = true allows it";
                self.add(table, format!("the endpoint {endpoint} {why}"));
            }
            if !is_plain && !endpoint.starts_with("https://") {
                self.add(table, format!("the endpoint {endpoint} is no https:// URL"));
            }
        }
    }

    fn keys(
        &mut self,
        keys: BTreeMap<String, KeyText>,
        provider: Option<&Provider>,
    ) -> BTreeMap<KeyLabel, Vec<Place>> {
        let mut named = BTreeMap::new();
        for (label, key) in keys {
            let path = format!("key.{label}");
            let Ok(label) = KeyLabel::new(&label) else {
                self.add(&path, "it is no label of a key");
                continue;
            };
            if key.places.is_empty() {
                self.add(&path, "places is empty");
            }
            let mut places = Vec::new();
            for text in &key.places {
                let read = match provider {
                    Some(Provider::Aws(settings, _)) => aws::read_place(text, &settings.region),
                    Some(Provider::Google(..)) => google::read_place(text),
                    None => continue,
                };
                match read {
                    Ok(place) => places.push(place),
                    Err(why) => self.add(&path, format!("{text}: {why}")),
                }
            }
            named.insert(label, places);
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = "version = 1\n[aws]\nregion = \"eu-central-1\"\n";
    const GOOGLE: &str =
        "version = 1\n[google]\nkey_ring = \"projects/p/locations/l/keyRings/r\"\n";

    #[test]
    fn little_is_enough() {
        let aws = Config::read(AWS).unwrap();
        assert_eq!(aws.vendor(), "AWS KMS");
        assert_eq!(aws.quota, Quota { per_second: 250, burst: 50, reserved: 10 });
        assert_eq!(aws.timing.recheck, Duration::from_secs(86_400));
        assert!(aws.files().is_empty());
        assert_eq!(Config::read(GOOGLE).unwrap().vendor(), "Google Cloud KMS");
    }

    #[test]
    fn everything_can_be_said() {
        let text = format!(
            "read = [\"/var/run/secrets/token\"]\n{AWS}{}",
            r#"
            replica_regions = ["eu-west-1"]
            credentials_file = "/etc/chancery/aws"
            profile = "signer"
            endpoint = "https://vpce.example"
            alias_prefix = "pki-"
            deletion_days = 7
            endpoints = { eu-west-1 = "https://west.example" }
            tags = { team = "pki" }
            [quota]
            per_second = 10
            burst = 5
            reserved = 1
            [timeouts]
            attempt_ms = 500
            call_ms = 2000
            making_ms = 10000
            recheck_seconds = 60
            [key.issuing]
            places = ["arn:aws:kms:eu-west-1:111122223333:key/mrk-1", "alias/x"]
            "#
        );
        let config = Config::read(&text).unwrap();
        let label = KeyLabel::new("issuing").unwrap();
        let regions: Vec<_> = config.named[&label].iter().map(|p| p.region.as_str()).collect();
        assert_eq!(regions, ["eu-west-1", "eu-central-1"]);
        assert_eq!(config.files().len(), 2);
        let Provider::Aws(_, access) = config.provider else { panic!("not AWS") };
        assert_eq!(access.endpoints["eu-central-1"], "https://vpce.example");
        assert_eq!(access.endpoints.len(), 2);
    }

    #[test]
    fn refuses_with_all_faults_at_once() {
        let text = r#"
            version = 2
            read = ["token"]
            [aws]
            region = "EU"
            deletion_days = 1
            alias_prefix = "a/b"
            credentials_file = "aws"
            endpoint = "http://127.0.0.1:1"
            [quota]
            per_second = 0
            burst = 1
            reserved = 1
            [timeouts]
            attempt_ms = 0
            [key.issuing]
            places = ["projects/p"]
            [key.Bad]
            places = []
        "#;
        let ConfigFaults(faults) = Config::read(text).unwrap_err();
        let starts: Vec<_> =
            faults.iter().map(|fault| fault.split(':').next().unwrap_or_default()).collect();
        assert_eq!(
            starts,
            [
                "version",
                "quota.per_second",
                "quota.burst",
                "quota.reserved",
                "timeouts.attempt_ms",
                "aws",
                "aws.deletion_days",
                "aws.alias_prefix",
                "aws.credentials_file",
                "aws",
                "read",
                "key.Bad",
                "key.issuing",
            ],
            "{faults:?}"
        );
    }

    #[test]
    fn refuses_what_it_does_not_know_two_vendors_and_none() {
        for (text, words) in [
            (format!("{AWS}secret_access_key = \"x\"\n"), "unknown field"),
            (
                format!("{AWS}[google]\nkey_ring = \"projects/p/locations/l/keyRings/r\"\n"),
                "one of",
            ),
            ("version = 1\n".to_owned(), "one of"),
            (format!("{AWS}endpoint = \"ftp://x\"\n"), "no https://"),
            (format!("{GOOGLE}protection = \"paper\"\nrsa_padding = \"none\"\n"), "neither"),
        ] {
            let faults = Config::read(&text).unwrap_err().to_string();
            assert!(faults.contains(words), "{text}: {faults}");
        }
    }

    #[test]
    fn plain_http_wants_its_switch() {
        let text = format!("dangerous_plain_http = true\n{AWS}endpoint = \"http://127.0.0.1:1\"\n");
        assert_eq!(Config::read(&text).unwrap().ports(), [1, 53, 80, 443]);
    }
}
