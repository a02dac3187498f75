//! From a configuration to a driver.

use std::time::Instant;

use thiserror::Error;
use tokio::runtime::Builder;

use crate::aws::{Aws, Regions};
use crate::bucket::Bucket;
use crate::cloud::Cloud;
use crate::config::{Config, Provider};
use crate::driver::{Core, KmsDriver};
use crate::google::{Google, Locations};

/// Threads that wait for the service's answers.
const THREADS: usize = 2;
/// Threads that look up host names and read credential files.
const BLOCKING_THREADS: usize = 8;

/// Why there is no driver.
#[derive(Debug, Error)]
pub enum StartError {
    /// The system gives no threads or descriptors.
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    /// The vendor's library cannot be set up as configured.
    #[error("{vendor} cannot be set up: {why}")]
    Setup {
        /// Whose library.
        vendor: &'static str,
        /// What is wrong, for the operator.
        why: String,
    },
}

impl KmsDriver {
    /// Starts the driver's runtime. The service need not be there.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config) -> Result<Self, StartError> {
        let vendor = config.vendor();
        let Config { provider, quota, timing, named, .. } = config;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("kms")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let cloud: Box<dyn Cloud> = match provider {
            Provider::Aws(settings, access) => {
                let regions = runtime.block_on(Regions::new(&settings.region, access));
                Box::new(Aws::new(settings, regions))
            }
            Provider::Google(settings, access) => {
                // Some credentials start a task of their own, which fetches tokens.
                let _inside = runtime.enter();
                let locations =
                    Locations::new(access).map_err(|why| StartError::Setup { vendor, why })?;
                Box::new(Google::new(settings, locations))
            }
        };
        let bucket = Bucket::new(quota, Instant::now());
        Ok(Self::new(runtime, Core::new(cloud, bucket, timing, named)))
    }
}
