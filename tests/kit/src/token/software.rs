//! The software behind the tokens of a test.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::{opt_in, skip};

/// Where Debian has SoftHSM2.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A token in software.
pub(super) struct Software {
    pub(super) module: PathBuf,
    /// Where it looks for its configuration's path.
    pub(super) variable: &'static str,
    /// Makes the configuration: tokens lie in a folder, and are so many.
    pub(super) configuration: fn(&Path, usize) -> String,
}

impl Software {
    /// SoftHSM2; none, with a line that says so, where it is not installed.
    ///
    /// # Panics
    /// If it is missing and `CHANCERY_NO_SKIP=1`.
    pub(super) fn softhsm2() -> Option<Self> {
        if !Path::new(SOFTHSM).is_file() {
            skip("softhsm2", "not installed");
            return None;
        }
        let configuration = |folder: &Path, _| {
            let folder = folder.display();
            format!(
                "directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\n"
            )
        };
        Some(Self { module: PathBuf::from(SOFTHSM), variable: "SOFTHSM2_CONF", configuration })
    }

    /// kryoptic, which has ML-DSA; none, with a line that says so, where nobody built it.
    ///
    /// # Panics
    /// If it was built, and what initialises it is missing and `CHANCERY_NO_SKIP=1`.
    pub(super) fn kryoptic() -> Option<Self> {
        let folder = std::env::var_os("CHANCERY_FOREIGN").map(PathBuf::from);
        let module = folder.map(|folder| folder.join("lib/libkryoptic_pkcs11.so"));
        let Some(module) = module.filter(|module| module.is_file()) else {
            opt_in("kryoptic", "`make kryoptic` did not build it into CHANCERY_FOREIGN");
            return None;
        };
        // softhsm2-util initialises tokens of any module.
        crate::tool("softhsm2-util")?;
        let configuration = |folder: &Path, count| {
            let mut text = String::new();
            for slot in 0..count {
                let file = folder.join(format!("{slot}.sql"));
                let _ = write!(
                    text,
                    "[[slots]]\nslot = {slot}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
                    file.display()
                );
            }
            text
        };
        Some(Self { module, variable: "KRYOPTIC_CONF", configuration })
    }
}
