//! Both processes while `up` stays: started again when they die, ended in order.

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

/// Waits for the end: Ctrl-C and SIGTERM end both in order; a process that dies is started again.
pub async fn supervise(
    mut signer: Running,
    mut server: Running,
    layout: &Layout,
    factor: &Factor,
    ends: &mut Ends,
) -> Outcome {
    let mut deaths: Vec<Instant> = Vec::new();
    let failure = loop {
        let (is_signer, how) = tokio::select! {
            () = ends.asked() => break None,
            how = signer.died() => (true, how),
            how = server.died() => (false, how),
        };
        let died = if is_signer { &mut signer } else { &mut server };
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
    // The server first: what it has under way still finds the signer.
    server.end().await;
    signer.end().await;
    match failure {
        None => crate::output::text("chancery: ended"),
        Some(why) => Err(Failure::Unavailable(why)),
    }
}
