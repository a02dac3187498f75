//! `chancery ceremony`: a reviewed plan, carried out step by step, with a transcript.

mod media;
mod plan;
mod run;
mod transcript;

pub use media::request as write_request;

use std::path::PathBuf;

use clap::Subcommand;
use signer_proto::KeyLabel;

use crate::exit::Outcome;
use crate::options::Global;

/// Ceremonies.
#[derive(Debug, Subcommand)]
pub enum Ceremony {
    /// Carry out a plan; run again after it was interrupted, or when operators have signed
    Run {
        /// The reviewed input file: docs/operate/ceremony.md
        plan: PathBuf,
        /// Check the plan and say what is done already and what would be done; do nothing
        #[arg(long)]
        dry_run: bool,
        /// Where the transcript goes, to be printed and signed by those who were there
        #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
        transcript: Option<PathBuf>,
    },
    /// Write the signed request for a CA of this ring, for a ring that is offline
    Request {
        /// The key's label: the CA's name
        key: KeyLabel,
        /// Where the request goes
        #[arg(long)]
        out: PathBuf,
    },
    /// Verify the response of a ring that is offline, and write the certificates in it
    Response {
        /// The response file
        response: PathBuf,
        /// The verifier key of the offline ring's log, as its `chancery ceremony key` prints it
        #[arg(long)]
        log_key: String,
        /// Where the certificate goes, and after it those above (PEM), for `chancery ca import`
        #[arg(long)]
        out: PathBuf,
    },
    /// Print the verifier key of this ring's log, for `ceremony response --log-key`
    Key,
}

impl Ceremony {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        match self {
            Self::Run { plan, dry_run, transcript } => {
                run::run(global, &plan, if dry_run { None } else { transcript }).await
            }
            Self::Request { key, out } => media::request(global, &key, &out).await,
            Self::Response { response, log_key, out } => {
                media::response(global, &response, &log_key, &out)
            }
            Self::Key => media::key(global).await,
        }
    }
}
