//! The one place where admitted bytes become approved bytes.
//!
//! `cargo xtask tidy` counts the calls of `Approved::admitted`: there is this one.

use keystore::{Approved, DriverError, KeyDriver};
use signer_proto::{Refusal, Rule};
use x509::Signature;

use crate::state::KeyCard;
use signer_policy::Admitted;

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// The driver did not sign.
    #[error("the driver did not sign")]
    Driver(#[source] DriverError),
    /// What the driver gave does not verify: wrong key, bent bits, another message.
    #[error("the driver's signature does not verify")]
    Faulty,
}

/// Signs what policy admitted, by the algorithm that policy names, and verifies the signature
/// before anybody sees it: a fault attack on the signing would otherwise give the key away.
pub(crate) fn sign_admitted(
    driver: &dyn KeyDriver,
    card: &KeyCard,
    admitted: &Admitted<'_>,
) -> Result<Signature, SignError> {
    let scheme = admitted.scheme();
    let message = Approved::admitted(admitted.bytes());
    let signature = driver.sign(&card.identity, scheme, message).map_err(SignError::Driver)?;
    card.public.verify(scheme, admitted.bytes(), &signature).map_err(|_| SignError::Faulty)?;
    Ok(signature)
}

/// Tells a driver's error as a refusal. No driver error ever carries key bytes.
pub(crate) fn refuse_driver(error: &DriverError) -> Refusal {
    let rule = match error {
        DriverError::KeyMissing(_) | DriverError::Corrupt { .. } | DriverError::Crypto(_) => {
            Rule::KeyFileCorrupt
        }
        DriverError::KeyExists(_) => Rule::KeyExists,
        DriverError::SpecUnsupported(_) | DriverError::SchemeMismatch => Rule::KeySpecRefused,
        DriverError::Unavailable(_) => Rule::DriverUnavailable,
    };
    Refusal::new(rule, error.to_string())
}
