//! What came of each attack, written down for `cargo xtask attack`.

use std::fs::OpenOptions;
use std::io::Write as _;

use signer_proto::Rule;

/// Notes that the signer refused.
pub(crate) fn refused(rule: Rule) {
    note("refused", &rule.to_string());
}

/// Notes that an attack was answered: what it asked for was done.
pub(crate) fn through() {
    note("through", "-");
}

/// Notes that the signer did not even open the ring.
pub(crate) fn not_opened() {
    note("refused", "to open");
}

/// Appends a line to the file that CHANCERY_VERDICTS names, if it names one.
fn note(what: &str, rule: &str) {
    let Some(path) = std::env::var_os("CHANCERY_VERDICTS") else { return };
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("verdicts");
    let line = format!("{}\t{what}\t{rule}\n", test());
    file.write_all(line.as_bytes()).expect("verdicts are written");
}

/// Returns the test's name: the runner starts each by `--exact NAME`.
fn test() -> String {
    let arguments: Vec<String> = std::env::args().collect();
    let exact = arguments.windows(2).find(|pair| pair[0] == "--exact");
    match (exact, std::thread::current().name()) {
        (Some(pair), _) => pair[1].clone(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "unknown".to_owned(),
    }
}
