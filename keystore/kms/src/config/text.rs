//! The text of kms.toml, as it stands there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) version: u32,
    /// Allows `http://` endpoints: requests and answers can be read and bent on their way.
    #[serde(default)]
    pub(super) dangerous_plain_http: bool,
    pub(super) aws: Option<AwsText>,
    pub(super) google: Option<GoogleText>,
    #[serde(default)]
    pub(super) quota: QuotaText,
    #[serde(default)]
    pub(super) timeouts: TimeoutsText,
    #[serde(default)]
    pub(super) key: BTreeMap<String, KeyText>,
    /// Files and directories that the vendor's library reads: tokens, further CA certificates.
    #[serde(default)]
    pub(super) read: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AwsText {
    pub(super) region: String,
    #[serde(default)]
    pub(super) replica_regions: Vec<String>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    pub(super) endpoint: Option<String>,
    #[serde(default)]
    pub(super) endpoints: BTreeMap<String, String>,
    #[serde(default = "prefix")]
    pub(super) alias_prefix: String,
    #[serde(default = "month")]
    pub(super) deletion_days: u8,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GoogleText {
    pub(super) key_ring: String,
    pub(super) credentials_file: Option<PathBuf>,
    /// Sends no credential at all: for emulators.
    #[serde(default)]
    pub(super) dangerous_anonymous: bool,
    pub(super) endpoint: Option<String>,
    #[serde(default)]
    pub(super) endpoints: BTreeMap<String, String>,
    #[serde(default = "prefix")]
    pub(super) key_prefix: String,
    #[serde(default = "hsm")]
    pub(super) protection: String,
    #[serde(default = "pkcs1")]
    pub(super) rsa_padding: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QuotaText {
    pub(super) per_second: u32,
    pub(super) burst: u32,
    pub(super) reserved: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimeoutsText {
    pub(super) attempt_ms: u64,
    pub(super) call_ms: u64,
    pub(super) making_ms: u64,
    pub(super) recheck_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyText {
    pub(super) places: Vec<String>,
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
