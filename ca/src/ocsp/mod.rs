//! OCSP (RFC 6960, RFC 5019): answers are built and signed by the signer, cached here, and given
//! with the certificate of a delegated responder.

mod answer;
mod batch;
mod cache;
mod certificate;

pub use answer::{Cacheable, OcspReply};

pub(crate) use cache::Responders;
pub(crate) use certificate::RESPONDER_PROFILE;
