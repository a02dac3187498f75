//! The text of a proposal, octet by octet, and what is read back from it.

use signer_proto::{
    Act, Action, CeremonyTranscript, Digest, Genesis, HouseKeys, InstanceId, KeyId, KeyLabel,
    OperatorKey, OperatorKeys, PolicyText, Proposal, Reason, RecordCeremony, Refusal, Rule,
    SetFreeze, SetOperators, Thresholds, Version, Warrant,
};
use signer_quorum::{Facts, KeyFacts, Moment, PolicyChange, Quorum, Reading, subject};
use x509::UnixTime;

const ANN: &str = include_str!("data/ed25519.pub");
const BOB: &str = include_str!("data/ecdsa-256.pub");
const SKY: &str = include_str!("data/ed25519-sk.pub");
const NOW: UnixTime = UnixTime(1_795_392_000);

fn keys(lines: &[&str]) -> OperatorKeys {
    OperatorKeys(lines.iter().map(|line| OperatorKey(line.trim_end().to_owned())).collect())
}

/// A ring without keys.
struct Bare(Quorum);

impl Facts for Bare {
    fn key(&self, _: &KeyLabel) -> Option<KeyFacts> {
        None
    }
    fn label(&self, _: KeyId) -> Option<KeyLabel> {
        None
    }
    fn quorum(&self) -> Option<&Quorum> {
        Some(&self.0)
    }
    fn change(&self, _: &PolicyText, _: &PolicyText) -> Result<PolicyChange, Refusal> {
        Ok(PolicyChange { narrows: false, words: Vec::new() })
    }
}

fn ring(lines: &[&str], threshold: u8) -> Bare {
    let genesis = Genesis {
        instance: InstanceId([0x11; 16]),
        serial_prefix: 0x21,
        house_keys: HouseKeys(Vec::new()),
        operators: keys(lines),
        threshold,
        made_by: Version("test".to_owned()),
    };
    Bare(Quorum::at_genesis(&genesis, Digest([0x22; 32])).unwrap())
}

fn moment() -> Moment {
    Moment {
        size: 12,
        root: Digest([0x33; 32]),
        created: NOW,
        expires: NOW.plus_seconds(3600),
        nonce: [0x44; 16],
    }
}

fn write(ring: &Bare, act: impl Into<Act>) -> Proposal {
    ring.0.propose(&subject(ring, &act.into()).unwrap(), &moment()).unwrap()
}

fn freeze(reason: &str) -> SetFreeze {
    SetFreeze { frozen: true, reason: Reason(reason.to_owned()), warrant: Warrant::none() }
}

/// What stands at the end of every proposal above.
fn tail(operators: &str) -> String {
    format!(
        "Ring: {}\nGenesis: {}\nOperators: {operators}\nJournal size: 12\nJournal root: {}\n\
         Created: 2026-11-23T00:00:00Z\nExpires: 2026-11-23T01:00:00Z\nNonce: {}\n",
        "11".repeat(16),
        "22".repeat(32),
        "33".repeat(32),
        "44".repeat(16)
    )
}

#[test]
fn golden_freeze() {
    let text = write(&ring(&[ANN, BOB], 2), freeze("certificates that nobody asked for"));
    let expected = "Chancery proposal v1\nAction: freeze\n\
                    Reason: certificates that nobody asked for\n\
                    In words: no certificate is issued in this ring until a quorum unfreezes it\n";
    assert_eq!(text.0, format!("{expected}{}", tail("1 of 2 must approve, set 1")));
    assert_eq!(Moment::read(&text), Ok(moment()));
}

#[test]
fn golden_operators() {
    let ring = ring(&[ANN, BOB], 2);
    let previous = ring.0.set().digest();
    let act = SetOperators {
        previous,
        operators: keys(&[ANN, SKY]),
        thresholds: Thresholds::all(1),
        warrant: Warrant::none(),
    };
    let text = write(&ring, act).0;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "Action: set-operators");
    assert_eq!(lines[2], format!("Previous operators: {previous}"));
    assert!(lines[3].starts_with("New operators: "));
    assert!(lines[4].starts_with("Operator: SHA256:") && lines[4].ends_with(" ed25519@fixture"));
    assert!(lines[5].starts_with("New operator: SHA256:"), "{text}");
    assert!(lines[6].starts_with("Leaves: SHA256:") && lines[6].ends_with(" ecdsa-256@fixture"));
    assert_eq!(lines[7], "Threshold: 1");
    assert!(text.ends_with(&tail("2 of 2 must approve, set 1")));
}

#[test]
fn what_a_terminal_would_not_show_is_escaped() {
    let text = write(&ring(&[ANN], 1), freeze("a\nNonce: 0\u{1b}[2J \\ \u{202e}\u{430}")).0;
    let line = text.lines().nth(2).unwrap();
    assert_eq!(line, "Reason: a\\u{a}Nonce: 0\\u{1b}[2J \\\\ \\u{202e}\\u{430}");
    assert!(text.bytes().all(|c| c == b'\n' || (b' '..=b'~').contains(&c)));
}

#[test]
fn what_is_too_long_is_told_by_digest() {
    let transcript = |lines: usize| RecordCeremony {
        plan: Digest([5; 32]),
        transcript: CeremonyTranscript("0123456789\n".repeat(lines)),
        warrant: Warrant::none(),
    };
    let ring = ring(&[ANN], 1);
    assert!(write(&ring, transcript(10)).0.contains("In words: | 0123456789\n"));
    let long = write(&ring, transcript(2000)).0;
    assert!(long.contains("too long to stand here: read the text of which"), "{long}");
    // Nothing gets longer than what a signer reads.
    let worst = write(&ring, freeze(&"\u{e9}".repeat(256)));
    assert!(Moment::read(&worst).is_ok());
}

#[test]
fn refuses_texts_that_are_no_proposals() {
    let text = write(&ring(&[ANN], 1), freeze("x")).0;
    for bent in [
        String::new(),
        "\n".to_owned(),
        text.trim_end().to_owned(),
        text.replace("v1", "v2"),
        text.replace("Nonce: 44", "Nonce: "),
        text.replace("Nonce: 44", "Nonce: 4G"),
        text.replace("Journal size: 12", "Journal size: -1"),
        text.replace("Journal size: 12", "Journal size: 99999999999999999999"),
        text.replace("Created: 2026-11-23", "Created: 2026-02-30"),
        text.replace("Expires:", "Expires "),
        format!("{text}Nonce: {}\n", "55".repeat(16)),
        format!("{text}{}", "x".repeat(9000)),
    ] {
        let refused = Moment::read(&Proposal(bent.clone())).map_err(|refusal| refusal.rule);
        assert_eq!(refused, Err(Rule::ProposalMalformed), "{bent}");
    }
}

#[test]
fn other_words_are_taken_again_and_not_anew() {
    let ring = ring(&[ANN], 1);
    let act = Act::from(freeze("x"));
    let subject = subject(&ring, &act).unwrap();
    let text = write(&ring, act);
    let reworded = Proposal(text.0.replace("until a quorum", "until the operators"));
    let refactored = Proposal(text.0.replace("Reason: x", "Reason: y"));
    let decide = |proposal: &Proposal, reading| {
        let approvals = signer_proto::Approvals(Vec::new());
        let warrant = Warrant { proposal: proposal.clone(), approvals };
        ring.0.decide(&subject, &warrant, NOW, reading).unwrap_err().rule
    };
    // Without signatures the last check is the one that fails.
    assert_eq!(decide(&text, Reading::Live), Rule::ApprovalShort);
    assert_eq!(decide(&reworded, Reading::Live), Rule::ProposalMismatch);
    assert_eq!(decide(&reworded, Reading::Replay), Rule::ApprovalShort);
    assert_eq!(decide(&refactored, Reading::Replay), Rule::ProposalMismatch);
}

#[test]
fn two_people_are_the_least_that_two_need() {
    for (lines, threshold, generate) in
        [(&[ANN][..], 1, 1), (&[ANN, BOB], 1, 2), (&[ANN, BOB, SKY], 3, 3)]
    {
        let ring = ring(lines, threshold);
        assert_eq!(ring.0.needed(Action::Generate), generate);
        assert_eq!(ring.0.needed(Action::Freeze), 1);
        let narrow = generate.min(2);
        assert_eq!(ring.0.needed(Action::Narrow), narrow);
    }
}
