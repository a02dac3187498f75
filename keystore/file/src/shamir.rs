//! Shamir's secret sharing over GF(2^8), octet by octet.
//!
//! The field is that of AES (FIPS 197 §4): polynomials modulo x^8 + x^4 + x^3 + x + 1. A secret
//! s becomes f(1), f(2), … with f(x) = s + a1 x + … + a(m-1) x^(m-1) and random a. The arithmetic
//! on secrets has no branch and no table: what it does depends on public numbers alone.

/// Multiplies, in eight steps whatever the factors.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        // 0xff or 0x00.
        let taken = ((b >> bit) & 1).wrapping_neg();
        product ^= a & taken;
        let carried = (a >> 7).wrapping_neg();
        a = (a << 1) ^ (carried & 0x1b);
    }
    product
}

/// Returns a^254, which is 1/a; zero for zero.
fn invert(a: u8) -> u8 {
    let mut power = a;
    // 254 is 0b1111_1110: after a^1, square and multiply six times, and square once more.
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    multiply(power, power)
}

/// Puts f(index) into `share`, which is all zero, where `coefficients` are a1 to a(m-1). All are
/// equally long.
pub(crate) fn share_at<'a, C>(index: u8, secret: &'a [u8], coefficients: C, share: &mut [u8])
where
    C: DoubleEndedIterator<Item = &'a [u8]>,
{
    // Horner: ((a(m-1) x + a(m-2)) x + …) x + s.
    for octets in coefficients.rev().chain([secret]) {
        for (octet, coefficient) in share.iter_mut().zip(octets) {
            *octet = multiply(*octet, index) ^ coefficient;
        }
    }
}

/// Puts f(0) of the polynomial through these shares (Lagrange) into `secret`, which is all zero;
/// none unless there are shares, their numbers are distinct and not zero, and they are as long as
/// the secret.
pub(crate) fn combine(shares: &[(u8, &[u8])], secret: &mut [u8]) -> Option<()> {
    shares.first()?;
    for (place, (index, share)) in shares.iter().enumerate() {
        let mut weight = 1;
        for (other_place, (other, _)) in shares.iter().enumerate() {
            if other_place != place {
                if other == index {
                    return None;
                }
                // x_j / (x_j - x_i); minus is plus is exclusive or.
                weight = multiply(weight, multiply(*other, invert(other ^ index)));
            }
        }
        if *index == 0 || share.len() != secret.len() {
            return None;
        }
        for (octet, part) in secret.iter_mut().zip(*share) {
            *octet ^= multiply(*part, weight);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Schoolbook multiplication and reduction, to hold the branchless one against.
    fn slow(a: u8, b: u8) -> u8 {
        let mut product = 0_u16;
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                product ^= u16::from(a) << bit;
            }
        }
        for bit in (8..15).rev() {
            if product >> bit & 1 == 1 {
                product ^= 0x11b << (bit - 8);
            }
        }
        u8::try_from(product).unwrap()
    }

    #[test]
    fn the_field_is_that_of_aes() {
        // FIPS 197 §4.2: {57} x {83} = {c1}; {57} x {13} = {fe}.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), slow(a, b), "{a} {b}");
            }
            assert_eq!(multiply(a, invert(a)), u8::from(a != 0), "{a}");
        }
    }

    fn split(secret: &[u8], threshold: u8, count: u8) -> Vec<Vec<u8>> {
        let draw = |n: u8| (0..secret.len()).map(|i| n.wrapping_mul(97) ^ i as u8 ^ 0x5c).collect();
        let coefficients: Vec<Vec<u8>> = (1..threshold).map(draw).collect();
        let share = |index| {
            let mut share = vec![0; secret.len()];
            share_at(index, secret, coefficients.iter().map(Vec::as_slice), &mut share);
            share
        };
        (1..=count).map(share).collect()
    }

    fn combine(shares: &[(u8, &[u8])]) -> Option<Vec<u8>> {
        let mut secret = vec![0; 32];
        super::combine(shares, &mut secret).map(|()| secret)
    }

    #[test]
    fn the_golden_shares_are_these_octets() {
        // By Python, tests/clients/tests/clients/shares.py: the secret 00 to 1f, a1 = 20 to 3f,
        // a2 = 40 to 5f.
        let coefficients: [Vec<u8>; 2] = [(0x20..0x40).collect(), (0x40..0x60).collect()];
        let secret: Vec<u8> = (0..32).collect();
        for (index, expected) in [
            (1, "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"),
            (2, "5b5c55524740494e63646d6a7f7871762b2c25223730393e13141d1a0f080106"),
            (32, "327fa8e51d5087ca6c21f6bb430ed9948ec31459a1ec3b76d09d4a07ffb26528"),
        ] {
            let mut share = [0; 32];
            share_at(index, &secret, coefficients.iter().map(Vec::as_slice), &mut share);
            assert_eq!(hex::encode(share), expected, "{index}");
        }
    }

    #[test]
    fn every_set_of_threshold_shares_gives_the_secret_and_none_below() {
        let secret: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
        for (threshold, count) in [(2, 2), (2, 3), (3, 5), (5, 6)] {
            let shares = split(&secret, threshold, count);
            for chosen in 1_u32..1 << count {
                let picked: Vec<(u8, &[u8])> = (1..=count)
                    .zip(&shares)
                    .filter(|(index, _)| chosen >> (index - 1) & 1 == 1)
                    .map(|(index, share)| (index, share.as_slice()))
                    .collect();
                let found = combine(&picked).unwrap();
                let enough = chosen.count_ones() >= u32::from(threshold);
                assert_eq!(found == secret, enough, "{threshold} of {count}: {chosen:b}");
            }
        }
    }

    #[test]
    fn the_largest_sets_work() {
        let shares = split(&[0x42; 32], 16, 32);
        let picked: Vec<(u8, &[u8])> =
            (17..=32).map(|index| (index, shares[usize::from(index) - 1].as_slice())).collect();
        assert_eq!(combine(&picked).unwrap(), [0x42; 32]);
        assert_ne!(combine(&picked[1..]).unwrap(), [0x42; 32]);
    }

    #[test]
    fn shares_that_cannot_be_give_nothing() {
        let share = [1; 32];
        assert!(combine(&[]).is_none());
        assert!(combine(&[(0, &share), (1, &share)]).is_none());
        assert!(combine(&[(1, &share), (1, &share)]).is_none());
        assert!(combine(&[(1, &share), (2, &share[1..])]).is_none());
    }
}
