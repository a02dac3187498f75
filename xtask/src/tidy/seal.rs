//! `Approved` is made in one place: what a driver signs has passed the policy.

use super::Violation;
use crate::source::{Source, Word, words};
use crate::workspace::Workspace;

const RULE: &str = "seal";
/// Defines `Approved`.
const DEFINITION: &str = "keystore/core/src/approved.rs";
/// Tests drivers, behind a feature that no shipped package may switch on.
const SUITE: &str = "keystore/core/src/conformance";
/// The only place that may call the constructor.
const CALLER: &str = "signer/core/src/";

/// Counts the calls of `Approved::admitted`.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let defined = workspace.sources.iter().any(|source| {
        source.path.starts_with(DEFINITION)
            && words(&source.shipped).iter().any(|w| w.text == "admitted")
    });
    let counted = |source: &&Source| source.path != DEFINITION && !source.path.starts_with(SUITE);
    let sources = workspace.sources.iter().filter(counted);
    let calls: Vec<_> = sources.flat_map(calls).collect();
    let mut found = Vec::new();
    for (path, line) in calls.iter().filter(|(path, _)| !path.starts_with(CALLER)) {
        found.push(violation(path, *line, "Approved::admitted outside signer/core".to_owned()));
    }
    let mut within = calls.iter().filter(|(path, _)| path.starts_with(CALLER));
    let first = within.next();
    for (path, line) in within {
        found.push(violation(path, *line, "a second call of Approved::admitted".to_owned()));
    }
    if defined && first.is_none() {
        let what = "no call of Approved::admitted: something else makes what is signed".to_owned();
        found.push(violation("signer/core/src/lib.rs", 1, what));
    }
    found
}

/// Every mention of the constructor counts, for one taken as a value would be called elsewhere;
/// so does another name for the type, under which it could be called unseen.
fn calls(source: &Source) -> Vec<(String, usize)> {
    let code = &source.shipped;
    let all = words(code);
    let counted = all.iter().enumerate().filter(|(at, word)| match word.text {
        "admitted" => names_constructor(&code[..word.start]),
        "Approved" => {
            let next = all.get(at + 1).map(|next| next.text);
            next == Some("as") || defines_a_type(&code[..word.start])
        }
        _ => false,
    });
    let place = |word: &Word<'_>| (source.path.clone(), word.line(code));
    counted.map(|(_, word)| place(word)).collect()
}

/// `Approved::`, `Self::` or `<Approved>::` stands before; a module of that name is another thing.
fn names_constructor(before: &str) -> bool {
    let Some(owner) = before.trim_end().strip_suffix("::") else {
        return false;
    };
    let owner = owner.trim_end();
    owner.ends_with('>')
        || words(owner).last().is_some_and(|w| ["Approved", "Self"].contains(&w.text))
}

/// The statement that leads here is `type Name = ...`.
fn defines_a_type(before: &str) -> bool {
    let statement = before.rsplit([';', '{', '}']).next().unwrap_or(before);
    words(statement).iter().any(|word| word.text == "type")
}

fn violation(path: &str, line: usize, found: String) -> Violation {
    Violation {
        path: path.to_owned(),
        line,
        rule: RULE,
        found,
        mend: "admit the bytes by policy in signer/core and sign there, in its one place"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINES: (&str, &str) =
        ("keystore/core/src/approved.rs", "impl Approved { pub fn admitted() {} }");
    const CALL: &str = "fn f() { driver.sign(Approved::admitted(tbs)) }\n";

    fn found(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let violations = check(&Workspace::of(files).unwrap());
        violations.into_iter().map(|v| (v.path, v.line)).collect()
    }

    #[test]
    fn one_call_in_the_signer_is_right() {
        assert_eq!(found(&[DEFINES, ("signer/core/src/sign.rs", CALL)]), []);
        let tests = "#[cfg(test)]\nmod tests { fn f() { Approved::admitted(x); } }";
        let elsewhere = ("tests/boundary/tests/a.rs", CALL);
        let suite = ("keystore/core/src/conformance.rs", CALL);
        let files =
            [suite, DEFINES, ("signer/core/src/sign.rs", CALL), ("ca/src/a.rs", tests), elsewhere];
        assert_eq!(found(&files), []);
    }

    #[test]
    fn refuses_a_second_call_a_foreign_one_and_none() {
        let twice = format!("{CALL}{CALL}");
        assert_eq!(
            found(&[DEFINES, ("signer/core/src/sign.rs", &twice)]),
            [("signer/core/src/sign.rs".to_owned(), 2)]
        );
        let value = ("signer/core/src/other.rs", "let make = Approved :: admitted;");
        assert_eq!(found(&[DEFINES, value, ("signer/core/src/sign.rs", CALL)]).len(), 1);
        let foreign = ("keystore/file/src/sign.rs", CALL);
        assert_eq!(
            found(&[DEFINES, foreign, ("signer/core/src/sign.rs", CALL)]),
            [("keystore/file/src/sign.rs".to_owned(), 1)]
        );
        assert_eq!(found(&[DEFINES]), [("signer/core/src/lib.rs".to_owned(), 1)]);
    }

    #[test]
    fn other_names_for_the_call_count() {
        for (code, count) in [
            ("Approved::<'_>::admitted(x)", 1),
            ("<Approved<'_>>::admitted(x)", 1),
            ("impl T for Approved<'_> { fn f() { Self::admitted(x) } }", 1),
            ("use keystore::Approved as Fine;", 1),
            ("pub type Fine<'a> = keystore::Approved<'a>;", 1),
            ("mod admitted; use self::admitted::Admitted;", 0),
            ("use keystore::Approved; fn f(m: Approved<'_>) {}", 0),
        ] {
            let source = Source::new("ca/src/a.rs", code);
            assert_eq!(calls(&source).len(), count, "{code}");
        }
    }
}
