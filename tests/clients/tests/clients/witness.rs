//! Witnesses on directories of their own, of a real server's log over HTTP and HTTPS: what they
//! cosign the signer takes, and a ring that was rolled back they name.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::{Openssl, Stack, http_get, program};
use serde_json::Value;

const LOG: &str = "/.well-known/pki/log/default";

/// A witness: a key and a directory, on which it remembers.
struct Witness {
    dir: PathBuf,
    name: &'static str,
    /// Where it sees the log.
    address: Vec<String>,
    log_key: String,
    /// What a ring pins of it.
    pin: String,
}

impl Witness {
    /// Draws its key.
    fn new(stack: &Stack, name: &'static str, address: &[String]) -> Self {
        let log_key = show(stack)["log_key"].as_str().expect("the log's key").to_owned();
        let (dir, address) = (stack.dir().to_owned(), address.to_vec());
        let mut witness = Self { dir, name, address, log_key, pin: String::new() };
        let mut draw = Command::new(program("signer-verify"));
        draw.arg("--cosign").arg(witness.path("key"));
        let drawn = draw.args(["--cosign-generate", &format!("{name}.example/1")]).output();
        let drawn = drawn.expect("it runs");
        assert!(drawn.status.success(), "{drawn:?}");
        witness.pin = String::from_utf8(drawn.stdout).unwrap().trim().to_owned();
        witness
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.dir.join(format!("{}.{ending}", self.name))
    }

    /// Looks once.
    fn look(&self) -> Output {
        let mut look = Command::new(program("signer-verify"));
        look.arg("--follow").args(&self.address).arg("--cosign").arg(self.path("key"));
        look.args(["--log-key", &self.log_key, "--once", "--state"]).arg(self.path("state"));
        look.arg("--out").arg(self.path("note")).output().expect("it runs")
    }

    /// Looks, cosigns, and returns how many leaves it saw.
    fn cosigns(&self) -> u64 {
        let seen = self.look();
        let text = String::from_utf8_lossy(&seen.stdout).into_owned();
        assert_eq!(seen.status.code(), Some(0), "{seen:?}");
        let words: Vec<&str> = text.split(' ').collect();
        let ["cosigned", size, ..] = words[..] else { panic!("{text}") };
        size.parse().expect("a number")
    }

    /// Sees a log that is not the one that it was, says so, cosigns nothing, and stays with it.
    fn alarms(&self, words: &str) {
        let before = fs::read(self.path("note")).expect("the last note");
        for words in [words, "an alarm stands"] {
            let seen = self.look();
            let told = String::from_utf8_lossy(&seen.stderr).into_owned();
            assert_eq!(seen.status.code(), Some(3), "{told}");
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(fs::read(self.path("note")).expect("the last note"), before);
        for proof in ["remembered", "presented"] {
            assert!(self.path("state").join("alarm").join(proof).is_file(), "{proof}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

fn show(stack: &Stack) -> Value {
    serde_json::from_str(&stack.must(&["ring", "show", "--json"])).expect("JSON")
}

fn leaves(stack: &Stack) -> u64 {
    show(stack)["leaves"].as_u64().expect("a number")
}

/// Pins a witness in ring.toml, without whom nothing is issued.
fn pin(stack: &Stack, witness: &Witness) {
    let file = stack.ring().join("ring.toml");
    let text = fs::read_to_string(&file).expect("the configuration");
    let (name, key) = (witness.name, &witness.pin);
    let pinned = format!(
        "witnesses_required = 1\n{text}\n[[witness]]\nname = \"{name}.example/1\"\nkey = \"{key}\"\n"
    );
    // In place: it stays the signer's.
    fs::write(&file, pinned).expect("written");
}

/// Kills signer and server, does something to the ring, and starts both again.
fn between(stack: &mut Stack, act: impl FnOnce(&Stack)) {
    stack.kill_server();
    stack.kill_signer();
    act(stack);
    stack.start_signer();
    stack.start_server();
}

/// Waits until a witness sees so many leaves: the server's checkpoint may be two seconds old.
fn sees(stack: &Stack, witness: &Witness, size: u64) {
    stack.eventually("it sees the newest", Duration::from_secs(10), || witness.cosigns() >= size);
}

#[test]
fn witnesses_of_a_real_log_cosign_it_and_name_a_ring_that_was_rolled_back() {
    let mut stack = Stack::start_apart(kit::Database::Sqlite, &["--driver", "file"]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    let csr = openssl.request("www", "ec/ec_paramgen_curve:P-256", "www.corp.example");
    let plain = [format!("{}{LOG}", stack.http()), "--post".to_owned()];
    let root = stack.root().display().to_string();
    let tls = [format!("{}{LOG}", stack.https()), "--root".to_owned(), root];
    let one = Witness::new(&stack, "one", &plain);
    between(&mut stack, |stack| pin(stack, &one));

    // Nothing is issued before the pinned witness came.
    let order = serde_json::json!({ "profile": "tls-server", "csr": csr });
    let refused = stack.api().post("/api/v1/certificates", &order);
    assert_ne!(refused.status, 201);
    assert!(refused.text().contains("witness-missing"), "{}", refused.text());
    one.cosigns();
    let cosigned = http_get(&format!("{}{LOG}/checkpoint/cosigned", stack.http()), &[]);
    assert_eq!(cosigned.status, 200);
    assert!(cosigned.text().contains("\u{2014} one.example/1 "), "{}", cosigned.text());
    stack.issue("tls-server", &csr);

    // Others, on directories of their own, by HTTPS; nobody pinned them.
    let [two, three] = ["two", "three"].map(|name| Witness::new(&stack, name, &tls));
    let untrusting = Witness::new(&stack, "four", &tls[..1]);
    assert_eq!(untrusting.look().status.code(), Some(2), "it does not know the root");
    let older = stack.dir().join("older");
    between(&mut stack, |stack| copy(&stack.ring(), &older));
    stack.issue("tls-server", &csr);
    let size = leaves(&stack);
    for witness in [&one, &two, &three] {
        sees(&stack, witness, size);
    }

    // The older ring comes back: truncated, over both ways.
    between(&mut stack, |stack| {
        fs::remove_dir_all(stack.ring()).expect("removed");
        copy(&older, &stack.ring());
    });
    assert!(leaves(&stack) < size);
    one.alarms("leaves, and had");
    two.alarms("leaves, and had");
    // It goes on with other leaves: forked.
    while leaves(&stack) <= size + 1 {
        stack.must(&["freeze", "--reason", "another history"]);
        stack.must(&["unfreeze", "--reason", "another history"]);
    }
    std::thread::sleep(Duration::from_millis(2_500));
    three.alarms("the first leaf that differs is");
    stops_when_it_is_shown(&mut stack, &two.path("note"));
}

/// What a witness kept stops the signer for as long as the older ring is there.
fn stops_when_it_is_shown(stack: &mut Stack, note: &Path) {
    let refused = |output: &Output, code: i32, words: &str| {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    };
    let shown = stack.chancery(&["ring", "show-checkpoint", note.to_str().expect("a path")]);
    refused(&shown, 6, "is not the one that made this checkpoint");
    let freeze = ["freeze", "--reason", "no"];
    refused(&stack.chancery(&freeze), 3, "state-rolled-back");
    assert_eq!(show(stack)["signer"], "rolled-back");
    stack.kill_server();
    stack.kill_signer();
    // It does not unlock; without the pipe it would serve on.
    let mut serve = Command::new(program("signer-file"));
    serve.arg("serve").arg("--ring").arg(stack.ring()).arg("--run").arg(stack.run_dir());
    serve.arg("--unlock-credential").arg(stack.data().join("unlock.key")).arg("--parent-pipe");
    let owner = fs::metadata(stack.ring()).expect("the ring");
    if rustix::process::getuid().is_root() {
        serve.uid(owner.uid()).gid(owner.gid());
    }
    let served = serve.stdin(Stdio::null()).current_dir("/").output().expect("it runs");
    refused(&served, 1, "state-rolled-back");
}
