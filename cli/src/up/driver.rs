//! Where the ring's keys are, and the program that reaches them.

use clap::ValueEnum;

use super::Up;
use super::child::write_private;
use super::layout::Layout;
use super::ring_file::RingFile;
use crate::exit::{Failure, Outcome};
use crate::options::read;

/// A family of key drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DriverFamily {
    /// Encrypted files in the ring
    File,
    /// An HSM or another PKCS#11 token
    Pkcs11,
    /// A cloud's key management service
    Kms,
}

impl DriverFamily {
    /// Returns the signer of this family.
    pub fn program(self) -> &'static str {
        match self {
            Self::File => "signer-file",
            Self::Pkcs11 => "signer-pkcs11",
            Self::Kms => "signer-kms",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }
}

/// Chooses the family: that of the ring which is there, or what `--driver` says of a new one. Keeps
/// the driver's configuration in the data directory, where later starts find it.
pub fn choose(up: &Up, layout: &Layout) -> Outcome<DriverFamily> {
    let asked = up.driver;
    let family = match RingFile::read(&layout.ring())? {
        None => asked.unwrap_or(DriverFamily::File),
        Some(ring) => {
            let name = ring.driver();
            let found = DriverFamily::named(&name).ok_or_else(|| {
                Failure::Usage(format!("the keys of the ring are of an unknown kind: {name}"))
            })?;
            if asked.is_some_and(|asked| asked != found) {
                return Err(Failure::Usage(format!(
                    "--driver: the keys of the ring in {} are reached by {}, and stay there: \
                     `chancery key move` makes new ones elsewhere",
                    layout.ring().display(),
                    found.program()
                )));
            }
            found
        }
    };
    keep_config(up, layout, family)?;
    Ok(family)
}

fn keep_config(up: &Up, layout: &Layout, family: DriverFamily) -> Outcome {
    let kept = layout.driver_config();
    match (&up.driver_config, family) {
        (Some(_), DriverFamily::File) => Err(Failure::Usage(
            "--driver-config: keys in files have none; give --driver pkcs11 or kms".into(),
        )),
        (Some(file), _) => {
            let text = read(file, "--driver-config")?;
            std::fs::create_dir_all(&layout.data)?;
            // It names files and holds no secret: the signer's user reads it.
            write_private(&kept, text.as_bytes(), 0o644)?;
            Ok(())
        }
        (None, DriverFamily::File) => Ok(()),
        (None, _) if kept.exists() => Ok(()),
        (None, family) => Err(Failure::Usage(format!(
            "{} needs to know where its keys are: --driver-config FILE",
            family.program()
        ))),
    }
}
