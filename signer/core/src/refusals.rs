//! Refusals in the journal: at most one leaf a second for each uid and rule, all of them counted.

use std::collections::{HashMap, VecDeque};

use signer_proto::{Blame, Detail, Refused, Rule, Socket};

/// A refusal opens a window; what follows within it is written at its end as one leaf.
const WINDOW_MS: i64 = 1_000;
/// Uids can be had for nothing in a user namespace: beyond this many windows, one for all.
const MAX_WINDOWS: usize = 1024;
/// Stands for the uids that share the last window. It is no valid uid.
const EVERYBODY: u32 = u32::MAX;

#[derive(Debug)]
struct Window {
    opened_ms: i64,
    /// What was refused since the window opened; its count grows.
    held: Option<Refused>,
}

/// The windows that are open.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    windows: HashMap<(u32, Rule), Window>,
    /// What tripwires count, by the second of the uptime.
    lately: VecDeque<(i64, u64)>,
}

impl Refusals {
    /// Notes a refusal at an uptime; returns the leaf to write at once, if it is the first.
    pub(crate) fn note(&mut self, now_ms: i64, mut refused: Refused) -> Option<Refused> {
        if counts(&refused) {
            let second = now_ms.div_euclid(1_000);
            match self.lately.back_mut() {
                Some((newest, count)) if *newest == second => *count += u64::from(refused.count),
                _ => self.lately.push_back((second, refused.count.into())),
            }
        }
        let mut slot = (refused.uid, refused.rule);
        if self.windows.len() >= MAX_WINDOWS && !self.windows.contains_key(&slot) {
            refused.uid = EVERYBODY;
            slot = (EVERYBODY, refused.rule);
        }
        match self.windows.get_mut(&slot) {
            None => {
                let window = Window { opened_ms: now_ms, held: None };
                self.windows.insert(slot, window);
                Some(refused)
            }
            Some(window) => {
                match &mut window.held {
                    Some(held) => held.count = held.count.saturating_add(refused.count),
                    None => window.held = Some(refused),
                }
                None
            }
        }
    }

    /// Returns how many refusals tripwires count within the last minute.
    pub(crate) fn lately(&mut self, now_ms: i64) -> u64 {
        let second = now_ms.div_euclid(1_000);
        while self.lately.pop_front_if(|(oldest, _)| second - *oldest > 60).is_some() {}
        self.lately.iter().map(|(_, count)| count).sum()
    }

    /// Starts that count anew.
    pub(crate) fn forget_lately(&mut self) {
        self.lately.clear();
    }

    /// Ends the windows that are due and returns their leaves; a window with a leaf opens anew.
    pub(crate) fn due(&mut self, now_ms: i64) -> Vec<Refused> {
        let mut leaves = Vec::new();
        self.windows.retain(|_, window| {
            if now_ms.saturating_sub(window.opened_ms) < WINDOW_MS {
                return true;
            }
            window.opened_ms = now_ms;
            let held = window.held.take();
            let stays = held.is_some();
            leaves.extend(held);
            stays
        });
        leaves
    }

    /// Ends every window, due or not, and returns what they held.
    pub(crate) fn drain(&mut self) -> Vec<Refused> {
        self.windows.drain().filter_map(|(_, window)| window.held).collect()
    }

    /// Returns whether no window is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
}

/// Tells whether tripwires count a refusal: what was asked on issue.sock and is not allowed. That
/// issuance is frozen says nothing new.
fn counts(refused: &Refused) -> bool {
    let blamed = matches!(refused.rule.blame(), Blame::Malformed | Blame::Refused);
    refused.socket == Socket::Issue.code() && blamed && refused.rule != Rule::IssuanceFrozen
}

/// Makes the leaf of one refusal.
pub(crate) fn leaf(socket: u8, uid: u32, kind: u8, rule: Rule, detail: &str) -> Refused {
    Refused { socket, uid, kind, rule, count: 1, detail: Detail(detail.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(uid: u32, rule: Rule) -> Refused {
        leaf(1, uid, 17, rule, "why")
    }

    #[test]
    fn a_flood_is_one_leaf_a_second_and_every_refusal_is_counted() {
        let mut refusals = Refusals::default();
        let mut leaves = Vec::new();
        for ms in 0..10_000 {
            leaves.extend(refusals.note(ms, refused(7, Rule::SerialUsed)));
            if ms % 250 == 0 {
                leaves.extend(refusals.due(ms));
            }
        }
        assert_eq!(leaves.len(), 10);
        leaves.extend(refusals.drain());
        assert_eq!(leaves.iter().map(|leaf| leaf.count).sum::<u32>(), 10_000);
        assert!(refusals.is_empty());
    }

    #[test]
    fn uids_and_rules_do_not_hide_each_other() {
        let mut refusals = Refusals::default();
        assert!(refusals.note(0, refused(7, Rule::SerialUsed)).is_some());
        assert!(refusals.note(0, refused(8, Rule::SerialUsed)).is_some());
        assert!(refusals.note(0, refused(7, Rule::Locked)).is_some());
        assert!(refusals.note(0, refused(7, Rule::Locked)).is_none());
    }

    #[test]
    fn a_window_closes_when_nothing_came() {
        let mut refusals = Refusals::default();
        refusals.note(0, refused(7, Rule::SerialUsed));
        assert_eq!(refusals.due(999), []);
        assert!(!refusals.is_empty());
        assert_eq!(refusals.due(1_000), []);
        assert!(refusals.is_empty());
    }

    #[test]
    fn countless_uids_share_one_window() {
        let mut refusals = Refusals::default();
        let leaves = (0..5_000)
            .filter_map(|uid| refusals.note(0, refused(uid, Rule::PeerNotAdmitted)))
            .count();
        assert_eq!(leaves, MAX_WINDOWS + 1);
        let rest: u32 = refusals.drain().iter().map(|leaf| leaf.count).sum();
        assert_eq!(usize::try_from(rest).unwrap() + leaves, 5_000);
    }
}
