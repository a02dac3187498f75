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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use crate::key::samples::{rsa_spki, sample_key};
    use crate::key::small_factors::primes_below;

    fn check(modulus: &BigUint, exponent: u64) -> Result<(), WeakKey> {
        PublicKey::parse(&rsa_spki(modulus, &BigUint::from(exponent))).unwrap().check_strength()
    }

    fn honest() -> BigUint {
        match sample_key("rsa-2048").material {
            crate::key::Material::Rsa(key, _) => key.modulus().clone(),
            crate::key::Material::Parsed(_) => panic!("an RSA key"),
        }
    }

    /// The first number at or above `from` that passes a Fermat test, for tests prime enough.
    fn next_prime(mut from: BigUint) -> BigUint {
        let two = BigUint::from(2_u8);
        from.set_bit(0, true);
        while two.modpow(&(&from - 1_u8), &from) != BigUint::from(1_u8) {
            from += 2_u8;
        }
        from
    }

    #[test]
    fn refuses_weak_openssl_keys() {
        let cases = [
            ("rsa-1024", WeakKey::RsaModulusSize(1024)),
            ("rsa-2048-e3", WeakKey::RsaExponent),
            ("rsa-2048-e4294967297", WeakKey::RsaExponent),
        ];
        for (name, rule) in cases {
            assert_eq!(sample_key(name).check_strength(), Err(rule), "{name}");
        }
    }

    #[test]
    fn refuses_modulus_sizes_out_of_range_or_step() {
        let one = BigUint::from(1_u8);
        for bits in [8_u16, 1024, 2040, 2047, 2049, 2052, 4095, 4097, 4104, 16_384] {
            let modulus = (&one << (bits - 1)) + 1_u8;
            assert_eq!(check(&modulus, 65_537), Err(WeakKey::RsaModulusSize(bits)));
        }
    }

    #[test]
    fn refuses_exponents_even_or_out_of_range() {
        for exponent in [0, 1, 2, 3, 17, 65_535, 65_536, 65_538, 1 << 32, (1 << 32) + 1, u64::MAX] {
            let verdict = check(&honest(), exponent);
            assert_eq!(verdict, Err(WeakKey::RsaExponent), "{exponent}");
        }
        for exponent in [65_537, 65_539, (1 << 32) - 1] {
            assert_eq!(check(&honest(), exponent), Ok(()), "{exponent}");
        }
    }

    #[test]
    fn refuses_small_factors() {
        // 4093 is the largest prime below 2^12; the cofactor is as good as prime.
        for factor in [2_u32, 3, 751, 4093] {
            let modulus = (honest() >> 20_u32) * factor;
            let modulus = &modulus << (2048 - modulus.bits());
            let odd = ((modulus / factor) | BigUint::from(1_u8)) * factor;
            assert_eq!(odd.bits(), 2048);
            assert_eq!(check(&odd, 65_537), Err(WeakKey::SmallFactor), "{factor}");
        }
    }

    #[test]
    fn refuses_close_primes() {
        let p = next_prime((honest().sqrt() >> 3_u32) + (BigUint::from(3_u8) << 1022_u32));
        for distance in [2_u32, 100, 300, 510] {
            let q = next_prime(&p + (BigUint::from(1_u8) << distance));
            let modulus = &p * &q;
            assert_eq!(modulus.bits(), 2048);
            assert_eq!(check(&modulus, 65_537), Err(WeakKey::ClosePrimes), "2^{distance}");
        }
        let q = next_prime(&p + (BigUint::from(1_u8) << 1000_u32));
        assert_eq!(check(&(&p * &q), 65_537), Ok(()));
    }

    #[test]
    fn refuses_roca_primes() {
        // Real primes of the flawed form: p = k·M + (65537^a mod M), M of 971 bits.
        let m: BigUint = primes_below(702).map(BigUint::from).product();
        let flawed_prime = |mut a: u32, k: BigUint| {
            let two = BigUint::from(2_u8);
            loop {
                let p = &k * &m + BigUint::from(65_537_u32).modpow(&a.into(), &m);
                if two.modpow(&(&p - 1_u8), &p) == BigUint::from(1_u8) {
                    return p;
                }
                a += 1;
            }
        };
        let k = ((BigUint::from(1_u8) << 1024_u32) - 1_u8) / &m - 2_u8;
        let p = flawed_prime(1_000, k.clone());
        let q = flawed_prime(9_000_000, &k - 123_456_u32);
        let modulus = &p * &q;
        assert_eq!(modulus.bits(), 2048);
        assert_eq!(check(&modulus, 65_537), Err(WeakKey::Roca));
    }
}
