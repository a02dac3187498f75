//! The text that operators sign.
//!
//! ```text
//! Chancery proposal v1
//! Action: widen-policy
//! Key: issuing
//! ...
//! Nonce: 00112233445566778899aabbccddeeff
//! ```
//!
//! Lines end with LF; each is `Field: value` in printable ASCII. `docs/QUORUM.md` lists the fields.

use signer_proto::{Action, Digest, Proposal, Refusal, Rule};
use x509::UnixTime;

/// The first line.
pub const FIRST_LINE: &str = "Chancery proposal v1";
/// The longest text, in octets.
pub const MAX_PROPOSAL: usize = 8 * 1024;
/// The longest time between created and expires, in seconds.
pub const MAX_LIFE: i64 = 30 * 86_400;
/// The field of what is told for people only: these lines say again what the others fix by
/// digest, and their wording may change between versions of the program.
const WORDS: &str = "In words";

/// What an act is, as lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Which threshold counts.
    pub action: Action,
    /// Keys that must sign besides, because the act makes operators of them.
    pub(crate) newcomers: Vec<crate::SshKey>,
    lines: Vec<String>,
}

impl Subject {
    /// Starts the subject of an action.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self { action, newcomers: Vec::new(), lines: Vec::new() }
    }

    /// Adds a line; whatever is no printable ASCII character is escaped.
    #[must_use]
    pub fn line(mut self, field: &str, value: impl core::fmt::Display) -> Self {
        self.lines.push(format!("{field}: {}", printable(&value.to_string())));
        self
    }

    /// Adds a line for people: see [`FIRST_LINE`]'s module.
    #[must_use]
    pub fn words(self, value: impl core::fmt::Display) -> Self {
        self.line(WORDS, value)
    }

    /// Adds lines for people as long as they fit; else says that they are not there.
    #[must_use]
    pub fn all_words(mut self, values: &[String], where_else: &str) -> Self {
        let length: usize = values.iter().map(|v| printable(v).len() + WORDS.len() + 3).sum();
        if length > MAX_WORDS {
            return self.words(format!("too long to stand here: {where_else}"));
        }
        for value in values {
            self = self.words(value);
        }
        self
    }
}

/// How many octets the lines for people may have; the others are less than 3 KiB.
const MAX_WORDS: usize = 5 * 1024;

/// When and where a proposal was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// How many leaves the journal had.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// When it was written.
    pub created: UnixTime,
    /// Until when it may be carried out.
    pub expires: UnixTime,
    /// What makes it one of its kind.
    pub nonce: [u8; 16],
}

impl Moment {
    /// Reads the moment out of a proposal: its last five lines.
    ///
    /// # Errors
    /// `proposal-malformed`.
    pub fn read(proposal: &Proposal) -> Result<Self, Refusal> {
        let text = proposal.0.as_str();
        let mut lines = text.strip_suffix('\n').unwrap_or_default().split('\n');
        if text.len() > MAX_PROPOSAL || lines.next() != Some(FIRST_LINE) {
            return Err(malformed(format!("it does not begin with `{FIRST_LINE}`")));
        }
        let mut last = |field: &str| {
            let line = lines.next_back().and_then(|line| line.strip_prefix(field));
            let value = line.and_then(|line| line.strip_prefix(": "));
            value.ok_or_else(|| malformed(format!("the line `{field}` is not where it belongs")))
        };
        let nonce = last("Nonce")?;
        let [expires, created] = [time(last("Expires")?)?, time(last("Created")?)?];
        let root = last("Journal root")?;
        let size = last("Journal size")?;
        Ok(Self {
            size: size.parse().map_err(|_| malformed("the journal size is no number"))?,
            root: root.parse().map_err(|_| malformed("the journal root is no digest"))?,
            created,
            expires,
            nonce: nonce
                .parse()
                .map(|signer_proto::IdempotencyKey(octets)| octets)
                .map_err(|_| malformed("the nonce is not 32 hexadecimal digits"))?,
        })
    }
}

/// Writes a proposal.
///
/// # Errors
/// `proposal-malformed` if it would be longer than 8 KiB.
pub(crate) fn write(
    subject: &Subject,
    ring: &[String],
    moment: &Moment,
) -> Result<Proposal, Refusal> {
    let mut text = format!("{FIRST_LINE}\nAction: {}\n", subject.action);
    for line in subject.lines.iter().chain(ring) {
        text.push_str(line);
        text.push('\n');
    }
    let Moment { size, root, created, expires, nonce } = moment;
    let nonce = signer_proto::IdempotencyKey(*nonce);
    text.push_str(&format!(
        "Journal size: {size}\nJournal root: {root}\nCreated: {created}\nExpires: {expires}\n\
         Nonce: {nonce}\n"
    ));
    if text.len() > MAX_PROPOSAL {
        return Err(malformed("it would be longer than 8 KiB"));
    }
    Ok(Proposal(text))
}

/// Reads the action that a proposal names.
pub(crate) fn action(proposal: &Proposal) -> Option<Action> {
    let line = proposal.0.split('\n').nth(1)?;
    line.strip_prefix("Action: ")?.parse().ok()
}

/// How much of a proposal must be what this program would write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Every octet: the act is to be carried out.
    Live,
    /// Every line but those in words: the act was carried out, maybe under another version of
    /// this program.
    Replay,
}

/// Holds a proposal against the one that is expected.
pub(crate) fn check_same(
    found: &Proposal,
    expected: &Proposal,
    reading: Reading,
) -> Result<(), Refusal> {
    if found == expected {
        return Ok(());
    }
    let counts = |line: &&str| {
        reading == Reading::Live || !line.strip_prefix(WORDS).is_some_and(|l| l.starts_with(": "))
    };
    let mut found = found.0.split('\n').filter(counts);
    let mut expected = expected.0.split('\n').filter(counts);
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return Ok(()),
            (one, other) if one == other => {}
            (found, expected) => {
                let shown = |line: Option<&str>| line.map_or("nothing".to_owned(), printable);
                let detail = format!(
                    "the proposal has `{}` where this act on this ring has `{}`",
                    shown(found),
                    shown(expected)
                );
                return Err(Refusal::new(Rule::ProposalMismatch, detail));
            }
        }
    }
}

/// Escapes whatever a terminal would not show as itself: control characters, and letters that
/// look like others.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out
}

fn time(text: &str) -> Result<UnixTime, Refusal> {
    UnixTime::parse_rfc3339(text).map_err(|error| malformed(format!("`{text}` is {error}")))
}

fn malformed(why: impl core::fmt::Display) -> Refusal {
    Refusal::new(Rule::ProposalMalformed, format!("the proposal: {why}"))
}
