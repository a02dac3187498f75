//! The suite over moto, a fake of AWS by others: what both fakes agree on is no error of ours.
//!
//! moto serves RAW alone: with DIGEST it hashes the digest again. Its PSS salts are as long as the
//! key allows, and it has neither ML-DSA nor Ed25519.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use keystore::KeyDriver;
use keystore::conformance::{Outcome, Subject, run_all};
use keystore_kms::KmsDriver;
use signer_proto::KeySpec;
use x509::SignatureScheme;

use crate::conformance::{ED25519, QUOTA};
use crate::given;

/// What fails for moto's own reasons: all that the driver hands over as a digest, which are the empty
/// message and long ones.
const LONG: &str = "signs_messages_of_any_length";
/// The schemes that moto signs by as AWS does.
const SIGNED: [&str; 6] = [
    "ecdsa_p256_sha256",
    "ecdsa_p384_sha384",
    "ecdsa_p521_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
];
/// The kinds of keys that it has.
const KEYS: [&str; 6] = ["p_256", "p_384", "p_521", "rsa_2048", "rsa_3072", "rsa_4096"];
/// What of the driver itself needs nothing that moto lacks.
const DRIVER: [&str; 7] = [
    "refuses_specs_without_a_public_key",
    "refuses_a_key_that_is_not_there",
    "refuses_a_key_under_another_identity",
    "refuses_house_keys",
    "is_well_and_reports_no_secret",
    "keeps_every_key_over_restarts",
    "generates_one_of_two_at_once",
];

/// Names all cases that pass.
fn expected() -> BTreeSet<String> {
    let of_keys = [
        "generates_it_as_it_was_asked",
        "gives_the_same_public_key_again",
        "refuses_to_generate_it_twice",
        "refuses_schemes_that_do_not_fit",
        "destroys_it",
        "destroys_nothing_else",
    ];
    let of_schemes = [
        "signs_after_a_restart",
        "keeps_keys_apart_under_load",
        "never_signs_twice_alike_where_it_must_not",
    ];
    let pairs = |rows: &[&str], cases: &[&str]| {
        let of_row = |row: &&str| -> Vec<String> {
            cases.iter().map(|case| format!("{row}::{case}")).collect()
        };
        rows.iter().flat_map(of_row).collect::<Vec<_>>()
    };
    let mut all = pairs(&KEYS, &of_keys);
    all.extend(pairs(&SIGNED, &of_schemes));
    all.extend(pairs(&["driver"], &DRIVER));
    // "may sign one message alike each time": nothing to hold it to.
    all.retain(|name| !(name.starts_with("rsa_pkcs1") && name.ends_with(of_schemes[2])));
    all.into_iter().collect()
}

/// A server of moto; ended when this is dropped.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    /// Starts it; none, with a line that says so, where it is not installed.
    fn start() -> Option<Self> {
        let foreign = std::env::var_os("CHANCERY_FOREIGN").map(PathBuf::from);
        let installed = foreign.map(|home| home.join("bin/moto_server"));
        let program =
            installed.filter(|path| path.is_file()).or_else(|| kit::tool("moto_server"))?;
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_KMS_REGION", "eu-central-1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto_server runs");
        let lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut lines = lines.lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            Some(line.split_once("Running on ")?.1.split_whitespace().next()?.to_owned())
        });
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, url: url.expect("moto says where it listens") })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct OverMoto {
    config: String,
    driver: Arc<KmsDriver>,
    _credentials: Arc<tempfile::TempDir>,
}

impl Subject for OverMoto {
    fn name(&self) -> String {
        "AWS KMS (moto)".to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        Arc::clone(&self.driver) as Arc<dyn KeyDriver>
    }

    fn restart(&mut self) {
        self.driver = Arc::new(given::driver(&self.config));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        match spec {
            KeySpec::Ed25519 => Some(ED25519.to_owned()),
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                Some("moto has no ML-DSA".to_owned())
            }
            _ => None,
        }
    }

    fn lacks_scheme(&self, scheme: SignatureScheme) -> Option<String> {
        let is_pss = scheme.as_str().starts_with("rsa-pss");
        is_pss.then(|| "moto's salts have another length than the digest".to_owned())
    }
}

#[test]
fn over_moto() {
    let Some(moto) = Moto::start() else { return };
    let home = Arc::new(tempfile::tempdir().expect("a directory"));
    let file = home.path().join("credentials");
    std::fs::write(&file, "[default]\naws_access_key_id = x\naws_secret_access_key = x\n")
        .expect("a file");
    let made = AtomicU32::new(0);
    let fresh = || -> Box<dyn Subject> {
        // Aliases of its own in the one account that moto has.
        let number = made.fetch_add(1, Ordering::Relaxed);
        let config = format!(
            "version = 1\ndangerous_plain_http = true\n[aws]\nregion = \"eu-central-1\"\n\
             alias_prefix = \"moto-{number}-\"\nendpoint = {:?}\ncredentials_file = {:?}\n{QUOTA}",
            moto.url,
            file.display().to_string()
        );
        let driver = Arc::new(given::driver(&config));
        Box::new(OverMoto { config, driver, _credentials: Arc::clone(&home) })
    };
    let outcomes = run_all(fresh, |name, outcome| println!("{name}: {outcome:?}"));
    let passed: BTreeSet<_> = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Passed)
        .map(|(name, _)| name.clone())
        .collect();
    let failed: BTreeSet<_> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(name, _)| name.clone())
        .collect();
    // All others are skipped, each with its reason.
    assert_eq!(passed, expected());
    assert_eq!(failed, SIGNED.iter().map(|row| format!("{row}::{LONG}")).collect());
    assert_eq!((outcomes.len(), passed.len()), (131, 58));
}
