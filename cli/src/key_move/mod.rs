//! `chancery key move`: an issuing CA gets a new key in another ring, since keys are never exported.
//!
//! Nothing is remembered between two runs: what was done is read from the server and the rings, and
//! the next run goes on behind it.

mod perform;
mod step;
mod view;

use std::path::PathBuf;

use ca::profile::Seconds;
use clap::Args;
use model::{IssuerName, RingName};
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;
use step::{State, Step};
use view::View;

/// Moves an issuing CA to a new key in another ring.
#[derive(Debug, Args)]
pub struct Move {
    /// The issuing CA, by its name
    pub ca: IssuerName,
    /// The ring that is to hold the new key, by the server's name of it
    #[arg(long)]
    pub to: RingName,
    /// The name of the CA with the new key; default: CA-RING
    #[arg(long)]
    pub name: Option<IssuerName>,
    /// Its subject; default: the old one's, with G2, G3, ... behind the common name
    #[arg(long)]
    pub subject: Option<String>,
    /// Its key, as p-256 or rsa-3072; default: the kind of the old one
    #[arg(long)]
    pub key: Option<String>,
    /// How long its certificate lasts, never beyond its parent's; default: as long as the old one's
    #[arg(long)]
    pub validity: Option<Seconds>,
    /// Domains and networks that its certificate is constrained to; default: as the old one's
    #[arg(long, value_delimiter = ',')]
    pub constraints: Option<Vec<String>>,
    /// Where the request goes and the certificate is waited for, if no CA of this server signs the
    /// old one's
    #[arg(long, value_name = "DIR")]
    pub exchange: Option<PathBuf>,
    /// Take that certificate in although it deviates from RFC 5280 in the ways that the refusal
    /// listed
    #[arg(long)]
    pub accept_deviations: bool,
    /// Say what would be done, step by step; do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Say how far it is; do nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub status: bool,
}

impl Move {
    /// Goes on behind what is done, up to the end or to the first step that has to wait.
    pub async fn run(self, global: &Global) -> Outcome {
        if global.ring.is_some() {
            return Err(Failure::Usage(
                "--ring: the CA is in its ring; --to names the other".into(),
            ));
        }
        let api = Api::open(global)?;
        let mut view = View::read(global, &api, &self).await?;
        view.check(&self)?;
        if self.dry_run || self.status {
            return show(global, &view).await;
        }
        for step in Step::ALL {
            match view.state_of(step).await? {
                State::Done => eprintln!("done: {}", step.words(&view)),
                State::Waits(why) => eprintln!("later: {}: {why}", step.words(&view)),
                State::ToDo => {
                    eprintln!("now: {}", step.words(&view));
                    view.perform(step, &self).await?;
                    view = View::read(global, &api, &self).await?;
                }
                State::Unknown(why) => return Err(Failure::Unavailable(why)),
            }
        }
        show(global, &view).await
    }
}

/// Prints every step with its state.
async fn show(global: &Global, view: &View<'_>) -> Outcome {
    let mut rows = Vec::new();
    for (number, step) in (1..).zip(Step::ALL) {
        let (state, why) = match view.state_of(step).await? {
            State::Done => ("done", None),
            State::ToDo => ("to do", None),
            State::Waits(why) => ("waits", Some(why)),
            State::Unknown(why) => ("unknown", Some(why)),
        };
        let words = step.words(view);
        let words = why.map_or_else(|| words.clone(), |why| format!("{words}: {why}"));
        rows.push((i32::to_string(&number), state, words));
    }
    if global.json {
        let steps: Vec<_> = rows
            .iter()
            .map(|(number, state, does)| json!({ "step": number, "state": state, "does": does }))
            .collect();
        return output::json(&json!({
            "from": view.old_name(), "to": view.name.as_str(), "steps": steps,
        }));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(number, state, does)| vec![number, state.to_owned(), does])
        .collect();
    output::table(&["STEP", "STATE", "DOES"], &rows)
}
