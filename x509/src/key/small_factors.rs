//! Trial division of an RSA modulus by small primes, several primes at a time.
//!
//! Many primes are multiplied into one word, the modulus is reduced by the word, and what is left
//! is tried by each of its primes. Division is Montgomery's (Modular Multiplication Without Trial
//! Division, 1985) and that of Granlund and Montgomery (Division by Invariant Integers using
//! Multiplication, 1994, §9): multiplications only, no BigUint.

use std::sync::OnceLock;

use num_bigint::BigUint;

/// Primes below this bound are tried. NIST SP 800-89 §5.3.3 asks for those below 752. Of moduli by
/// a generator that takes odd numbers for primes, 98 of 100 have a smaller factor (Mertens: each of
/// the two numbers has none with a chance of 2 e^-γ / ln 2^12, 13 %). A bound of 2^16 would find 99
/// of 100 and cost more than verifying the CSR.
const BOUND: u32 = 1 << 12;

/// How many words are reduced by at once: their steps do not wait for each other.
const LANES: usize = 4;

/// An odd number and its inverse modulo 2^64.
#[derive(Clone, Copy)]
struct Divisor {
    number: u64,
    inverse: u64,
}

impl Divisor {
    fn new(number: u64) -> Self {
        // Newton's iteration: an odd number is its own inverse modulo 8, and each of five steps
        // doubles the bits that are right.
        let inverse = (0..5).fold(number, |inverse: u64, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(number.wrapping_mul(inverse)))
        });
        Self { number, inverse }
    }

    /// Tells whether the number divides: exactly its multiples become small.
    fn divides(self, dividend: u64) -> bool {
        dividend.wrapping_mul(self.inverse) <= u64::MAX / self.number
    }

    /// Takes in one digit: the carry c becomes c' with digit - c = -c'·2^64 modulo the number.
    /// Hence all digits so far together are -c'·2^(64·digits), and share the number's factors
    /// with c'.
    fn step(self, carry: u64, digit: u64) -> u64 {
        let (difference, borrow) = digit.overflowing_sub(carry);
        let quotient = difference.wrapping_mul(self.inverse);
        let high = (u128::from(quotient) * u128::from(self.number)) >> 64;
        // At most the number: the product's upper half is below it.
        u64::try_from(high).unwrap_or(u64::MAX) + u64::from(borrow)
    }
}

/// Words that are products of primes, and the primes of each.
struct Batch {
    words: [Divisor; LANES],
    primes: [Vec<Divisor>; LANES],
}

/// Tells whether a prime below [`BOUND`] divides the modulus.
pub(super) fn has_small_factor(modulus: &BigUint) -> bool {
    let digits: Vec<u64> = modulus.iter_u64_digits().collect();
    !modulus.bit(0) || batches().iter().any(|batch| batch.divides(&digits))
}

impl Batch {
    /// Tells whether one of the primes divides the number with these digits, the lowest first.
    fn divides(&self, digits: &[u64]) -> bool {
        let mut carries = [0; LANES];
        for digit in digits {
            for (carry, word) in carries.iter_mut().zip(&self.words) {
                *carry = word.step(*carry, *digit);
            }
        }
        let mut lanes = carries.into_iter().zip(&self.primes);
        lanes.any(|(carry, primes)| primes.iter().any(|prime| prime.divides(carry)))
    }
}

/// All odd primes below [`BOUND`]; made once.
fn batches() -> &'static [Batch] {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    BATCHES.get_or_init(|| {
        let mut primes = primes_below(BOUND).skip(1).map(u64::from).peekable();
        let mut batches = Vec::new();
        while primes.peek().is_some() {
            let mut batch = Batch { words: [Divisor::new(1); LANES], primes: Default::default() };
            for (word, members) in batch.words.iter_mut().zip(&mut batch.primes) {
                let mut product = 1_u64;
                while let Some(prime) = primes.next_if(|p| product.checked_mul(*p).is_some()) {
                    product *= prime;
                    members.push(Divisor::new(prime));
                }
                *word = Divisor::new(product);
            }
            batches.push(batch);
        }
        batches
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sieve_counts_right() {
        assert_eq!(primes_below(1 << 16).count(), 6542);
        assert_eq!(primes_below(30).collect::<Vec<_>>(), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
    }

    #[test]
    fn the_batches_hold_every_odd_prime_once() {
        let mut found = Vec::new();
        for batch in batches() {
            for (word, primes) in batch.words.iter().zip(&batch.primes) {
                let numbers = primes.iter().map(|prime| prime.number);
                assert_eq!(numbers.clone().product::<u64>(), word.number);
                found.extend(numbers);
            }
        }
        let primes = primes_below(BOUND).skip(1).map(u64::from);
        assert_eq!(found, primes.collect::<Vec<_>>());
    }

    #[test]
    fn divisors_divide_their_multiples_only() {
        for number in [1, 3, 5, 4093, 0xffff_ffff_ffff_fff1, u64::MAX] {
            let divisor = Divisor::new(number);
            assert_eq!(number.wrapping_mul(divisor.inverse), 1);
            for dividend in [0, 1, 2, number - 1, number, number.wrapping_add(1), u64::MAX] {
                let divides = dividend % number == 0;
                assert_eq!(divisor.divides(dividend), divides, "{number} {dividend}");
            }
            // The extremes of a step.
            for (carry, digit) in [(0, 0), (0, u64::MAX), (number - 1, 0), (number - 1, u64::MAX)] {
                let next = divisor.step(carry, digit);
                let wide = u128::from(number);
                let shifted = (u128::from(next) << 64) % wide;
                let sum = shifted + u128::from(digit) + wide - u128::from(carry);
                assert_eq!(sum % wide, 0, "{number} {carry} {digit}");
                assert!(next <= number, "{number} {carry} {digit}");
            }
        }
    }

    #[test]
    fn finds_every_small_prime_and_nothing_else() {
        // 2^2203 - 1 is prime (Mersenne), so only the factor put in is there to be found.
        let prime = (BigUint::from(1_u8) << 2203_u32) - 1_u8;
        assert!(!has_small_factor(&prime));
        for factor in primes_below(BOUND).step_by(7).chain([2, 3, 4093]) {
            assert!(has_small_factor(&(&prime * factor)), "{factor}");
        }
        // The next primes above the bound are not looked for.
        assert!(!has_small_factor(&(&prime * 4099_u32 * 4111_u32)));
    }
}
