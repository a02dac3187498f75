//! `chancery token`.

use clap::Subcommand;
use http::Method;
use serde_json::json;

use crate::cert::{pages, percent};
use crate::exit::Outcome;
use crate::https::Api;
use crate::options::Global;
use crate::output;

/// API tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// List tokens; their secrets are not kept anywhere
    List,
    /// Make a token; it is shown this once
    Create {
        /// What people call it
        name: String,
        /// What its bearer may do
        #[arg(long, value_parser = ["admin", "operator", "viewer", "auditor"])]
        role: String,
        /// How long it is good, as in 90d; default: for ever
        #[arg(long)]
        validity: Option<ca::profile::Seconds>,
    },
    /// Revoke a token at once
    Revoke {
        /// Its id
        id: String,
    },
}

impl Token {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let api = Api::open(global)?;
        match self {
            Self::List => {
                let items = pages(&api, "/api/v1/tokens", &[], 10_000).await?;
                output::list(
                    global.json,
                    &items,
                    &[
                        ("ID", "id"),
                        ("NAME", "name"),
                        ("ROLE", "role"),
                        ("EXPIRES", "expires_at"),
                        ("REVOKED", "revoked_at"),
                    ],
                )
            }
            Self::Create { name, role, validity } => {
                let mut body = json!({ "name": name, "role": role });
                if let Some(validity) = validity {
                    body["validity"] = json!(validity.to_string());
                }
                let answer = api.send(Method::POST, "/api/v1/tokens", &body).await?.json()?;
                if global.json {
                    return output::json(&answer);
                }
                output::fields(&answer, &["id", "name", "role", "expires_at", "token"])
            }
            Self::Revoke { id } => {
                let path = format!("/api/v1/tokens/{}", percent(&id));
                api.send(Method::DELETE, &path, &json!({})).await?;
                Ok(())
            }
        }
    }
}
