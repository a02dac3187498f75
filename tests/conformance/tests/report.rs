//! The program as an owner of a device runs it: what its report says, and what it leaves.

use std::path::Path;
use std::process::Command;

use clouds::AwsCloud;
use kit::Tokens;

/// Runs it, and returns its report.
fn report(driver: &str, config: &Path, folder: &Path) -> String {
    let file = folder.join("report.txt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["--driver", driver, "--config"]).arg(config).arg("--report").arg(&file);
    let output = command.output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    std::fs::read_to_string(file).expect("a report")
}

/// Counts the cases that were skipped for a reason, and those that passed.
fn counts(report: &str) -> (usize, Vec<(String, usize)>) {
    let mut skipped: Vec<(String, usize)> = Vec::new();
    for why in report.lines().filter_map(|line| Some(line.split_once(": SKIPPED: ")?.1)) {
        match skipped.iter_mut().find(|(known, _)| known == why) {
            Some((_, count)) => *count += 1,
            None => skipped.push((why.to_owned(), 1)),
        }
    }
    skipped.sort();
    (report.lines().filter(|line| line.ends_with(": passed")).count(), skipped)
}

fn expected(all: &[(&str, usize)]) -> Vec<(String, usize)> {
    all.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect()
}

#[test]
fn over_a_token_every_case_passes_that_it_can() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let _ = kit::program("p11-module");
    let report = report("pkcs11", &tokens.config(), tokens.dir());
    let none = "the token has no CKM_ML_DSA_KEY_PAIR_GEN";
    let skipped = expected(&[
        ("ed25519 may sign one message alike each time", 1),
        (&format!("ml-dsa-44: {none}"), 10),
        (&format!("ml-dsa-65: {none}"), 10),
        (&format!("ml-dsa-87: {none}"), 10),
        ("nothing that it needs can be taken away", 4),
        ("rsa-pkcs1-sha256 may sign one message alike each time", 1),
        ("rsa-pkcs1-sha384 may sign one message alike each time", 1),
        ("rsa-pkcs1-sha512 may sign one message alike each time", 1),
    ]);
    assert_eq!(counts(&report), (93, skipped), "{report}");
    assert!(report.contains("131 cases: 93 passed, 38 skipped, 0 failed"), "{report}");
    assert!(report.contains("manufacturer: SoftHSM project"), "{report}");
    assert!(!report.contains(kit::PIN));
    // A token has a file for itself, and one for each object.
    let objects = std::fs::read_dir(tokens.dir().join("tokens")).expect("the tokens").flatten();
    let left: Vec<_> = objects
        .flat_map(|token| std::fs::read_dir(token.path()).expect("a token").flatten())
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".object") && name != "token.object")
        .collect();
    assert_eq!(left, [""; 0], "keys are left in the token");
}

/// The one token here that has ML-DSA: nothing is skipped for want of an algorithm.
#[test]
fn over_a_token_with_ml_dsa_every_case_passes_that_it_can() {
    let Some(tokens) = Tokens::kryoptic(&["one"]) else { return };
    let _ = kit::program("p11-module");
    let report = report("pkcs11", &tokens.config(), tokens.dir());
    let alike = ["ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"].into_iter();
    let alike = alike.chain(["rsa-pkcs1-sha256", "rsa-pkcs1-sha384", "rsa-pkcs1-sha512"]);
    let mut skipped: Vec<_> =
        alike.map(|scheme| (format!("{scheme} may sign one message alike each time"), 1)).collect();
    skipped.push(("nothing that it needs can be taken away".to_owned(), 4));
    skipped.sort();
    assert_eq!(counts(&report), (120, skipped), "{report}");
    assert!(report.contains("131 cases: 120 passed, 11 skipped, 0 failed"), "{report}");
    assert!(report.contains("manufacturer: Kryoptic Project"), "{report}");
    assert!(!report.contains(kit::PIN));
}

#[test]
fn over_an_account_every_case_passes_that_it_can() {
    let cloud = AwsCloud::start(&["eu-central-1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("kms.toml");
    // As fast as it goes, and with patience for a machine that is busy.
    let more = "[quota]\nper_second = 100000\nburst = 10000\nreserved = 100\n\
                [timeouts]\nattempt_ms = 10000\ncall_ms = 30000\n";
    std::fs::write(&config, cloud.config(more)).expect("kms.toml");
    let report = report("kms", &config, folder.path());
    let (passed, skipped) = counts(&report);
    println!("{passed} passed, {skipped:#?}");
    assert!(report.contains(" 0 failed"), "{report}");
    assert!(!report.contains(cloud.secret()));
    let left: Vec<_> =
        cloud.keys().into_iter().filter(|(_, state, _)| *state != "PendingDeletion").collect();
    assert!(left.is_empty(), "{left:?}");
}
