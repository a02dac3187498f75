//! Refusals: one leaf a second for each uid and rule at most, but for a few.

use std::collections::{HashMap, VecDeque};

use signer_proto::{Refused, Rule};

use super::Moment;
use crate::fault::{FaultKind, Wrong};

/// The span that is looked at.
const SPAN_MS: i64 = 10_000;
/// Leaves of one uid and rule within it: twice what a signer writes, because its seconds are of
/// the uptime and these are of the clock, which may be set.
const MOST: usize = 22;

/// The times of late refusals since the last start.
#[derive(Debug, Default)]
pub(super) struct Floods(HashMap<(u32, Rule), VecDeque<i64>>);

impl Floods {
    /// Starts anew: an end writes what was counted at once.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Counts a leaf.
    pub(super) fn count(&mut self, moment: Moment, refused: &Refused) -> Result<(), Wrong> {
        if refused.count == 0 {
            return Wrong::because(FaultKind::RefusalFlood, "a refusal of nothing");
        }
        let times = self.0.entry((refused.uid, refused.rule)).or_default();
        // A clock that was set back stands still in the leaves: such times say nothing.
        if times.back() != Some(&moment.at_ms) {
            times.push_back(moment.at_ms);
        }
        while times.pop_front_if(|oldest| *oldest <= moment.at_ms - SPAN_MS).is_some() {}
        if times.len() > MOST {
            let why = format!(
                "{} leaves of uid {} and {} within {SPAN_MS} ms",
                times.len(),
                refused.uid,
                refused.rule
            );
            return Wrong::because(FaultKind::RefusalFlood, why);
        }
        Ok(())
    }
}
