//! The server's own certificate: issued by the CA that it serves, swapped without a restart.
//!
//! Its key is a `tls` key of the ring: the signer signs each handshake.

mod acceptor;
mod certificate;
mod handshakes;
mod key_exchange;
mod remote;
mod renewal;
mod resolver;

pub use acceptor::{acceptor, acceptor_with_tls12};
pub use certificate::OwnCertificate;
pub use handshakes::Handshakes;
pub use remote::{OwnKey, Way};
pub use renewal::{Renewal, RenewalError};
pub use resolver::Resolver;
