//! `chancery status`: how server and signer are.

use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;

/// Prints the server's readiness and the issuers. Exits with 4 if something is not ready.
pub async fn run(global: &Global) -> Outcome {
    let api = Api::open(global)?;
    let ready = api.readiness().await?;
    // A database that is away fails this one: what is known is shown all the same.
    let issuers = match api.get("/api/v1/issuers").await {
        Ok(answer) => answer.json()?["items"].clone(),
        Err(Failure::Unavailable(_) | Failure::Other(_)) => json!([]),
        Err(refused) => return Err(refused),
    };
    if global.json {
        output::json(&json!({ "ready": ready, "issuers": issuers }))?;
    } else {
        output::table(&["COMPONENT", "STATE"], &components(&ready))?;
        output::text("")?;
        let none = Vec::new();
        output::list(false, issuers.as_array().unwrap_or(&none), crate::ca_command::COLUMNS)?;
    }
    match ready["ready"].as_bool() {
        Some(true) => Ok(()),
        _ => Err(Failure::Unavailable("not ready: see above".into())),
    }
}

fn components(ready: &Value) -> Vec<Vec<String>> {
    let row = |name: &str, state: String| vec![name.to_owned(), state];
    let database = match ready["database"].as_bool() {
        Some(true) => "ready",
        _ => "away",
    };
    let mut rows = vec![
        row("database", database.into()),
        row("signer", ready["signer"].as_str().unwrap_or("away").into()),
        row("issuing CAs", ready["issuing"].to_string()),
    ];
    // One ring is what `signer` says already.
    let none = Vec::new();
    let rings = ready["rings"].as_array().unwrap_or(&none);
    for ring in rings.iter().filter(|_| rings.len() > 1) {
        let name = ring["name"].as_str().unwrap_or_default();
        rows.push(row(&format!("ring {name}"), ring["signer"].as_str().unwrap_or("away").into()));
    }
    if let Some(agrees) = ready["reconciled"].as_bool() {
        let state = if agrees { "ready" } else { "DIFFERS: see `chancery reconcile`" };
        rows.push(row("inventory", state.into()));
    }
    for crl in ready["crls"].as_array().into_iter().flatten() {
        let issuer = crl["issuer"].as_str().unwrap_or_default();
        let state = match (crl["fresh"].as_bool(), crl["next_update"].as_str()) {
            (Some(true), Some(next)) => format!("fresh until {next}"),
            (_, Some(next)) => format!("STALE since {next}"),
            (_, None) => "not made yet".into(),
        };
        rows.push(row(&format!("CRL of {issuer}"), state));
    }
    rows
}

/// Says in a line what is not as it should be.
pub fn not_ready(ready: &Value) -> String {
    let rows = components(ready);
    let states: Vec<String> = rows
        .iter()
        .filter(|row| !matches!(row[1].as_str(), "ready") && !row[1].starts_with("fresh"))
        .map(|row| row.join(" "))
        .collect();
    states.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_told_as_the_server_has_them() {
        let ready = json!({
            "ready": false, "database": true, "signer": "locked", "issuing": 0,
            "rings": [
                { "name": "default", "signer": "locked", "issuing": 0 },
                { "name": "hsm", "signer": "unavailable", "issuing": 0 },
            ],
            "crls": [
                { "issuer": "a", "fresh": true, "next_update": "2030-01-01T00:00:00Z" },
                { "issuer": "b", "fresh": false, "next_update": "2020-01-01T00:00:00Z" },
                { "issuer": "c", "fresh": false, "next_update": null },
            ],
        });
        let found: Vec<String> = components(&ready).iter().map(|row| row.join("=")).collect();
        assert_eq!(
            found,
            [
                "database=ready",
                "signer=locked",
                "issuing CAs=0",
                "ring default=locked",
                "ring hsm=unavailable",
                "CRL of a=fresh until 2030-01-01T00:00:00Z",
                "CRL of b=STALE since 2020-01-01T00:00:00Z",
                "CRL of c=not made yet",
            ]
        );
    }
}
