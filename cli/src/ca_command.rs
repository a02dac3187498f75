//! `chancery ca`: wishes go to the server, what makes authority goes to admin.sock.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::PublicUrls;
use ca::ceremony::{self, Executed, Parent, Renewal};
use ca::hierarchy::CaRequest;
use ca::profile::Seconds;
use clap::{Args, Subcommand};
use http::Method;
use model::IssuerName;
use serde_json::{Map, Value, json};
use x509::{Certificate, ForeignCertificate};

use crate::cert::percent;
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::{Global, read};
use crate::output;
use crate::up::write_private;

/// What tables show of an issuer.
pub const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("KIND", "kind"),
    ("STATE", "state"),
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
    /// Make the CSR of a pending CA that somebody else is to sign; by admin.sock
    Csr {
        /// Its name
        name: IssuerName,
        /// Where the CSR goes; default: standard output
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Take in the certificate that somebody else signed; by admin.sock
    Import(Import),
    /// Give a CA a new certificate for the same key; by admin.sock
    Renew {
        /// Its name
        name: IssuerName,
        /// From now to the new end
        #[arg(long, default_value = "1825d")]
        validity: Seconds,
    },
    /// Stop issuing; CRL and OCSP go on until nothing valid is left
    Retire {
        /// Its name
        name: IssuerName,
    },
}

/// Asks for a CA.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name in URLs, and its key's label
    name: IssuerName,
    /// root, intermediate or issuing
    #[arg(long)]
    kind: String,
    /// The CA of ours above it; none for a root, and for one that somebody else is to sign
    #[arg(long)]
    parent: Option<IssuerName>,
    /// Its subject, as in "CN=Issuing CA 2,O=Corp"
    #[arg(long)]
    subject: String,
    /// Its key: p-256, p-384, ed25519, rsa-2048, rsa-3072, rsa-4096, ml-dsa-44, ml-dsa-65, ml-dsa-87
    #[arg(long, default_value = "p-256")]
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

/// Takes in a certificate that somebody else signed.
#[derive(Debug, Args)]
pub struct Import {
    /// The pending CA's name
    name: IssuerName,
    /// Its certificate (PEM)
    #[arg(long)]
    certificate: PathBuf,
    /// The certificates above it (PEM), the root last
    #[arg(long)]
    chain: PathBuf,
    /// Take it in although it deviates from RFC 5280 in the ways that the refusal listed
    #[arg(long)]
    accept_deviations: bool,
}

fn path(name: &IssuerName) -> String {
    format!("/api/v1/issuers/{}", percent(name.as_str()))
}

impl Ca {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let api = Api::open(global)?;
        match self {
            Self::List => {
                let answer = api.get("/api/v1/issuers").await?.json()?;
                let none = Vec::new();
                output::list(
                    global.json,
                    answer["items"].as_array().unwrap_or(&none),
                    COLUMNS,
                )
            }
            Self::Create(create) => create.run(global, &api).await,
            Self::Show { name, pem } => {
                let issuer = api.get(&path(&name)).await?.json()?;
                if pem {
                    return output::text(&pems(&issuer).join(""));
                }
                show(global, &issuer)
            }
            Self::Sign { name } => sign(global, &api, &name).await,
            Self::Csr { name, out } => csr(global, &api, &name, out).await,
            Self::Import(import) => import.run(global, &api).await,
            Self::Renew { name, validity } => renew(global, &api, &name, validity).await,
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
    std::iter::once(&issuer["certificate"])
        .chain(chain)
        .filter_map(text)
        .collect()
}

fn certificate(issuer: &Value) -> Outcome<Certificate> {
    let pem = issuer["certificate"]
        .as_str()
        .ok_or_else(|| Failure::Refused(format!("{} has no certificate yet", issuer["name"])))?;
    Ok(Certificate::from_pem(pem).context("read the CA's certificate")?)
}

impl Create {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name.as_str()));
        body.insert("kind".into(), json!(self.kind));
        body.insert("subject".into(), json!(self.subject));
        body.insert("key".into(), json!(self.key));
        body.insert("validity".into(), json!(self.validity.to_string()));
        body.insert(
            "leaf_validity".into(),
            json!(self.leaf_validity.to_string()),
        );
        body.insert("constraints".into(), json!(self.constraints));
        body.insert("names".into(), json!(self.names));
        if let Some(parent) = &self.parent {
            body.insert("parent".into(), json!(parent.as_str()));
        }
        if let Some(path_len) = self.path_len {
            body.insert("path_len".into(), json!(path_len));
        }
        let answer = api
            .send(Method::POST, "/api/v1/issuers", &Value::Object(body))
            .await?
            .json()?;
        show(global, &answer)?;
        if !global.json {
            let external = self.parent.is_none() && self.kind != "root";
            let next = if external { "csr" } else { "sign" };
            eprintln!(
                "pending: `chancery ca {next} {}` goes on, by admin.sock",
                self.name
            );
        }
        Ok(())
    }
}

/// Reads the wish of a pending CA and the certificate of its parent.
async fn pending(api: &Api, name: &IssuerName) -> Outcome<(CaRequest, Option<Parent>)> {
    let issuer = api.get(&path(name)).await?.json()?;
    let request: CaRequest = serde_json::from_value(issuer["request"].clone()).map_err(|_| {
        Failure::Refused(format!("{name} is not pending: it is {}", issuer["state"]))
    })?;
    let parent = match &request.parent {
        Some(parent) => Some(parent_of(api, parent).await?),
        None => None,
    };
    Ok((request, parent))
}

async fn parent_of(api: &Api, name: &IssuerName) -> Outcome<Parent> {
    let issuer = api.get(&path(name)).await?.json()?;
    Ok(Parent {
        name: name.clone(),
        key_label: issuer["key_label"].as_str().unwrap_or_default().to_owned(),
        certificate: certificate(&issuer)?.der().clone(),
    })
}

/// Returns the URLs that stand in certificates, from the server's configuration.
fn urls(global: &Global) -> Outcome<PublicUrls> {
    let file = global.layout()?.server_config();
    let text = read(&file, "the server's configuration (--data)")?;
    let config: toml::Table = text.parse().context("read the server's configuration")?;
    let base = config
        .get("public")
        .and_then(|public| public.get("url"))
        .and_then(toml::Value::as_str)
        .unwrap_or_default();
    Ok(PublicUrls::new(base).context("read the server's configuration")?)
}

async fn sign(global: &Global, api: &Api, name: &IssuerName) -> Outcome {
    let (request, parent) = pending(api, name).await?;
    let admin = crate::admin::connect(&global.layout()?.run())?;
    let done = ceremony::execute(
        &admin,
        &request,
        parent.as_ref(),
        &urls(global)?,
        crate::up::now()?,
    )
    .await
    .map_err(crate::admin::failure)?;
    match done {
        Executed::Signed(_) => show(global, &followed(api, name).await?),
        Executed::Request(_) => Err(Failure::Refused(format!(
            "{name} has no parent of ours: `chancery ca csr {name}` prints its request, and \
             `chancery ca import {name}` takes the certificate in"
        ))),
    }
}

/// Waits until the server learned from the journal what was signed.
async fn followed(api: &Api, name: &IssuerName) -> Outcome<Value> {
    for _ in 0..100 {
        let issuer = api.get(&path(name)).await?.json()?;
        if issuer["state"].as_str() == Some("active") {
            return Ok(issuer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::Unavailable(format!(
        "{name} is signed, and the server has not taken it up from the journal within 10 s: \
         see `chancery status`"
    )))
}

async fn csr(global: &Global, api: &Api, name: &IssuerName, out: Option<PathBuf>) -> Outcome {
    let (request, parent) = pending(api, name).await?;
    if parent.is_some() {
        return Err(Failure::Refused(format!(
            "{name} is to be signed by a CA of ours: `chancery ca sign {name}`"
        )));
    }
    let admin = crate::admin::connect(&global.layout()?.run())?;
    let done = ceremony::execute(&admin, &request, None, &urls(global)?, crate::up::now()?)
        .await
        .map_err(crate::admin::failure)?;
    let Executed::Request(csr) = done else {
        return Err(Failure::Refused(format!(
            "{name} is a root: it signs itself"
        )));
    };
    let pem = x509::pem::encode("CERTIFICATE REQUEST", csr.as_bytes());
    match out {
        Some(out) => Ok(write_private(&out, pem.as_bytes(), 0o644)?),
        None => output::text(&pem),
    }
}

impl Import {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let (request, _) = pending(api, &self.name).await?;
        let pem = read(&self.certificate, "--certificate")?;
        let foreign = ForeignCertificate::from_pem(&pem)
            .map_err(|error| Failure::Refused(format!("--certificate: {error}")))?;
        let chain_text = read(&self.chain, "--chain")?;
        let chain: Vec<String> = x509::pem::decode(&chain_text)
            .map_err(|error| Failure::Refused(format!("--chain: {error}")))?
            .iter()
            .map(|(label, der)| x509::pem::encode(label, der))
            .collect();
        let body = json!({
            "certificate": pem,
            "chain": chain,
            "accept_deviations": self.accept_deviations,
        });
        // The server checks key, path and deviations; then the signer gets its policy.
        let answer = api
            .send(
                Method::POST,
                &format!("{}/certificate", path(&self.name)),
                &body,
            )
            .await?
            .json()?;
        let admin = crate::admin::connect(&global.layout()?.run())?;
        ceremony::adopt(&admin, &request, foreign.raw())
            .await
            .map_err(crate::admin::failure)?;
        show(global, &answer)
    }
}

async fn renew(global: &Global, api: &Api, name: &IssuerName, validity: Seconds) -> Outcome {
    let issuer = api.get(&path(name)).await?.json()?;
    let held = certificate(&issuer)?;
    let parent = match issuer["parent"].as_str() {
        Some(parent) => {
            let parent = IssuerName::new(parent).context("read the parent's name")?;
            Some(parent_of(api, &parent).await?)
        }
        None if held.tbs().subject == held.tbs().issuer => None,
        None => {
            return Err(Failure::Refused(format!(
                "somebody else signed {name}: its renewal is theirs, `chancery ca import` takes it in"
            )));
        }
    };
    let before = held.tbs().not_after;
    let renewal = Renewal {
        key_label: issuer["key_label"].as_str().unwrap_or_default().to_owned(),
        certificate: held.der().clone(),
        parent,
        validity,
    };
    let admin = crate::admin::connect(&global.layout()?.run())?;
    ceremony::renew(&admin, &renewal, &urls(global)?, crate::up::now()?)
        .await
        .map_err(crate::admin::failure)?;
    for _ in 0..100 {
        let issuer = api.get(&path(name)).await?.json()?;
        if certificate(&issuer)?.tbs().not_after != before {
            return show(global, &issuer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::Unavailable(format!(
        "{name} is renewed, and the server has not followed yet"
    )))
}
