//! A client a region, made when a key first names it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_kms::Client;

/// Where credentials are and which endpoints there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// A credentials file in place of the standard chain.
    pub(crate) credentials_file: Option<PathBuf>,
    /// The profile in it.
    pub(crate) profile: Option<String>,
    /// An endpoint in place of the vendor's, by region.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// How long a connection may take to be made.
    pub(crate) connect_timeout: Duration,
}

/// The clients, all with the same credentials.
pub(crate) struct Regions {
    shared: SdkConfig,
    endpoints: BTreeMap<String, String>,
    clients: RwLock<HashMap<String, Client>>,
}

impl Regions {
    /// Finds out how to reach the service; nothing is sent yet.
    pub(crate) async fn new(region: &str, access: Access) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            // The driver tries again itself, within the request's deadline and its own bucket.
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(access.connect_timeout).build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(path) = access.credentials_file {
            let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, path);
            loader = loader.profile_files(files.build());
        }
        if let Some(profile) = access.profile {
            loader = loader.profile_name(profile);
        }
        Self {
            shared: loader.load().await,
            endpoints: access.endpoints,
            clients: RwLock::default(),
        }
    }

    /// Returns the client of a region.
    pub(crate) fn client(&self, region: &str) -> Client {
        let known = {
            let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
            clients.get(region).cloned()
        };
        known.unwrap_or_else(|| {
            let mut config = aws_sdk_kms::config::Builder::from(&self.shared)
                .region(Region::new(region.to_owned()));
            if let Some(endpoint) = self.endpoints.get(region) {
                config = config.endpoint_url(endpoint);
            }
            let client = Client::from_conf(config.build());
            let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
            clients.entry(region.to_owned()).or_insert(client).clone()
        })
    }
}
