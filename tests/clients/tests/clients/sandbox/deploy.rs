//! What stands around the processes from outside: the units, as systemd judges them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{run, tool};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

/// The exposure that `systemd-analyze security` gives a unit, from 0 to 10.
fn exposure(analyze: &Path, unit: &Path) -> f64 {
    let (_, text) =
        run(Command::new(analyze).args(["security", "--offline=true", "--no-pager"]).arg(unit));
    let (_, rest) = text.split_once("Overall exposure level for").expect("a verdict");
    let (_, rest) = rest.split_once(": ").expect("a number");
    let number = rest.split_whitespace().next().unwrap();
    number.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn the_units_are_as_closed_as_they_must_be() {
    let Some(analyze) = tool("systemd-analyze") else { return };
    for (unit, most) in [
        ("chancery-signer@.service", 0.5),
        ("chancery-signer-pkcs11@.service", 0.6),
        ("chancery-signer-kms@.service", 1.5),
        ("chancery-server@.service", 2.0),
        ("chancery-va@.service", 2.0),
    ] {
        let path = deploy("systemd").join(unit);
        let found = exposure(&analyze, &path);
        assert!(found <= most, "{unit}: {found}");
        println!("{unit}: exposure {found}");
        // The twin: without its closed paths it is told to be more open.
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join(unit);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("ProtectSystem=strict\n"));
        let less =
            text.replace("CapabilityBoundingSet=\n", "").replace("ProtectSystem=strict\n", "");
        fs::write(&open, less).unwrap();
        assert!(exposure(&analyze, &open) > most, "{unit}");
    }
}

#[test]
fn no_unit_gives_its_process_a_user_namespace() {
    for unit in [
        "chancery-signer@.service",
        "chancery-signer-pkcs11@.service",
        "chancery-signer-kms@.service",
        "chancery-server@.service",
        "chancery-va@.service",
    ] {
        let text = fs::read_to_string(deploy("systemd").join(unit)).unwrap();
        let set: Vec<_> = text.lines().filter(|line| line.starts_with("PrivateUsers")).collect();
        assert_eq!(set, [""; 0], "{unit}: peers would be uid 65534");
        assert!(text.contains("# PrivateUsers= stays off"), "{unit}: says why");
    }
    let compose = fs::read_to_string(deploy("container/compose.yaml")).unwrap();
    assert!(compose.contains("userns_mode: host"));
}
