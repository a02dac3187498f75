//! The server's TLS key.

use super::operator::Operator;
use signer_proto::{KeySpec, Purpose};

use super::CeremonyError;
use super::ring::{Ring, label};
use crate::hierarchy::tls_policy;
use crate::own::TLS_KEY;

/// Makes the server's TLS key, P-256, or what is missing of it. It serves under `names`, any if
/// there are none; a policy that is in force stays.
pub async fn tls_key(operator: &Operator, names: &[String]) -> Result<(), CeremonyError> {
    let ring = Ring(operator);
    let mut key = ring.ensure_key(&label(TLS_KEY)?, Purpose::Tls, KeySpec::P256).await?;
    let text = tls_policy(key.scheme, names);
    ring.first_policy(&mut key, text).await
}
