//! Shares in the hands of custodians: stock age opens them, a second implementation agrees.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::{Process, program, tool};

/// A data directory whose ring two of three shares open: two by age, one by a passphrase.
struct Custody {
    dir: tempfile::TempDir,
    tools: Tools,
}

struct Tools {
    age: PathBuf,
    keygen: PathBuf,
    python: PathBuf,
}

impl Custody {
    /// Nothing where a tool is missing.
    fn new() -> Option<Self> {
        let tools =
            Tools { age: tool("age")?, keygen: tool("age-keygen")?, python: tool("python3")? };
        let custody = Self { dir: tempfile::tempdir().expect("a directory"), tools };
        private(&custody.at("share3"), b"passphrase three\n");
        let mut init = custody.signer_file("init");
        init.arg("--dangerous-no-operators");
        for number in [1, 2] {
            init.arg("--share").arg(custody.recipient(number));
        }
        init.arg("--share-passphrase-file").arg(custody.at("share3"));
        init.args(["--shares-threshold", "2"]);
        fs::DirBuilder::new().mode(0o700).create(custody.at("data")).expect("made");
        fs::create_dir(custody.at("data/signer")).expect("made");
        good(&init.output().expect("it runs"));
        Some(custody)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn signer_file(&self, act: &str) -> Command {
        let mut command = Command::new(program("signer-file"));
        command.arg(act).arg("--ring").arg(self.at("data/signer/ring"));
        command
    }

    /// Makes a custodian's identity and returns the recipient.
    fn recipient(&self, number: u8) -> String {
        let identity = self.at(&format!("identity{number}"));
        good(&Command::new(&self.tools.keygen).arg("-o").arg(&identity).output().expect("it runs"));
        let output = Command::new(&self.tools.keygen).arg("-y").arg(&identity).output();
        good(&output.expect("it runs")).trim().to_owned()
    }

    fn share_file(&self, name: &str) -> PathBuf {
        let sets = fs::read_dir(self.at("data/signer/ring/shares")).expect("a folder");
        let sets: Vec<_> = sets.map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(sets.len(), 1);
        sets[0].join(name)
    }

    /// Opens a share with stock age, as its custodian does.
    fn decrypt(&self, number: u8, identity: u8) -> Output {
        let mut age = Command::new(&self.tools.age);
        age.arg("-d").arg("-i").arg(self.at(&format!("identity{identity}")));
        age.arg(self.share_file(&format!("{number}.age"))).output().expect("it runs")
    }

    fn unlock(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(program("chancery"));
        command.arg("--data").arg(self.at("data")).args(["unlock", "--json"]).args(arguments);
        piped(command, stdin)
    }

    fn serve(&self) -> Process {
        let mut serve = self.signer_file("serve");
        serve.arg("--run").arg(self.at("data/run")).arg("--parent-pipe");
        let process = Process::start("signer-file", serve);
        process.await_line("ready", Duration::from_secs(30));
        process
    }
}

fn private(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

fn piped(mut command: Command, stdin: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // One that refuses its options ends without reading.
    let _ = pipe.write_all(stdin.as_bytes());
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn told(output: &Output) -> serde_json::Value {
    serde_json::from_str(&good(output)).expect("JSON")
}

#[test]
fn stock_age_opens_a_share_for_its_custodian_alone() {
    let Some(custody) = Custody::new() else { return };
    let text = good(&custody.decrypt(1, 1));
    assert!(text.starts_with("chancery-share-1:") && text.ends_with('\n'), "{text}");
    assert_eq!(text.lines().count(), 1);
    let other = custody.decrypt(1, 2);
    assert!(!other.status.success());
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains("no identity matched any of the recipients"), "{said}");
}

#[test]
fn custodians_open_a_ring_one_after_the_other() {
    let Some(custody) = Custody::new() else { return };
    let _signer = custody.serve();
    let first = good(&custody.decrypt(1, 1));
    let waiting = told(&custody.unlock(&["--share", "-"], &first));
    assert_eq!((&waiting["signer"], &waiting["missing"]), (&"locked".into(), &1.into()));
    // Mistyped: told so, and no attempt that the next one waits for.
    let mistyped = first.replace(":01:", ":02:");
    let refused = custody.unlock(&["--share", "-"], &mistyped);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("mistyped"), "{refused:?}");
    let three = custody.at("share3");
    let three = three.to_str().expect("a path");
    let opened =
        told(&custody.unlock(&["--share-passphrase", "3", "--passphrase-file", three], ""));
    assert_eq!((&opened["signer"], &opened["missing"]), (&"ready".into(), &0.into()));
}

#[test]
fn a_second_implementation_puts_the_key_together() {
    let Some(custody) = Custody::new() else { return };
    let shares = [1, 2].map(|number| good(&custody.decrypt(number, number))).concat();
    let mut python = Command::new(&custody.tools.python);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/shares.py");
    python.arg(script).arg(custody.at("data/signer/ring/unlock"));
    let found = good(&piped(python, &shares));
    assert_eq!(found, "2 shares, 2 needed: the data key opens\n");
}
