//! Trial division of an RSA modulus by every prime below 2^16, as one gcd.

use std::sync::OnceLock;

use num_bigint::BigUint;

/// Primes below this bound are tried; a generator that leaves smaller factors did not test primes.
const BOUND: u32 = 1 << 16;

/// Tells whether a prime below [`BOUND`] divides the modulus.
pub(super) fn has_small_factor(modulus: &BigUint) -> bool {
    if !modulus.bit(0) {
        return true;
    }
    !are_coprime(product() % modulus, modulus.clone())
}

/// The product of all odd primes below [`BOUND`], about 94,000 bits; made once.
fn product() -> &'static BigUint {
    static PRODUCT: OnceLock<BigUint> = OnceLock::new();
    PRODUCT.get_or_init(|| primes_below(BOUND).skip(1).map(BigUint::from).product())
}

/// The sieve of Eratosthenes.
pub(super) fn primes_below(bound: u32) -> impl Iterator<Item = u32> {
    let size = usize::try_from(bound).unwrap_or(0);
    let mut composite = vec![false; size];
    for candidate in 2..size {
        if composite.get(candidate) == Some(&false) {
            let multiples = composite.iter_mut().skip(candidate * candidate);
            for slot in multiples.step_by(candidate) {
                *slot = true;
            }
        }
    }
    (2..bound)
        .zip(composite.into_iter().skip(2))
        .filter_map(|(number, composite)| (!composite).then_some(number))
}

/// Stein's gcd for an odd `b`, telling only whether it is one.
fn are_coprime(mut a: BigUint, mut b: BigUint) -> bool {
    let zero = BigUint::ZERO;
    while a != zero {
        let twos = a.trailing_zeros().unwrap_or(0);
        a >>= twos;
        if a < b {
            std::mem::swap(&mut a, &mut b);
        }
        a -= &b;
    }
    b == BigUint::from(1_u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sieve_counts_right() {
        assert_eq!(primes_below(BOUND).count(), 6542);
        assert_eq!(
            primes_below(30).collect::<Vec<_>>(),
            [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
        );
    }

    #[test]
    fn finds_every_small_prime_and_nothing_else() {
        // 2^2203 - 1 is prime (Mersenne), so only the factor put in is there to be found.
        let prime = (BigUint::from(1_u8) << 2203_u32) - 1_u8;
        assert!(!has_small_factor(&prime));
        for factor in primes_below(BOUND).step_by(97).chain([2, 3, 65_521]) {
            assert!(has_small_factor(&(&prime * factor)), "{factor}");
        }
        // The next primes above the bound are not looked for.
        assert!(!has_small_factor(&(&prime * 65_537_u32 * 65_539_u32)));
    }
}
