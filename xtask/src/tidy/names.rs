//! Names that say nothing: files that collect leftovers, types that manage or help.

use super::Violation;
use crate::source::words;
use crate::workspace::Workspace;

const RULE: &str = "names";
const FILES: [&str; 9] =
    ["utils", "util", "common", "types", "helpers", "helper", "misc", "shared", "stuff"];
const SUFFIXES: [&str; 4] = ["Manager", "Helper", "Service", "Handler"];
const DEFINES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// Looks at the path of every source and at every type that one defines.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &workspace.sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        for part in parts.filter(|part| FILES.contains(part)) {
            found.push(Violation {
                path: source.path.clone(),
                line: 1,
                rule: RULE,
                found: format!("a file or folder named {part}"),
                mend: "name it by the one idea that it holds".to_owned(),
            });
        }
        let words = words(&source.code);
        for pair in words.windows(2) {
            let [keyword, name] = pair else { continue };
            let defines = DEFINES.contains(&keyword.text);
            let suffix = SUFFIXES.iter().find(|suffix| name.text.ends_with(*suffix));
            if let Some(suffix) = suffix.filter(|_| defines) {
                found.push(Violation {
                    path: source.path.clone(),
                    line: name.line(&source.code),
                    rule: RULE,
                    found: format!("the type {} is a {suffix}", name.text),
                    mend: "name what it is or does, in the RFC's words".to_owned(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<String> {
        let workspace = Workspace::of(&[(path, code)]).unwrap();
        check(&workspace).into_iter().map(|v| v.found).collect()
    }

    #[test]
    fn refuses_files_that_collect_leftovers() {
        assert_eq!(found("ca/src/utils.rs", ""), ["a file or folder named utils"]);
        assert_eq!(found("tests/kit/src/common/pki.rs", ""), ["a file or folder named common"]);
        assert_eq!(found("ca/src/key_types.rs", ""), [] as [&str; 0]);
    }

    #[test]
    fn refuses_types_that_manage() {
        for (code, expected) in [
            ("pub struct KeyManager;", Some("the type KeyManager is a Manager")),
            ("enum Helper { A }", Some("the type Helper is a Helper")),
            ("type MyService = ();", Some("the type MyService is a Service")),
            ("trait EventHandler<T> {}", Some("the type EventHandler is a Handler")),
            ("impl tower::Service<R> for Router {}", None),
            ("struct Handlers;", None),
            ("// struct KeyManager;", None),
        ] {
            assert_eq!(found("ca/src/a.rs", code).first().map(String::as_str), expected, "{code}");
        }
    }
}
