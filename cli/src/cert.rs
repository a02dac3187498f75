//! `chancery cert`.

mod draft;
mod instead;

use std::path::PathBuf;

use anyhow::Context as _;
use ca::profile::Seconds;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};
use x509::{CrlReason, ForeignCertificate, Serial};
use zeroize::Zeroizing;

use instead::Instead;

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::new_key::{KeyKind, NewKey};
use crate::options::{Global, read};
use crate::output;
use crate::up::write_private;

/// Certificates.
#[derive(Debug, Subcommand)]
pub enum Cert {
    /// Issue a certificate for a CSR, for a key that is made here, or as it was drafted
    Issue(Issue),
    /// Fix everything of a certificate but its signature, for officers to sign first
    Draft(draft::Draft),
    /// Print the text that an officer signs to a draft
    Summary(draft::Summary),
    /// List certificates
    List(List),
    /// Show one certificate
    Show(Show),
    /// Issue a certificate in place of another, for the same names; the key stays unless another
    /// is given
    Renew(Renew),
    /// Write the octets that the old key signs to renew
    RenewalMessage(draft::RenewalMessage),
    /// Revoke, hold or release
    Revoke(Revoke),
}

/// Where a certificate and its key go.
#[derive(Debug, Args)]
pub struct Files {
    /// Where the certificate with its path goes (PEM); default: standard output
    #[arg(long)]
    out: Option<PathBuf>,
    /// Make the key here: it never leaves this machine
    #[arg(long, conflicts_with = "csr", requires = "key_out")]
    new_key: Option<KeyKind>,
    /// Where the new key goes (PKCS#8 PEM, mode 0600)
    #[arg(long, requires = "new_key")]
    key_out: Option<PathBuf>,
    /// Where a PKCS#12 file with key and path goes as well (mode 0600)
    #[arg(long, requires = "new_key", requires = "p12_password_file")]
    p12_out: Option<PathBuf>,
    /// The file with the PKCS#12 file's password
    #[arg(long, requires = "p12_out")]
    p12_password_file: Option<PathBuf>,
    /// The CSR (PEM)
    #[arg(long)]
    csr: Option<PathBuf>,
}

/// Issues a certificate.
#[derive(Debug, Args)]
pub struct Issue {
    /// The profile: see `chancery profile list`
    #[arg(long, required_unless_present = "draft")]
    profile: Option<String>,
    /// Issue what `chancery cert draft` gave
    #[arg(long, conflicts_with_all =
        ["profile", "subject", "sans", "validity", "csr", "new_key", "p12_out"])]
    draft: Option<PathBuf>,
    /// An officer's signature over the draft's summary; several may be given
    #[arg(long = "officer-signature")]
    officer_signatures: Vec<PathBuf>,
    /// Of a drafted renewal: the old key's signature over `chancery cert renewal-message`
    #[arg(long)]
    proof: Option<PathBuf>,
    #[command(flatten)]
    instead: Instead,
    #[command(flatten)]
    files: Files,
}

/// Lists certificates.
#[derive(Debug, Args)]
pub struct List {
    /// Only in this state
    #[arg(long, value_parser = ["valid", "held", "revoked", "expired"])]
    state: Option<String>,
    /// Only this profile's
    #[arg(long)]
    profile: Option<String>,
    /// Only this issuer's
    #[arg(long)]
    issuer: Option<String>,
    /// Only with this name; .corp.example finds all below
    #[arg(long)]
    name: Option<String>,
    /// Only those that end within this time, as in 30d
    #[arg(long)]
    expires_within: Option<Seconds>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Shows one certificate.
#[derive(Debug, Args)]
pub struct Show {
    /// Its id or serial number
    certificate: String,
    /// Print the PEM
    #[arg(long)]
    pem: bool,
}

/// Renews a certificate; without --csr and --new-key its key stays.
#[derive(Debug, Args)]
pub struct Renew {
    /// Its id or serial number
    certificate: String,
    /// The old key's signature over `chancery cert renewal-message`
    #[arg(long, requires = "csr")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

/// Revokes a certificate.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id or serial number
    certificate: String,
    /// A reason of RFC 5280 §5.3.1; certificateHold puts on hold, removeFromCRL releases
    #[arg(long, default_value = "unspecified")]
    reason: CrlReason,
}

impl Cert {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let cert = match self {
            // These need no server.
            Self::Summary(summary) => return summary.run(global),
            Self::RenewalMessage(message) => return message.run(),
            Self::Issue(issue) if issue.has_stray_signatures() => {
                let why = "--officer-signature and --proof go with --draft";
                return Err(Failure::Usage(why.into()));
            }
            other => other,
        };
        let api = Api::open(global)?;
        match cert {
            Self::Summary(_) | Self::RenewalMessage(_) => Ok(()),
            Self::Issue(issue) => issue.run(global, &api).await,
            Self::Draft(draft) => draft.run(&api).await,
            Self::List(list) => list.run(global, &api).await,
            Self::Show(show) => show.run(global, &api).await,
            Self::Renew(renew) => renew.run(global, &api).await,
            Self::Revoke(revoke) => revoke.run(global, &api).await,
        }
    }
}

/// The fields that people see of a certificate.
const FIELDS: &[&str] = &[
    "id",
    "serial",
    "state",
    "subject",
    "names",
    "profile",
    "issuer",
    "not_before",
    "not_after",
    "requested_by",
    "revoked_at",
    "reason",
];

impl Files {
    /// Takes the CSR from its file, or makes a key and a CSR for it. The key is on the disk before
    /// anything is asked for: a certificate without it is worth nothing.
    fn prepare(&self) -> Outcome<Prepared> {
        let mut prepared = Prepared::default();
        if let Some(path) = &self.csr {
            prepared.csr = Some(read(path, "--csr")?);
        }
        if let Some(kind) = self.new_key {
            if let Some(password) = &self.p12_password_file {
                let text = Zeroizing::new(read(password, "--p12-password-file")?);
                let line = text.trim_end_matches(['\r', '\n']);
                if line.is_empty() {
                    return Err(Failure::Usage("--p12-password-file: it is empty".into()));
                }
                prepared.p12_password = Some(Zeroizing::new(line.to_owned()));
            }
            let key = NewKey::generate(kind)?;
            if let Some(out) = &self.key_out {
                write_private(out, key.pkcs8_pem().as_bytes(), 0o600)?;
            }
            prepared.csr = Some(key.csr_pem()?);
            prepared.key = Some(key);
        }
        Ok(prepared)
    }

    /// Writes the certificate with its path, and what else was asked for.
    fn finish(&self, global: &Global, answer: &Value, prepared: &Prepared) -> Outcome {
        let path = path_pem(answer)?;
        if let (Some(key), Some(out), Some(password)) =
            (&prepared.key, &self.p12_out, &prepared.p12_password)
        {
            write_private(out, &key.pkcs12(&path, password)?, 0o600)?;
        }
        if let Some(out) = &self.out {
            write_private(out, path.as_bytes(), 0o644)?;
        }
        match (&self.out, global.json) {
            (_, true) => output::json(answer),
            (Some(_), false) => show(answer),
            (None, false) => output::text(&path),
        }
    }
}

/// What is asked for, and what is not sent.
#[derive(Default)]
struct Prepared {
    csr: Option<String>,
    key: Option<NewKey>,
    p12_password: Option<Zeroizing<String>>,
}

/// Joins the certificate and the path above it, without a root, which whoever trusts it has.
fn path_pem(answer: &Value) -> Outcome<String> {
    let certificate =
        answer["certificate"].as_str().context("the server's answer has no certificate")?;
    let mut pem = certificate.to_owned();
    for above in answer["chain"].as_array().into_iter().flatten() {
        let above = above.as_str().unwrap_or_default();
        let read = ForeignCertificate::from_pem(above).context("read the path")?;
        if read.subject() != read.issuer() {
            pem += above;
        }
    }
    Ok(pem)
}

/// Shows the fields of one certificate.
fn show(certificate: &Value) -> Outcome {
    let mut shown = certificate.clone();
    for (field, of) in [("revoked_at", "at"), ("reason", "reason")] {
        shown[field] = certificate["revocation"][of].clone();
    }
    output::fields(&shown, FIELDS)
}

impl Issue {
    /// Says whether there are signatures and no draft that they could be over.
    fn has_stray_signatures(&self) -> bool {
        self.draft.is_none() && (self.proof.is_some() || !self.officer_signatures.is_empty())
    }

    async fn run(self, global: &Global, api: &Api) -> Outcome {
        if let Some(path) = &self.draft {
            let (path, order) =
                draft::order(path, &self.officer_signatures, self.proof.as_deref())?;
            let answer = api.send(Method::POST, path, &order).await?.json()?;
            return self.files.finish(global, &answer, &Prepared::default());
        }
        let prepared = self.files.prepare()?;
        let csr = prepared.csr.as_ref();
        let csr = csr.ok_or_else(|| Failure::Usage("give --csr FILE or --new-key KIND".into()))?;
        let mut body = Map::new();
        body.insert("profile".into(), json!(self.profile));
        body.insert("csr".into(), json!(csr));
        self.instead.put(&mut body);
        let answer =
            api.send(Method::POST, "/api/v1/certificates", &Value::Object(body)).await?.json()?;
        self.files.finish(global, &answer, &prepared)
    }
}

impl List {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let mut query: Vec<(&str, String)> = Vec::new();
        let is_suffix = self.name.as_ref().is_some_and(|name| name.starts_with('.'));
        let by_name = if is_suffix { "name_suffix" } else { "name" };
        for (name, value) in [
            ("state", self.state),
            ("profile", self.profile),
            ("issuer", self.issuer),
            (by_name, self.name),
        ] {
            if let Some(value) = value {
                query.push((name, value));
            }
        }
        if let Some(span) = self.expires_within {
            let before = crate::up::now()?.plus_seconds(span.0);
            query.push(("expires_before", before.to_string()));
        }
        let items = pages(api, "/api/v1/certificates", &query, self.limit).await?;
        output::list(
            global.json,
            &items,
            &[
                ("SERIAL", "serial"),
                ("STATE", "state"),
                ("PROFILE", "profile"),
                ("NOT AFTER", "not_after"),
                ("NAMES", "names"),
            ],
        )
    }
}

/// Reads page after page of a list until it ends or has `limit` items.
pub async fn pages(
    api: &Api,
    path: &str,
    query: &[(&str, String)],
    limit: usize,
) -> Outcome<Vec<Value>> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    while items.len() < limit {
        let mut all: Vec<(&str, String)> = query.to_vec();
        all.push(("limit", (limit - items.len()).min(1_000).to_string()));
        if let Some(cursor) = cursor.take() {
            all.push(("cursor", cursor));
        }
        let encoded: Vec<String> =
            all.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let page = api.get(&format!("{path}?{}", encoded.join("&"))).await?.json()?;
        if let Some(found) = page["items"].as_array() {
            items.extend(found.iter().cloned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    Ok(items)
}

/// Percent-encodes whatever is not unreserved (RFC 3986 §2.3).
pub fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                (b as char).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

impl Show {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let found = find(api, &self.certificate).await?;
        if self.pem {
            let pem = found["certificate"].as_str().ok_or_else(|| {
                let why = "only its serial number was adopted: the certificate is not here";
                Failure::NotFound(why.to_owned())
            })?;
            return output::text(pem);
        }
        if global.json {
            return output::json(&found);
        }
        show(&found)
    }
}

/// Finds a certificate by id or by serial number.
async fn find(api: &Api, named: &str) -> Outcome<Value> {
    let plain = named.replace(':', "").to_ascii_lowercase();
    if !named.contains('-') {
        let hex = plain.trim_start_matches("0x");
        let serial = Serial::from_hex(hex.strip_prefix("00").unwrap_or(hex))
            .map_err(|_| {
                Failure::Usage(format!(
                    "`{named}` is neither a serial number in hexadecimal nor an id"
                ))
            })?
            .to_hex();
        let found = pages(api, "/api/v1/certificates", &[("serial", serial)], 2).await?;
        return match found.as_slice() {
            [one] => by_id(api, one["id"].as_str().unwrap_or_default()).await,
            [] => Err(Failure::NotFound(format!("no certificate has the serial number {named}"))),
            _ => Err(Failure::Refused(format!(
                "several issuers have the serial number {named}: give the id"
            ))),
        };
    }
    by_id(api, named).await
}

async fn by_id(api: &Api, id: &str) -> Outcome<Value> {
    api.get(&format!("/api/v1/certificates/{}", percent(id))).await?.json()
}

impl Renew {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let found = find(api, &self.certificate).await?;
        let prepared = self.files.prepare()?;
        let mut body = match &prepared.csr {
            Some(csr) => json!({ "csr": csr }),
            None => json!({}),
        };
        if let Some(proof) = &self.proof {
            body["proof"] = json!(draft::read_proof(proof)?);
        }
        let id = found["id"].as_str().unwrap_or_default();
        let answer = api
            .send(Method::POST, &format!("/api/v1/certificates/{id}/renew"), &body)
            .await?
            .json()?;
        self.files.finish(global, &answer, &prepared)
    }
}

impl Revoke {
    async fn run(self, global: &Global, api: &Api) -> Outcome {
        let found = find(api, &self.certificate).await?;
        let id = found["id"].as_str().unwrap_or_default();
        let body = json!({ "reason": self.reason.as_str() });
        let answer = api
            .send(Method::POST, &format!("/api/v1/certificates/{id}/revoke"), &body)
            .await?
            .json()?;
        if global.json {
            return output::json(&answer);
        }
        show(&answer)
    }
}
