//! The classifier: every field and every disguise.

use std::collections::BTreeSet;

use super::change_fields::{Field, SCHEMAS, Way, text};
use super::sample::*;
use super::{Change, ChangeKind, KeyPolicy, compare};

pub(super) fn parse(text: &str) -> KeyPolicy {
    KeyPolicy::parse(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

pub(super) fn between(old: &str, new: &str) -> Change {
    compare(&parse(old), &parse(new))
}

fn usual(fields: &[Field]) -> Vec<usize> {
    vec![0; fields.len()]
}

fn path(field: &Field) -> String {
    let dot = if field.section.is_empty() { "" } else { "." };
    format!("{}{dot}{}", field.section, field.name)
}

#[test]
fn a_widening_of_each_field_is_called_widening() {
    for (purpose, fields) in SCHEMAS {
        for (at, field) in fields.iter().enumerate() {
            let with = |value| {
                let mut picked = usual(fields);
                picked[at] = value;
                text(purpose, fields, &picked)
            };
            let (from, to) = (with(field.wider.0), with(field.wider.1));
            let there = between(&from, &to);
            assert_eq!(there.kind, ChangeKind::Widening, "{} {there:?}", path(field));
            assert!(there.words[0].starts_with(&format!("{}: ", path(field))), "{there:?}");
            assert!(there.words[0].ends_with(" (wider)"), "{there:?}");
            let back = between(&to, &from);
            let expected = match field.way {
                Way::Ordered => ChangeKind::Narrowing,
                Way::Neither => ChangeKind::Widening,
            };
            assert_eq!(back.kind, expected, "{} {back:?}", path(field));
            assert!(back.words[0].starts_with(&format!("{}: ", path(field))), "{back:?}");
        }
    }
}

/// Everything else gets narrower at once, and the one field that widens still decides.
#[test]
fn refuses_a_widening_dressed_as_narrowing() {
    for (purpose, fields) in SCHEMAS {
        for (at, field) in fields.iter().enumerate() {
            let mut from = Vec::new();
            let mut to = Vec::new();
            for (other, dress) in fields.iter().enumerate() {
                let (narrow, wide) = dress.wider;
                let (old, new) = match (other == at, dress.way) {
                    (true, _) => (narrow, wide),
                    (false, Way::Ordered) => (wide, narrow),
                    (false, Way::Neither) => (0, 0),
                };
                from.push(old);
                to.push(new);
            }
            let change = between(&text(purpose, fields, &from), &text(purpose, fields, &to));
            assert_eq!(change.kind, ChangeKind::Widening, "{}", path(field));
            let mut wider = change.words.iter().take_while(|line| line.ends_with(" (wider)"));
            assert!(
                wider.any(|line| line.starts_with(&format!("{}: ", path(field)))),
                "{change:?}"
            );
            let narrower = change.words.iter().filter(|line| line.ends_with("(narrower)"));
            let ordered = fields.iter().filter(|other| other.way == Way::Ordered);
            assert!(narrower.count() + 1 >= ordered.count(), "{change:?}");
        }
    }
}

/// The documentation shows every field; each of them is tried above.
#[test]
fn every_field_of_the_documentation_is_compared() {
    let page = include_str!("../../../docs/KEY-POLICY.md");
    for (block, (_, fields)) in page.split("```toml\n").skip(1).zip(SCHEMAS) {
        let table: toml::Table = block.split("```").next().unwrap().parse().unwrap();
        let mut shown = BTreeSet::new();
        leaves_of("", &table, &mut shown);
        shown.remove("version");
        shown.remove("purpose");
        let tried: BTreeSet<String> = fields.iter().map(path).collect();
        assert!(shown.is_subset(&tried), "{:?}", shown.difference(&tried));
    }
}

fn leaves_of(path: &str, table: &toml::Table, found: &mut BTreeSet<String>) {
    for (field, value) in table {
        match value {
            toml::Value::Table(table) => leaves_of(&format!("{path}{field}."), table, found),
            _ => _ = found.insert(format!("{path}{field}")),
        }
    }
}

#[test]
fn what_is_only_written_otherwise_is_the_same() {
    let old = leaf_policy();
    let reordered = old.replace("[\"p-256\", \"p-384\",", "[\"p-384\", \"p-256\",");
    for new in [old.clone() + "# a comment\n", reordered, old.replace("hold = false\n", "")] {
        let change = between(&old, &new);
        assert_eq!((change.kind, change.words.len()), (ChangeKind::Same, 0));
    }
}

#[test]
fn what_changes_is_said_in_words() {
    let old = leaf_policy();
    let new = old
        .replace("dns = [\"corp.example\"]", "dns = [\"a.corp.example\", \"example.org\"]")
        .replace("max_validity = \"398d\"", "max_validity = \"90d\"")
        .replace("ip_excluded = [\"10.9.0.0/16\"]", "ip_excluded = []")
        .replace("\"clientAuth\", ", "");
    assert_eq!(
        between(&old, &new).words,
        [
            "certificates.names.dns: adds example.org (wider)",
            "certificates.names.ip_excluded: removes 10.9.0.0/16 (wider)",
            "certificates.max_validity: from 398d to 90d (narrower)",
            "certificates.extended_key_usage: removes clientAuth (narrower)",
            "certificates.names.dns: adds, within what was there, a.corp.example (narrower)",
            "certificates.names.dns: removes corp.example (narrower)",
        ]
    );
}

#[test]
fn a_policy_for_another_purpose_is_another_world() {
    let change = between(&leaf_policy(), &authority_policy());
    assert_eq!(change.kind, ChangeKind::Widening);
    assert_eq!(change.words, ["purpose: from cert+crl to ca-cert+crl (wider)"]);
}

/// What the halves hold together the whole holds, and that is not proven here.
#[test]
fn what_is_not_proven_is_widening() {
    let halves = leaf_policy().replace("\"10.0.0.0/8\"", "\"10.0.0.0/9\", \"10.128.0.0/9\"");
    assert_eq!(between(&leaf_policy(), &halves).kind, ChangeKind::Narrowing);
    assert_eq!(between(&halves, &leaf_policy()).kind, ChangeKind::Widening);
    // Nothing below secret.corp.example is permitted any more, so it need not be excluded.
    let moved = leaf_policy()
        .replace("dns = [\"corp.example\"]", "dns = [\"a.corp.example\"]")
        .replace("dns_excluded = [\"secret.corp.example\"]", "dns_excluded = []");
    assert_eq!(between(&leaf_policy(), &moved).kind, ChangeKind::Widening);
}

/// Members within others: the wider one has to be told from the narrower one.
#[test]
fn what_lies_within_is_told_from_what_lies_around() {
    let around = |line: &str, narrow: &str, wide: &str| {
        let text = leaf_policy();
        assert_eq!(text.matches(line).count(), 1, "{line}");
        let (narrow, wide) = (text.replace(line, narrow), text.replace(line, wide));
        assert_eq!(between(&narrow, &wide).kind, ChangeKind::Widening, "{line}");
        assert_eq!(between(&wide, &narrow).kind, ChangeKind::Narrowing, "{line}");
    };
    around("\"http://pki.corp.example/\"", "\"http://a.example/b/\"", "\"http://a.example/\"");
    around("ip = [\"10.0.0.0/8\"]", "ip = [\"fd00:1::/32\"]", "ip = [\"fd00::/8\"]");
    let excluded = "dns_excluded = [\"secret.corp.example\"]";
    around(excluded, excluded, "dns_excluded = [\"a.secret.corp.example\"]");
    for form in ["\nemail", "\nuri", "\nupn", "\ndns"] {
        let line = format!("{form} = [\"corp.example\"]");
        around(&line, &line, &format!("{form} = [\"example\"]"));
        around(&line, &format!("{form} = []"), &line);
    }
}

#[test]
fn subordinates_with_and_without_name_constraints() {
    let without = authority_policy();
    let with = authority_policy() + "[authorities.names]\n";
    assert_eq!(between(&without, &with).kind, ChangeKind::Narrowing);
    assert_eq!(between(&with, &without).kind, ChangeKind::Widening);
}
