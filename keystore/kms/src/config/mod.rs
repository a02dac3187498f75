//! kms.toml: read as a whole, with all its faults at once.

mod tables;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use signer_proto::KeyLabel;

use crate::aws::{Access, AwsSettings};
use crate::bucket::Quota;
use crate::cloud::Place;
use crate::driver::Timing;
use crate::google::{GoogleAccess, GoogleSettings};
use tables::Faults;
use text::Text;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
