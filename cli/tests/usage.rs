//! What a person sees who gets something wrong: exit codes and messages, without a server.

use std::path::Path;
use std::process::{Command, Output};

fn chancery(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chancery"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .output()
        .expect("it runs")
}

#[test]
fn every_mistake_has_its_exit_code_and_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("empty"), "\n").expect("written");
    std::fs::write(dir.path().join("token"), "chancery_x\n").expect("written");
    std::fs::write(dir.path().join("wide"), "a passphrase\n").expect("written");
    let nowhere = ["--url", "https://127.0.0.1:9", "--ca-file", "empty", "--token-file", "token"];
    let with = |more: &[&'static str]| [&nowhere[..], more].concat();
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec![], 2, "Usage:"),
        (vec!["nonsense"], 2, "unrecognized subcommand"),
        (vec!["cert", "list"], 2, "--data: there is no"),
        (vec!["status"], 2, "--data: there is no"),
        (vec!["doctor"], 6, "1 of 1 checks is bad"),
        (vec!["policy", "show", "issuing"], 4, "is the signer running"),
        (vec!["unlock"], 4, "is the signer running"),
        (vec!["policy", "names", "issuing", "--names", "a b"], 2, "neither a domain"),
        (vec!["backup", "--to", "copy"], 2, "is no data directory"),
        (vec!["restore", "--from", "empty"], 2, "is no data directory"),
        (with(&["cert", "list"]), 2, "there is no certificate"),
        (with(&["cert", "list", "--state", "lost"]), 2, "possible values: valid, held"),
        (with(&["cert", "list", "--token-file", "empty"]), 2, "holds no API token"),
        (with(&["cert", "list", "--url", "http://x"]), 2, "https://HOST:PORT"),
        (vec!["cert", "issue", "--profile", "x", "--new-key", "p-256"], 2, "--key-out"),
        (vec!["cert", "issue", "--profile", "x", "--validity", "1y"], 2, "as in 90d"),
        (vec!["cert", "issue"], 2, "--profile"),
        (vec!["cert", "issue", "--draft", "empty", "--csr", "empty"], 2, "cannot be used with"),
        (vec!["cert", "issue", "--profile", "x", "--proof", "empty"], 2, "--draft"),
        (vec!["cert", "draft", "--profile", "x"], 2, "--csr"),
        (vec!["cert", "draft", "--renews", "1", "--profile", "x"], 2, "cannot be used with"),
        (vec!["cert", "summary", "none"], 2, "cannot be read"),
        (vec!["cert", "summary", "empty"], 2, "is no draft"),
        (vec!["cert", "renewal-message", "--csr", "empty"], 2, "--csr: empty"),
        (vec!["cert", "renew", "1", "--proof", "empty"], 2, "--csr"),
        (vec!["cert", "revoke", "1", "--reason", "bored"], 2, "--reason"),
        (vec!["ca", "create", "A", "--kind", "root", "--subject", "CN=x"], 2, "a to z"),
        (vec!["ca", "create", "a", "--kind", "leaf", "--subject", "CN=x"], 2, "intermediate"),
        (vec!["token", "create", "x", "--role", "god"], 2, "operator, viewer"),
        (vec!["up", "--database", "mysql://x"], 2, "begins with sqlite://"),
        (vec!["up", "--database", "sqlite://x.db"], 2, "no absolute path"),
        (vec!["up", "--database", "sqlite:///x", "--database-file", "x"], 2, "cannot be used with"),
        (vec!["up", "--public-url", "ftp://x"], 2, "--public-url"),
        (vec!["up", "--server-name", "a b"], 2, "--server-name"),
        (vec!["init", "--passphrase-file", "none"], 2, "--passphrase-file"),
        (vec!["init", "--passphrase-file", "wide"], 2, "every user may read it"),
    ];
    for (arguments, code, words) in cases {
        let output = chancery(dir.path(), &arguments);
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    assert!(!dir.path().join("data").exists(), "a mistake makes nothing");
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    let dir = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = chancery(dir.path(), &["completion", shell]);
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).expect("text");
        for word in ["doctor", "sign-request", "passphrase-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    let dir = tempfile::tempdir().expect("a directory");
    for arguments in [&["--help"][..], &["--version"], &["ca", "import", "--help"]] {
        let output = chancery(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty());
    }
}
