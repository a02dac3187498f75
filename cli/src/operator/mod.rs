//! What operators approve: where the warrants of this tool's acts come from.

mod exchange;
mod key;
mod keygen;

pub use key::{OperatorKey, public_path};

use std::path::{Path, PathBuf};

use ca::ceremony::{Granting, Operator, WarrantError, Warrants};
use clap::Args;
use signer_client::SignerClient;
use signer_proto::{Act, Approval, Approvals, Propose, Proposed, ReadOperators, Warrant};
use signer_quorum::{SshKey, SshSignature};

use crate::exit::{Failure, Outcome};
use crate::options::Global;
use exchange::Exchange;

/// What operators sign in: their signatures count for nothing else.
pub const NAMESPACE: &str = "chancery/quorum/v1";
/// How long a proposal lasts that is signed at once.
const AT_ONCE: u32 = 600;
/// How long a proposal lasts that travels.
const TRAVELS: u32 = 7 * 86_400;

/// Who approves what this command does.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Who approves what the command does to the ring")]
pub struct Approving {
    /// An operator's key, or a public key whose private half an agent or a security key has:
    /// `ssh-keygen -Y sign` signs with it at once. May be given several times; the key that
    /// `chancery up` made signs besides, as long as it is an operator's
    #[arg(long = "operator-key", global = true, value_name = "FILE")]
    pub operator_keys: Vec<PathBuf>,
    /// A directory in which proposals wait for the signatures of operators elsewhere. The command
    /// says what to sign; run again, it takes the signatures and goes on
    #[arg(long = "approvals", global = true, value_name = "DIR")]
    pub approvals: Option<PathBuf>,
}

/// Gets warrants from the keys and files that the command line names.
pub struct Approvers {
    /// Keys for `ssh-keygen`.
    keys: Vec<PathBuf>,
    /// The key in the data directory.
    own: Option<OperatorKey>,
    exchange: Option<Exchange>,
}

/// Opens admin.sock of the ring to act on as an operator.
pub fn operator(global: &Global) -> Outcome<Operator> {
    operator_in(global, global.ring.as_deref())
}

/// Opens admin.sock of a ring as an operator.
pub fn operator_in(global: &Global, ring: Option<&str>) -> Outcome<Operator> {
    let layout = global.layout()?;
    let client = crate::admin::connect(&global.run_dir_of(ring)?)?;
    Ok(Operator::new(client, Approvers::new(&global.approving, &layout.operator_key())?))
}

impl Approvers {
    /// Takes the options and where `chancery up` keeps its operator's key.
    pub fn new(approving: &Approving, own: &Path) -> Outcome<Self> {
        let own = own.exists().then(|| OperatorKey::read(own)).transpose()?;
        let exchange = approving.approvals.as_deref().map(Exchange::open).transpose()?;
        Ok(Self { keys: approving.operator_keys.clone(), own, exchange })
    }

    async fn signed(
        &self,
        client: &SignerClient,
        act: Act,
    ) -> Result<(Act, Warrant), WarrantError> {
        let expires_in = if self.exchange.is_some() { TRAVELS } else { AT_ONCE };
        let draft = match &self.exchange {
            Some(exchange) => exchange.waiting(&act)?,
            None => None,
        };
        let (act, proposed) = match draft {
            Some(draft) => draft,
            None => {
                let propose = Propose { act: act.clone(), expires_in };
                let proposed = client.propose(&propose).await?;
                if proposed.needed == 0 {
                    return Ok((act, Warrant::none()));
                }
                if let Some(exchange) = &self.exchange {
                    exchange.keep(&act, &proposed)?;
                }
                (act, proposed)
            }
        };
        let mut approvals = match &self.exchange {
            Some(exchange) => exchange.signatures(&act)?,
            None => Vec::new(),
        };
        let operators = operators_of(client).await?;
        approvals.extend(self.sign_here(self.own_among(&operators), &proposed)?);
        let approvals = of_operators(distinct(approvals), &[operators, becoming(&act)].concat());
        self.enough(&act, &proposed, approvals.len())?;
        Ok((act, Warrant { proposal: proposed.proposal, approvals: Approvals(approvals) }))
    }

    /// Gives the key in the data directory while it is an operator's.
    fn own_among(&self, operators: &[String]) -> Option<&OperatorKey> {
        let own = self.own.as_ref()?;
        let blob = blob(&own.public_line())?;
        operators.contains(&blob).then_some(own)
    }

    fn sign_here(
        &self,
        own: Option<&OperatorKey>,
        proposed: &Proposed,
    ) -> Result<Vec<Approval>, WarrantError> {
        let text = proposed.proposal.0.as_bytes();
        let mut approvals = Vec::new();
        if let Some(own) = own {
            approvals.push(Approval(own.sign(NAMESPACE, text).into_bytes()));
        }
        for key in &self.keys {
            approvals.push(Approval(keygen::sign(key, NAMESPACE, text)?));
        }
        Ok(approvals)
    }

    /// Says what is missing, before the signer refuses it for that.
    fn enough(&self, act: &Act, proposed: &Proposed, have: usize) -> Result<(), WarrantError> {
        if have >= usize::from(proposed.needed) {
            return Ok(());
        }
        Err(WarrantError::Waiting(match &self.exchange {
            Some(exchange) => exchange.instructions(act, proposed, have),
            None => format!(
                "it needs {} operators and {have} approved: name their keys with --operator-key, \
                 or let proposals travel with --approvals DIR (docs/operate/ceremony.md)",
                proposed.needed
            ),
        }))
    }
}

impl Warrants for Approvers {
    fn grant<'a>(&'a self, client: &'a SignerClient, act: Act) -> Granting<'a> {
        Box::pin(self.signed(client, act))
    }

    fn done(&self, act: &Act) {
        if let Some(exchange) = &self.exchange {
            exchange.done(act);
        }
    }
}

/// Lists the operators of a ring by the middle of their public keys' lines.
async fn operators_of(client: &SignerClient) -> Result<Vec<String>, WarrantError> {
    let operators = client.read_operators(&ReadOperators).await?.operators;
    Ok(operators.0.iter().filter_map(|operator| blob(&operator.0)).collect())
}

/// Lists those who become operators by an act: each new key signs it too.
fn becoming(act: &Act) -> Vec<String> {
    match act {
        Act::SetOperators(call) => call.operators.0.iter().filter_map(|key| blob(&key.0)).collect(),
        _ => Vec::new(),
    }
}

fn blob(line: &str) -> Option<String> {
    line.split(' ').nth(1).map(str::to_owned)
}

/// Leaves out signatures of others than a ring's operators, if any is of one: a command that acts
/// on two rings has the keys of both rings' operators. Else the signer says what is wrong.
fn of_operators(approvals: Vec<Approval>, operators: &[String]) -> Vec<Approval> {
    let is_one = |approval: &Approval| {
        let line = signer_of(approval).map(|key| key.to_text());
        line.and_then(|line| blob(&line)).is_some_and(|blob| operators.contains(&blob))
    };
    let (ours, others): (Vec<_>, Vec<_>) = approvals.into_iter().partition(is_one);
    if ours.is_empty() { others } else { ours }
}

/// Leaves out a signature that is there twice: the own key may have signed in the directory too.
fn distinct(approvals: Vec<Approval>) -> Vec<Approval> {
    let mut out: Vec<Approval> = Vec::new();
    let mut keys = Vec::new();
    for approval in approvals {
        let key = signer_of(&approval);
        if key.is_none() || !keys.contains(&key) {
            keys.push(key);
            out.push(approval);
        }
    }
    out
}

/// Gives the public key that an approval names; the signer is the judge of all else.
fn signer_of(approval: &Approval) -> Option<SshKey> {
    SshSignature::parse(&approval.0).ok().map(|signature| signature.key().clone())
}

/// Signs a text that is no proposal with the first key that the command line names, or the own.
pub fn sign_once(global: &Global, namespace: &str, text: &[u8]) -> Outcome<Vec<u8>> {
    if let Some(key) = global.approving.operator_keys.first() {
        return keygen::sign(key, namespace, text)
            .map_err(|error| Failure::Refused(error.to_string()));
    }
    let path = global.layout()?.operator_key();
    Ok(OperatorKey::read(&path)?.sign(namespace, text).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_signed_twice_counts_once() {
        let (one, two) = (OperatorKey::generate("1"), OperatorKey::generate("2"));
        let (one, two) = (one.expect("a key"), two.expect("a key"));
        let sign = |key: &OperatorKey| Approval(key.sign(NAMESPACE, b"do it").into_bytes());
        let kept = distinct(vec![sign(&one), sign(&two), sign(&one)]);
        assert_eq!(kept, [sign(&one), sign(&two)]);
        let junk = Approval(b"none".to_vec());
        assert_eq!(distinct(vec![junk.clone(), junk.clone()]).len(), 2, "for the signer to refuse");
    }
}
