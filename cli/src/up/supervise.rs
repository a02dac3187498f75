//! The processes while `up` stays: started again when they die, ended in order.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::child::Running;
use super::factor::Factor;
use super::layout::Layout;
use crate::exit::{Failure, Outcome};

/// More deaths than this within a minute, and `up` gives up.
const DEATHS_PER_MINUTE: usize = 5;

/// The signals that end `up`. From their watching on they no longer kill it.
pub struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Begins to watch for them.
    pub fn watch() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("watch for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("watch for SIGINT")?,
        })
    }

    /// Waits for the first of them.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What `up` runs.
pub struct Processes {
    /// The signer.
    pub signer: Running,
    /// The server.
    pub server: Running,
    /// The validation authority, where it is installed.
    pub validator: Option<Running>,
}

impl Processes {
    /// Waits until one of them dies by itself, and says which and how.
    async fn died(&mut self) -> (&mut Running, bool, String) {
        let Self { signer, server, validator } = self;
        let third = async {
            match validator {
                Some(validator) => (validator.died().await, validator),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            how = signer.died() => (signer, true, how),
            how = server.died() => (server, false, how),
            (how, validator) = third => (validator, false, how),
        }
    }
}

/// Ends a process that may not be there.
pub async fn end(running: Option<Running>) {
    if let Some(running) = running {
        running.end().await;
    }
}

/// Waits for the end: Ctrl-C and SIGTERM end all in order; a process that dies is started again.
pub async fn supervise(
    mut processes: Processes,
    layout: &Layout,
    factor: &Factor,
    ends: &mut Ends,
) -> Outcome {
    let mut deaths: Vec<Instant> = Vec::new();
    let failure = loop {
        let (died, is_signer, how) = tokio::select! {
            () = ends.asked() => break None,
            died = processes.died() => died,
        };
        eprintln!("chancery: {} died ({how}), starting it again", died.name());
        let now = Instant::now();
        deaths.retain(|death| now.duration_since(*death) < Duration::from_secs(60));
        deaths.push(now);
        if deaths.len() > DEATHS_PER_MINUTE {
            break Some(format!(
                "{} deaths within a minute: see the messages above, then `chancery doctor`",
                deaths.len()
            ));
        }
        match died.again().await {
            Ok(running) => *died = running,
            Err(error) => break Some(format!("{} does not start again: {error:#}", died.name())),
        }
        if is_signer && let Err(failure) = factor.try_open(layout).await {
            eprintln!("chancery: the ring stays locked: {failure}");
        }
    };
    // The server first: what it has under way still finds the others.
    let Processes { signer, server, validator } = processes;
    server.end().await;
    end(validator).await;
    signer.end().await;
    match failure {
        None => crate::output::text("chancery: ended"),
        Some(why) => Err(Failure::Unavailable(why)),
    }
}
