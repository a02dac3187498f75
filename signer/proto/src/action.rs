//! The kinds of act that operators approve, and how many of them each one needs.

use crate::codec::{Reader, Wire, WireError, Writer, wire_enum, wire_struct};

wire_enum! {
    /// A kind of act with a threshold of its own.
    pub enum Action: u8 {
        /// Generating a key.
        Generate = 1, "generate-key",
        /// The first policy of a key, and putting a suspended key back to work.
        Activate = 2, "activate-key",
        /// A policy that may admit what the one before refused.
        Widen = 3, "widen-policy",
        /// A policy that is proven to admit nothing new.
        Narrow = 4, "narrow-policy",
        /// Destroying a key.
        Destroy = 5, "destroy-key",
        /// A CA certificate by a key that is no root.
        SubCa = 6, "sign-sub-ca",
        /// A certificate by a root, its own among them.
        Root = 7, "sign-with-root",
        /// Another set of operators or other thresholds.
        Operators = 8, "set-operators",
        /// Letting issuance go on.
        Unfreeze = 9, "unfreeze",
        /// Accepting that the journal's tail is lost.
        Gap = 10, "accept-gap",
        /// Suspending or deactivating a key, or declaring it compromised.
        Suspend = 11, "suspend-key",
        /// Stopping issuance.
        Freeze = 12, "freeze",
        /// Other unlock factors.
        Unlock = 13, "rotate-unlock",
        /// Making a standby the active ring.
        Promote = 14, "promote",
        /// Following another ring.
        Follow = 15, "follow-ring",
        /// The record of a ceremony.
        Ceremony = 16, "record-ceremony",
        /// The CSR of a key of this ring.
        Request = 17, "sign-ca-request",
        /// Taking over a CA's key.
        Adopt = 18, "adopt-key",
    }
}

wire_struct! {
    /// How many operators an action needs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Threshold {
        /// Which action.
        pub action: Action,
        /// How many.
        pub operators: u8,
    }
}

/// How many operators each action needs: one number, and the actions that differ from what
/// follows from it. In ascending order of the actions' numbers, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// The number that everything follows from; zero in a ring without operators.
    pub default: u8,
    /// What differs.
    pub exceptions: Vec<Threshold>,
}

impl Thresholds {
    /// Makes thresholds that all follow from one number, as genesis has it.
    #[must_use]
    pub fn all(default: u8) -> Self {
        Self { default, exceptions: Vec::new() }
    }

    /// Returns the number that is written down for an action, or follows from the default: what
    /// stops or narrows needs two at most, and freezing needs one.
    #[must_use]
    pub fn written(&self, action: Action) -> u8 {
        match self.exceptions.iter().find(|exception| exception.action == action) {
            Some(exception) => exception.operators,
            None => match action {
                Action::Freeze => self.default.min(1),
                Action::Narrow | Action::Suspend | Action::Ceremony => self.default.min(2),
                _ => self.default,
            },
        }
    }
}

impl Wire for Thresholds {
    fn put(&self, w: &mut Writer) {
        self.default.put(w);
        w.list(&self.exceptions);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let default = u8::take(r)?;
        let exceptions: Vec<Threshold> = r.list("thresholds", 32)?;
        let ascending = exceptions.windows(2).all(|pair| match pair {
            [one, next] => one.action < next.action,
            _ => false,
        });
        if ascending {
            Ok(Self { default, exceptions })
        } else {
            Err(WireError::NotCanonical("thresholds"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_needs_fewer_than_what_makes() {
        let thresholds = Thresholds::all(3);
        for action in Action::ALL {
            let expected = match action {
                Action::Freeze => 1,
                Action::Narrow | Action::Suspend | Action::Ceremony => 2,
                _ => 3,
            };
            assert_eq!(thresholds.written(*action), expected, "{action}");
        }
        let root = Threshold { action: Action::Root, operators: 5 };
        let thresholds = Thresholds { exceptions: vec![root], ..thresholds };
        assert_eq!(thresholds.written(Action::Root), 5);
        assert_eq!(thresholds.written(Action::SubCa), 3);
    }

    #[test]
    fn refuses_thresholds_out_of_order_or_twice() {
        let one = Threshold { action: Action::Root, operators: 1 };
        let two = Threshold { action: Action::Operators, operators: 1 };
        for (exceptions, taken) in [(vec![one, two], true), (vec![two, one], false)] {
            let thresholds = Thresholds { default: 1, exceptions };
            let read = Thresholds::from_wire(&thresholds.to_wire());
            assert_eq!(read.is_ok(), taken);
        }
        let twice = Thresholds { default: 1, exceptions: vec![one, one] };
        let read = Thresholds::from_wire(&twice.to_wire());
        assert_eq!(read, Err(WireError::NotCanonical("thresholds")));
    }
}
