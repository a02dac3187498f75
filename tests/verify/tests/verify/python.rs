//! The other verifier: one process that reads many journals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// tools/verify_journal.py in its batch mode.
pub struct Python {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Returns the path of the Python verifier.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/verify_journal.py")
}

impl Python {
    /// Starts it with what it holds journals against; none where Python or openssl is missing.
    pub fn start(checkpoint: Option<&Path>, tiles: Option<&Path>) -> Option<Self> {
        let (python, _) = (kit::tool("python3")?, kit::tool("openssl")?);
        let mut command = Command::new(python);
        command.arg(script()).arg("--batch");
        if let Some(checkpoint) = checkpoint {
            command.arg("--checkpoint").arg(checkpoint);
        }
        if let Some(tiles) = tiles {
            command.arg("--tiles").arg(tiles);
        }
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.expect("python3 starts");
        let (ask, answers) = (process.stdin.take(), process.stdout.take().expect("a pipe"));
        Some(Self { process, ask, answers: BufReader::new(answers) })
    }

    /// Asks for the verdict on a journal: the index and the kind of the first fault.
    pub fn verdict(&mut self, journal: &Path) -> Option<(u64, String)> {
        let ask = self.ask.as_mut().expect("it runs");
        writeln!(ask, "{}", journal.display()).expect("it reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        let report: Value = serde_json::from_str(&line).expect("a JSON object");
        let fault = report.get("fault").filter(|fault| !fault.is_null())?;
        let kind = fault["kind"].as_str().expect("a kind").to_owned();
        Some((fault["index"].as_u64().expect("an index"), kind))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.ask = None;
        let ended = self.process.wait();
        if !std::thread::panicking() {
            assert!(ended.is_ok_and(|status| status.success()), "the Python verifier failed");
        }
    }
}
