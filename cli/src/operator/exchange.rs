//! A directory in which proposals wait for signatures: it may be on a stick, or shared.
//!
//! For every act there are `NAME.act` (the draft, for this program), `NAME.proposal` (the text
//! that operators read and sign) and what they add: `NAME.proposal.sig`, or any
//! `NAME.proposal.*.sig`.

use std::fs;
use std::path::{Path, PathBuf};

use ca::ceremony::WarrantError;
use serde::{Deserialize, Serialize};
use signer_proto::{Act, Action, Approval, Proposal, Proposed, Wire};
use x509::UnixTime;

use super::NAMESPACE;
use crate::exit::{Failure, Outcome};

/// Where proposals wait.
pub struct Exchange(PathBuf);

/// A draft whose proposal waits.
#[derive(Serialize, Deserialize)]
struct Draft {
    /// The act's encoding, in hex.
    act: String,
    action: String,
    needed: u8,
    /// Seconds since 1970.
    expires: i64,
}

impl Exchange {
    /// Opens the directory; makes it if it is not there.
    pub fn open(directory: &Path) -> Outcome<Self> {
        fs::create_dir_all(directory).map_err(|error| {
            Failure::Usage(format!("--approvals: {}: {error}", directory.display()))
        })?;
        Ok(Self(directory.to_owned()))
    }

    /// Finds the draft that waits in the place of `act`; one that is over is put away.
    pub fn waiting(&self, act: &Act) -> Result<Option<(Act, Proposed)>, WarrantError> {
        let name = name(act);
        let Ok(text) = fs::read_to_string(self.path(&name, "act")) else {
            return Ok(None);
        };
        let draft: Draft = serde_json::from_str(&text).map_err(|_| self.broken(&name))?;
        let now = crate::up::now().map_err(|error| WarrantError::Failed(error.to_string()))?;
        if draft.expires <= now.0 {
            eprintln!("chancery: the proposal {name} is over; here is a new one");
            self.put_away(&name, "expired");
            return Ok(None);
        }
        let octets = hex::decode(&draft.act).map_err(|_| self.broken(&name))?;
        let kept = Act::from_wire(&octets).map_err(|_| self.broken(&name))?;
        let action: Action = draft.action.parse().map_err(|_| self.broken(&name))?;
        let proposal = self.proposal(&name);
        let proposal = fs::read_to_string(&proposal).map_err(|_| self.broken(&name))?;
        let proposed = Proposed {
            proposal: Proposal(proposal),
            action,
            needed: draft.needed,
            expires: UnixTime(draft.expires),
        };
        Ok(Some((kept, proposed)))
    }

    /// Writes a proposal for operators to sign.
    pub fn keep(&self, act: &Act, proposed: &Proposed) -> Result<(), WarrantError> {
        let name = name(act);
        let draft = Draft {
            act: hex::encode(act.to_wire()),
            action: proposed.action.to_string(),
            needed: proposed.needed,
            expires: proposed.expires.0,
        };
        let text = serde_json::to_string_pretty(&draft)
            .map_err(|error| WarrantError::Failed(error.to_string()))?;
        // The draft last: with it, the text is there.
        fs::write(self.proposal(&name), &proposed.proposal.0)
            .and_then(|()| fs::write(self.path(&name, "act"), text))
            .map_err(|error| WarrantError::Failed(format!("{}: {error}", self.0.display())))
    }

    /// Reads the signatures that operators added.
    pub fn signatures(&self, act: &Act) -> Result<Vec<Approval>, WarrantError> {
        let failed =
            |error: std::io::Error| WarrantError::Failed(format!("{}: {error}", self.0.display()));
        let prefix = format!("{}.proposal.", name(act));
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.starts_with(&prefix) && name.ends_with("sig") {
                names.push(name);
            }
        }
        names.sort();
        names.iter().map(|name| fs::read(self.0.join(name)).map(Approval).map_err(failed)).collect()
    }

    /// Says what is to be signed, how, and what then.
    pub fn instructions(&self, act: &Act, proposed: &Proposed, have: usize) -> String {
        let path = self.proposal(&name(act));
        format!(
            "it waits for operators: {have} of {} signed. Each reads the text and signs it:\n\n  \
             ssh-keygen -Y sign -n {NAMESPACE} -f KEY {path}\n\n\
             and leaves the signature beside it, as {path}.NAME.sig where several sign. Then run \
             this command again. The proposal is over at {}.",
            proposed.needed,
            proposed.expires,
            path = path.display(),
        )
    }

    /// Puts away what belongs to an act that was carried out.
    pub fn done(&self, act: &Act) {
        self.put_away(&name(act), "done");
    }

    /// Moves the files of an act into a folder. What cannot be moved stays: the signer refuses a
    /// proposal that was carried out.
    fn put_away(&self, name: &str, folder: &str) {
        let folder = self.0.join(folder);
        let moved = fs::create_dir_all(&folder).and_then(|()| {
            for entry in fs::read_dir(&self.0)? {
                let file = entry?.file_name();
                let text = file.to_string_lossy();
                if text.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')) {
                    fs::rename(self.0.join(&file), folder.join(&file))?;
                }
            }
            Ok(())
        });
        if let Err(error) = moved {
            eprintln!("chancery: {}: {error}; move {name}.* away", self.0.display());
        }
    }

    fn broken(&self, name: &str) -> WarrantError {
        WarrantError::Failed(format!(
            "{} does not read: move {name}.* away and begin again",
            self.path(name, "act").display()
        ))
    }

    fn proposal(&self, name: &str) -> PathBuf {
        self.path(name, "proposal")
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.0.join(format!("{name}.{ending}"))
    }
}

/// Names an act by what stays the same when a ceremony is run again.
fn name(act: &Act) -> String {
    let kind = act.kind();
    let short = |octets: &[u8]| hex::encode(x509::sha256(octets).get(..4).unwrap_or_default());
    match act {
        Act::GenerateKey(call) => format!("{kind}.{}", call.label),
        Act::SetPolicy(call) => match call.previous {
            Some(previous) => format!("{kind}.{}.{}", call.key, short(&previous.0)),
            None => format!("{kind}.{}.first", call.key),
        },
        Act::SignAuthority(call) => {
            // The subject's key: serial and dates are new with every draft.
            let key = x509::TbsCertificate::parse(call.tbs.as_bytes()).map_or_else(
                |_| call.tbs.as_bytes().to_vec(),
                |tbs| tbs.public_key.spki().as_bytes().to_vec(),
            );
            format!("{kind}.{}.{}", call.key, short(&key))
        }
        Act::SignCaRequest(call) => format!("{kind}.{}", call.key),
        Act::AdoptKey(call) => format!("{kind}.{}", call.label),
        Act::SetKeyState(call) => format!("{kind}.{}.{}", call.key, call.to),
        // The serial prefix is drawn anew with every draft.
        Act::AcceptGap(call) => format!("{kind}.{}.{}", call.seen_size, short(&call.seen_root.0)),
        Act::Promote(_) => kind.to_string(),
        Act::Follow(call) => format!("{kind}.{}", short(&call.genesis.0)),
        Act::RecordCeremony(call) => format!("{kind}.{}", short(&call.plan.0)),
        other => format!("{kind}.{}", short(&other.to_wire())),
    }
}
