//! The same over PostgreSQL, a second start, and a back-up.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::time::Duration;

use kit::{Database, Openssl, Stack, has_ocsp_status};

use crate::issued::Issued;

fn serials(stack: &Stack) -> Vec<String> {
    let items = stack.api().list("/api/v1/certificates");
    let mut serials: Vec<String> =
        items.iter().map(|item| item["serial"].as_str().unwrap().to_owned()).collect();
    serials.sort();
    serials
}

#[test]
fn postgresql_keeps_the_same_books() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let stack = Stack::start_with(database, &[]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    crate::lifecycle::holds(&stack, &openssl);
}

fn second_start_takes_up_what_is_there(database: Database) {
    let mut stack = Stack::start_with(database, &["--names", "corp.example"]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let gone = Issued::new(&stack, &openssl, "gone");
    gone.revoke(&stack, "superseded");
    let root = std::fs::read(stack.root()).unwrap();
    let token = std::fs::read(stack.data().join("admin.token")).unwrap();
    let before = serials(&stack);
    stack.down();
    stack.up();
    assert_eq!(std::fs::read(stack.root()).unwrap(), root);
    assert_eq!(std::fs::read(stack.data().join("admin.token")).unwrap(), token);
    let after = serials(&stack);
    assert!(before.iter().all(|serial| after.contains(serial)));
    let text = issued.ocsp(&openssl, &[]);
    assert!(has_ocsp_status(&text, ": good"), "{text}");
    let text = gone.ocsp(&openssl, &[]);
    assert!(has_ocsp_status(&text, ": revoked"), "{text}");
    assert!(gone.is_listed(&openssl));
    let (good, text) = Issued::new(&stack, &openssl, "new").verify(&openssl, &[]);
    assert!(good, "{text}");
}

#[test]
fn a_second_start_takes_up_what_is_there() {
    second_start_takes_up_what_is_there(Database::Sqlite);
}

#[test]
fn a_second_start_takes_up_what_is_in_postgresql() {
    let Some(database) = Database::postgres() else {
        return;
    };
    second_start_takes_up_what_is_there(database);
}

/// Gives a folder and everything in it to the owner of another, as docs/operate/backup.md says.
fn hand_over(path: &Path, like: &Path) {
    let owner = std::fs::metadata(like).unwrap();
    let give = |path: &Path| chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    give(path);
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            hand_over(&entry.unwrap().path(), like);
        }
    }
}

#[test]
fn a_back_up_made_while_it_runs_is_restored() {
    let mut stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let gone = Issued::new(&stack, &openssl, "gone");
    gone.revoke(&stack, "keyCompromise");
    let copy = stack.dir().join("copy").display().to_string();
    stack.must(&["backup", "--to", &copy]);
    let before = serials(&stack);
    stack.down();
    let lost = stack.dir().join("lost");
    std::fs::rename(stack.data(), &lost).unwrap();
    stack.must(&["restore", "--from", &copy]);
    if rustix::process::getuid().is_root() {
        hand_over(&stack.data().join("signer"), &lost.join("signer"));
        hand_over(&stack.data().join("unlock.key"), &lost.join("signer"));
        hand_over(&stack.data().join("server"), &lost.join("server"));
    }
    stack.up();
    let after = serials(&stack);
    assert!(before.iter().all(|serial| after.contains(serial)), "{before:?} {after:?}");
    let text = issued.ocsp(&openssl, &[]);
    assert!(has_ocsp_status(&text, ": good"), "{text}");
    assert!(has_ocsp_status(&gone.ocsp(&openssl, &[]), ": revoked"));
    let (good, text) = Issued::new(&stack, &openssl, "new").verify(&openssl, &[]);
    assert!(good, "{text}");
}

#[test]
fn an_inventory_that_is_lost_comes_back_from_the_journal() {
    let mut stack = Stack::start_apart(Database::Sqlite, &[]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let gone = Issued::new(&stack, &openssl, "gone");
    gone.revoke(&stack, "keyCompromise");
    let before = serials(&stack);
    stack.kill_server();
    for entry in std::fs::read_dir(stack.data().join("server")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("chancery.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
    stack.start_server();
    let mut after = Vec::new();
    stack.eventually("the journal is taken over", Duration::from_secs(10), || {
        after = serials(&stack);
        before.iter().all(|serial| after.contains(serial))
    });
    let mut once = after.clone();
    once.dedup();
    assert_eq!(once, after, "a certificate is there twice");
    assert!(has_ocsp_status(&issued.ocsp(&openssl, &[]), ": good"));
    let text = stack.must(&["cert", "show", &gone.serial]);
    assert!(text.contains("revoked"), "{text}");
}
