//! `chancery ca import`: the certificate that somebody else signed for a CA of ours.
//!
//! The signer first: its policy for the key ends with the certificate. Then the server takes the
//! certificate in. Run again after an interruption, each step finds its work done.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::ceremony::{self, Operator};
use clap::Args;
use http::Method;
use model::IssuerName;
use serde_json::{Value, json};
use x509::{ForeignCertificate, UnixTime};

use super::{key_label, operator_for, path, show};
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::{Global, read};

/// Takes in a certificate that somebody else signed.
#[derive(Debug, Args)]
pub struct Import {
    /// The CA's name: a pending one, or one whose certificate was renewed elsewhere
    pub name: IssuerName,
    /// Its certificate (PEM); those above it may follow in the same file
    #[arg(long)]
    pub certificate: PathBuf,
    /// The certificates above it (PEM), the root last
    #[arg(long)]
    pub chain: Option<PathBuf>,
    /// Take it in although it deviates from RFC 5280 in the ways that the refusal listed
    #[arg(long)]
    pub accept_deviations: bool,
}

impl Import {
    /// Takes the certificate in and shows the CA.
    pub async fn run(self, global: &Global, api: &Api) -> Outcome {
        show(global, &self.take(global, api).await?)
    }

    /// Tells the signer, then the server; gives the CA as it is then.
    pub async fn take(&self, global: &Global, api: &Api) -> Outcome<Value> {
        let (path_pem, held) = self.read()?;
        let issuer = api.get(&path(&self.name)).await?.json()?;
        self.check(&issuer)?;
        let label = key_label(&issuer)?;
        let admin = operator_for(global, &issuer)?;
        let before =
            ceremony::adopt(&admin, &label, held.raw()).await.map_err(crate::admin::failure)?;
        let body = json!({
            "certificate": path_pem,
            "accept_deviations": self.accept_deviations,
        });
        let to = format!("{}/certificate", path(&self.name));
        match api.send(Method::POST, &to, &body).await {
            Ok(answer) => answer.json(),
            Err(refused @ Failure::Refused(_)) => {
                Err(put_back(&admin, &label, before, refused).await)
            }
            Err(other) => Err(other),
        }
    }

    fn check(&self, issuer: &Value) -> Outcome {
        let name = &self.name;
        let is_root = issuer["kind"].as_str() == Some("root");
        let why = match issuer["state"].as_str() {
            _ if is_root || issuer["parent"].is_string() => {
                format!("a CA of ours signs {name}: nothing is imported for it")
            }
            Some("pending") if issuer["wish"].is_string() => {
                format!("{name} has no CSR yet: `chancery ca csr {name}` makes it")
            }
            Some("pending" | "active") => return Ok(()),
            state => format!("{name} is {}: it takes no certificate", state.unwrap_or("lost")),
        };
        Err(Failure::Refused(why))
    }

    /// Reads the files: the path, certificate first and root last, and the certificate.
    fn read(&self) -> Outcome<(String, ForeignCertificate)> {
        let mut path = read(&self.certificate, "--certificate")?;
        let held = first(&path)?;
        if let Some(chain) = &self.chain {
            if !path.ends_with('\n') {
                path.push('\n');
            }
            path += &read(chain, "--chain")?;
        }
        Ok((path, held))
    }
}

fn first(pem: &str) -> Outcome<ForeignCertificate> {
    let blocks = x509::pem::decode(pem)
        .map_err(|error| Failure::Usage(format!("--certificate: {error}")))?;
    match blocks.first() {
        Some((label, der)) if label == x509::pem::CERTIFICATE => {
            Ok(ForeignCertificate::parse(der).context("read --certificate")?)
        }
        _ => Err(Failure::Usage("--certificate: there is no certificate (PEM) in it".into())),
    }
}

/// The server does not want the certificate: the signer forgets its end again.
async fn put_back(admin: &Operator, label: &str, before: UnixTime, refused: Failure) -> Failure {
    match ceremony::end_at(admin, label, before).await {
        Ok(()) => refused,
        Err(error) => Failure::Refused(format!(
            "{refused}; and the policy of {label} keeps the end of that certificate: {}",
            crate::admin::failure(error)
        )),
    }
}
