//! A client a location, made when a key first names it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use google_cloud_auth::credentials::{
    self, Credentials, anonymous, external_account, impersonated, service_account, user_account,
};
use google_cloud_gax::client_builder::internal::with_follow_redirects;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_kms_v1::client::KeyManagementService;
use tokio::sync::Mutex;

use crate::cloud::CallError;

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";

/// Where credentials are and which endpoints there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct GoogleAccess {
    /// A credentials file in place of the application default credentials.
    pub(crate) credentials_file: Option<PathBuf>,
    /// Says to send no credential: for emulators.
    pub(crate) anonymous: bool,
    /// An endpoint in place of the vendor's, by location; for all others under the empty name.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// How long an attempt may take at most, the fetching of a token included; the driver has
    /// shorter limits of its own.
    pub(crate) attempt: Duration,
}

/// The clients, all with the same credentials.
pub(crate) struct Locations {
    access: GoogleAccess,
    credentials: Credentials,
    clients: Mutex<HashMap<String, KeyManagementService>>,
}

impl Locations {
    /// Finds the credentials; nothing is sent yet.
    ///
    /// # Errors
    /// In words for the operator: which credentials there are not.
    pub(crate) fn new(access: GoogleAccess) -> Result<Self, String> {
        let credentials = match (&access.credentials_file, access.anonymous) {
            (_, true) => anonymous::Builder::new().build(),
            (Some(path), false) => from_file(path)?,
            (None, false) => {
                let builder = credentials::Builder::default().with_scopes([SCOPE]);
                builder.build().map_err(|error| format!("no credentials: {error}"))?
            }
        };
        Ok(Self { access, credentials, clients: Mutex::default() })
    }

    /// Returns the client of a location.
    pub(super) async fn client(&self, location: &str) -> Result<KeyManagementService, CallError> {
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(location) {
            return Ok(client.clone());
        }
        let mut builder = KeyManagementService::builder()
            .with_credentials(self.credentials.clone())
            // The driver tries again itself, within the request's deadline and its own bucket.
            .with_retry_policy(NeverRetry)
            .with_attempt_timeout(self.access.attempt);
        let endpoints = &self.access.endpoints;
        if let Some(endpoint) = endpoints.get(location).or_else(|| endpoints.get("")) {
            builder = builder.with_endpoint(endpoint);
        }
        // A token goes to the service, and to nobody whom an answer names.
        let builder = with_follow_redirects(builder, false);
        let client =
            builder.build().await.map_err(|error| CallError::Transient(error.to_string()))?;
        clients.insert(location.to_owned(), client.clone());
        Ok(client)
    }
}

/// Reads a file of credentials, whatever kind it says it is.
fn from_file(path: &Path) -> Result<Credentials, String> {
    let said = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| said(error.to_string()))?;
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|_| said("it is no JSON".to_owned()))?;
    let kind = json.get("type").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
    let scopes = [SCOPE];
    let built = match kind.as_str() {
        "service_account" => service_account::Builder::new(json).build(),
        "external_account" => external_account::Builder::new(json).with_scopes(scopes).build(),
        "impersonated_service_account" => {
            impersonated::Builder::new(json).with_scopes(scopes).build()
        }
        "authorized_user" => user_account::Builder::new(json).with_scopes(scopes).build(),
        _ => return Err(said("its `type` is none that is known".to_owned())),
    };
    built.map_err(|error| said(error.to_string()))
}
