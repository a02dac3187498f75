//! Carrying a plan out. Every step can be run again: what is done is found and left as it is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ca::PublicUrls;
use ca::ceremony::{self, Executed, Operator, Parent};
use ca::hierarchy::CaRequest;
use ca::profile::Seconds;
use model::IssuerName;
use serde_json::json;
use signer_proto::{
    BuildCrl, KeyDescription, KeyLabel, KeyState, PolicyText, ReadOperators, ReadPolicy,
    RecordCeremony, SetKeyState, SetPolicy, Socket, Warrant,
};
use x509::{Certificate, CertificateDer, Crl, pem};

use super::media;
use super::plan::{Plan, Step};
use super::transcript::{Happened, fingerprint, transcript};
use crate::admin::{failure, not_done};
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::Global;
use crate::output;
use crate::up::write_private;

/// How long a CRL may take: it is as long as what was revoked.
const SIGNING: std::time::Duration = std::time::Duration::from_secs(30);

/// What every step needs.
pub struct Room<'a> {
    /// admin.sock.
    pub admin: &'a Operator,
    /// The URLs in certificates.
    pub urls: PublicUrls,
}

/// Carries a plan out, or says what it would do if there is no place for a transcript.
pub async fn run(global: &Global, path: &Path, out: Option<PathBuf>) -> Outcome {
    let (plan, steps) = Plan::read(path)?;
    let admin = operator(global)?;
    let described = admin.describe().await?;
    plan.check_instance(described.instance)?;
    let urls = PublicUrls::new(&plan.public_url)
        .map_err(|error| Failure::Usage(format!("public_url: {error}")))?;
    let room = Room { admin: &admin, urls };
    let Some(out) = out else {
        return dry_run(global, &room, &plan, &steps).await;
    };
    let mut happened = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        eprintln!("step {number} of {}: {}", steps.len(), step.words());
        happened.push(Happened { step: step.words(), facts: room.perform(step).await? });
    }
    let operators = admin.read_operators(&ReadOperators).await?;
    let text = transcript(&plan, &described, &operators, &happened, crate::up::now()?)?;
    let call = RecordCeremony { plan: plan.digest(), transcript: text, warrant: Warrant::none() };
    let act = "recording the ceremony";
    let (call, recorded) = admin.act(call).await.map_err(|error| not_done(act, error))?;
    let printed =
        format!("{}\nRecorded in the journal at {}.\n", call.transcript.0, recorded.position);
    write_private(&out, printed.as_bytes(), 0o644)?;
    let answer = json!({
        "plan": plan.digest().to_string(),
        "position": recorded.position,
        "transcript": out.display().to_string(),
    });
    if global.json {
        return output::json(&answer);
    }
    output::fields(&answer, &["plan", "position", "transcript"])
}

async fn dry_run(global: &Global, room: &Room<'_>, plan: &Plan, steps: &[Step]) -> Outcome {
    let mut rows = Vec::new();
    for (number, step) in (1..).zip(steps) {
        let state = if room.is_done(step).await? { "done" } else { "to do" };
        rows.push((number, state, step.words()));
    }
    let operators = room.admin.read_operators(&ReadOperators).await?;
    if global.json {
        let steps: Vec<_> = rows
            .iter()
            .map(|(number, state, words)| json!({ "step": number, "state": state, "does": words }))
            .collect();
        return output::json(&json!({
            "plan": plan.digest().to_string(),
            "operators": operators.operators.0.len(),
            "steps": steps,
        }));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(number, state, words)| vec![i32::to_string(&number), state.to_owned(), words])
        .collect();
    output::table(&["STEP", "STATE", "DOES"], &rows)?;
    output::text(&format!(
        "\nplan {}, {} operators: `chancery operators list` says how many each act needs",
        plan.digest(),
        operators.operators.0.len()
    ))
}

impl Room<'_> {
    async fn key(&self, label: &KeyLabel) -> Outcome<Option<KeyDescription>> {
        let described = self.admin.describe().await?;
        Ok(described.keys.0.into_iter().find(|key| key.label == *label))
    }

    async fn known(&self, label: &KeyLabel) -> Outcome<KeyDescription> {
        let key = self.key(label).await?;
        key.ok_or_else(|| Failure::NotFound(format!("the ring has no key `{label}`")))
    }

    /// Finds a CA of this ring that is to sign.
    pub async fn parent(&self, label: &KeyLabel) -> Outcome<Parent> {
        let certificate = ceremony::certificate_of(self.admin, label).await.map_err(failure)?;
        let certificate = certificate.ok_or_else(|| {
            Failure::NotFound(format!("`{label}` has no certificate in this ring"))
        })?;
        let name = IssuerName::new(label.as_str()).context("the name of the CA that signs")?;
        Ok(Parent { name, key_label: label.to_string(), certificate })
    }

    /// Says whether there is nothing left to do for a step.
    async fn is_done(&self, step: &Step) -> Outcome<bool> {
        Ok(match step {
            Step::Authority(request) => {
                let label = self.label(request)?;
                ceremony::certificate_of(self.admin, &label).await.map_err(failure)?.is_some()
            }
            Step::Policy { key, text } => {
                let digest = signer_proto::Digest(x509::sha256(text.as_bytes()));
                let policy = self.key(key).await?.and_then(|key| key.policy);
                policy.is_some_and(|policy| policy.digest == digest)
            }
            Step::SignRequest(request) => request.response.exists(),
            Step::Crl { out, .. } => out.exists(),
            Step::KeyState { key, to } => self.known(key).await?.state == *to,
        })
    }

    fn label(&self, request: &CaRequest) -> Outcome<KeyLabel> {
        Ok(KeyLabel::new(request.name.as_str()).context("the name of the CA")?)
    }

    async fn perform(&self, step: &Step) -> Outcome<Vec<String>> {
        match step {
            Step::Authority(request) => self.authority(request).await,
            Step::Policy { key, text } => self.policy(key, text).await,
            Step::SignRequest(request) => media::sign(self, request).await,
            Step::Crl { key, lasts, out } => self.crl(key, *lasts, out).await,
            Step::KeyState { key, to } => self.key_state(key, *to).await,
        }
    }

    async fn authority(&self, request: &CaRequest) -> Outcome<Vec<String>> {
        let parent = match &request.parent {
            Some(name) => Some(
                self.parent(&KeyLabel::new(name.as_str()).context("the parent's name")?).await?,
            ),
            None => None,
        };
        let now = crate::up::now()?;
        let done = ceremony::execute(self.admin, request, parent.as_ref(), &self.urls, now)
            .await
            .map_err(failure)?;
        let key = self.known(&self.label(request)?).await?;
        let mut facts = vec![format!("Key: {} {} {}", key.label, key.id, key.spec)];
        match done {
            Executed::Signed(certificate) => facts.extend(certified(&certificate)?),
            Executed::Request(_) => facts.push(format!(
                "Request: signed; `chancery ceremony request {}` writes it",
                request.name
            )),
        }
        Ok(facts)
    }

    async fn policy(&self, label: &KeyLabel, text: &str) -> Outcome<Vec<String>> {
        let digest = signer_proto::Digest(x509::sha256(text.as_bytes()));
        let key = self.known(label).await?;
        let mut version = key.policy.map(|policy| policy.version);
        if key.policy.map(|policy| policy.digest) != Some(digest) {
            let call = SetPolicy {
                key: label.clone(),
                previous: key.policy.map(|policy| policy.digest),
                text: PolicyText(text.to_owned()),
                warrant: Warrant::none(),
            };
            let act = format!("putting a policy in force for `{label}`");
            let (_, set) = self.admin.act(call).await.map_err(|error| not_done(&act, error))?;
            version = Some(set.version);
        }
        Ok(vec![format!("Policy: {label} version {} {digest}", version.unwrap_or(0))])
    }

    async fn crl(&self, label: &KeyLabel, lasts: Seconds, out: &Path) -> Outcome<Vec<String>> {
        if !out.exists() {
            let policy = self.admin.read_policy(&ReadPolicy { key: label.clone() }).await?;
            let policy = signer_policy::KeyPolicy::parse(&policy.text.0)
                .with_context(|| format!("the policy of `{label}`"))?;
            let next_update = crate::up::now()?.plus_seconds(lasts.0);
            let call = BuildCrl { key: label.clone(), shard: 0, next_update };
            let built = self.admin.call(Socket::Admin, &call, SIGNING).await?;
            let crl = Crl::assemble(&built.tbs, policy.scheme(), &built.signature);
            write_private(out, pem::encode(pem::X509_CRL, crl.as_bytes()).as_bytes(), 0o644)?;
        }
        let text = std::fs::read_to_string(out)?;
        let der =
            pem::decode_one(&text, pem::X509_CRL).with_context(|| out.display().to_string())?;
        let crl = Crl::parse(&der).with_context(|| out.display().to_string())?;
        Ok(vec![
            format!("CRL: {label} number {}", crl.number()),
            format!("  SHA-256 {}", fingerprint(&der)),
        ])
    }

    async fn key_state(&self, label: &KeyLabel, to: KeyState) -> Outcome<Vec<String>> {
        let from = self.known(label).await?.state;
        if from != to {
            let call = SetKeyState { key: label.clone(), from, to, warrant: Warrant::none() };
            let act = format!("taking `{label}` from {from} to {to}");
            self.admin.act(call).await.map_err(|error| not_done(&act, error))?;
        }
        Ok(vec![format!("Key: {label} is {to}")])
    }
}

/// Says what a certificate is.
pub fn certified(certificate: &CertificateDer) -> Outcome<Vec<String>> {
    let read = Certificate::parse(certificate.as_bytes()).context("read the certificate back")?;
    let tbs = read.tbs();
    Ok(vec![
        format!("Certificate: {}", tbs.subject),
        format!("  serial {}", tbs.serial),
        format!("  from {} to {}", tbs.not_before, tbs.not_after),
        format!("  SHA-256 {}", fingerprint(certificate.as_bytes())),
    ])
}
