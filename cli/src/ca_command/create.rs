//! `chancery ca create`: a wish for a CA.

use ca::profile::Seconds;
use clap::Args;
use http::Method;
use model::IssuerName;
use serde_json::{Map, Value, json};

use super::show;
use crate::exit::Outcome;
use crate::https::Api;
use crate::options::Global;

/// The kinds of keys that a CA may have.
const KEYS: [&str; 9] = [
    "p-256",
    "p-384",
    "ed25519",
    "rsa-2048",
    "rsa-3072",
    "rsa-4096",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
];

/// Asks for a CA.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name in URLs, and its key's label
    name: IssuerName,
    /// Its place in the hierarchy
    #[arg(long, value_parser = ["root", "intermediate", "issuing"])]
    kind: String,
    /// The CA of ours above it; none for a root, and for one that somebody else is to sign
    #[arg(long)]
    parent: Option<IssuerName>,
    /// Its subject, as in "CN=Issuing CA 2,O=Corp"
    #[arg(long)]
    subject: String,
    /// Its key
    #[arg(long, default_value = "p-256", value_parser = KEYS)]
    key: String,
    /// How long its certificate lasts; never longer than its parent's
    #[arg(long, default_value = "1825d")]
    validity: Seconds,
    /// How many CAs may stand below it
    #[arg(long)]
    path_len: Option<u8>,
    /// Domains and networks that its certificate is constrained to, as in corp.example,10.0.0.0/8
    #[arg(long, value_delimiter = ',')]
    constraints: Vec<String>,
    /// Domains and networks that its key policy admits; default: any
    #[arg(long, value_delimiter = ',')]
    names: Vec<String>,
    /// The longest validity of its leaves
    #[arg(long, default_value = "1095d")]
    leaf_validity: Seconds,
}

impl Create {
    /// Leaves the wish with the server.
    pub async fn run(self, global: &Global, api: &Api) -> Outcome {
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name.as_str()));
        body.insert("kind".into(), json!(self.kind));
        body.insert("subject".into(), json!(self.subject));
        body.insert("key".into(), json!(self.key));
        body.insert("validity".into(), json!(self.validity.to_string()));
        body.insert("leaf_validity".into(), json!(self.leaf_validity.to_string()));
        body.insert("constraints".into(), json!(self.constraints));
        body.insert("names".into(), json!(self.names));
        if let Some(parent) = &self.parent {
            body.insert("parent".into(), json!(parent.as_str()));
        }
        if let Some(ring) = global.ring_name()? {
            body.insert("ring".into(), json!(ring.as_str()));
        }
        if let Some(path_len) = self.path_len {
            body.insert("path_len".into(), json!(path_len));
        }
        let answer =
            api.send(Method::POST, "/api/v1/issuers", &Value::Object(body)).await?.json()?;
        show(global, &answer)?;
        if !global.json {
            let external = self.parent.is_none() && self.kind != "root";
            let next = if external { "csr" } else { "sign" };
            eprintln!("pending: `chancery ca {next} {}` goes on, by admin.sock", self.name);
        }
        Ok(())
    }
}
