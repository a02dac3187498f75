//! `signer-pkcs11 probe`, as an owner of an HSM runs it first.

use std::process::Command;

use kit::Tokens;

fn probe(tokens: &Tokens, arguments: &[&str]) -> (bool, String) {
    // It starts the helper beside itself.
    let _ = kit::program("p11-module");
    let mut command = Command::new(env!("CARGO_BIN_EXE_signer-pkcs11"));
    command.arg("probe").arg("--driver-config").arg(tokens.config()).args(arguments);
    let output = command.output().expect("it runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), text)
}

#[test]
fn tells_what_a_token_is_and_how_fast() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let (good, text) = probe(&tokens, &["--seconds", "1", "--spec", "p-256"]);
    println!("{text}");
    assert!(good, "{text}");
    for line in [
        "token one: state: ready",
        "token one: label: one",
        "token one: mechanisms: CKM_RSA_PKCS CKM_RSA_PKCS_PSS CKM_ECDSA",
        "token one: sessions allowed: ",
        "token one: p-256: ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains(kit::PIN), "the PIN is shown");
}

#[test]
fn says_that_a_token_is_not_there() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    tokens.order("one", "gone");
    let (good, text) = probe(&tokens, &["--seconds", "0", "--wait", "1"]);
    assert!(!good, "{text}");
    assert!(text.contains("is in no slot"), "{text}");
}

#[test]
fn tells_all_that_is_wrong_with_a_configuration() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let text = std::fs::read_to_string(tokens.config()).unwrap();
    let bad = text.replace("sessions = 4", "sessions = 400\nslot = 1");
    std::fs::write(tokens.config(), bad).unwrap();
    let (good, text) = probe(&tokens, &[]);
    assert!(!good);
    for fault in ["token[0].sessions: ", "token[0].slot: is not known"] {
        assert!(text.contains(fault), "{fault} in {text}");
    }
}
