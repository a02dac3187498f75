//! Which keys are too weak to certify.

use num_bigint::BigUint;
use thiserror::Error;

use super::rsa::RsaPublicKey;
use super::{close_primes, roca, small_factors};

/// The rule that a key breaks; the fault of whoever made the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum WeakKey {
    /// The RSA modulus has a number of bits outside 2048..=4096 or not divisible by eight.
    #[error("RSA modulus of {0} bits: 2048 to 4096 in steps of eight are allowed")]
    RsaModulusSize(u16),
    /// The RSA exponent is even, below 65537 or above 2^32 (FIPS 186-5 §5.4; the upper bound is
    /// what common verifiers accept).
    #[error("RSA exponent: odd and from 65537 to 2^32 is allowed")]
    RsaExponent,
    /// A small prime divides the RSA modulus.
    #[error("RSA modulus has a small factor")]
    SmallFactor,
    /// The RSA modulus has the structure of CVE-2017-15361.
    #[error("RSA modulus has the ROCA structure (CVE-2017-15361)")]
    Roca,
    /// The two primes of the RSA modulus are so close that Fermat's method finds them.
    #[error("RSA primes are too close to each other")]
    ClosePrimes,
    /// The Ed25519 point is not canonical, not on the curve, or of small order (RFC 8032 §5.1.3).
    #[error("Ed25519 point is not canonical, not on the curve or of small order")]
    Ed25519Point,
}

/// Checks an RSA key by every rule, the cheap ones first.
pub(super) fn check_rsa(key: &RsaPublicKey) -> Result<(), WeakKey> {
    let bits = key.bits();
    if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(8) {
        return Err(WeakKey::RsaModulusSize(bits));
    }
    let exponent = key.exponent();
    if !exponent.bit(0)
        || *exponent < BigUint::from(65_537_u32)
        || *exponent > BigUint::from(1_u64 << 32)
    {
        return Err(WeakKey::RsaExponent);
    }
    if roca::is_fingerprinted(key.modulus()) {
        return Err(WeakKey::Roca);
    }
    if small_factors::has_small_factor(key.modulus()) {
        return Err(WeakKey::SmallFactor);
    }
    if close_primes::are_close(key.modulus()) {
        return Err(WeakKey::ClosePrimes);
    }
    Ok(())
}
