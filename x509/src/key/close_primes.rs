//! Fermat's factorisation, bounded: finds primes whose difference is far too small.

use num_bigint::BigUint;

/// Honest primes of 1024 bits differ by about 2^1023 (FIPS 186-5 §A.1.1 demands 2^924), which is
/// hopeless for Fermat; the generators seen in the wild (CVE-2022-26320) fall in the first rounds.
const ROUNDS: u32 = 100;

/// Tells whether n = a² - b² for one of the first [`ROUNDS`] values of a from ⌈√n⌉.
pub(super) fn are_close(modulus: &BigUint) -> bool {
    let mut a = modulus.sqrt();
    if &a * &a < *modulus {
        a += 1_u8;
    }
    let mut b_squared = &a * &a - modulus;
    // (a + 1)² - n = (a² - n) + 2a + 1, and the step itself grows by two each round.
    let mut step = (a << 1_u32) + 1_u8;
    for _ in 0..ROUNDS {
        if is_square(&b_squared) {
            return true;
        }
        b_squared += &step;
        step += 2_u8;
    }
    false
}

fn is_square(number: &BigUint) -> bool {
    // Only 12 of 64 residues are squares modulo 64: a cheap sieve before the square root.
    const SQUARES_MOD_64: u64 = {
        let mut set = 0;
        let mut root = 0_u64;
        while root < 64 {
            set |= 1 << (root * root % 64);
            root += 1;
        }
        set
    };
    let low = number.iter_u64_digits().next().unwrap_or(0);
    if SQUARES_MOD_64 >> (low % 64) & 1 == 0 {
        return false;
    }
    // And 3·5·7·11·13·17 = 255255 leaves about 1 in 60 of those.
    let residue = number % 255_255_u32;
    let residue = residue.iter_u64_digits().next().unwrap_or(0);
    let passes = |prime: u64| {
        let target = residue % prime;
        (0..=prime / 2).any(|root| root * root % prime == target)
    };
    if ![3, 5, 7, 11, 13, 17].into_iter().all(passes) {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_recognised() {
        for root in 0..2000_u32 {
            let square = BigUint::from(root) * root;
            assert!(is_square(&square), "{root}");
            assert!(!is_square(&(square + 1_u8)) || root == 0, "{root}");
        }
    }

    #[test]
    fn finds_every_pair_within_reach_and_none_beyond() {
        // n = (m - d)(m + d) is found at a = m, which is d² / 2m rounds away from √n. m has no
        // structure, so that n has no other pair of close divisors.
        let m = BigUint::from(3_u8).pow(640) + 2_u8;
        for exponent in [0_u32, 1, 100, 400, 500, 510] {
            let d = (BigUint::from(1_u8) << exponent) + 5_u8;
            assert!(are_close(&((&m - &d) * (&m + &d))), "2^{exponent}");
        }
        for exponent in [513_u32, 600, 1000] {
            let d = (BigUint::from(1_u8) << exponent) + 5_u8;
            assert!(!are_close(&((&m - &d) * (&m + &d))), "2^{exponent}");
        }
        // Equal primes
        assert!(are_close(&(&m * &m)));
    }
}
