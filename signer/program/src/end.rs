//! When to end: SIGTERM, SIGINT, or a parent that is gone.

use std::io::Read as _;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Why the signer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Somebody sent SIGTERM or SIGINT.
    Signal,
    /// The other end of stdin was closed.
    ParentGone,
}

/// Starts to listen for reasons; the first one that is received counts.
pub(crate) fn reasons(parent_pipe: bool) -> anyhow::Result<Receiver<Reason>> {
    let (tell, reasons) = mpsc::channel();
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("signals cannot be caught")?;
    let on_signal = tell.clone();
    start("signals", move || {
        for _ in signals.forever() {
            if on_signal.send(Reason::Signal).is_err() {
                return;
            }
        }
    })?;
    if parent_pipe {
        start("parent", move || wait_for_parent(&tell))?;
    }
    Ok(reasons)
}

/// Reads stdin to its end; what comes is of no interest.
fn wait_for_parent(tell: &Sender<Reason>) {
    let mut octets = [0; 64];
    while std::io::stdin().read(&mut octets).is_ok_and(|count| count > 0) {}
    // Nobody listens any more if the signer is ending already.
    let _ = tell.send(Reason::ParentGone);
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(256 * 1024)
        .spawn(run)
        .with_context(|| format!("the thread for {name} cannot be started"))?;
    Ok(())
}
