//! Proof that a log is not the one that it was.

use core::fmt;

use signer_log::note::Note;

/// Two notes that the same log signed and that do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What is wrong, for people.
    pub why: String,
    /// The first leaf that differs, where the log's tiles tell.
    pub index: Option<u64>,
    /// What was seen first, with this witness' own cosignature.
    pub remembered: Note,
    /// What was shown now.
    pub presented: Note,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}; the first leaf that differs is {index}", self.why),
            None => f.write_str(&self.why),
        }
    }
}
