//! Who asks, and what they may do.

mod authorized;
mod bootstrap;
mod secret;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;

pub use authorized::{Authorized, Demand, permission};
pub use bootstrap::{BootstrapError, bootstrap};
pub use secret::{NoRandomness, TokenSecret};
pub use tokens::{RevokeTokenError, Tokens};
