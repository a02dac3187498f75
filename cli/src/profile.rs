//! `chancery profile`.

use std::path::PathBuf;

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use crate::cert::percent;
use crate::exit::Outcome;
use crate::https::Api;
use crate::options::{Global, read};
use crate::output;

/// Profiles.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// List profiles
    List,
    /// Print a profile's text
    Show {
        /// Its name
        name: String,
    },
    /// Make a profile from a file
    Create {
        /// Its name
        name: String,
        /// The TOML text: docs/guides/profiles.md
        #[arg(long)]
        file: PathBuf,
    },
    /// Put a file's text in place of a profile's
    Update {
        /// Its name
        name: String,
        /// The TOML text
        #[arg(long)]
        file: PathBuf,
    },
    /// Delete a profile that did not come with the program
    Delete {
        /// Its name
        name: String,
    },
}

fn path(name: &str) -> String {
    format!("/api/v1/profiles/{}", percent(name))
}

impl Profile {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let api = Api::open(global)?;
        match self {
            Self::List => {
                let answer = api.get("/api/v1/profiles").await?.json()?;
                let none = Vec::new();
                let mut items = answer["items"].as_array().unwrap_or(&none).clone();
                if !global.json {
                    items.iter_mut().for_each(describe);
                }
                output::list(
                    global.json,
                    &items,
                    &[
                        ("NAME", "name"),
                        ("REVISION", "revision"),
                        ("BUILT IN", "builtin"),
                        ("ENABLED", "enabled"),
                        ("DESCRIPTION", "description"),
                    ],
                )
            }
            Self::Show { name } => {
                let answer = api.get(&path(&name)).await?.json()?;
                if global.json {
                    return output::json(&answer);
                }
                output::text(answer["body"].as_str().unwrap_or_default())
            }
            Self::Create { name, file } => {
                let body = json!({ "name": name, "body": read(&file, "--file")? });
                show(global, &api.send(Method::POST, "/api/v1/profiles", &body).await?.json()?)
            }
            Self::Update { name, file } => {
                let current = api.get(&path(&name)).await?.json()?;
                let body =
                    json!({ "body": read(&file, "--file")?, "revision": current["revision"] });
                show(global, &api.send(Method::PUT, &path(&name), &body).await?.json()?)
            }
            Self::Delete { name } => {
                api.send(Method::DELETE, &path(&name), &json!({})).await?;
                Ok(())
            }
        }
    }
}

/// Takes a profile's description out of its text, for the table.
fn describe(profile: &mut Value) {
    let body = profile["body"].as_str().unwrap_or_default();
    let text: Option<toml::Table> = body.parse().ok();
    let description =
        text.as_ref().and_then(|text| text.get("description")?.as_str()).unwrap_or_default();
    profile["description"] = json!(description);
}

fn show(global: &Global, profile: &Value) -> Outcome {
    if global.json {
        return output::json(profile);
    }
    output::fields(profile, &["name", "revision", "digest"])
}
