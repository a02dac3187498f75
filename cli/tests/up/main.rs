//! The whole of it: `up` with the real signer and server, and the commands that need them.

mod killed;
mod rings;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const READY: Duration = Duration::from_secs(60);

/// A directory with data directories in it, and what speaks of one of them.
struct Place {
    dir: tempfile::TempDir,
    ports: [u16; 2],
}

/// A running `up` or signer; ended in order, also when the test gives it up.
struct Running(Child);

impl Place {
    /// Nothing if the other programs were not built: `make test` builds them all.
    fn new() -> Option<Self> {
        let here = Path::new(env!("CARGO_BIN_EXE_chancery"));
        for name in ["signer-file", "chancery-server"] {
            if !here.with_file_name(name).is_file() {
                let why = format!("SKIPPED: {name}: it is not built");
                assert!(std::env::var_os("CHANCERY_NO_SKIP").is_none(), "{why}");
                println!("{why}");
                return None;
            }
        }
        let dir = tempfile::tempdir().expect("a directory");
        // The users that root starts the programs as pass through it.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
        let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let [one, other] = [free(), free()];
        let ports = [one, other].map(|port| port.local_addr().expect("an address").port());
        Some(Self { dir, ports })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, data: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.arg("--data").arg(self.at(data)).args(arguments);
        command.current_dir(self.dir.path());
        command
    }

    fn run(&self, data: &str, arguments: &[&str]) -> Output {
        self.command(data, arguments).output().expect("it runs")
    }

    fn ok(&self, data: &str, arguments: &[&str]) -> String {
        let output = self.run(data, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, data: &str, arguments: &[&str]) -> Value {
        let text = self.ok(data, &[arguments, &["--json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }

    fn fails(&self, data: &str, arguments: &[&str], code: i32, words: &str) {
        let output = self.run(data, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }

    /// Starts `up`; waits until it is ready or until `until` says so.
    fn up(&self, data: &str, more: &[&str], until: impl Fn(&str, &str) -> bool) -> Running {
        let [https, http] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let log = |name: &str| fs::File::create(self.at(name)).expect("a log");
        let child = self
            .command(data, &["up", "--https", &https, "--http", &http])
            .args(more)
            .stdin(Stdio::null())
            .stdout(log("out"))
            .stderr(log("err"))
            .spawn()
            .expect("it starts");
        let mut running = Running(child);
        let start = Instant::now();
        loop {
            let read = |name: &str| fs::read_to_string(self.at(name)).unwrap_or_default();
            if until(&read("out"), &read("err")) {
                return running;
            }
            let ended = running.0.try_wait().expect("a child");
            assert!(ended.is_none() && start.elapsed() < READY, "{ended:?} {}", read("err"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Running {
    fn end(mut self) {
        assert!(self.terminate().success());
    }

    /// Has it end in order: `up` ends what it started.
    fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = i32::try_from(self.0.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
        self.0.wait().expect("it ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that gave it up; nothing of it may stay.
        if matches!(self.0.try_wait(), Ok(None)) {
            self.terminate();
        }
    }
}

fn is_ready(out: &str, _: &str) -> bool {
    out.contains("Ctrl-C ends")
}

#[test]
fn a_ca_from_nothing_issues_and_lives_on_in_its_copy() {
    let Some(place) = Place::new() else { return };
    let up = place.up("data", &["--names", "corp.example"], is_ready);
    place.fails("data", &["up"], 1, "another `chancery up`");

    let csr = ["cert", "issue", "--profile", "tls-server", "--new-key", "p-256"];
    let files = ["--key-out", "key.pem", "--out", "cert.pem", "--san", "dns:www.corp.example"];
    let issued = place.json("data", &[&csr[..], &files].concat());
    let serial = issued["serial"].as_str().expect("a serial").to_owned();
    assert_eq!(fs::metadata(place.at("key.pem")).expect("the key").mode() & 0o7777, 0o600);
    let pem = fs::read_to_string(place.at("cert.pem")).expect("the certificate");
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "the path without the root");

    let other = ["--key-out", "k", "--san", "dns:www.other.example"];
    place.fails("data", &[&csr[..], &other].concat(), 3, "[name-not-permitted]");
    place.fails("data", &["cert", "show", "ff"], 5, "no certificate has");
    place.fails("data", &["profile", "show", "none"], 5, "[not-found]");
    place.fails("data", &["policy", "show", "none"], 5, "key-unknown");

    assert_eq!(place.json("data", &["status"])["ready"]["ready"], true);
    place.ok("data", &["doctor"]);
    place.ok("data", &["cert", "revoke", &serial, "--reason", "keyCompromise"]);
    place.ok("data", &["backup", "--to", "copy"]);
    place.fails("data", &["backup", "--to", "copy"], 2, "is there already");
    up.end();
    place.fails("data", &["status"], 4, "is `chancery up` running");

    place.ok("again", &["restore", "--from", "copy"]);
    let up = place.up("again", &[], is_ready);
    let found = place.json("again", &["cert", "show", &serial]);
    assert_eq!(found["state"], "revoked");
    let named = place.json("again", &["cert", "list", "--name", ".corp.example"]);
    assert_eq!(named.as_array().map(Vec::len), Some(1));
    up.end();
}

#[test]
fn the_admin_socket_is_out_of_the_servers_reach() {
    let Some(place) = Place::new() else { return };
    let up = place.up("data", &[], is_ready);
    let found = |name: &str| fs::metadata(place.at("data").join(name)).expect("it is there");
    let admin = found("run/admin.sock");
    assert_eq!(admin.mode() & 0o7777, 0o660);
    for socket in ["run/issue.sock", "run/status.sock"] {
        assert_eq!(found(socket).gid(), found("run").gid(), "{socket}");
    }
    if rustix::process::getuid().is_root() {
        let (signer, server) = (found("signer"), found("server"));
        assert_ne!(signer.uid(), server.uid());
        assert_eq!((admin.uid(), admin.gid()), (signer.uid(), signer.gid()));
        assert_eq!(found("run/issue.sock").gid(), server.gid());
        assert_ne!(admin.gid(), server.gid());
        assert_eq!(found("unlock.key").uid(), signer.uid());
    } else {
        println!("SKIPPED: root: users of their own are for root");
    }
    up.end();
}

#[test]
fn a_ring_with_a_passphrase_waits_for_it_or_takes_it_from_its_file() {
    let Some(place) = Place::new() else { return };
    for (name, text) in [("pass", "correct horse\n"), ("wrong", "wrong horse\n")] {
        fs::write(place.at(name), text).expect("written");
        fs::set_permissions(place.at(name), fs::Permissions::from_mode(0o600)).expect("set");
    }
    place.ok("data", &["init", "--passphrase-file", "pass"]);
    assert!(!place.at("data/unlock.key").exists());
    let up = place.up("data", &[], |_, err| err.contains("the ring is locked"));
    place.fails("data", &["unlock", "--passphrase-file", "wrong"], 3, "unlock-failed");
    // A wrong passphrase keeps the next one waiting for a second.
    std::thread::sleep(Duration::from_millis(1_100));
    let unlocked = place.json("data", &["unlock", "--passphrase-file", "pass"]);
    assert_eq!(unlocked["signer"], "ready");
    let start = Instant::now();
    while !place.run("data", &["status"]).status.success() {
        assert!(start.elapsed() < READY);
        std::thread::sleep(Duration::from_millis(100));
    }
    up.end();
    let up = place.up("data", &["--passphrase-file", "pass"], is_ready);
    place.ok("data", &["status"]);
    up.end();
}

/// Makes an operator's key with stock OpenSSH; nothing if that is not installed.
fn keygen(place: &Place, name: &str) -> Option<()> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(place.at(name))
        .status();
    match made {
        Ok(status) => {
            assert!(status.success());
            Some(())
        }
        Err(error) => {
            let why = format!("SKIPPED: ssh-keygen: {error}");
            assert!(std::env::var_os("CHANCERY_NO_SKIP").is_none(), "{why}");
            println!("{why}");
            None
        }
    }
}

/// Signs every proposal that waits in a directory, as an operator elsewhere would.
fn sign_waiting(place: &Place, directory: &str, name: &str) -> usize {
    let mut signed = 0;
    for entry in fs::read_dir(place.at(directory)).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "proposal") {
            let mut sign = Command::new("ssh-keygen");
            sign.args(["-q", "-Y", "sign", "-n", "chancery/quorum/v1", "-f"]);
            let status = sign.arg(place.at(name)).arg(&path).status().expect("it runs");
            assert!(status.success());
            let made = path.with_extension("proposal.sig");
            fs::rename(made, path.with_extension(format!("proposal.{name}.sig"))).expect("moved");
            signed += 1;
        }
    }
    signed
}

#[test]
fn one_operator_grows_to_two_of_three_and_one_alone_makes_nothing_any_more() {
    let Some(place) = Place::new() else { return };
    if ["alice", "bob"].iter().any(|name| keygen(&place, name).is_none()) {
        return;
    }
    let up = place.up("data", &["--names", "corp.example"], is_ready);
    let one = place.json("data", &["operators", "list"]);
    assert_eq!(one["operators"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["needed"]["widen-policy"], 1);
    let mode = fs::metadata(place.at("data/operator.key")).expect("the key").mode() & 0o7777;
    assert_eq!(mode, 0o600);
    let warned = place.ok("data", &["doctor"]);
    assert!(warned.contains("ONE OPERATOR"), "{warned}");

    // A new key that does not sign itself is not taken: its owner may not have it.
    let add = ["operators", "add", "alice.pub", "bob.pub", "--threshold", "2"];
    place.fails("data", &add, 3, "new-operator-unsigned");
    let with = |keys: &[&'static str]| -> Vec<&str> {
        keys.iter().flat_map(|key| ["--operator-key", *key]).collect()
    };
    let three = place.json("data", &[&add[..], &with(&["alice", "bob"])].concat());
    assert_eq!(three["operators"].as_array().map(Vec::len), Some(3));
    assert_eq!(three["needed"]["widen-policy"], 2);

    let names = ["policy", "names", "issuing", "--names", "corp.example,other.example"];
    place.fails("data", &names, 7, "it needs 2 operators and 1 approved");
    let before = place.json("data", &["policy", "show", "issuing"]);
    assert_eq!(before["version"], 1);
    let set = place.json("data", &[&names[..], &with(&["bob"])].concat());
    assert_eq!(set["version"], 2);

    // Signatures from elsewhere: the same command again takes them.
    let travels = ["policy", "names", "issuing", "--names", "corp.example", "--approvals", "stick"];
    place.fails("data", &travels, 7, "1 of 2 signed");
    assert_eq!(sign_waiting(&place, "stick", "alice"), 1);
    assert_eq!(place.json("data", &travels)["version"], 3);
    assert!(place.at("stick/done").is_dir());

    // The brake needs one, letting go needs two.
    let frozen = place.json("data", &["freeze", "--reason", "a test"]);
    assert_eq!(frozen["frozen"], true);
    let csr = ["cert", "issue", "--profile", "tls-server", "--new-key", "p-256", "--key-out", "k"];
    let csr = [&csr[..], &["--san", "dns:www.corp.example", "--out", "c.pem"]].concat();
    place.fails("data", &csr, 3, "issuance-frozen");
    assert!(!place.at("c.pem").exists());
    place.fails("data", &["unfreeze", "--reason", "over"], 7, "it needs 2 operators");
    place.ok("data", &[&["unfreeze", "--reason", "over"][..], &with(&["alice"])].concat());
    place.ok("data", &csr);

    let suspend = ["key", "suspend", "issuing"];
    place.ok("data", &[&suspend[..], &with(&["alice"])].concat());
    let keys = place.json("data", &["key", "list"]);
    let issuing = keys["keys"].as_array().expect("keys").iter().find(|k| k["label"] == "issuing");
    assert_eq!(issuing.expect("the key")["state"], "suspended");
    up.end();
}

#[test]
fn a_ceremony_follows_its_plan_and_an_offline_root_answers_by_files() {
    let Some(place) = Place::new() else { return };
    if keygen(&place, "alice").is_none() {
        return;
    }
    // Online, to get its issuing CA signed by the other's root.
    let up = place.up("data", &["--names", "corp.example"], is_ready);
    let log = place.ok("data", &["ceremony", "key"]);
    assert!(log.starts_with("chancery/"), "{log}");
    let wish = ["ca", "create", "branch", "--kind", "issuing", "--subject", "CN=Branch,O=Corp"];
    place.ok("data", &wish);
    place.fails("data", &["ceremony", "request", "branch", "--out", "r"], 5, "no key");
    place.ok("data", &["ca", "csr", "branch", "--out", "branch.csr"]);
    let request = ["ceremony", "request", "branch", "--out", "branch.request"];
    place.ok("data", &[&request[..], &["--operator-key", "alice"]].concat());
    up.end();

    let requester = fs::read_to_string(place.at("alice.pub")).expect("the public key");
    let plan = format!(
        r#"
version = 1
title = "First root of Corp"
public_url = "http://pki.corp.example"
[[step]]
authority = {{ version = 1, name = "corp", kind = "root", subject = "CN=Corp Root,O=Corp", key = "p-384", validity = "7305d" }}
[[step]]
sign-request = {{ parent = "corp", request = "branch.request", response = "branch.response", requesters = ["{}"], validity = "1826d" }}
[[step]]
crl = {{ key = "corp", next_update = "180d", out = "corp.crl" }}
"#,
        requester.trim()
    );
    fs::write(place.at("plan.toml"), &plan).expect("written");
    let up = place.up("root", &[], is_ready);
    let dry = place.json("root", &["ceremony", "run", "plan.toml", "--dry-run"]);
    let states: Vec<_> = dry["steps"].as_array().expect("steps").iter().collect();
    assert!(states.len() == 3 && states.iter().all(|step| step["state"] == "to do"));

    // Somebody else's request is not signed.
    let own = fs::read_to_string(place.at("root/operator.key.pub")).expect("the public key");
    let key = |line: &str| line.split(' ').nth(1).expect("the key").to_owned();
    let stranger = plan.replace(&key(&requester), &key(&own));
    fs::write(place.at("stranger.toml"), stranger).expect("written");
    let refused = ["ceremony", "run", "stranger.toml", "--transcript", "t"];
    place.fails("root", &refused, 3, "no requester");
    assert!(!place.at("branch.response").exists());

    let run = ["ceremony", "run", "plan.toml", "--transcript", "transcript.txt"];
    place.ok("root", &run);
    let transcript = fs::read_to_string(place.at("transcript.txt")).expect("the transcript");
    for words in ["First root of Corp", "CN=Corp Root,O=Corp", "CN=Branch,O=Corp", "CRL: corp"] {
        assert!(transcript.contains(words), "{words}: {transcript}");
    }
    let root_log = place.ok("root", &["ceremony", "key"]);
    let done = place.json("root", &["ceremony", "run", "plan.toml", "--dry-run"]);
    assert!(done["steps"].as_array().expect("steps").iter().all(|step| step["state"] == "done"));
    up.end();

    let response = ["ceremony", "response", "branch.response", "--out", "branch.pem", "--log-key"];
    place.fails("data", &[&response[..], &[log.trim()]].concat(), 3, "checkpoint");
    assert!(!place.at("branch.pem").exists());
    place.ok("data", &[&response[..], &[root_log.trim()]].concat());
    let up = place.up("data", &[], is_ready);
    let import = ["ca", "import", "branch", "--certificate", "branch.pem"];
    let imported = place.json("data", &import);
    assert_eq!(imported["state"], "active");
    up.end();
}

/// Rotates the unlock key as the signer's user, whoever that is here.
fn rotate(place: &Place, options: &[&str]) {
    use std::os::unix::process::CommandExt as _;

    let program = Path::new(env!("CARGO_BIN_EXE_chancery")).with_file_name("signer-file");
    let mut command = Command::new(program);
    command.arg("rotate-unlock").arg("--ring").arg(place.at("data/signer/ring"));
    command.args(options).current_dir(place.dir.path());
    let owner = fs::metadata(place.at("data/signer")).expect("the signer's folder");
    if rustix::process::getuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_ring_is_made_with_shares_and_opened_by_them() {
    let Some(place) = Place::new() else { return };
    for name in ["share1", "share2", "share3"] {
        fs::write(place.at(name), format!("passphrase of {name}\n")).expect("written");
        fs::set_permissions(place.at(name), fs::Permissions::from_mode(0o600)).expect("set");
    }
    let few = ["init", "--share-passphrase-file", "share1", "--shares-threshold", "2"];
    place.fails("data", &few, 2, "2 of 1");
    assert!(!place.at("data").exists(), "nothing was made");
    place.fails(
        "data",
        &[&few[..], &["--passphrase-file", "share2"]].concat(),
        2,
        "cannot be used",
    );
    let more = ["--share-passphrase-file", "share2", "--share-passphrase-file", "share3"];
    let three = [&few[..], &more].concat();
    place.ok("data", &three);
    assert!(!place.at("data/unlock.key").exists());
    let left: Vec<_> = fs::read_dir(place.at("data/signer")).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 1, "only the ring: {left:?}");
    place.fails("data", &three, 2, "is there already");
    let up = place.up("data", &[], |_, err| err.contains("--share"));
    let share = |number: &str, file: &str| {
        place.json("data", &["unlock", "--share-passphrase", number, "--passphrase-file", file])
    };
    assert_eq!(share("3", "share3")["missing"], 1);
    assert_eq!(share("2", "share2")["missing"], 0);
    let start = Instant::now();
    while !place.run("data", &["status"]).status.success() {
        assert!(start.elapsed() < READY);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(place.json("data", &["audit", "verify"])["intact"], true);
    up.end();
}

#[test]
fn a_ring_that_shares_open_waits_for_them_and_its_copy_says_so() {
    let Some(place) = Place::new() else { return };
    place.ok("data", &["init"]);
    let owner = fs::metadata(place.at("data/signer")).expect("the signer's folder");
    let mut shares = Vec::new();
    for name in ["share1", "share2", "share3"] {
        fs::write(place.at(name), format!("passphrase of {name}\n")).expect("written");
        fs::set_permissions(place.at(name), fs::Permissions::from_mode(0o600)).expect("set");
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(place.at(name), Some(owner.uid()), None).expect("given");
        }
        shares.extend(["--share-passphrase-file", name]);
    }
    shares.extend(["--shares-threshold", "2", "--old-credential", "data/unlock.key"]);
    rotate(&place, &shares);
    let up =
        place.up("data", &[], |_, err| err.contains("unlock --data") && err.contains("--share"));
    let share = |number: &str, file: &str| {
        place.json("data", &["unlock", "--share-passphrase", number, "--passphrase-file", file])
    };
    place.fails("data", &["unlock", "--credential-file", "data/unlock.key"], 3, "opened by shares");
    assert_eq!(share("3", "share3")["missing"], 1);
    let opened = share("1", "share1");
    assert_eq!((&opened["signer"], &opened["missing"]), (&"ready".into(), &0.into()));
    let start = Instant::now();
    while !place.run("data", &["status"]).status.success() {
        assert!(start.elapsed() < READY);
        std::thread::sleep(Duration::from_millis(100));
    }
    let copy = place.at("copy");
    let said = place.ok("data", &["backup", "--to", copy.to_str().expect("a path")]);
    assert!(said.contains("opens with the shares"), "{said}");
    assert!(!copy.join("unlock.key").exists(), "it opens nothing any more");
    up.end();
    place.fails("data", &["up", "--passphrase-file", "share1"], 2, "opened by shares");
}
