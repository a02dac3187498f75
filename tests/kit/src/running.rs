//! The signer of a ring: the core in this process, or the real program under its own uid.

use std::path::Path;
use std::sync::Arc;

use keystore_file::FileVault;
use signer::listen::{Limits, Listening};
use signer::{Environment, Signer, Start};

use crate::counting::CountingVault;
use crate::{Counts, Process, outside};

pub(crate) enum Running {
    Inside { signer: Signer, listening: Option<Listening> },
    Outside(Process),
}

impl Running {
    /// Opens the ring in this process; `serve` says with which limits, or not at all.
    pub(crate) fn inside(
        dir: &Path,
        counts: &Arc<Counts>,
        environment: Environment,
        serve: Option<Limits>,
    ) -> Result<Self, String> {
        let ring = dir.join("ring");
        let vault = CountingVault { vault: FileVault::at(&ring), counts: Arc::clone(counts) };
        let start = Start { version: "kit".to_owned(), report: String::new() };
        let signer = Signer::open(&ring, Arc::new(vault), environment, &start)
            .map_err(|error| format!("{error:?}"))?;
        let served = |limits| signer.serve(&dir.join("run"), limits);
        let listening = serve.map(|limits| served(limits).expect("the sockets are served"));
        Ok(Self::Inside { signer, listening })
    }

    /// Starts the program.
    pub(crate) fn outside(dir: &Path) -> Result<Self, String> {
        outside::serve(dir).map(Self::Outside)
    }

    /// Ends it in order.
    pub(crate) fn end(self) {
        match self {
            Self::Inside { signer, listening } => {
                if let Some(listening) = listening {
                    listening.shutdown();
                }
                signer.shutdown();
            }
            Self::Outside(process) => {
                let (status, text) = process.end();
                assert!(status.success(), "signer-file ended badly: {text}");
            }
        }
    }
}
