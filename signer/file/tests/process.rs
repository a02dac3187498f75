//! The real program: made, served, asked over its sockets, ended.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use signer_proto::{
    Call, Flags, GenerateKey, HEADER, Header, Health, KeyLabel, KeySpec, MintSerials, Plaintext,
    Purpose, Refusal, Rule, SignerState, Unlock, Warrant, Wire,
};
use zeroize::Zeroizing;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A directory with a credential and a ring.
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.at("credential"), [9; 32]).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(place.at("credential"), private).unwrap();
        let made = place.init();
        assert!(made.status.success(), "{made:?}");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, act: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signer-file"));
        command.arg(act).arg("--ring").arg(self.at("ring"));
        command
    }

    fn init(&self) -> Output {
        self.program("init")
            .arg("--dangerous-no-operators")
            .arg("--unlock-credential")
            .arg(self.at("credential"))
            .output()
            .unwrap()
    }

    fn serve(&self, unlocked: bool) -> Served {
        let mut command = self.program("serve");
        command.arg("--run").arg(self.at("run")).arg("--parent-pipe");
        if unlocked {
            command.arg("--unlock-credential").arg(self.at("credential"));
        }
        Served::start(command)
    }
}

/// A running program; killed when the test gives it up.
struct Served(Child);

impl Served {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let served = Self(child);
        assert_eq!(line, "ready\n");
        served
    }

    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn call<C: Call>(run: &Path, socket: &str, call: &C) -> Result<C::Answer, Refusal> {
    let mut stream = UnixStream::connect(run.join(format!("{socket}.sock"))).unwrap();
    let body = call.to_wire();
    let header = Header {
        kind: C::KIND,
        flags: Flags::REQUEST,
        length: u32::try_from(body.len()).unwrap(),
        sequence: 7,
        deadline_ms: 20_000,
    };
    stream.write_all(&header.encode()).unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = Vec::new();
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header).unwrap();
        let header = Header::decode_answer(header).unwrap();
        let mut part = vec![0; header.length as usize];
        stream.read_exact(&mut part).unwrap();
        answer.extend(part);
        match header.flags {
            Flags::MORE => {}
            Flags::ANSWER => return Ok(C::Answer::from_wire(&answer).unwrap()),
            _ => return Err(Refusal::from_wire(&answer).unwrap()),
        }
    }
}

fn generate() -> GenerateKey {
    GenerateKey {
        label: KeyLabel::new("issuing").unwrap(),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
        warrant: Warrant::none(),
    }
}

#[test]
fn a_ring_is_served_until_a_signal_and_its_journal_reads_afterwards() {
    let place = Place::new();
    let run = place.at("run");
    let mut served = place.serve(true);
    for socket in ["issue", "status", "admin"] {
        let health = call(&run, socket, &Health).unwrap();
        assert_eq!(health.state, SignerState::Ready, "{socket}");
        let mode = fs::metadata(run.join(format!("{socket}.sock"))).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o660);
    }
    let key = call(&run, "admin", &generate()).unwrap();
    let minted = call(&run, "issue", &MintSerials { key: key.label, count: 3 });
    assert_eq!(minted.unwrap().0.len(), 3);
    served.signal("TERM");
    assert!(served.wait().success());

    let journal = place.program("journal").arg("--json").output().unwrap();
    let text = String::from_utf8(journal.stdout).unwrap();
    let types: Vec<String> = text
        .lines()
        .map(|line| {
            let leaf: serde_json::Value = serde_json::from_str(line).unwrap();
            leaf["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types, ["Genesis", "Opened", "UnlockAttempt", "KeyGenerated"]);
    let table = place.program("journal").args(["--from", "3"]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("label=issuing purpose=cert+crl spec=p-256"), "{table}");
    assert_eq!(table.lines().count(), 1);
}

#[test]
fn a_journal_is_read_beside_its_signer_and_its_torn_end_stays() {
    let place = Place::new();
    let served = place.serve(true);
    let read = || {
        let output = place.program("journal").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        (output.stdout.iter().filter(|c| **c == b'\n').count(), told)
    };
    assert_eq!(read(), (3, String::new()));
    drop(served);
    let mut files = fs::read_dir(place.at("ring/journal")).unwrap();
    let segment = files.next().unwrap().unwrap().path();
    let mut file = fs::OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(b"\0\0\0\x09torn").unwrap();
    let before = fs::read(&segment).unwrap();
    let (leaves, told) = read();
    assert_eq!(leaves, 3);
    assert!(told.contains("8 octets at the end"), "{told}");
    assert_eq!(fs::read(&segment).unwrap(), before, "nothing was cut");
}

#[test]
fn it_ends_when_whoever_started_it_is_gone() {
    let place = Place::new();
    let mut served = place.serve(true);
    drop(served.0.stdin.take());
    assert!(served.wait().success());
    let mut again = place.serve(true);
    again.signal("INT");
    assert!(again.wait().success());
}

#[test]
fn a_locked_ring_is_unlocked_over_admin() {
    let place = Place::new();
    let run = place.at("run");
    let _served = place.serve(false);
    assert_eq!(call(&run, "issue", &Health).unwrap().state, SignerState::Locked);
    let refused = call(&run, "admin", &generate()).unwrap_err();
    assert_eq!(refused.rule, Rule::Locked);
    let unlock = |octet| Unlock { passphrase: Plaintext(Zeroizing::new(vec![octet; 32])) };
    assert_eq!(call(&run, "admin", &unlock(8)).unwrap_err().rule, Rule::UnlockFailed);
    assert_eq!(call(&run, "admin", &unlock(9)).unwrap_err().rule, Rule::Overloaded);
    std::thread::sleep(Duration::from_millis(1100));
    let report = call(&run, "admin", &unlock(9)).unwrap();
    assert_eq!(report.state, SignerState::Ready);
    call(&run, "admin", &generate()).unwrap();
}

#[test]
fn a_killed_signer_starts_again_on_what_was_durable() {
    let place = Place::new();
    let run = place.at("run");
    let mut served = place.serve(true);
    let key = call(&run, "admin", &generate()).unwrap();
    served.0.kill().unwrap();
    served.wait();
    let _again = place.serve(true);
    let described = call(&run, "status", &signer_proto::Describe).unwrap();
    assert!(described.keys.0.contains(&key));
}

#[test]
fn refuses_a_second_signer_a_wrong_credential_and_a_second_init() {
    let place = Place::new();
    let fails = |output: &Output, why: &str| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(why), "{text}");
    };
    fails(&place.init(), "is there already");
    let served = place.serve(true);
    let run = place.at("run");
    let serve = |credential: &Path| {
        place
            .program("serve")
            .arg("--run")
            .arg(&run)
            .arg("--unlock-credential")
            .arg(credential)
            .output()
            .unwrap()
    };
    fails(&serve(&place.at("credential")), "another signer");
    drop(served);
    fs::write(place.at("wrong"), [8; 32]).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.at("wrong"), private).unwrap();
    fails(&serve(&place.at("wrong")), "does not open the ring");
}

/// Signer and server in containers of their own: the kernel knows the server's uid, and no process
/// id that the signer could see.
#[test]
fn a_signer_in_a_pid_namespace_of_its_own_is_served_as_any() {
    let apart = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", program]);
        command
    };
    if !apart("true").status().is_ok_and(|status| status.success()) {
        println!("SKIPPED: needs unshare(1) and the right to make a PID namespace");
        return;
    }
    let place = Place::new();
    let mut command = apart(env!("CARGO_BIN_EXE_signer-file"));
    command.args(["serve", "--parent-pipe", "--ring"]);
    command.arg(place.at("ring")).arg("--run").arg(place.at("run"));
    let _served = Served::start(command);
    let health = call(&place.at("run"), "status", &Health).unwrap();
    assert_eq!(health.state, SignerState::Locked);
}

/// Makes an operator's key; none where ssh-keygen is missing.
fn operator(place: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    let file = place.join(name);
    let mut keygen = std::process::Command::new(kit::tool("ssh-keygen")?);
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&file);
    assert!(keygen.status().unwrap().success());
    Some(file.with_extension("pub"))
}

#[test]
fn init_wants_operators_or_to_be_told_that_there_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let credential = dir.path().join("credential");
    std::fs::write(&credential, [7; 32]).unwrap();
    std::fs::set_permissions(&credential, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let (Some(ann), Some(bob)) = (operator(dir.path(), "ann"), operator(dir.path(), "bob")) else {
        return;
    };
    let init = |ring: &str, options: &[&str]| {
        let mut init = std::process::Command::new(env!("CARGO_BIN_EXE_signer-file"));
        init.arg("init").arg("--ring").arg(dir.path().join(ring));
        init.arg("--unlock-credential").arg(&credential).args(options).output().unwrap()
    };
    let (ann, bob) = (ann.to_str().unwrap(), bob.to_str().unwrap());
    for (options, why) in [
        (&[][..], "no operator is given"),
        (&["--operator", ann, "--operator", bob], "--threshold N"),
        (&["--operator", ann, "--threshold", "2"], "not within 1 to 1"),
        (&["--operator", ann, "--operator", ann, "--threshold", "1"], "is there twice"),
        (&["--operator", ann, "--dangerous-no-operators"], "cannot be used with"),
        (&["--operator", "/etc/hostname"], "no public key that may approve"),
    ] {
        let made = init("none", options);
        let told = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(!made.status.success() && told.contains(why), "{options:?}: {told}");
        assert!(!dir.path().join("none").exists(), "{options:?}");
    }
    let made = init("ring", &["--operator", ann, "--operator", bob, "--threshold", "2"]);
    assert!(made.status.success(), "{made:?}");
    let told = String::from_utf8(made.stdout).unwrap();
    let (_, digest) = told.trim_end().rsplit_once(": genesis ").unwrap();
    let mut journal = std::process::Command::new(env!("CARGO_BIN_EXE_signer-file"));
    let journal = journal.args(["journal", "--ring"]).arg(dir.path().join("ring"));
    let journal = String::from_utf8(journal.output().unwrap().stdout).unwrap();
    assert!(journal.contains("operators=2"), "{journal}");
    assert_eq!(digest.len(), 64);
}
