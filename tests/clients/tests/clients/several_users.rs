//! Started by root, the server's user reaches neither keys nor what makes authority.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{Ledger, RawPeer, Stack, run, tool};
use signer_proto::{ReadJournal, Rule, Socket};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found
}

/// Runs a program as the user that the server runs as.
fn as_server(stack: &Stack, program: &Path, arguments: &[&str]) -> (bool, String) {
    let owner = std::fs::metadata(stack.data().join("server")).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).uid(owner.uid()).gid(owner.gid());
    run(&mut command)
}

fn is_root() -> bool {
    if !rustix::process::getuid().is_root() {
        kit::skip("root", "several users need it");
    }
    rustix::process::getuid().is_root()
}

#[test]
fn the_servers_user_reads_no_file_of_the_signer() {
    if !is_root() {
        return;
    }
    let stack = Stack::start();
    let Some(cat) = tool("cat") else { return };
    let Some(ls) = tool("ls") else { return };
    let mut secrets = files(&stack.data().join("signer"));
    secrets.push(stack.data().join("unlock.key"));
    secrets.push(stack.data().join("admin.token"));
    assert!(secrets.len() > 8, "{secrets:?}");
    for secret in &secrets {
        let text = secret.display().to_string();
        let program = if secret.is_dir() { &ls } else { &cat };
        let (good, output) = as_server(&stack, program, &[&text]);
        assert!(!good && output.contains("Permission denied"), "{text}: {output}");
    }
    // What it would look like if it could not run at all.
    let config = stack.data().join("server/server.toml").display().to_string();
    assert!(as_server(&stack, &cat, &[&config]).0);
}

#[test]
fn the_servers_user_is_turned_away_from_the_admin_socket() {
    if !is_root() {
        return;
    }
    let stack = Stack::start();
    let Some(curl) = tool("curl") else { return };
    let socket = |socket: Socket| stack.run_dir().join(format!("{socket}.sock"));
    let admin = socket(Socket::Admin).display().to_string();
    // curl speaks another language, but who connects is known before a word is spoken.
    let (good, text) =
        as_server(&stack, &curl, &["-sS", "--http0.9", "--unix-socket", &admin, "http://signer/"]);
    let kept_out_by_mode = !good && text.contains("curl: (7)");
    let mut peer = RawPeer::connect(&socket(Socket::Admin)).unwrap();
    let slice = peer.call(&ReadJournal { from: 0, limit: 4096 }).unwrap();
    let leaves = slice.leaves.0.into_iter().map(|leaf| leaf.0).collect();
    let turned_away = Ledger::new(0, leaves).refused_by(Rule::PeerNotAdmitted) > 0;
    assert!(kept_out_by_mode || turned_away, "{text}");
}
