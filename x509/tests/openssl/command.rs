//! Runs the openssl command in a folder of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder in which openssl commands run.
pub struct Openssl(TempDir);

impl Openssl {
    /// Makes the folder, or says that the test is skipped.
    ///
    /// # Panics
    /// If the command is missing and `CHANCERY_NO_SKIP` is 1.
    pub fn new(test: &str) -> Option<Self> {
        let found = Command::new("openssl")
            .arg("version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if found {
            return Some(Self(tempfile::tempdir().unwrap()));
        }
        assert!(
            std::env::var_os("CHANCERY_NO_SKIP").is_none_or(|value| value != "1"),
            "openssl missing"
        );
        eprintln!("SKIPPED: openssl missing ({test})");
        None
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder().join(name)).unwrap()
    }

    /// Runs a command line; arguments are separated by single spaces.
    pub fn run(&self, line: &str) -> Output {
        self.run_words(&line.split(' ').collect::<Vec<_>>())
    }

    pub fn run_words(&self, words: &[&str]) -> Output {
        Command::new("openssl")
            .args(words)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command line that must succeed; gives both outputs as one text.
    pub fn text(&self, line: &str) -> String {
        self.text_words(&line.split(' ').collect::<Vec<_>>())
    }

    pub fn text_words(&self, words: &[&str]) -> String {
        let output = self.run_words(words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(output.status.success(), "openssl {words:?}: {text}");
        text
    }
}

/// Asserts that each part is in the text, spaces compressed.
pub fn assert_contains(text: &str, parts: &[&str]) {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(plain.contains(part), "{part:?} is missing in:\n{text}");
    }
}
