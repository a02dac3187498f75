//! The suite's program in one of its two builds, and the running of its tests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use super::verdict::Outcome;
use crate::links::target_dir;

/// How long one test may take.
const LIMIT: Duration = Duration::from_secs(180);
/// The cfg of the build whose policy checks are stubbed (signer/proto/src/stub.rs).
const STUB: &str = "--cfg chancery_stub";

/// Where the signer is.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// Inside the test, with a driver that counts its calls.
    Inside,
    /// The real program under a uid of its own, where a test needs nothing else.
    Process,
}

/// The suite's program.
pub struct Suite {
    program: PathBuf,
    /// The folder in which cargo would run it.
    folder: PathBuf,
    /// Where its tests leave their verdicts and what they print.
    left: PathBuf,
}

impl Suite {
    /// Builds what is to be refused by: the build that all tests use.
    pub fn honest(root: &Path) -> Result<Self> {
        let target = target_dir(root);
        let mut cargo = cargo(root, &target);
        cargo.args(["--workspace", "--all-targets"]);
        Self::build(root, &target, cargo)
    }

    /// Builds the signer whose policy checks are stubbed, in a target directory of its own.
    pub fn stubbed(root: &Path) -> Result<Self> {
        let target = target_dir(root).join("stub");
        let mut cargo = cargo(root, &target);
        cargo.args(["-p", "signer-file", "-p", "boundary-tests", "--bins", "--test", "boundary"]);
        cargo.env("RUSTFLAGS", STUB).env_remove("CARGO_ENCODED_RUSTFLAGS");
        Self::build(root, &target, cargo)
    }

    fn build(root: &Path, target: &Path, mut cargo: Command) -> Result<Self> {
        let output = cargo.stderr(Stdio::inherit()).output().context("cargo")?;
        if !output.status.success() {
            bail!("the suite does not build");
        }
        let program = program(&String::from_utf8_lossy(&output.stdout))
            .context("cargo built no program of the suite")?;
        Ok(Self { program, folder: root.join("tests/boundary"), left: target.join("attack") })
    }

    /// Lists its tests.
    pub fn tests(&self) -> Result<Vec<String>> {
        let mut list = Command::new(&self.program);
        let output = list.arg("--list").output().context("the suite")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut names: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    /// Runs tests, each in a process of its own, and returns what came of them in order.
    pub fn run(&self, names: &[String], mode: Mode) -> Result<Vec<Outcome>> {
        match fs::remove_dir_all(&self.left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&self.left)?,
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(HashMap::new());
        // Most of a test's time is waiting.
        let workers = 2 * thread::available_parallelism().map_or(2, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(name) = names.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let outcome = self.run_one(name, mode);
                        done.lock().expect("no panic while it is held").insert(name, outcome);
                    }
                });
            }
        });
        let mut done = done.into_inner().expect("no panic while it was held");
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(names.len());
        for name in names {
            outcomes.push(done.remove(name).context("a test without an outcome")??);
        }
        self.read_verdicts(names, &mut outcomes)?;
        Ok(outcomes)
    }

    fn run_one(&self, name: &str, mode: Mode) -> Result<Outcome> {
        let mut test = Command::new(&self.program);
        test.args(["--exact", name, "--show-output"]).current_dir(&self.folder);
        test.env("CHANCERY_VERDICTS", self.verdicts());
        match mode {
            Mode::Inside => test.env_remove("CHANCERY_ATTACK"),
            Mode::Process => test.env("CHANCERY_ATTACK", "process"),
        };
        let path = self.left.join(name.replace("::", "-"));
        let output = fs::File::create(&path).context("a file for the output")?;
        test.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let passed = wait(test.spawn().context("the suite")?)?;
        let output = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        Ok(Outcome::new(passed, output))
    }

    fn verdicts(&self) -> PathBuf {
        self.left.join("verdicts")
    }

    fn read_verdicts(&self, names: &[String], outcomes: &mut [Outcome]) -> Result<()> {
        let places: HashMap<_, _> = names.iter().zip(0..).collect();
        let verdicts = fs::read_to_string(self.verdicts()).unwrap_or_default();
        for line in verdicts.lines() {
            let mut fields = line.split('\t');
            let (Some(name), Some(what), Some(rule)) =
                (fields.next(), fields.next(), fields.next())
            else {
                bail!("no verdict: {line}");
            };
            if let Some(at) = places.get(&name.to_owned()) {
                outcomes[*at].note(what, rule);
            }
        }
        Ok(())
    }
}

fn cargo(root: &Path, target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--locked", "--message-format", "json"]);
    cargo.arg("--target-dir").arg(target);
    cargo
}

/// Finds the program in what cargo reports: one JSON object a line.
fn program(report: &str) -> Option<PathBuf> {
    let mut lines = report.lines().filter(|line| {
        line.contains("\"kind\":[\"test\"]")
            && line.contains("tests/boundary/tests/boundary/main.rs")
    });
    let (_, path) = lines.next()?.split_once("\"executable\":\"")?;
    Some(PathBuf::from(path.split('"').next()?))
}

/// Waits for a test's end; one that takes too long is killed and has failed.
fn wait(mut test: Child) -> Result<bool> {
    let begun = Instant::now();
    loop {
        if let Some(status) = test.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > LIMIT {
            test.kill()?;
            test.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_program_in_cargos_report() {
        let report = "{\"reason\":\"compiler-artifact\",\"target\":{\"kind\":[\"lib\"],\
            \"src_path\":\"/w/x509/src/lib.rs\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"kind\":[\"test\"],\
            \"src_path\":\"/w/tests/boundary/tests/boundary/main.rs\"},\
            \"executable\":\"/t/deps/boundary-1\",\"fresh\":true}\n";
        assert_eq!(program(report), Some(PathBuf::from("/t/deps/boundary-1")));
        assert_eq!(program("{}\n"), None);
    }
}
