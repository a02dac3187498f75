//! The validation authority: the only process that connects to whoever asks for certificates.
//!
//! It gets one identifier and one challenge from the server ([`va_wire`]), looks for itself by
//! HTTP, DNS or TLS ([`Validator`]), checks CAA, and has the signer write what it saw into its
//! journal. The server never says that something was validated: a policy that demands the record
//! needs both processes broken before a name without control of it is certified.
//!
//! Who asks chooses where this process connects to, so the [`Fence`] decides about every address
//! that is really connected to, and nothing of what a target answers is ever told on.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod answer;
mod caa;
mod challenge;
mod config;
mod deadline;
mod dial;
mod failure;
mod fence;
mod http;
mod key_authorization;
mod listen;
mod names;
mod record;
mod serve;
mod tls;
mod validate;

pub use config::{Config, ConfigError};
pub use failure::{Failure, Retry};
pub use fence::{Closed, Endpoint, Fence};
pub use serve::{ServeError, Sockets, run};
pub use validate::{Seen, Validator};
