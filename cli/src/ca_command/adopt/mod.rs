//! `chancery ca adopt`: a CA that was elsewhere before.
//!
//! All files are read and held against each other before anybody is asked; then the key goes to
//! the signer by admin.sock, with what it issued; the server learns of it from the journal.

mod csv;
mod index;
mod inventory;
mod pem_folder;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ca::ceremony::{TakeOver, TakenOver, inventory_chunks, take_over};
use ca::hierarchy::NameScope;
use ca::profile::Seconds;
use clap::Args;
use http::Method;
use model::IssuerName;
use serde_json::{Value, json};
use signer_proto::{Digest, FileGiven, KeyFile, KeyLocation, KeySource, Plaintext, Purpose};
use x509::{EncryptedKey, ForeignCertificate, ForeignCrl, pem, sha256};
use zeroize::Zeroizing;

use super::path;
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::{Global, read_bytes};
use crate::output;
use crate::passphrase;
use inventory::{Faults, Inventory};

/// Octets of certificates that go to the server at a time.
const BATCH: usize = 150 * 1024;
/// How long the server may take to learn of a part of an inventory.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes over a CA that was elsewhere before.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whose").required(true))]
pub struct Adopt {
    /// Its name in URLs, and its key's label
    name: IssuerName,
    /// Its certificate (PEM or DER)
    #[arg(long)]
    certificate: PathBuf,
    /// Where its key is, in a ring whose keys are elsewhere: a PKCS#11 URI (RFC 7512), an ARN, the
    /// name of a resource
    #[arg(long, group = "whose", value_name = "LOCATION")]
    key: Option<String>,
    /// Its key as an encrypted PKCS#8 file (PEM or DER), for a ring of files
    #[arg(long, group = "whose", value_name = "FILE")]
    pkcs8: Option<PathBuf>,
    /// The file with the passphrase of the key file; default: asked on the terminal
    #[arg(long, requires = "pkcs8")]
    passphrase_file: Option<PathBuf>,
    /// What it issued: a folder of certificates, an `openssl ca` index, a CSV; may be given
    /// several times
    #[arg(long, required = true, value_name = "PATH")]
    inventory: Vec<PathBuf>,
    /// Its last CRL (PEM or DER)
    #[arg(long, required_unless_present = "crl_number")]
    crl: Option<PathBuf>,
    /// The highest CRL number that anybody saw, if the CRL has none; 0 for a CA without CRLs
    #[arg(long)]
    crl_number: Option<u64>,
    /// What it signs from now on
    #[arg(long, default_value = "issuing", value_parser = ["issuing", "authorities"])]
    kind: String,
    /// Domains and networks that its key policy admits from now on; default: any
    #[arg(long)]
    names: Option<String>,
    /// The longest validity of its leaves from now on
    #[arg(long, default_value = "1095d")]
    leaf_validity: Seconds,
    /// Read and compare the files, say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What the files say.
struct Read {
    certificate: ForeignCertificate,
    inventory: Inventory,
    crl_number: u64,
    source: KeySource,
    /// The file of the key, DER.
    encrypted: Option<Vec<u8>>,
}

impl Adopt {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let names = match &self.names {
            Some(names) => NameScope::parse(names).map_err(|e| Failure::Usage(e.to_string()))?,
            None => NameScope::any(),
        };
        let read = self.read()?;
        let summary = self.summary(&read)?;
        if self.dry_run {
            return show(global, &summary);
        }
        let file = match &read.encrypted {
            Some(encrypted) => self.file(encrypted)?,
            None => FileGiven(None),
        };
        let api = Api::open(global)?;
        let admin = crate::operator::operator(global)?;
        let total = read.inventory.counts(crate::up::now()?)[0];
        let plan = TakeOver {
            label: self.name.to_string(),
            purpose: self.purpose(),
            certificate: read.certificate.raw().clone(),
            source: read.source.clone(),
            file,
            crl_number: read.crl_number,
            old: read.inventory.old(),
            names,
            leaf_validity: self.leaf_validity,
        };
        let mut progress = |done: usize| eprintln!("{done} of {total} certificates are journaled");
        let taken = take_over(&admin, plan, &mut progress).await.map_err(crate::admin::failure)?;
        self.followed(&api).await?;
        let stored = self.store(&api, &read.inventory).await?;
        show(global, &done(summary, taken, stored))
    }

    fn purpose(&self) -> Purpose {
        if self.kind == "issuing" { Purpose::CertAndCrl } else { Purpose::CaCertAndCrl }
    }

    /// Reads all files; tells all faults at once.
    fn read(&self) -> Outcome<Read> {
        let mut faults = Faults::default();
        let octets = read_bytes(&self.certificate, "--certificate")?;
        let der = decode(&octets, pem::CERTIFICATE).map_err(|why| bad(&self.certificate, &why))?;
        let certificate = ForeignCertificate::parse(&der)
            .map_err(|error| bad(&self.certificate, &error.to_string()))?;
        let mut inventory = Inventory::default();
        for path in &self.inventory {
            inventory.read(path, &certificate, &mut faults);
        }
        let from_crl = match &self.crl {
            Some(path) => self.crl(path, &certificate, (&mut inventory, &mut faults)),
            None => None,
        };
        inventory.check(crate::up::now()?, &mut faults);
        let crl_number = self.crl_number.max(from_crl);
        if crl_number.is_none() && faults.is_empty() {
            faults.other("the CRL has no number: give --crl-number, 0 for none".into());
        }
        let encrypted = match &self.pkcs8 {
            Some(path) => encrypted(path, &mut faults)?,
            None => None,
        };
        let source = match (&self.key, &encrypted) {
            (Some(text), _) => KeyLocation::new(text).map(KeySource::Location),
            (None, Some(file)) => Some(KeySource::File(Digest(sha256(file)))),
            (None, None) => None,
        };
        if self.key.is_some() && source.is_none() {
            faults.other("--key: a location has 1 to 512 visible ASCII characters".into());
        }
        faults.end().map_err(Failure::Usage)?;
        let source = source.ok_or_else(|| Failure::Usage("there is no key".into()))?;
        let crl_number = crl_number.unwrap_or(0);
        Ok(Read { certificate, inventory, crl_number, source, encrypted })
    }

    /// Reads the CRL; gives its number.
    fn crl(
        &self,
        path: &Path,
        ca: &ForeignCertificate,
        (inventory, faults): (&mut Inventory, &mut Faults),
    ) -> Option<u64> {
        let read = std::fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|octets| decode(&octets, pem::X509_CRL))
            .and_then(|der| ForeignCrl::parse(&der).map_err(|error| error.to_string()));
        let crl = match read {
            Ok(crl) => crl,
            Err(why) => {
                faults.note(path, why);
                return None;
            }
        };
        if crl.issuer().der() != ca.subject().der()
            || !matches!(crl.verify_by(ca.public_key()), Some(Ok(())))
        {
            faults.note(path, format!("it is not a CRL of {}", ca.subject()));
        }
        inventory.take_crl(path, &crl, faults);
        crl.number()
    }

    fn file(&self, encrypted: &[u8]) -> Outcome<FileGiven> {
        let passphrase = match &self.passphrase_file {
            Some(path) => passphrase::from_file(path)?,
            None => passphrase::ask("Passphrase of the key file: ")?,
        };
        let encrypted = Plaintext(Zeroizing::new(encrypted.to_vec()));
        let file = KeyFile { encrypted, passphrase: Plaintext(passphrase) };
        Ok(FileGiven(Some(std::sync::Arc::new(file))))
    }

    fn summary(&self, read: &Read) -> Outcome<Value> {
        let [all, expired, revoked, held] = read.inventory.counts(crate::up::now()?);
        let (inventory, parts) = inventory_chunks(&read.inventory.old());
        let certificate = &read.certificate;
        let deviations: Vec<String> =
            certificate.deviations().iter().map(ToString::to_string).collect();
        Ok(json!({
            "name": self.name.as_str(),
            "subject": certificate.subject().to_string(),
            "not_after": certificate.not_after().to_string(),
            "key": match &read.source {
                KeySource::Location(location) => location.to_string(),
                KeySource::File(digest) => format!("a file, SHA-256 {digest}"),
            },
            "key_kind": certificate.public_key().kind().as_str(),
            "purpose": self.purpose().as_str(),
            "certificates": all,
            "valid": all - expired - revoked - held,
            "expired": expired,
            "revoked": revoked,
            "held": held,
            "with_certificate": read.inventory.pems().count(),
            "crl_numbers_above": read.crl_number,
            "inventory_digest": inventory.first.map(|digest| digest.to_string()),
            "inventory_parts": parts.len(),
            "deviations": deviations,
            "dry_run": self.dry_run,
        }))
    }

    /// Waits until the server has taken the CA up from the journal.
    async fn followed(&self, api: &Api) -> Outcome {
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            match api.get(&path(&self.name)).await {
                Ok(_) => return Ok(()),
                Err(Failure::NotFound(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(other) => return Err(other),
            }
        }
        Err(Failure::Unavailable(format!(
            "{} is adopted, and the server has not taken it up from the journal: see `chancery \
             status`; run this again for its certificates",
            self.name
        )))
    }

    /// Gives the server the certificates that files have; of the others it knows the serials.
    async fn store(&self, api: &Api, inventory: &Inventory) -> Outcome<u64> {
        let (mut batches, mut batch) = (Vec::new(), String::new());
        for pem in inventory.pems() {
            if !batch.is_empty() && batch.len() + pem.len() > BATCH {
                batches.push(std::mem::take(&mut batch));
            }
            batch.push_str(pem);
        }
        batches.extend((!batch.is_empty()).then_some(batch));
        let to = format!("{}/adopted", path(&self.name));
        let mut stored = 0;
        for batch in batches {
            stored += self.store_batch(api, &to, &batch).await?;
        }
        Ok(stored)
    }

    /// Stores some certificates; their serials may be on their way from the journal still.
    async fn store_batch(&self, api: &Api, to: &str, batch: &str) -> Outcome<u64> {
        let begun = std::time::Instant::now();
        let mut stored = 0;
        loop {
            let body = json!({ "certificates": batch });
            let answer = api.send(Method::POST, to, &body).await?.json()?;
            stored += answer["stored"].as_u64().unwrap_or(0);
            let unknown = answer["unknown"].as_u64().unwrap_or(0);
            if unknown == 0 {
                return Ok(stored);
            }
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Unavailable(format!(
                    "the server does not know {unknown} of the serials yet: run this again"
                )));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn done(mut summary: Value, taken: TakenOver, stored: u64) -> Value {
    summary["imported"] = json!(taken.imported);
    summary["resumed"] = json!(taken.resumed);
    summary["certificates_stored"] = json!(stored);
    summary
}

fn show(global: &Global, summary: &Value) -> Outcome {
    if global.json {
        return output::json(summary);
    }
    output::fields(
        summary,
        &[
            "name",
            "subject",
            "not_after",
            "key",
            "key_kind",
            "purpose",
            "certificates",
            "valid",
            "expired",
            "revoked",
            "held",
            "with_certificate",
            "crl_numbers_above",
            "inventory_digest",
            "deviations",
            "imported",
            "certificates_stored",
            "dry_run",
        ],
    )
}

fn bad(path: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{}: {why}", path.display()))
}

/// Takes one PEM block out of a file, or the file as DER.
fn decode(octets: &[u8], label: &'static str) -> Result<Vec<u8>, String> {
    match std::str::from_utf8(octets) {
        Ok(text) if text.contains("-----BEGIN ") => {
            pem::decode_one(text, label).map_err(|error| error.to_string())
        }
        _ => Ok(octets.to_vec()),
    }
}

/// Reads an encrypted key file; says of any other how to make one.
fn encrypted(path: &Path, faults: &mut Faults) -> Outcome<Option<Vec<u8>>> {
    let octets = Zeroizing::new(read_bytes(path, "--pkcs8")?);
    let der = decode(&octets, pem::ENCRYPTED_PRIVATE_KEY);
    let refused = match &der {
        Ok(der) => EncryptedKey::parse(der).err().map(|error| error.to_string()),
        Err(why) => Some(why.clone()),
    };
    if let Some(why) = refused {
        faults.note(
            path,
            format!(
                "{why}: an encrypted PKCS#8 file is made by `openssl pkcs8 -topk8 -v2 \
                 aes-256-cbc -iter 600000 -in KEY -out KEY.p8`"
            ),
        );
        return Ok(None);
    }
    Ok(der.ok())
}
