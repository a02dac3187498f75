//! The whole of it: `up` with the real signer and server, and the commands that need them.

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

/// A running `up`; ended in order by [`Running::end`], killed when the test gives it up.
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
        let pid = i32::try_from(self.0.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
        assert!(self.0.wait().expect("it ended").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The signer notices by its pipe, the server by its own.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
