//! Errors of states.

/// Says that a state cannot be left in this way. Refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot {verb} what is {from}")]
pub struct TransitionError {
    /// The state that stays.
    pub from: &'static str,
    /// The act that was asked for.
    pub verb: &'static str,
}

/// Says that a text or number names no state or kind. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no known state or kind")]
pub struct UnknownState;
