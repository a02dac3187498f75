//! Fermat's factorisation, bounded: finds primes whose difference is far too small.

use num_bigint::BigUint;

/// Honest primes of 1024 bits differ by about 2^1023 (FIPS 186-5 §A.1.1 demands 2^924), which is
/// hopeless for Fermat; the generators seen in the wild (CVE-2022-26320) fall in the first rounds.
const ROUNDS: u64 = 100;

/// Tells whether n = a² - b² for one of the first [`ROUNDS`] values of a from ⌈√n⌉.
pub(super) fn are_close(modulus: &BigUint) -> bool {
    let mut first = modulus.sqrt();
    if &first * &first < *modulus {
        first += 1_u8;
    }
    // (first + round)² - n = (first² - n) + (2 first + round) round
    let rest = &first * &first - modulus;
    let sieve = Sieve::new(&first, &rest);
    (0..ROUNDS)
        .filter(|round| sieve.passes(*round))
        .any(|round| is_square(&(&rest + (&first * 2_u8 + round) * round)))
}

fn is_square(number: &BigUint) -> bool {
    let root = number.sqrt();
    &root * &root == *number
}

/// The squares modulo a small number: bit i tells of residue i.
#[derive(Clone, Copy)]
struct Squares {
    modulus: u64,
    set: u64,
}

impl Squares {
    /// Of a modulus of at most 64.
    const fn modulo(modulus: u64) -> Self {
        let (mut set, mut root) = (0, 0);
        while root < modulus {
            set |= 1 << (root * root % modulus);
            root += 1;
        }
        Self { modulus, set }
    }

    fn contain(self, number: u64) -> bool {
        self.set >> (number % self.modulus) & 1 == 1
    }
}

/// Residues that tell of nearly every number that is no square that it is none: one in 7,800
/// passes. Each is computed from residues of the large numbers, which are divided but once.
struct Sieve {
    power: Residues,
    primes: Residues,
}

struct Residues {
    first: u64,
    rest: u64,
}

const POWER: Squares = Squares::modulo(64);
const PRIMES: [Squares; 12] = [
    Squares::modulo(3),
    Squares::modulo(5),
    Squares::modulo(7),
    Squares::modulo(11),
    Squares::modulo(13),
    Squares::modulo(17),
    Squares::modulo(19),
    Squares::modulo(23),
    Squares::modulo(29),
    Squares::modulo(31),
    Squares::modulo(37),
    Squares::modulo(41),
];
/// The product of [`PRIMES`], below 2^48: a round's value stays below 2^56.
const PRODUCT: u64 = 152_125_131_763_605;

impl Sieve {
    fn new(first: &BigUint, rest: &BigUint) -> Self {
        let residues = |modulus: u64| {
            let reduce = |number: &BigUint| (number % modulus).iter_u64_digits().next();
            Residues { first: reduce(first).unwrap_or(0), rest: reduce(rest).unwrap_or(0) }
        };
        Self { power: residues(POWER.modulus), primes: residues(PRODUCT) }
    }

    fn passes(&self, round: u64) -> bool {
        let primes = self.primes.of(round);
        POWER.contain(self.power.of(round)) && PRIMES.iter().all(|squares| squares.contain(primes))
    }
}

impl Residues {
    fn of(&self, round: u64) -> u64 {
        self.rest + (2 * self.first + round) * round
    }
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
    fn the_sieve_lets_every_square_pass_and_little_else() {
        assert_eq!(PRIMES.iter().map(|p| p.modulus).product::<u64>(), PRODUCT);
        let first = BigUint::from(3_u8).pow(640) + 2_u8;
        let value = |rest: &BigUint, round: u64| rest + (&first * 2_u8 + round) * round;
        for round in 0..ROUNDS {
            // A square that is met in this round, whatever comes before.
            let root = &first * 40_u8 + round * 7;
            let rest = &root * &root - value(&BigUint::ZERO, round);
            assert_eq!(value(&rest, round), &root * &root);
            assert!(Sieve::new(&first, &rest).passes(round), "{round}");
        }
        let passes = (0..1000_u32).map(|n| {
            let sieve = Sieve::new(&first, &(BigUint::from(7_u8).pow(200 + n) + 2_u8));
            (0..ROUNDS).filter(|round| sieve.passes(*round)).count()
        });
        assert!(passes.sum::<usize>() < 100);
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
