//! What makes a program the signer of one family of key drivers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hardening::{Reach, Role};
use keystore::KeyDriver;
use signer::DriverFamily;

/// A family of key drivers: one program each, so that no signer links what another one needs.
///
/// The functions are called in the order in which they stand here, once each, by `serve`.
pub trait Family: Sized {
    /// The program's name.
    const PROGRAM: &'static str;
    /// The program's name and version, as the journal has them.
    const VERSION: &'static str;
    /// What it is, in a sentence for `--help`.
    const ABOUT: &'static str;
    /// What ring.toml of its rings says.
    const DRIVER: DriverFamily;
    /// Which system calls it keeps.
    const ROLE: Role;

    /// Reads the driver's own configuration, while paths outside of the ring still open and there
    /// is one thread; starts the processes that it needs.
    ///
    /// # Errors
    /// In words for the operator: the signer does not start.
    fn prepare(config: Option<&Path>) -> anyhow::Result<Self>;

    /// Names the paths that stay within reach besides the ring.
    fn places(&self) -> Vec<(PathBuf, Reach)>;

    /// Names the TCP ports that it connects to; for [`Role::SignerKms`] alone.
    fn ports(&self) -> Vec<u16> {
        vec![]
    }

    /// Says how many threads are worth having: as many as sign at a time elsewhere. None: one a core.
    fn workers(&self) -> Option<usize> {
        None
    }

    /// Makes the driver; none: the ring's own key files. All but the last filter of system calls
    /// is in force, and threads may start.
    ///
    /// # Errors
    /// In words for the operator: the signer does not start. Keys that cannot be reached are no
    /// error: the driver says so when it is asked, and tries again.
    fn driver(self) -> anyhow::Result<Option<Arc<dyn KeyDriver>>>;
}
