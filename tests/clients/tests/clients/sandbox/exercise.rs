//! Drives a signer through all that it does, with the kernel's calls written down by strace.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use kit::{Database, Openssl, RawPeer, Stack, tool};
use signer::journal::{Journal, RealDisk};
use signer_proto::{Detail, Kind, Leaf, ReadJournal, Refused, Rule, Socket, Wire};

use crate::issued::Issued;

/// How many filters are installed before the last one, which leaves the calls of the table.
const FILTERS: usize = 3;

/// Calls by name, before and after the signer was sealed.
#[derive(Debug, Default)]
pub struct Used {
    /// From its exec on.
    pub starting: BTreeSet<String>,
    /// Once sealed.
    pub sealed: BTreeSet<String>,
}

/// Runs the exercise; none, with a line that says so, where it cannot be run.
pub fn run() -> Option<Used> {
    let strace = tool("strace")?;
    let setpriv = tool("setpriv")?;
    if !rustix::process::getuid().is_root() {
        kit::skip("root", "the signer is not dumpable: only root's strace follows it");
        return None;
    }
    let mut stack =
        Stack::start_apart(Database::Sqlite, &["--names", "corp.example", "--driver", "file"]);
    let openssl = Openssl::find(&stack.dir().join("openssl"))?;
    stack.kill_signer();
    fill_segment(&stack);
    let folder = stack.dir().join("trace");
    fs::create_dir(&folder).unwrap();
    let owner = fs::metadata(stack.ring()).unwrap();
    let mut used = Used::default();
    for round in 0..2 {
        let out = folder.join(round.to_string());
        stack.start_signer_under(
            &strace,
            &[
                "-f",
                "-o",
                &out.display().to_string(),
                &setpriv.display().to_string(),
                "--clear-groups",
                &format!("--reuid={}", owner.uid()),
                &format!("--regid={}", owner.gid()),
            ],
        );
        work(&stack, &openssl, round);
        // The signer waits for it at the end, as long as it may.
        let deaf = deaf(&stack);
        stack.end_signer(child_of(stack.signer_id()));
        drop(deaf);
        read(&out, &mut used);
    }
    Some(used)
}

/// Leaves the journal's last segment so full that the next certificates begin another.
fn fill_segment(stack: &Stack) {
    const ENOUGH: u64 = 64 * 1024 * 1024 - 64 * 1024;
    let dir = stack.ring().join("journal");
    let (journal, _) =
        Journal::open(Arc::new(RealDisk), &dir, None, &mut |_, _| Ok(())).expect("the journal");
    let leaf = Leaf {
        at_ms: 0,
        event: Refused {
            socket: 1,
            uid: 1,
            kind: 17,
            rule: Rule::SerialUsed,
            count: 1,
            detail: Detail("x".repeat(200)),
        }
        .into(),
    };
    let (done, wait) = mpsc::channel();
    let size = || {
        let lengths = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
        lengths.map(|segment| segment.len()).max().unwrap()
    };
    while size() < ENOUGH {
        let left = (ENOUGH - size()) / 250 + 1;
        let count = left.min(2000);
        for _ in 0..count {
            let done = done.clone();
            journal.submit(&leaf, Box::new(move |outcome| done.send(outcome.is_ok()).unwrap()));
        }
        assert!((0..count).all(|_| wait.recv().unwrap()));
    }
    journal.close();
    let owner = fs::metadata(stack.ring()).unwrap();
    for entry in fs::read_dir(&dir).unwrap() {
        let (uid, gid) = (Some(owner.uid()), Some(owner.gid()));
        std::os::unix::fs::chown(entry.unwrap().path(), uid, gid).unwrap();
    }
}

/// Everything that the signer is there for, and what it refuses.
fn work(stack: &Stack, openssl: &Openssl, round: usize) {
    stack.eventually("the server finds the signer", Duration::from_secs(20), || {
        stack.api().get("/readyz").status == 200
    });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 0..20 {
                    let name = format!("r{round}t{thread}n{n}");
                    let _ = Issued::new(stack, openssl, &name);
                }
            });
        }
    });
    let issued = Issued::new(stack, openssl, &format!("revoked{round}"));
    issued.revoke(stack, "keyCompromise");
    stack.eventually("the CRL has it", Duration::from_secs(20), || issued.is_listed(openssl));
    stack.eventually("OCSP says it", Duration::from_secs(20), || {
        kit::has_ocsp_status(&issued.ocsp(openssl, &["-no_nonce"]), ": revoked")
    });
    authority(stack, round);
    refusals(stack);
    let journal = stack.chancery(&["status"]);
    assert!(journal.status.success(), "{journal:?}");
}

/// Keys, policies and CA certificates.
fn authority(stack: &Stack, round: usize) {
    let name = format!("exercise{round}");
    let subject = format!("CN=Exercise {round},O=Corp");
    let key = ["p-384", "rsa-2048"][round];
    let wish = ["--kind", "issuing", "--parent", "root", "--subject", &subject, "--key", key];
    stack.must(&[&["ca", "create", &name][..], &wish].concat());
    stack.must(&["ca", "sign", &name]);
    stack.must(&["freeze", "--reason", "exercise"]);
    stack.must(&["unfreeze", "--reason", "exercise"]);
    let checkpoint =
        kit::http_get(&format!("{}/.well-known/pki/log/default/checkpoint", stack.http()), &[]);
    assert_eq!(checkpoint.status, 200);
}

/// Peers that are turned away, that send no frame, that read nothing, that are too many.
fn refusals(stack: &Stack) {
    let path = |socket: Socket| stack.run_dir().join(format!("{socket}.sock"));
    // Root is nobody on issue.sock.
    let stranger = RawPeer::connect(&path(Socket::Issue));
    drop(stranger.map(|mut peer| peer.write(&kit::frame(Kind::Health, 1, &[]))));
    let mut bent = RawPeer::connect(&path(Socket::Admin)).unwrap();
    bent.write(&[0xff; 64]).unwrap();
    let mut half = RawPeer::connect(&path(Socket::Admin)).unwrap();
    half.write(&kit::frame(Kind::Health, 1, &[])[..5]).unwrap();
    drop(half);
    let crowd: Vec<_> = (0..300).map(|_| RawPeer::connect(&path(Socket::Admin))).collect();
    assert!(crowd.iter().any(Result::is_ok));
    drop(crowd);
}

/// A peer that asks for the journal, again and again, and reads none of it: the signer's end fills.
fn deaf(stack: &Stack) -> RawPeer {
    let path = stack.run_dir().join(format!("{}.sock", Socket::Admin));
    let mut deaf = RawPeer::connect(&path).unwrap();
    let ask = ReadJournal { from: 0, limit: 4096 };
    for sequence in 0..8 {
        deaf.write(&kit::frame(Kind::ReadJournal, sequence, &ask.to_wire())).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    deaf
}

/// Sorts the calls of a trace into those before the last filter and those after it.
fn read(trace: &Path, used: &mut Used) {
    let text = fs::read_to_string(trace).unwrap();
    assert!(!text.contains("SIGSYS"), "the signer was killed by its own filter");
    let (mut filters, mut ours) = (0, false);
    for line in text.lines() {
        let Some((_, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let call = rest.strip_prefix("<... ").unwrap_or(rest);
        let end = call.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(0);
        let name = &call[..end];
        // The last exec is the signer's own: setpriv ran before.
        if name == "execve" && rest.contains("/signer-file\", [") {
            ours = true;
        }
        if !ours || name.is_empty() || rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if name == "seccomp" && !rest.starts_with("<...") {
            filters += 1;
        }
        // The call that installs the last filter is the last one before it.
        let set = match filters {
            FILTERS if name != "seccomp" => &mut used.sealed,
            _ => &mut used.starting,
        };
        set.insert(name.to_owned());
    }
    assert_eq!(filters, FILTERS, "filters were installed");
}

/// The process that a tracer started.
fn child_of(id: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    children.split_whitespace().next().expect("the tracer's child").parse().unwrap()
}
