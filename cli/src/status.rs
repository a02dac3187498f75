//! `chancery status`: how server and signer are.

use serde_json::Value;

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;

/// Prints the server's readiness and the issuers. Exits with 4 if something is not ready.
pub async fn run(global: &Global) -> Outcome {
    let api = Api::open(global)?;
    let ready = api.get("/readyz").await;
    let answer = match ready {
        Ok(answer) => answer.json()?,
        Err(Failure::Unavailable(why)) => {
            return Err(Failure::Unavailable(format!("not ready: {why}")));
        }
        Err(other) => return Err(other),
    };
    let issuers = api.get("/api/v1/issuers").await?.json()?;
    if global.json {
        return output::json(&serde_json::json!({ "ready": answer, "issuers": issuers["items"] }));
    }
    let components: Vec<Vec<String>> = answer["components"]
        .as_object()
        .map(|components| {
            components
                .iter()
                .map(|(name, state)| vec![name.clone(), plain(state)])
                .collect()
        })
        .unwrap_or_default();
    output::table(&["COMPONENT", "STATE"], &components)?;
    output::text("")?;
    let none = Vec::new();
    output::list(
        false,
        issuers["items"].as_array().unwrap_or(&none),
        crate::ca_command::COLUMNS,
    )
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}
