//! What people put to a certificate: an officer's signature over a draft, the old key's over a
//! renewal. docs/guides/evidence.md

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};
use signer_policy::{OFFICER_NAMESPACE, certificate_summary};
use signer_proto::Renewal;
use x509::{Csr, TbsCertificate};

use super::find;
use super::instead::Instead;
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::{Global, read, read_bytes};
use crate::output;
use crate::up::write_private;

/// Drafts a certificate: everything of it but its signature.
#[derive(Debug, Args)]
pub struct Draft {
    /// The profile: see `chancery profile list`
    #[arg(long, required_unless_present = "renews")]
    profile: Option<String>,
    /// Draft a renewal of this certificate (its id or serial number): its names stay, and its key
    /// unless --csr brings another
    #[arg(long, conflicts_with_all = ["profile", "subject", "sans", "validity"])]
    renews: Option<String>,
    /// The CSR (PEM)
    #[arg(long, required_unless_present = "renews")]
    csr: Option<PathBuf>,
    #[command(flatten)]
    instead: Instead,
    /// Where the draft goes (JSON); default: standard output
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Draft {
    pub(super) async fn run(self, api: &Api) -> Outcome {
        let mut body = Map::new();
        if let Some(csr) = &self.csr {
            body.insert("csr".into(), json!(read(csr, "--csr")?));
        }
        if let Some(renews) = &self.renews {
            body.insert("renews".into(), find(api, renews).await?["id"].clone());
        }
        if let Some(profile) = self.profile {
            body.insert("profile".into(), json!(profile));
        }
        self.instead.put(&mut body);
        let path = "/api/v1/certificates/draft";
        let draft = api.send(Method::POST, path, &Value::Object(body)).await?.json()?;
        match &self.out {
            Some(out) => {
                write_private(out, format!("{draft:#}\n").as_bytes(), 0o644)?;
                let until = draft["expires_at"].as_str().unwrap_or_default();
                eprintln!(
                    "chancery: good until {until}; officers sign what `chancery cert summary {}` \
                     prints, in the namespace {OFFICER_NAMESPACE}",
                    out.display()
                );
                Ok(())
            }
            None => output::json(&draft),
        }
    }
}

/// Prints the exact text that an officer signs, made here from the certificate of the draft.
#[derive(Debug, Args)]
pub struct Summary {
    /// What `chancery cert draft` gave
    draft: PathBuf,
}

impl Summary {
    pub(super) fn run(&self, global: &Global) -> Outcome {
        let draft = read_draft(&self.draft)?;
        let summary = summary_of(&draft)?;
        // The signer holds the signature against the bytes: a text that says something else than
        // they do would be signed for nothing.
        if draft["summary"].as_str() != Some(&summary) {
            return Err(Failure::Refused(format!(
                "the summary in {} is not that of its certificate: do not sign it, and ask for a \
                 new draft",
                self.draft.display()
            )));
        }
        if global.json {
            return output::json(&json!({ "summary": summary, "namespace": OFFICER_NAMESPACE }));
        }
        output::text(&summary)
    }
}

fn summary_of(draft: &Value) -> Outcome<String> {
    let broken = || Failure::Usage("this is no draft: it has no to-be-signed certificate".into());
    let tbs = draft["tbs"].as_str().and_then(|tbs| STANDARD.decode(tbs).ok()).ok_or_else(broken)?;
    let tbs = TbsCertificate::parse(&tbs).context("read the draft's certificate")?;
    certificate_summary(&tbs).map_err(|why| Failure::Refused(why.to_string()))
}

fn read_draft(path: &Path) -> Outcome<Value> {
    let text = read(path, "the draft")?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("{} is no draft: {error}", path.display())))
}

/// Gives what issues a draft: where it is sent, and what is sent.
pub(super) fn order(
    draft: &Path,
    officer_signatures: &[PathBuf],
    proof: Option<&Path>,
) -> Outcome<(&'static str, Value)> {
    let sealed = read_draft(draft)?["draft"].take();
    let signatures = officer_signatures.iter().map(|path| read(path, "--officer-signature"));
    let signatures = signatures.collect::<Outcome<Vec<String>>>()?;
    let mut body = json!({ "draft": sealed, "officer_signatures": signatures });
    if let Some(proof) = proof {
        body["proof"] = json!(read_proof(proof)?);
    }
    Ok(("/api/v1/certificates/draft/issue", body))
}

/// Reads the old key's signature as openssl writes it, for the API.
pub(super) fn read_proof(path: &Path) -> Outcome<String> {
    read_bytes(path, "--proof").map(|octets| STANDARD.encode(octets))
}

/// Writes the octets that the old key signs to renew: `openssl dgst -sha256 -sign old.key`, or
/// `openssl pkeyutl -sign -rawin` for Ed25519.
#[derive(Debug, Args)]
pub struct RenewalMessage {
    /// The CSR of the new key (PEM)
    #[arg(long)]
    csr: PathBuf,
    /// Where the octets go; default: standard output
    #[arg(long)]
    out: Option<PathBuf>,
}

impl RenewalMessage {
    pub(super) fn run(&self) -> Outcome {
        let text = read(&self.csr, "--csr")?;
        let csr = Csr::from_pem(&text)
            .map_err(|error| Failure::Usage(format!("--csr: {}: {error}", self.csr.display())))?;
        let message = Renewal::message(csr.der());
        match &self.out {
            Some(out) => Ok(write_private(out, &message, 0o644)?),
            None => Ok(std::io::stdout().write_all(&message)?),
        }
    }
}
