//! The input file of a ceremony: reviewed before, and the only thing that decides what is done.

use std::path::{Path, PathBuf};

use ca::hierarchy::CaRequest;
use ca::profile::Seconds;
use serde::Deserialize;
use signer_proto::{Digest, InstanceId, KeyLabel, KeyState};

use crate::exit::{Failure, Outcome};
use crate::options::read;

/// What is to be done, in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always 1.
    version: u32,
    /// What the ceremony is for; stands at the head of the transcript.
    pub title: String,
    /// The ring in which it is done, so that no other one is taken by mistake.
    #[serde(default)]
    instance: Option<String>,
    /// The base of the CRL and CA URLs in certificates.
    pub public_url: String,
    /// The steps.
    #[serde(default)]
    step: Vec<RawStep>,
    /// Where the file lies: paths in it are relative to that.
    #[serde(skip)]
    folder: PathBuf,
    /// SHA-256 of the file.
    #[serde(skip)]
    digest: Option<Digest>,
}

/// One step as it is written: exactly one of the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStep {
    authority: Option<Box<CaRequest>>,
    policy: Option<RawPolicy>,
    sign_request: Option<RawSignRequest>,
    crl: Option<RawCrl>,
    key_state: Option<RawKeyState>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    key: String,
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignRequest {
    parent: String,
    request: PathBuf,
    response: PathBuf,
    /// Public keys of OpenSSH that may have signed the request.
    requesters: Vec<String>,
    validity: Seconds,
    path_len: Option<u8>,
    #[serde(default)]
    constraints: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCrl {
    key: String,
    next_update: Seconds,
    out: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeyState {
    key: String,
    to: String,
}

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Make a CA in this ring: key, certificate, policies.
    Authority(Box<CaRequest>),
    /// Put a policy in force.
    Policy {
        /// For which key.
        key: KeyLabel,
        /// The text.
        text: String,
    },
    /// Sign a request that came on removable media.
    SignRequest(SignRequest),
    /// Sign a CRL.
    Crl {
        /// Whose.
        key: KeyLabel,
        /// From now to its nextUpdate.
        lasts: Seconds,
        /// Where it goes (PEM).
        out: PathBuf,
    },
    /// Take a key to another state.
    KeyState {
        /// Which key.
        key: KeyLabel,
        /// Where it goes.
        to: KeyState,
    },
}

/// A request that came on removable media, and how it is answered.
#[derive(Debug)]
pub struct SignRequest {
    /// The CA of this ring that signs.
    pub parent: KeyLabel,
    /// The request file.
    pub request: PathBuf,
    /// Where the response goes.
    pub response: PathBuf,
    /// Who may have signed the request.
    pub requesters: Vec<signer_quorum::Operator>,
    /// How long the certificate lasts.
    pub validity: Seconds,
    /// How many CAs may stand below it.
    pub path_len: Option<u8>,
    /// What it is confined to.
    pub constraints: Vec<String>,
}

impl Plan {
    /// Reads the file and all that it names.
    pub fn read(path: &Path) -> Outcome<(Self, Vec<Step>)> {
        let text = read(path, "the plan")?;
        let bad = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
        let mut plan: Self = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if plan.version != 1 {
            return Err(bad(format!("version {} is not 1", plan.version)));
        }
        plan.folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        plan.digest = Some(Digest(x509::sha256(text.as_bytes())));
        let raw = std::mem::take(&mut plan.step);
        if raw.is_empty() {
            return Err(bad("it has no step".into()));
        }
        let mut steps = Vec::new();
        for (number, step) in (1..).zip(raw) {
            let step = plan.step(step).map_err(|why| bad(format!("step {number}: {why}")))?;
            steps.push(step);
        }
        Ok((plan, steps))
    }

    /// Gives SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        self.digest.unwrap_or(Digest([0; 32]))
    }

    /// Refuses another ring than the one that the plan is for.
    pub fn check_instance(&self, found: InstanceId) -> Outcome {
        match &self.instance {
            Some(wanted) if *wanted != found.to_string() => Err(Failure::Refused(format!(
                "the plan is for the ring {wanted}, and this is {found}"
            ))),
            _ => Ok(()),
        }
    }

    fn step(&self, raw: RawStep) -> Result<Step, String> {
        let RawStep { authority, policy, sign_request, crl, key_state } = raw;
        match (authority, policy, sign_request, crl, key_state) {
            (Some(request), None, None, None, None) => {
                // The text form checks what the fields alone do not.
                let text = request.to_text().map_err(|error| error.to_string())?;
                CaRequest::parse(&text).map_err(|error| error.to_string())?;
                Ok(Step::Authority(request))
            }
            (None, Some(policy), None, None, None) => self.policy(&policy),
            (None, None, Some(request), None, None) => self.sign_request(request),
            (None, None, None, Some(crl), None) => Ok(Step::Crl {
                key: label(&crl.key)?,
                lasts: crl.next_update,
                out: self.folder.join(crl.out),
            }),
            (None, None, None, None, Some(state)) => Ok(Step::KeyState {
                key: label(&state.key)?,
                to: state.to.parse().map_err(|_| format!("`{}` is no state", state.to))?,
            }),
            _ => {
                Err("it has exactly one of authority, policy, sign-request, crl, key-state"
                    .to_owned())
            }
        }
    }

    fn policy(&self, policy: &RawPolicy) -> Result<Step, String> {
        let path = self.folder.join(&policy.file);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        signer_policy::KeyPolicy::parse(&text)
            .map_err(|errors| format!("{}: {errors}", path.display()))?;
        Ok(Step::Policy { key: label(&policy.key)?, text })
    }

    fn sign_request(&self, raw: RawSignRequest) -> Result<Step, String> {
        if raw.requesters.is_empty() {
            return Err("requesters is empty: nobody could have signed the request".into());
        }
        let requesters = raw.requesters.iter().map(|line| {
            signer_quorum::Operator::parse(line).map_err(|why| format!("requesters: {why}"))
        });
        Ok(Step::SignRequest(SignRequest {
            parent: label(&raw.parent)?,
            request: self.folder.join(raw.request),
            response: self.folder.join(raw.response),
            requesters: requesters.collect::<Result<_, _>>()?,
            validity: raw.validity,
            path_len: raw.path_len,
            constraints: raw.constraints,
        }))
    }
}

fn label(text: &str) -> Result<KeyLabel, String> {
    KeyLabel::new(text).map_err(|_| format!("`{text}` is no label of a key"))
}

impl Step {
    /// Says in words what the step does.
    pub fn words(&self) -> String {
        match self {
            Self::Authority(request) => format!(
                "make the {} CA `{}`, {}, a {} key, for {}{}",
                request.kind,
                request.name,
                request.subject,
                request.key,
                request.validity,
                match &request.parent {
                    Some(parent) => format!(", signed by `{parent}`"),
                    None if request.kind == model::IssuerKind::Root => String::new(),
                    None => ", to be signed elsewhere".to_owned(),
                }
            ),
            Self::Policy { key, text } => format!(
                "put the policy {} in force for `{key}`",
                Digest(x509::sha256(text.as_bytes()))
            ),
            Self::SignRequest(request) => format!(
                "sign the request {} by `{}`, for {}, into {}",
                request.request.display(),
                request.parent,
                request.validity,
                request.response.display()
            ),
            Self::Crl { key, lasts, out } => {
                format!("sign a CRL of `{key}` that lasts {lasts}, into {}", out.display())
            }
            Self::KeyState { key, to } => format!("take `{key}` to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "version = 1\ntitle = \"t\"\npublic_url = \"http://pki.corp.example\"\n";

    fn plan(rest: &str) -> Result<Vec<Step>, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("plan.toml");
        std::fs::write(&path, format!("{HEAD}{rest}")).expect("written");
        Plan::read(&path).map(|(_, steps)| steps).map_err(|failure| {
            let told = failure.to_string();
            told.split_once("plan.toml: ").map_or(told.clone(), |(_, why)| why.to_owned())
        })
    }

    #[test]
    fn steps_read_in_order() {
        let steps = plan(
            "[[step]]\nauthority = { version = 1, name = \"root\", kind = \"root\", subject = \
             \"CN=R\", key = \"p-384\", validity = \"7305d\" }\n[[step]]\ncrl = { key = \"root\", \
             next_update = \"180d\", out = \"root.crl\" }\n[[step]]\nkey-state = { key = \"old\", \
             to = \"deactivated\" }\n",
        );
        let words: Vec<_> = steps.expect("a plan").iter().map(Step::words).collect();
        assert_eq!(words[0], "make the root CA `root`, CN=R, a p-384 key, for 7305d");
        assert!(words[1].starts_with("sign a CRL of `root` that lasts 180d, into "));
        assert_eq!(words[2], "take `old` to deactivated");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_step() {
        let told = |rest: &str| plan(rest).map(|steps| steps.len());
        assert_eq!(told(""), Err("it has no step".to_owned()));
        let both = "[[step]]\nkey-state = { key = \"a\", to = \"active\" }\ncrl = { key = \"a\", \
            next_update = \"1d\", out = \"x\" }\n";
        let one = "step 1: it has exactly one of authority, policy, sign-request, crl, key-state";
        assert_eq!(told(both), Err(one.to_owned()));
        let state = "[[step]]\nkey-state = { key = \"a\", to = \"gone\" }\n";
        assert_eq!(told(state), Err("step 1: `gone` is no state".to_owned()));
        let nobody = "[[step]]\nsign-request = { parent = \"root\", request = \"r\", response = \
            \"s\", requesters = [], validity = \"1d\" }\n";
        let empty = "step 1: requesters is empty: nobody could have signed the request";
        assert_eq!(told(nobody), Err(empty.to_owned()));
    }
}
