//! `chancery ca sign-request`: a CA of ours signs the CSR of one whose key is elsewhere.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::ceremony::{self, RequestWish};
use ca::profile::Seconds;
use clap::Args;
use model::IssuerName;
use x509::{Csr, Name, pem};

use super::{operator_for, parent_in, path, pems, urls};
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::{Global, read};
use crate::output;
use crate::up::write_private;

/// Signs the CSR of a CA whose key is in another ring.
#[derive(Debug, Args)]
pub struct SignRequest {
    /// The CA of ours that signs
    #[arg(long)]
    parent: IssuerName,
    /// The CSR (PEM)
    #[arg(long)]
    csr: PathBuf,
    /// A subject in place of the CSR's
    #[arg(long)]
    subject: Option<String>,
    /// How long its certificate lasts; never longer than its parent's
    #[arg(long, default_value = "1825d")]
    validity: Seconds,
    /// How many CAs may stand below it; default: what the CSR asks for, else 0
    #[arg(long)]
    path_len: Option<u8>,
    /// Domains and networks that its certificate is constrained to, as in corp.example,10.0.0.0/8
    #[arg(long, value_delimiter = ',')]
    constraints: Vec<String>,
    /// Where the certificate goes, and after it those above, the root last (PEM)
    #[arg(long)]
    out: PathBuf,
}

impl SignRequest {
    /// Has the certificate signed and writes it with the path above it, as `ca import` takes it.
    pub async fn run(self, global: &Global, api: &Api) -> Outcome {
        let text = read(&self.csr, "--csr")?;
        let csr = Csr::from_pem(&text)
            .with_context(|| format!("--csr {}", self.csr.display()))
            .map_err(|error| Failure::Refused(format!("{error:#}")))?;
        let subject = self.subject.as_deref().map(Name::parse_rfc4514);
        let subject =
            subject.transpose().map_err(|error| Failure::Usage(format!("--subject: {error}")))?;
        let wish = RequestWish {
            subject,
            validity: self.validity,
            path_len: self.path_len,
            constraints: self.constraints,
        };
        let issuer = api.get(&path(&self.parent)).await?.json()?;
        let parent = parent_in(&issuer)?;
        let admin = operator_for(global, &issuer)?;
        let now = crate::up::now()?;
        let signed = ceremony::sign_request(&admin, &parent, &csr, &wish, &urls(global)?, now)
            .await
            .map_err(crate::admin::failure)?;
        let signed = pem::encode(pem::CERTIFICATE, signed.as_bytes());
        let path = signed + &pems(&issuer).join("");
        write_private(&self.out, path.as_bytes(), 0o644)?;
        if !global.json {
            output::text(&format!(
                "signed: `chancery ca import NAME --certificate {}` takes it in where the key \
                 is\n",
                self.out.display()
            ))?;
        }
        Ok(())
    }
}
