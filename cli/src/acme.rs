//! `chancery acme`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use crate::cert::{pages, percent};
use crate::exit::Outcome;
use crate::https::Api;
use crate::options::Global;
use crate::output;

/// ACME.
#[derive(Debug, Subcommand)]
pub enum Acme {
    /// External account keys, which bind accounts to a profile and to names
    #[command(subcommand)]
    Eab(Eab),
    /// Planned renewals, as before a mass revocation
    #[command(subcommand)]
    Plan(Plan),
}

/// External account keys.
#[derive(Debug, Subcommand)]
pub enum Eab {
    /// List keys; their secrets are kept sealed by the signer
    List,
    /// Make a key; its secret is shown this once
    Create {
        /// What people call it
        name: String,
        /// The profile that its accounts order under
        #[arg(long, default_value = "acme")]
        profile: String,
        /// What its accounts may name, as in *.web.corp.example,10.0.0.0/8; default: whatever the
        /// profile admits
        #[arg(long, value_delimiter = ',')]
        names: Vec<String>,
        /// How many accounts may be bound to it; default: any number
        #[arg(long)]
        accounts: Option<u32>,
        /// How long it and its accounts are good, as in 90d; default: until it is revoked
        #[arg(long)]
        validity: Option<ca::profile::Seconds>,
    },
    /// Take a key back: its accounts order no more
    Revoke {
        /// Its id
        id: String,
    },
}

/// Planned renewals.
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// List plans
    List,
    /// Move the renewal windows of certificates; clients that ask for them renew in time
    Create {
        /// When renewals shall begin, as in 2030-12-31T00:00:00Z
        #[arg(long)]
        start: String,
        /// When they shall be done
        #[arg(long)]
        end: String,
        /// Certificates of this issuer; default: of any
        #[arg(long)]
        issuer: Option<String>,
        /// Certificates of this profile; default: of any
        #[arg(long)]
        profile: Option<String>,
        /// Certificates issued before this time; default: all
        #[arg(long)]
        issued_before: Option<String>,
        /// A page that says why
        #[arg(long)]
        explanation: Option<String>,
    },
    /// Give a plan up
    Delete {
        /// Its id
        id: String,
    },
}

const KEYS: &str = "/api/v1/acme/eab-keys";
const PLANS: &str = "/api/v1/acme/renewal-plans";

impl Acme {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let api = Api::open(global)?;
        match self {
            Self::Eab(eab) => eab.run(&api, global).await,
            Self::Plan(plan) => plan.run(&api, global).await,
        }
    }
}

impl Eab {
    async fn run(self, api: &Api, global: &Global) -> Outcome {
        match self {
            Self::List => {
                let items = pages(api, KEYS, &[], 10_000).await?;
                let columns = [
                    ("ID", "id"),
                    ("NAME", "name"),
                    ("PROFILE", "profile"),
                    ("ACCOUNTS", "accounts"),
                    ("OF", "max_accounts"),
                    ("EXPIRES", "expires_at"),
                    ("REVOKED", "revoked_at"),
                ];
                output::list(global.json, &items, &columns)
            }
            Self::Create { name, profile, names, accounts, validity } => {
                let mut body = json!({ "name": name, "profile": profile, "names": names });
                if let Some(accounts) = accounts {
                    body["max_accounts"] = json!(accounts);
                }
                if let Some(validity) = validity {
                    body["validity"] = json!(validity.to_string());
                }
                let answer = api.send(Method::POST, KEYS, &body).await?.json()?;
                if global.json {
                    return output::json(&answer);
                }
                output::fields(&answer, &["id", "name", "profile", "expires_at", "secret"])
            }
            Self::Revoke { id } => {
                let path = format!("{KEYS}/{}", percent(&id));
                api.send(Method::DELETE, &path, &json!({})).await?;
                Ok(())
            }
        }
    }
}

impl Plan {
    async fn run(self, api: &Api, global: &Global) -> Outcome {
        match self {
            Self::List => {
                let items = pages(api, PLANS, &[], 10_000).await?;
                let columns = [
                    ("ID", "id"),
                    ("START", "start"),
                    ("END", "end"),
                    ("ISSUER", "issuer"),
                    ("PROFILE", "profile"),
                    ("ISSUED BEFORE", "issued_before"),
                ];
                output::list(global.json, &items, &columns)
            }
            Self::Create { start, end, issuer, profile, issued_before, explanation } => {
                let mut body = json!({ "start": start, "end": end });
                for (name, value) in [
                    ("issuer", issuer),
                    ("profile", profile),
                    ("issued_before", issued_before),
                    ("explanation", explanation),
                ] {
                    if let Some(value) = value {
                        body[name] = Value::String(value);
                    }
                }
                let answer = api.send(Method::POST, PLANS, &body).await?.json()?;
                if global.json {
                    return output::json(&answer);
                }
                output::fields(&answer, &["id", "start", "end"])
            }
            Self::Delete { id } => {
                let path = format!("{PLANS}/{}", percent(&id));
                api.send(Method::DELETE, &path, &json!({})).await?;
                Ok(())
            }
        }
    }
}
