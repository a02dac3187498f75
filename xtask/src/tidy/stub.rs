//! The checks that the stubbed build leaves out are few, and all of them are listed here.

use super::Violation;
use crate::source::{line_of, words};
use crate::workspace::Workspace;

/// The only file that asks which build this is.
const HOME: &str = "signer/proto/src/stub.rs";
/// The cfg of that build.
const CFG: &str = "chancery_stub";
/// The places that leave a check out, with how often each names `STUBBED`, the import included.
const PLACES: [(&str, usize); 5] = [
    ("signer/policy/src/key_policy.rs", 5),
    ("signer/policy/src/request.rs", 2),
    ("signer/quorum/src/quorum.rs", 3),
    ("signer/core/src/calls/issuance.rs", 2),
    ("signer/core/src/calls/issuance/standing.rs", 2),
];

/// Refuses the cfg anywhere but at home, and `STUBBED` where it is not listed.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in workspace.sources.iter().filter(|source| source.path != HOME) {
        let of_xtask = source.path.starts_with("xtask/");
        let cfg = source.code.find(CFG).filter(|_| !of_xtask);
        found.extend(cfg.map(|at| {
            let mend = format!("only {HOME} asks which build this is");
            violation(&source.path, line_of(&source.code, at), CFG, mend)
        }));
        let named: Vec<_> =
            words(&source.code).into_iter().filter(|word| word.text == "STUBBED").collect();
        let listed = PLACES.iter().find(|(path, _)| *path == source.path);
        let most = listed.map_or(0, |(_, count)| *count);
        found.extend(named.get(most).map(|word| {
            let mend = "a check that the stubbed build leaves out: list it in xtask's tidy/stub.rs";
            violation(&source.path, word.line(&source.code), "STUBBED", mend.to_owned())
        }));
    }
    found
}

fn violation(path: &str, line: usize, found: &str, mend: String) -> Violation {
    Violation { path: path.to_owned(), line, rule: "stub", found: found.to_owned(), mend }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_the_cfg_and_the_constant_where_they_do_not_belong() {
        let twice = "use a::STUBBED;\nfn f() { if STUBBED {} }";
        let thrice = "use a::STUBBED;\nfn f() { if STUBBED {} if STUBBED {} }";
        for (path, code, count) in [
            (HOME, "#[cfg(chancery_stub)]\nconst STUBBED: bool = true;", 0),
            ("signer/core/src/a.rs", "#[cfg(chancery_stub)]\nmod b;", 1),
            ("signer/core/src/a.rs", "fn f() { if cfg!(chancery_stub) {} }", 1),
            ("signer/core/src/calls/issuance.rs", twice, 0),
            ("signer/core/src/calls/issuance.rs", thrice, 1),
            ("signer/core/src/approve.rs", twice, 1),
            ("signer/core/src/approve.rs", "// chancery_stub and STUBBED", 0),
        ] {
            assert_eq!(check(&Workspace::of(&[(path, code)]).unwrap()).len(), count, "{code}");
        }
    }
}
