//! The life of a key.

use signer_proto::{Action, KeyState};

/// Returns whether a key may go from one state to another by SetKeyState. A key becomes active
/// for the first time by its first policy.
#[must_use]
pub fn may_become(from: KeyState, to: KeyState) -> bool {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActive, Suspended};
    match (from, to) {
        (PreActive, Compromised | Destroyed)
        | (Active, Suspended | Deactivated | Compromised)
        | (Suspended, Active | Deactivated | Compromised)
        | (Deactivated, Compromised | Destroyed)
        | (Compromised, Destroyed) => true,
        (PreActive | Active | Suspended | Deactivated | Compromised | Destroyed, _) => false,
    }
}

/// Returns the action whose threshold counts for going to a state.
#[must_use]
pub fn action_to(state: KeyState) -> Action {
    match state {
        KeyState::Destroyed => Action::Destroy,
        KeyState::PreActive | KeyState::Active => Action::Activate,
        KeyState::Suspended | KeyState::Deactivated | KeyState::Compromised => Action::Suspend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_back_from_the_end() {
        for from in [KeyState::Deactivated, KeyState::Compromised, KeyState::Destroyed] {
            for to in [KeyState::PreActive, KeyState::Active, KeyState::Suspended] {
                assert!(!may_become(from, to), "{from} to {to}");
            }
        }
        let from_destroyed =
            KeyState::ALL.iter().filter(|to| may_become(KeyState::Destroyed, **to));
        assert_eq!(from_destroyed.count(), 0);
        // A key that still issues is not destroyed by one act.
        assert!(!may_become(KeyState::Active, KeyState::Destroyed));
        let all = KeyState::ALL.iter();
        let pairs = all.flat_map(|from| KeyState::ALL.iter().map(|to| (*from, *to)));
        assert_eq!(pairs.filter(|(from, to)| may_become(*from, *to)).count(), 11);
    }
}
