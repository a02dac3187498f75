//! The challenges: a file each.
//!
//! Device attestation and challenges that are drafts still would stand beside these; their
//! methods would join [`va_wire::Method`] and the signer's `ValidationMethod`.

mod certificate;
mod dns01;
mod http01;
mod tls_alpn01;

pub(crate) use dns01::dns01;
pub(crate) use http01::{Http, http01};
pub(crate) use tls_alpn01::tls_alpn01;
