//! JOSE as far as ACME needs it (RFC 8555 §6.2): flattened JWS, no `none`, no MAC but for external
//! account bindings.

mod algorithm;
mod base64url;
mod jwk;
mod jws;

pub(crate) use algorithm::{MacAlgorithm, SignatureAlgorithm};
pub(crate) use base64url::decode;
pub(crate) use jwk::Jwk;
pub(crate) use jws::{Jws, object};
