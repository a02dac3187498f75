//! Somebody else at the sockets: another uid, and the one that stands for nobody.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::{Account, Plan, Process, RawPeer, Ring, frame, uid};
use signer_proto::{Flags, HEADER, Header, Health, Kind, Refusal, Rule, Socket, Wire};

/// A uid that nobody here has.
const STRANGER: u32 = 48_611;
/// Another one, which the ring admits.
const FRIEND: u32 = 48_612;
/// Shown for everybody without a mapping into this user namespace.
const OVERFLOW: u32 = 65_534;

/// Opens everything on the way to the sockets, so that only the signer stands between.
fn open_wide(ring: &Ring) {
    let mode = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(ring.dir().to_owned(), 0o755);
    mode(ring.run_dir(), 0o755);
    for socket in Socket::ALL {
        mode(ring.socket(*socket), 0o666);
    }
    let program = ring.dir().join("stranger");
    fs::copy(env!("CARGO_BIN_EXE_stranger"), &program).unwrap();
    mode(program, 0o755);
}

/// Lets somebody else write to a socket, and returns what came back.
fn ask_as(ring: &Ring, uid: u32, socket: Socket, request: &[u8]) -> Output {
    let mut command = Command::new(ring.dir().join("stranger"));
    command.arg(ring.socket(socket)).uid(uid).gid(uid);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(request).unwrap();
    child.wait_with_output().unwrap()
}

/// Only root may start a process under another uid.
fn is_root() -> bool {
    if uid() != 0 {
        kit::skip("root", "another uid cannot be taken without it");
    }
    uid() == 0
}

fn header(octets: &[u8]) -> Header {
    Header::decode_answer(octets[..HEADER].try_into().unwrap()).unwrap()
}

fn refuses(uid: u32, plan: Plan) {
    if !is_root() {
        return;
    }
    let ring = Ring::start_with(plan);
    open_wide(&ring);
    let before = ring.counts.signs();
    let order = frame(Kind::SignCertificate, 7, &ring.order(&ring.leaf()).to_wire());
    let health = frame(Kind::Health, 7, &Health.to_wire());
    for (socket, request) in [
        (Socket::Issue, &order),
        (Socket::Status, &health),
        (Socket::Va, &health),
        (Socket::Admin, &health),
    ] {
        let output = ask_as(&ring, uid, socket, request);
        assert!(output.status.success(), "{output:?}");
        let answer = output.stdout;
        assert_eq!(header(&answer).flags, Flags::REFUSED, "{socket}");
        let refusal = Refusal::from_wire(&answer[HEADER..]).unwrap();
        assert_eq!(refusal.rule, Rule::PeerNotAdmitted);
        assert!(!ring.counts.leaks_into(&answer));
    }
    assert_eq!(ring.counts.signs(), before);
    ring.await_refused(Rule::PeerNotAdmitted, Socket::ALL.len() as u64);
    let ledger = ring.ledger();
    assert_eq!(ledger.certificates().count(), 0);
    let refusals = ledger.refusals();
    assert!(refusals.iter().all(|r| (r.uid, r.rule) == (uid, Rule::PeerNotAdmitted)));
    let _ = ring.issue();
}

#[test]
fn refuses_another_uid_on_every_socket() {
    refuses(STRANGER, Plan::default());
}

#[test]
fn refuses_the_overflow_uid_on_every_socket() {
    refuses(OVERFLOW, Plan::default());
}

/// Starts `signer-file` in a user namespace that knows root alone, with an open ring.
fn in_a_namespace(dir: &Path) -> Option<Process> {
    let unshare = kit::tool("unshare")?;
    let probe = Command::new(&unshare).args(["--user", "--map-root-user", "true"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        kit::skip("user namespaces", "this machine makes none");
        return None;
    }
    let credential = dir.join("credential");
    fs::write(&credential, [9; 32]).unwrap();
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(dir.join("run")).unwrap();
    let signer = |act: &str| {
        let mut command = Command::new(&unshare);
        command.args(["--user", "--map-root-user"]).arg(kit::program("signer-file"));
        command.arg(act).arg("--ring").arg(dir.join("ring"));
        command.arg("--unlock-credential").arg(&credential);
        command
    };
    let made = signer("init").args(kit::INIT).args(["--va-uid", "0"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut serve = signer("serve");
    serve.arg("--run").arg(dir.join("run")).arg("--parent-pipe");
    let process = Process::start("signer-file", serve);
    process.await_line("ready", Duration::from_secs(30));
    Some(process)
}

#[test]
fn refuses_whoever_is_nobody_in_the_signers_user_namespace() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let Some(process) = in_a_namespace(dir.path()) else { return };
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.path().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    for socket in Socket::ALL {
        let path = dir.path().join(format!("run/{socket}.sock"));
        // Root here is root there.
        RawPeer::connect(&path).unwrap().call(&Health).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        // Whoever else connects has no number there: the kernel shows the overflow uid.
        let mut peer = Account::SERVER.act(|| RawPeer::connect(&path)).unwrap();
        let told = peer.read_frame().expect("it is told why");
        let refusal = Refusal::from_wire(&told.body).unwrap();
        assert_eq!(refusal.rule, Rule::PeerNotAdmitted, "{socket}");
        assert!(refusal.detail.contains(&OVERFLOW.to_string()), "{}", refusal.detail);
    }
    let (status, text) = process.end();
    assert!(status.success(), "{text}");
}

#[test]
fn the_modes_of_the_sockets_keep_strangers_out_before_the_signer_does() {
    if !is_root() {
        return;
    }
    let ring = Ring::start();
    open_wide(&ring);
    let socket = ring.socket(Socket::Issue);
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o660)).unwrap();
    let output = ask_as(&ring, STRANGER, Socket::Issue, &frame(Kind::Health, 7, &[]));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn a_uid_that_is_admitted_is_answered() {
    // What the refusals above would also look like if nobody else got through at all.
    if !is_root() {
        return;
    }
    let ring = Ring::start_with(Plan { uids: vec![FRIEND], ..Plan::default() });
    open_wide(&ring);
    let request = frame(Kind::Health, 7, &Health.to_wire());
    let output = ask_as(&ring, FRIEND, Socket::Issue, &request);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(header(&output.stdout).flags, Flags::ANSWER);
}

#[test]
fn refuses_to_admit_the_overflow_uid_by_configuration() {
    let mut ring = Ring::start();
    ring.stop();
    let path = ring.ring_dir().join("ring.toml");
    let text = fs::read_to_string(&path).unwrap();
    let ours = format!("server_uids = [{}]", ring.uid_on(Socket::Issue));
    assert_eq!(text.matches(&ours).count(), 1, "{text}");
    fs::write(&path, text.replace(&ours, &format!("server_uids = [{OVERFLOW}]"))).unwrap();
    assert!(ring.try_open().is_err(), "the overflow uid is admitted");
    fs::write(&path, text).unwrap();
    ring.restart();
    let _ = ring.issue();
}
