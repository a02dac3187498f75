//! Where the keys of a stack's ring are. `CHANCERY_TEST_RING` chooses, so that the whole suite runs
//! over each family of key drivers; a family is an arm here and a file of its own.

use std::path::Path;

use super::cloud::Cloud;
use crate::Tokens;

/// The family of a stack's signer, and what it needs.
pub(super) enum Custody {
    /// Encrypted files in the ring.
    Files,
    /// SoftHSM2, a token for this stack alone.
    Pkcs11(Tokens),
    /// A fake of AWS KMS, for this stack alone.
    Kms(Cloud),
}

impl Custody {
    /// Chooses by the environment; tests that name a driver themselves are left alone.
    ///
    /// # Panics
    /// For a family that is not known, or that cannot be had here.
    pub(super) fn chosen(arguments: &[&str]) -> Self {
        if arguments.contains(&"--driver") {
            return Self::Files;
        }
        match std::env::var("CHANCERY_TEST_RING").as_deref() {
            Err(_) | Ok("" | "file") => Self::Files,
            Ok("pkcs11") => Self::pkcs11(),
            Ok("kms") => Self::Kms(Cloud::start()),
            Ok(other) => panic!("CHANCERY_TEST_RING: there is no family {other}"),
        }
    }

    fn pkcs11() -> Self {
        let tokens = Tokens::soft(&["stack"]).expect("CHANCERY_TEST_RING=pkcs11 wants softhsm2");
        Self::Pkcs11(tokens)
    }

    /// Gives what the signer reads to the user that it runs as.
    pub(super) fn give_to(&self, signer: u32) {
        match self {
            Self::Files => {}
            Self::Pkcs11(tokens) => tokens.give_to(signer),
            Self::Kms(cloud) => cloud.give_to(signer),
        }
    }

    /// Returns what `chancery up` is told.
    pub(super) fn arguments(&self) -> Vec<String> {
        match self {
            Self::Files => vec![],
            Self::Pkcs11(tokens) => {
                let config = tokens.config().display().to_string();
                ["--driver", "pkcs11", "--driver-config", &config].map(str::to_owned).to_vec()
            }
            Self::Kms(cloud) => {
                let config = cloud.config().display().to_string();
                ["--driver", "kms", "--driver-config", &config].map(str::to_owned).to_vec()
            }
        }
    }
}

/// Returns the program and the arguments of its own that serve the ring of a data directory.
pub(super) fn signer_of(data: &Path) -> (&'static str, Vec<String>) {
    let ring = std::fs::read_to_string(data.join("signer/ring/ring.toml")).unwrap_or_default();
    let config = data.join("driver.toml").display().to_string();
    let family = ring.lines().find_map(|line| line.strip_prefix("driver = "));
    match family.map(|family| family.trim_matches('"')) {
        Some("pkcs11") => ("signer-pkcs11", vec!["--driver-config".to_owned(), config]),
        Some("kms") => ("signer-kms", vec!["--driver-config".to_owned(), config]),
        _ => ("signer-file", vec![]),
    }
}
