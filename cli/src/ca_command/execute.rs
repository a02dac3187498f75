//! `chancery ca sign` and `ca csr`: an operator executes a wish, by admin.sock.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::ceremony::{self, Across, Executed};
use ca::hierarchy::CaRequest;
use model::IssuerName;
use serde_json::Value;

use super::{certificate, is_external, key_label, operator_for, parent_in, path, show, urls};
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;
use crate::up::write_private;

/// Reads the wish of a pending CA, and what the server says of its parent.
async fn wish(api: &Api, issuer: &Value) -> Outcome<(CaRequest, Option<Value>)> {
    let text = issuer["wish"].as_str().ok_or_else(|| not_pending(issuer))?;
    let request = CaRequest::parse(text).context("read the wish")?;
    let parent = match &request.parent {
        Some(parent) => Some(api.get(&path(parent)).await?.json()?),
        None => None,
    };
    Ok((request, parent))
}

fn not_pending(issuer: &Value) -> Failure {
    let text = |field: &str| issuer[field].as_str().unwrap_or_default().to_owned();
    let (name, state) = (text("name"), text("state"));
    Failure::Refused(if state == "pending" {
        format!(
            "{name} has its CSR: `chancery ca csr {name}` prints it, and `chancery ca import \
             {name}` takes the certificate in"
        )
    } else {
        format!("{name} is {state}, not pending")
    })
}

/// Makes a CA whose parent is ours, or a root.
pub async fn sign(global: &Global, api: &Api, name: &IssuerName) -> Outcome {
    let issuer = api.get(&path(name)).await?.json()?;
    let (request, parent) = wish(api, &issuer).await?;
    if parent.is_none() && request.kind != model::IssuerKind::Root {
        return Err(Failure::Refused(format!(
            "{name} has no parent of ours: `chancery ca csr {name}` prints its request, and \
             `chancery ca import {name}` takes the certificate in"
        )));
    }
    let admin = operator_for(global, &issuer)?;
    let (urls, now) = (urls(global)?, crate::up::now()?);
    match &parent {
        Some(above) if above["ring"] != issuer["ring"] => {
            let rings = Across { key: &admin, parent: &operator_for(global, above)? };
            let parent = parent_in(above)?;
            let made = ceremony::execute_across(rings, &request, &parent, &urls, now).await;
            made.map_err(crate::admin::failure)?;
        }
        _ => {
            let parent = parent.as_ref().map(parent_in).transpose()?;
            let made = ceremony::execute(&admin, &request, parent.as_ref(), &urls, now).await;
            made.map_err(crate::admin::failure)?;
        }
    }
    let is_active = |issuer: &Value| issuer["state"].as_str() == Some("active");
    show(global, &followed(api, name, is_active).await?)
}

/// Waits until the server learned from the journal what was signed.
async fn followed(api: &Api, name: &IssuerName, knows: impl Fn(&Value) -> bool) -> Outcome<Value> {
    for _ in 0..100 {
        let issuer = api.get(&path(name)).await?.json()?;
        if knows(&issuer) {
            return Ok(issuer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::Unavailable(format!(
        "{name} is signed, and the server has not taken it up from the journal within 10 s: \
         see `chancery status`"
    )))
}

/// Prints the CSR of a CA that somebody else is to sign, for the first time or again.
pub async fn csr(global: &Global, api: &Api, name: &IssuerName, out: Option<PathBuf>) -> Outcome {
    let issuer = api.get(&path(name)).await?.json()?;
    let pem = if issuer["wish"].is_string() {
        first_csr(global, api, &issuer).await?
    } else if issuer["state"].as_str() == Some("pending") {
        let answer = api.get(&format!("{}/csr", path(name))).await?.json()?;
        answer["csr"].as_str().unwrap_or_default().to_owned()
    } else if is_external(&issuer)? {
        let admin = operator_for(global, &issuer)?;
        let held = certificate(&issuer)?;
        let csr = ceremony::request_renewal(&admin, &key_label(&issuer)?, held.raw())
            .await
            .map_err(crate::admin::failure)?;
        encode(&csr)
    } else {
        return Err(Failure::Refused(format!(
            "a CA of ours signs {name}: `chancery ca renew {name}` renews it"
        )));
    };
    match out {
        Some(out) => Ok(write_private(&out, pem.as_bytes(), 0o644)?),
        None => output::text(&pem),
    }
}

async fn first_csr(global: &Global, api: &Api, issuer: &Value) -> Outcome<String> {
    let (request, parent) = wish(api, issuer).await?;
    let name = &request.name;
    if parent.is_some() {
        return Err(Failure::Refused(format!(
            "{name} is to be signed by a CA of ours: `chancery ca sign {name}`"
        )));
    }
    if request.kind == model::IssuerKind::Root {
        return Err(Failure::Refused(format!(
            "{name} is a root and signs itself: `chancery ca sign {name}`"
        )));
    }
    let admin = operator_for(global, issuer)?;
    let done = ceremony::execute(&admin, &request, None, &urls(global)?, crate::up::now()?)
        .await
        .map_err(crate::admin::failure)?;
    match done {
        Executed::Request(csr) => {
            // Until then the import would say that there is no CSR.
            followed(api, name, |issuer| !issuer["wish"].is_string()).await?;
            Ok(encode(&csr))
        }
        Executed::Signed(_) => Err(Failure::Refused(format!("{name} is signed already"))),
    }
}

fn encode(csr: &x509::CsrDer) -> String {
    x509::pem::encode(x509::pem::CERTIFICATE_REQUEST, csr.as_bytes())
}
