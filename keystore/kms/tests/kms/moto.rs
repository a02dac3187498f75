//! The suite over moto, a fake of AWS by others: what both fakes agree on is no error of ours.
//!
//! moto serves RAW alone: with DIGEST it hashes the digest again. Its PSS salts are as long as the
//! key allows, and it has neither ML-DSA nor Ed25519.

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

/// What fails for moto's own reasons, and which.
const KNOWN: [(&str, &str); 1] =
    [("signs_messages_of_any_length", "moto hashes the digest of a long message again")];

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
    let known = |name: &str| KNOWN.iter().any(|(case, _)| name.ends_with(case));
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|(name, outcome)| matches!(outcome, Outcome::Failed(_)) && !known(name))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let passed = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Passed).count();
    println!("moto: {passed} of {} cases passed", outcomes.len());
    assert!(passed >= 50, "{passed}");
}
