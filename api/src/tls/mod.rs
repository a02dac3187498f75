//! The server's own certificate: issued by the CA that it serves, swapped without a restart.
//!
//! Its key is the one private key outside the keystore (docs/TRUST-BOUNDARY.md).

mod acceptor;
mod certificate;
mod key;
mod renewal;
mod resolver;

pub use acceptor::acceptor;
pub use certificate::OwnCertificate;
pub use key::{KeyError, OwnKey};
pub use renewal::{Renewal, RenewalError};
pub use resolver::Resolver;
