//! Files that travel between a ring that is online and one that is not.
//!
//! A request is a text that people can read, with the CSR in it, and an OpenSSH signature beside
//! it: `FILE.sig`. A response needs none: it carries a checkpoint under the key of the offline
//! ring's log, and the proof that the certificate is in that log.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca::ceremony::{self, Operator, RequestWish};
use serde::{Deserialize, Serialize};
use signer_log::checkpoint::{self, Checkpoint};
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_log::proof::verify_inclusion;
use signer_log::segment::leaf_hash;
use signer_proto::{
    AuthoritySigned, Digest, Event, KeyId, KeyLabel, Leaf, ProofKind, Purpose, ReadCheckpoint,
    ReadJournal, ReadProof, RequestSigned, Wire,
};
use signer_quorum::SshSignature;
use x509::{Certificate, CertificateDer, Csr, pem};

use super::plan::SignRequest;
use super::run::{Room, certified};
use crate::admin::failure;
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::{Global, read, read_bytes};
use crate::output;
use crate::up::write_private;

/// What requests are signed in.
const NAMESPACE: &str = "chancery/exchange/v1";
/// The first line of a request.
const FIRST_LINE: &str = "Chancery CA request v1";
/// Leaves that are read at a time.
const READ: u32 = 1_024;

/// What comes back from an offline ring.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    /// Always 1.
    version: u32,
    /// SHA-256 of the request file.
    request: String,
    /// The certificate (PEM).
    certificate: String,
    /// Those above it, the root last (PEM).
    above: Vec<String>,
    /// The journal's leaf in which it was signed (base64).
    leaf: String,
    /// Where the leaf stands.
    position: u64,
    /// The hashes that lead from the leaf to the root of the checkpoint (RFC 9162 §2.1.3).
    proof: Vec<String>,
    /// The signed note.
    checkpoint: String,
}

/// Looks through the journal for the last leaf that `wanted` takes.
async fn last_leaf<T>(
    admin: &Operator,
    wanted: impl Fn(&Event) -> Option<T>,
) -> Outcome<Option<(u64, Vec<u8>, T)>> {
    let mut found = None;
    let mut position = 0;
    loop {
        let slice = admin.read_journal(&ReadJournal { from: position, limit: READ }).await?;
        if slice.leaves.0.is_empty() {
            return Ok(found);
        }
        for bytes in slice.leaves.0 {
            let leaf = Leaf::from_wire(&bytes.0)
                .with_context(|| format!("the journal's leaf at {position}"))?;
            if let Some(part) = wanted(&leaf.event) {
                found = Some((position, bytes.0, part));
            }
            position += 1;
        }
    }
}

/// Writes the request for a CA of this ring.
pub async fn request(global: &Global, label: &KeyLabel, out: &Path) -> Outcome {
    let admin = operator(global)?;
    let described = admin.describe().await?;
    let key = described.keys.0.iter().find(|key| key.label == *label);
    let key = key.ok_or_else(|| Failure::NotFound(format!("the ring has no key `{label}`")))?;
    let csr = csr_of(&admin, key.id).await?.ok_or_else(|| {
        Failure::NotFound(format!(
            "`{label}` has no CSR yet: `chancery ca csr {label}`, or a ceremony that makes it, \
             comes first"
        ))
    })?;
    let text = format!(
        "{FIRST_LINE}\nRing: {}\nKey: {label}\nSubject: {}\nCSR: {}\nWritten: {}\n\n{}",
        described.instance,
        csr.subject(),
        Digest(x509::sha256(csr.der().as_bytes())),
        crate::up::now()?,
        pem::encode(pem::CERTIFICATE_REQUEST, csr.der().as_bytes()),
    );
    write_private(out, text.as_bytes(), 0o644)?;
    let signature = crate::operator::sign_once(global, NAMESPACE, text.as_bytes())?;
    write_private(&signature_path(out), &signature, 0o644)?;
    output::text(&format!(
        "{} and {} go to the ring that signs",
        out.display(),
        signature_path(out).display()
    ))
}

async fn csr_of(admin: &Operator, key: KeyId) -> Outcome<Option<Csr>> {
    let wanted = |event: &Event| match event {
        Event::RequestSigned(signed) if signed.key == key => Some(signed.clone()),
        _ => None,
    };
    let Some((_, _, RequestSigned { info, scheme, signature, .. })) =
        last_leaf(admin, wanted).await?
    else {
        return Ok(None);
    };
    let der = Csr::assemble(&info, scheme, &signature);
    Ok(Some(Csr::parse(der.as_bytes()).context("the CSR in the journal")?))
}

fn signature_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads a request whose signature is by one of the requesters.
fn verified(request: &SignRequest) -> Outcome<(Vec<u8>, Csr)> {
    let refuse = |why: String| Failure::Refused(format!("{}: {why}", request.request.display()));
    let text = read_bytes(&request.request, "the request")?;
    let signature = read_bytes(&signature_path(&request.request), "the request's signature")?;
    let signature = SshSignature::parse(&signature)
        .map_err(|why| refuse(format!("its signature is not taken: {why}")))?;
    let known = |one: &&signer_quorum::Operator| one.key() == signature.key();
    let requester = request.requesters.iter().find(known);
    let requester = requester.ok_or_else(|| {
        refuse(format!("it is signed by {}, no requester", signature.key().fingerprint()))
    })?;
    signature
        .verify(NAMESPACE, &text)
        .map_err(|why| refuse(format!("the signature of {}: {why}", requester.shown())))?;
    let readable = std::str::from_utf8(&text).map_err(|_| refuse("it is no text".into()))?;
    if readable.lines().next() != Some(FIRST_LINE) {
        return Err(refuse(format!("it does not begin with `{FIRST_LINE}`")));
    }
    let (_, body) = readable
        .split_once("\n\n")
        .ok_or_else(|| refuse("it has no CSR behind a blank line".into()))?;
    let csr = Csr::from_pem(body).map_err(|error| refuse(format!("its CSR: {error}")))?;
    Ok((text, csr))
}

/// Signs a request and writes the response.
pub async fn sign(room: &Room<'_>, request: &SignRequest) -> Outcome<Vec<String>> {
    let (text, csr) = verified(request)?;
    let parent = room.parent(&request.parent).await?;
    let digest = Digest(x509::sha256(&text));
    let certificate = if request.response.exists() {
        let response = read_response(&request.response)?;
        if response.request != digest.to_string() {
            return Err(Failure::Refused(format!(
                "{} answers another request: move it away",
                request.response.display()
            )));
        }
        certificate(&response.certificate)?
    } else {
        let wish = RequestWish {
            subject: None,
            validity: request.validity,
            path_len: request.path_len,
            constraints: request.constraints.clone(),
        };
        let now = crate::up::now()?;
        let signed = ceremony::sign_request(room.admin, &parent, &csr, &wish, &room.urls, now)
            .await
            .map_err(failure)?;
        let above = above(room, &parent.certificate).await?;
        let response = respond(room.admin, &signed, above, digest).await?;
        let json = serde_json::to_string_pretty(&response).context("write the response")?;
        write_private(&request.response, format!("{json}\n").as_bytes(), 0o644)?;
        signed
    };
    let mut facts = vec![format!("Request: {digest}")];
    facts.extend(certified(&certificate)?);
    Ok(facts)
}

/// Lists the certificates from the CA that signed upwards, as far as this ring has them.
async fn above(room: &Room<'_>, parent: &CertificateDer) -> Outcome<Vec<String>> {
    let mut path = vec![parent.clone()];
    let described = room.admin.describe().await?;
    'up: loop {
        let lowest = path.last().context("there is one")?;
        let read = Certificate::parse(lowest.as_bytes()).context("a CA's certificate")?;
        if read.tbs().subject == read.tbs().issuer || path.len() > 8 {
            break;
        }
        for key in described.keys.0.iter().filter(|key| key.purpose == Purpose::CaCertAndCrl) {
            let found = ceremony::certificate_of(room.admin, &key.label).await.map_err(failure)?;
            let Some(found) = found else { continue };
            let held = Certificate::parse(found.as_bytes()).context("a CA's certificate")?;
            if held.tbs().subject == read.tbs().issuer {
                path.push(found);
                continue 'up;
            }
        }
        break;
    }
    Ok(path.iter().map(|der| pem::encode(pem::CERTIFICATE, der.as_bytes())).collect())
}

/// Proves that a certificate is in this ring's log.
async fn respond(
    admin: &Operator,
    signed: &CertificateDer,
    above: Vec<String>,
    request: Digest,
) -> Outcome<Response> {
    let wanted = |event: &Event| match event {
        Event::AuthoritySigned(leaf) => (assembled(leaf) == *signed).then_some(()),
        _ => None,
    };
    let (position, leaf, ()) =
        last_leaf(admin, wanted).await?.context("the certificate is not in the journal")?;
    let asked = ReadCheckpoint { least: position + 1 };
    let note = admin.read_checkpoint(&asked).await?.newest.0;
    let parsed = Note::parse(&note).map_err(|error| anyhow!("the checkpoint: {error}"))?;
    let size =
        Checkpoint::parse(&parsed.text).map_err(|error| anyhow!("the checkpoint: {error}"))?.size;
    let ask = ReadProof { kind: ProofKind::Inclusion, first: position, size };
    let proof = admin.read_proof(&ask).await?;
    Ok(Response {
        version: 1,
        request: request.to_string(),
        certificate: pem::encode(pem::CERTIFICATE, signed.as_bytes()),
        above,
        leaf: STANDARD.encode(leaf),
        position,
        proof: proof.hashes.0.iter().map(ToString::to_string).collect(),
        checkpoint: String::from_utf8(note).context("the checkpoint is no text")?,
    })
}

fn assembled(leaf: &AuthoritySigned) -> CertificateDer {
    Certificate::assemble(&leaf.tbs, leaf.scheme, &leaf.signature)
}

fn read_response(path: &Path) -> Outcome<Response> {
    let text = read(path, "the response")?;
    let response: Response =
        serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    match response.version {
        1 => Ok(response),
        other => Err(anyhow!("{}: version {other} is not 1", path.display()).into()),
    }
}

fn certificate(text: &str) -> Outcome<CertificateDer> {
    let der = pem::decode_one(text, pem::CERTIFICATE).context("the response's certificate")?;
    let read = Certificate::parse(&der).context("the response's certificate")?;
    Ok(CertificateDer::from_vec(read.der().as_bytes().to_vec()))
}

/// Verifies a response and writes the certificates in it.
pub fn response(global: &Global, path: &Path, log_key: &str, out: &Path) -> Outcome {
    let response = read_response(path)?;
    let held = proved(&response, log_key)
        .map_err(|why| Failure::Refused(format!("{}: {why}", path.display())))?;
    let pems = response.certificate.clone() + &response.above.concat();
    write_private(out, pems.as_bytes(), 0o644)?;
    let subject = held.tbs().subject.to_string();
    if global.json {
        return output::json(&serde_json::json!({
            "subject": subject,
            "serial": held.tbs().serial.to_string(),
            "position": response.position,
            "out": out.display().to_string(),
        }));
    }
    output::text(&format!(
        "{subject}: signed and in the log at {}; `chancery ca import NAME --certificate {}` takes \
         it in",
        response.position,
        out.display()
    ))
}

/// Holds a response against the log's key: the note is signed, and the leaf is in the tree, and
/// the certificate is in the leaf.
fn proved(response: &Response, log_key: &str) -> Result<Certificate, String> {
    let key: NoteKey = log_key.parse().map_err(|error| format!("--log-key: {error}"))?;
    let note = Note::parse(response.checkpoint.as_bytes())
        .map_err(|error| format!("its checkpoint: {error}"))?;
    let tree =
        Checkpoint::verify(&note, &key).map_err(|error| format!("its checkpoint: {error}"))?;
    let leaf = STANDARD.decode(&response.leaf).map_err(|_| "its leaf is no base64".to_owned())?;
    let hashes = response.proof.iter().map(|text| text.parse::<Digest>().map(|digest| digest.0));
    let hashes: Vec<_> = hashes
        .collect::<Result<_, _>>()
        .map_err(|_| "its proof is no list of hashes".to_owned())?;
    verify_inclusion(&leaf_hash(&leaf), (response.position, tree.size), &hashes, &tree.root)
        .map_err(|error| format!("its proof: {error}"))?;
    let leaf = Leaf::from_wire(&leaf).map_err(|error| format!("its leaf: {error}"))?;
    let Event::AuthoritySigned(signed) = leaf.event else {
        return Err("its leaf is no signature of a CA certificate".to_owned());
    };
    let told = certificate(&response.certificate).map_err(|error| error.to_string())?;
    if assembled(&signed) != told {
        return Err("its certificate is not the one in the leaf".to_owned());
    }
    Certificate::parse(told.as_bytes()).map_err(|error| error.to_string())
}

/// Prints the verifier key of this ring's log.
pub async fn key(global: &Global) -> Outcome {
    let described = crate::admin::connect(&global.run_dir()?)?.describe().await?;
    let log = described.keys.0.iter().find(|key| key.purpose == Purpose::Log);
    let spki = log.and_then(|key| key.spki.as_ref()).context("the ring has no log key")?;
    let name = checkpoint::origin(described.instance);
    let key = NoteKey::of_spki(&name, Algorithm::Ed25519, spki)
        .map_err(|error| anyhow!("the log's key: {error}"))?;
    output::text(&key.to_string())
}
