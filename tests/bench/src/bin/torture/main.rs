//! Kills and power cuts at random moments under load: nothing is lost, nothing is doubled.
//!
//! `TORTURE_KILLS` (500) times signer or server is killed (SIGKILL) while clients issue and
//! revoke; after each restart every certificate that a client received has its leaf in the signer's
//! journal, which proves that it only grew, and, looked at now and then, the inventory equals the
//! journal and has none twice. `TORTURE_POWER_CUTS` (10000)
//! times the power goes under the whole signer core on a simulated disk: every signature that was
//! released is in the journal at its position, and no serial has two certificates.
//! `TORTURE_SEED` repeats a run's choices.

mod cuts;
mod dice;
mod kills;
mod load;
mod tree;

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

fn main() -> ExitCode {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let (kills, cuts) = (number("TORTURE_KILLS", 500), number("TORTURE_POWER_CUTS", 10_000));
    let seed = number("TORTURE_SEED", now);
    println!("torture: seed {seed}");
    let begun = Instant::now();
    // A panic anywhere is a failure: it says what was lost.
    let cuts = std::panic::catch_unwind(|| cuts::run(cuts, seed));
    if let Ok(tally) = &cuts {
        println!("torture: {tally}");
    }
    let kills = std::panic::catch_unwind(|| kills::run(kills, seed));
    if let Ok(tally) = &kills {
        println!("torture: {tally}");
    }
    let good = cuts.is_ok() && kills.is_ok();
    let word = if good { "nothing lost, nothing doubled" } else { "FAILED" };
    println!("torture: {word} in {:.0} s (seed {seed})", begun.elapsed().as_secs_f64());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
