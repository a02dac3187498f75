//! A file holds one idea: 500 lines without its tests are the law.

use super::Violation;
use crate::workspace::Workspace;

const LIMIT: usize = 500;

/// Measures the shipped files; attacks and other tests may be as long as they need.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let long = workspace.sources.iter().filter_map(|source| {
        let lines = source.lines - source.test_lines;
        (!source.is_test() && lines > LIMIT).then(|| Violation {
            path: source.path.clone(),
            line: LIMIT + 1,
            rule: "length",
            found: format!("{lines} lines without tests, {LIMIT} are the limit"),
            mend: "find the second idea in it and give it a file".to_owned(),
        })
    });
    long.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_but_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn t() {}\n".repeat(600));
        for (path, code, count) in [
            ("a/src/lib.rs", "// x\n".repeat(500), 0),
            ("a/src/lib.rs", "// x\n".repeat(501), 1),
            ("a/src/lib.rs", "// x\n".repeat(500) + &tests, 0),
            ("a/src/lib.rs", tests + &"fn f() {}\n".repeat(501), 1),
            ("tests/boundary/tests/der.rs", "fn f() {}\n".repeat(900), 0),
        ] {
            let workspace = Workspace::of(&[(path.to_owned(), code)]).unwrap();
            assert_eq!(check(&workspace).len(), count, "{path}");
        }
    }
}
