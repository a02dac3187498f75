//! `chancery ca`: wishes go to the server, what makes authority goes to admin.sock.

mod adopt;
mod create;
mod execute;
mod import;
mod renew;
mod sign_request;

use std::path::PathBuf;

use anyhow::Context as _;
use ca::PublicUrls;
use ca::ceremony::{Operator, Parent};
use ca::profile::Seconds;
use clap::Subcommand;
use http::Method;
use model::IssuerName;
use serde_json::{Value, json};
use signer_proto::{KeyLabel, ReadPolicy};
use x509::ForeignCertificate;

use crate::cert::percent;
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;
use crate::rings;
use crate::up::setting;
use adopt::Adopt;
use create::Create;
pub use import::Import;
pub use renew::as_before;
use sign_request::SignRequest;

/// What tables show of an issuer.
pub const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("RING", "ring"),
    ("NOT AFTER", "not_after"),
    ("SUBJECT", "subject"),
];

/// Certification authorities.
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// List CAs
    List,
    /// Ask for a CA; `ca sign` makes it
    Create(Box<Create>),
    /// Show one CA
    Show {
        /// Its name
        name: IssuerName,
        /// Print its certificate and the path above it (PEM)
        #[arg(long)]
        pem: bool,
    },
    /// Make a pending CA: key, certificate, policy; by admin.sock
    Sign {
        /// Its name
        name: IssuerName,
    },
    /// Make the CSR of a CA that somebody else signs, for the first time or again; by admin.sock
    Csr {
        /// Its name
        name: IssuerName,
        /// Where the CSR goes; default: standard output
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Sign the CSR of a CA whose key is in another ring; by admin.sock
    SignRequest(Box<SignRequest>),
    /// Take in the certificate that somebody else signed; by admin.sock
    Import(Import),
    /// Give a CA a new certificate for the same key; by admin.sock
    Renew {
        /// Its name
        name: IssuerName,
        /// From now to the new end, never beyond the parent's; default: as long as before
        #[arg(long)]
        validity: Option<Seconds>,
    },
    /// Make the server's TLS key, if the ring has none; by admin.sock. `up` does it by itself
    ServerKey {
        /// A name or address that it may serve under, several times; default: any
        #[arg(long = "server-name")]
        server_names: Vec<String>,
    },
    /// Take over a CA that was elsewhere before: its key, what it issued, its last CRL; by
    /// admin.sock
    Adopt(Box<Adopt>),
    /// Stop issuing; CRL and OCSP go on until nothing valid is left
    Retire {
        /// Its name
        name: IssuerName,
    },
}

/// Returns the path of a CA in the API.
pub fn path(name: &IssuerName) -> String {
    format!("/api/v1/issuers/{}", percent(name.as_str()))
}

impl Ca {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        // Without this key there is no HTTPS that the others could use.
        if let Self::ServerKey { server_names } = self {
            return server_key(global, &server_names).await;
        }
        // It reads files first, and asks nobody in a dry run.
        if let Self::Adopt(adopt) = self {
            return adopt.run(global).await;
        }
        let api = Api::open(global)?;
        match self {
            Self::ServerKey { .. } | Self::Adopt(_) => Ok(()),
            Self::List => {
                let answer = api.get("/api/v1/issuers").await?.json()?;
                let none = Vec::new();
                output::list(global.json, answer["items"].as_array().unwrap_or(&none), COLUMNS)
            }
            Self::Create(create) => create.run(global, &api).await,
            Self::Show { name, pem } => {
                let issuer = api.get(&path(&name)).await?.json()?;
                if pem {
                    certificate(&issuer)?;
                    return output::text(&pems(&issuer).join(""));
                }
                show(global, &issuer)
            }
            Self::Sign { name } => execute::sign(global, &api, &name).await,
            Self::Csr { name, out } => execute::csr(global, &api, &name, out).await,
            Self::SignRequest(wish) => wish.run(global, &api).await,
            Self::Import(import) => import.run(global, &api).await,
            Self::Renew { name, validity } => renew::renew(global, &api, &name, validity).await,
            Self::Retire { name } => {
                let answer = api
                    .send(Method::POST, &format!("{}/retire", path(&name)), &json!({}))
                    .await?
                    .json()?;
                show(global, &answer)
            }
        }
    }
}

async fn server_key(global: &Global, names: &[String]) -> Outcome {
    let admin = crate::operator::operator(global)?;
    let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    ca::ceremony::tls_key(&admin, &names).await.map_err(crate::admin::failure)?;
    let label = KeyLabel::new(ca::TLS_KEY).context("the key's label")?;
    let policy = admin.read_policy(&ReadPolicy { key: label }).await?;
    let answer = json!({ "key": ca::TLS_KEY, "policy": policy.text.0 });
    if global.json { output::json(&answer) } else { output::fields(&answer, &["key", "policy"]) }
}

fn show(global: &Global, issuer: &Value) -> Outcome {
    if global.json {
        return output::json(issuer);
    }
    output::fields(
        issuer,
        &[
            "name",
            "kind",
            "state",
            "subject",
            "parent",
            "ring",
            "key_label",
            "not_after",
            "created_at",
        ],
    )
}

/// Returns a CA's certificate and the path above it.
fn pems(issuer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let chain = issuer["chain"].as_array().into_iter().flatten();
    std::iter::once(&issuer["certificate"]).chain(chain).filter_map(text).collect()
}

/// Reads the certificate of a CA.
pub fn certificate(issuer: &Value) -> Outcome<ForeignCertificate> {
    let pem = issuer["certificate"].as_str().ok_or_else(|| {
        let name = issuer["name"].as_str().unwrap_or_default();
        Failure::Refused(format!("{name} has no certificate yet"))
    })?;
    Ok(ForeignCertificate::from_pem(pem).context("read the CA's certificate")?)
}

/// Opens admin.sock of the ring that holds a CA's key, unless the person named another.
fn operator_for(global: &Global, issuer: &Value) -> Outcome<Operator> {
    let ring = global.ring.as_deref().or_else(|| issuer["ring"].as_str());
    // Without the server's configuration at hand there is one ring.
    let known = !rings::listed(&global.layout()?.server_config())?.is_empty();
    crate::operator::operator_in(global, ring.filter(|_| known || global.ring.is_some()))
}

/// Reads the label of a CA's key.
pub fn key_label(issuer: &Value) -> Outcome<String> {
    let label = issuer["key_label"].as_str();
    Ok(label.context("the server's answer has no key_label")?.to_owned())
}

/// Says whether somebody else signed a CA's certificate.
pub fn is_external(issuer: &Value) -> Outcome<bool> {
    let held = certificate(issuer)?;
    Ok(issuer["parent"].is_null() && held.subject() != held.issuer())
}

/// Reads what the server says of a CA as the parent of another.
pub fn parent_in(issuer: &Value) -> Outcome<Parent> {
    let name = issuer["name"].as_str().context("the server's answer has no name")?;
    Ok(Parent {
        name: IssuerName::new(name).context("read the parent's name")?,
        key_label: key_label(issuer)?,
        certificate: certificate(issuer)?.raw().clone(),
    })
}

/// Returns the URLs that stand in certificates, from the server's configuration.
pub fn urls(global: &Global) -> Outcome<PublicUrls> {
    let file = global.layout()?.server_config();
    let base = setting(&file, "public", "url")?.ok_or_else(|| {
        Failure::Usage(format!(
            "{} is missing: `chancery up` writes it; is --data right?",
            file.display()
        ))
    })?;
    Ok(PublicUrls::new(&base).context("read the server's configuration")?)
}
