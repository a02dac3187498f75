//! What is asked for in place of what stands in the CSR or the profile.

use ca::profile::Seconds;
use clap::Args;
use serde_json::{Map, Value, json};

/// What a new certificate has in place of the CSR's and the profile's.
#[derive(Debug, Args)]
pub struct Instead {
    /// The subject in place of the CSR's, as in "CN=www.corp.example,O=Corp"
    #[arg(long)]
    subject: Option<String>,
    /// An alternative name in place of the CSR's: dns:NAME, ip:ADDR, email:ADDR, uri:URI, upn:NAME
    #[arg(long = "san")]
    sans: Vec<String>,
    /// The validity in place of the profile's, as in 90d
    #[arg(long)]
    validity: Option<Seconds>,
}

impl Instead {
    /// Puts it into a request's body; what was not given is left out.
    pub(super) fn put(&self, body: &mut Map<String, Value>) {
        if let Some(subject) = &self.subject {
            body.insert("subject".into(), json!(subject));
        }
        if !self.sans.is_empty() {
            body.insert("sans".into(), json!(self.sans));
        }
        if let Some(validity) = &self.validity {
            body.insert("validity".into(), json!(validity.to_string()));
        }
    }
}
