//! What a verifier says at the end, for people and for programs.

use core::fmt;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use signer_log::note::NoteKey;
use signer_proto::{Digest, InstanceId};
use x509::UnixTime;

use crate::fault::Fault;

/// A checkpoint that the journal was held against; its signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSeen {
    /// Where it came from.
    pub name: String,
    /// How many leaves it covers.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// The verdict, and what was looked at.
#[derive(Debug, Clone)]
pub struct Report {
    /// SHA-256 of the first leaf.
    pub genesis: Option<Digest>,
    /// Which ring it is.
    pub instance: Option<InstanceId>,
    /// The key that signs its checkpoints, as a witness needs it.
    pub log_key: Option<NoteKey>,
    /// How many leaves were read and are in order by themselves.
    pub leaves: u64,
    /// How many segments there are.
    pub segments: u64,
    /// Octets behind the last leaf: a write that was torn, or one under way.
    pub tail: u64,
    /// The root over the leaves that were read.
    pub root: Digest,
    /// The times of the first and the last leaf, in milliseconds since 1970.
    pub times: Option<(i64, i64)>,
    /// How many leaves of each type.
    pub counts: BTreeMap<&'static str, u64>,
    /// What the journal was held against.
    pub checkpoints: Vec<CheckpointSeen>,
    /// The first thing that is wrong; none: PASS.
    pub fault: Option<Fault>,
}

impl Report {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.fault.is_none()
    }

    /// Returns the report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let checkpoints = self.checkpoints.iter().map(
            |seen| json!({ "name": seen.name, "size": seen.size, "root": seen.root.to_string() }),
        );
        let fault = self.fault.as_ref().map(|fault| {
            json!({
                "index": fault.index,
                "kind": fault.kind.as_str(),
                "detail": fault.detail,
            })
        });
        json!({
            "verdict": if self.passed() { "PASS" } else { "FAIL" },
            "genesis": self.genesis.map(|digest| digest.to_string()),
            "instance": self.instance.map(|instance| instance.to_string()),
            "log_key": self.log_key.as_ref().map(|key| key.to_string()),
            "leaves": self.leaves,
            "segments": self.segments,
            "tail": self.tail,
            "root": self.root.to_string(),
            "first_ms": self.times.map(|(first, _)| first),
            "last_ms": self.times.map(|(_, last)| last),
            "counts": self.counts,
            "checkpoints": checkpoints.collect::<Vec<_>>(),
            "fault": fault,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(instance), Some(genesis)) = (self.instance, self.genesis) {
            writeln!(f, "instance  {instance}\ngenesis   {genesis}")?;
        }
        if let Some(key) = &self.log_key {
            writeln!(f, "log key   {key}")?;
        }
        writeln!(f, "leaves    {} in {} segments", self.leaves, self.segments)?;
        if let Some((first, last)) = self.times {
            let at = |ms: i64| UnixTime(ms.div_euclid(1000));
            writeln!(f, "from      {} to {}", at(first), at(last))?;
        }
        for (name, count) in &self.counts {
            writeln!(f, "          {count} {name}")?;
        }
        writeln!(f, "root      {}", self.root)?;
        if self.tail > 0 {
            writeln!(f, "tail      {} octets, a write that was torn or is under way", self.tail)?;
        }
        for seen in &self.checkpoints {
            writeln!(f, "held against {} ({} leaves)", seen.name, seen.size)?;
        }
        match &self.fault {
            None => write!(f, "PASS"),
            Some(fault) => write!(f, "FAIL {fault}"),
        }
    }
}
