//! The tables of kms.toml, each held against what it may say.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use signer_proto::KeyLabel;

use super::Provider;
use super::text::{AwsText, GoogleText, KeyText, QuotaText, TimeoutsText};
use crate::aws::{self, Access, AwsSettings};
use crate::bucket::Quota;
use crate::cloud::Place;
use crate::driver::Timing;
use crate::google::{self, GoogleAccess, GoogleSettings, RsaPadding};

/// What is wrong, as far as was read.
pub(super) struct Faults(pub(super) Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, path: &str, why: impl fmt::Display) {
        self.0.push(format!("{path}: {why}"));
    }

    pub(super) fn quota(&mut self, text: &QuotaText) -> Quota {
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

    pub(super) fn timing(&mut self, text: &TimeoutsText) -> Timing {
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

    pub(super) fn aws(&mut self, text: AwsText, plain: bool, timing: Timing) -> Provider {
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

    pub(super) fn google(&mut self, text: GoogleText, plain: bool, timing: Timing) -> Provider {
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

    pub(super) fn keys(
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
