//! The fingerprint of CVE-2017-15361 (ROCA).
//!
//! The flawed library made primes of the form p = k·M + (65537^a mod M), M a product of the first
//! primes. Then also n = 65537^(a+b) modulo every one of them, so n is in the subgroup that 65537
//! generates, for each. Honest moduli are in all these subgroups with a negligible chance (Nemec,
//! Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017, §3.3).

use std::sync::OnceLock;

use num_bigint::BigUint;

use super::small_factors::primes_below;

const GENERATOR: u32 = 65_537;

/// M for 2048 bit moduli, the smallest that are accepted, is the product of the first 126 primes,
/// up to 701; larger moduli use these primes and more.
const LAST_PRIME: u32 = 701;

/// A prime and the subgroup of its residues that 65537 generates; entry i tells of residue i.
struct Subgroup {
    prime: u32,
    members: Vec<bool>,
}

/// Tells whether the modulus is a power of 65537 modulo every small prime.
pub(super) fn is_fingerprinted(modulus: &BigUint) -> bool {
    // Two or three divisions of the whole modulus nearly always settle it: most residues are out.
    subgroups().iter().all(|subgroup| {
        let residue = modulus % subgroup.prime;
        let residue = residue.iter_u32_digits().next().unwrap_or(0);
        usize::try_from(residue)
            .ok()
            .and_then(|residue| subgroup.members.get(residue))
            .is_some_and(|member| *member)
    })
}

/// The primes whose subgroup is proper, that is, which tell anything; made once.
fn subgroups() -> &'static [Subgroup] {
    static SUBGROUPS: OnceLock<Vec<Subgroup>> = OnceLock::new();
    SUBGROUPS.get_or_init(|| primes_below(LAST_PRIME + 1).map(subgroup).collect())
}

fn subgroup(prime: u32) -> Subgroup {
    let mut members = vec![false; usize::try_from(prime).unwrap_or(0)];
    let mut power = 1 % prime;
    while let Some(member) = usize::try_from(power).ok().and_then(|power| members.get_mut(power)) {
        if *member {
            break;
        }
        *member = true;
        power = power * (GENERATOR % prime) % prime;
    }
    Subgroup { prime, members }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subgroups_have_the_published_orders() {
        // The primes up to 167 with a proper subgroup, as the published detectors list them.
        let proper: Vec<u32> = subgroups()
            .iter()
            .filter(|s| {
                let order = s.members.iter().filter(|m| **m).count();
                order < s.members.len() - 1 && s.prime <= 167
            })
            .map(|s| s.prime)
            .collect();
        for prime in [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] {
            assert!(proper.contains(&prime), "{prime}");
        }
    }

    #[test]
    fn recognises_the_structure_by_definition() {
        // p = k·M + 65537^a mod M; primality plays no part in the fingerprint.
        let m: BigUint = primes_below(LAST_PRIME + 1).map(BigUint::from).product();
        assert_eq!(primes_below(LAST_PRIME + 1).count(), 126);
        for (k, a) in [(3_u32, 5_u32), (0xdead_beef, 1_000_003), (77, 0x7fff_ffff)] {
            let prime = |k: u32, a: u32| {
                BigUint::from(k) * &m + BigUint::from(GENERATOR).modpow(&a.into(), &m)
            };
            let n = prime(k, a) * prime(k + 1, a / 3);
            assert!(is_fingerprinted(&n));
            assert!(!is_fingerprinted(&(n + 2_u8)));
        }
    }

    #[test]
    fn chance_of_an_honest_modulus_is_negligible() {
        let log2: f64 = subgroups()
            .iter()
            .filter(|s| s.prime > 2)
            .map(|s| {
                let order = s.members.iter().filter(|m| **m).count();
                (order as f64 / f64::from(s.prime - 1)).log2()
            })
            .sum();
        assert!(log2 < -100.0, "2^{log2}");
    }
}
