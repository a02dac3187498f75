//! Ed25519 points: canonical, on the curve, not of small order.

use num_bigint::BigUint;

use super::WeakKey;

/// The y coordinates, little-endian and without the sign of x, of the points whose order divides
/// eight: orders 1, 2, 4 and twice 8 (each of these y belongs to two points).
const SMALL_ORDER: [[u8; 32]; 5] = [
    y_with_low_octet(0x01),
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    y_with_low_octet(0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn y_with_low_octet(low: u8) -> [u8; 32] {
    let mut y = [0; 32];
    let [first, ..] = &mut y;
    *first = low;
    y
}

/// Checks an encoded point by RFC 8032 §5.1.3, without recovering x.
pub(super) fn check_point(octets: &[u8]) -> Result<(), WeakKey> {
    let mut octets: [u8; 32] = octets.try_into().map_err(|_| WeakKey::Ed25519Point)?;
    let [.., last] = &mut octets;
    *last &= 0x7f;
    let prime = prime();
    let y = BigUint::from_bytes_le(&octets);
    if y >= prime || SMALL_ORDER.contains(&octets) || !has_x(&y, &prime) {
        return Err(WeakKey::Ed25519Point);
    }
    Ok(())
}

/// 2^255 - 19.
fn prime() -> BigUint {
    (BigUint::from(1_u8) << 255_u32) - 19_u8
}

/// Tells whether (y² - 1) / (d y² + 1) is a square; x = 0 is of small order and handled before.
/// u/v is a square exactly if u·v is, which needs no inversion (Euler's criterion).
fn has_x(y: &BigUint, prime: &BigUint) -> bool {
    let one = BigUint::from(1_u8);
    let y2 = y * y % prime;
    let u = (&y2 + prime - &one) % prime;
    // d = -121665/121666 (RFC 8032 §5.1): v and u are both scaled by 121666 to avoid the division.
    let v = (BigUint::from(121_666_u32) + (prime - 121_665_u32) * &y2) % prime;
    let scaled = u * v * 121_666_u32 % prime;
    scaled.modpow(&((prime - &one) >> 1_u32), prime) == one
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    #[test]
    fn accepts_generated_keys() {
        for seed in 0..50_u8 {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
            assert_eq!(check_point(pair.public_key().as_ref()), Ok(()), "{seed}");
        }
    }

    #[test]
    fn refuses_small_order_with_either_sign() {
        for mut point in SMALL_ORDER {
            assert_eq!(check_point(&point), Err(WeakKey::Ed25519Point));
            point[31] |= 0x80;
            assert_eq!(check_point(&point), Err(WeakKey::Ed25519Point));
        }
    }

    #[test]
    fn small_order_points_of_order_eight_are_on_the_curve() {
        // Otherwise a typing error in the table would go unseen behind the curve check.
        for point in &SMALL_ORDER[2..] {
            assert!(has_x(&BigUint::from_bytes_le(point), &prime()));
        }
    }

    #[test]
    fn refuses_y_not_below_the_prime_and_points_off_the_curve() {
        let mut refused = 0;
        for low in 0..=255_u8 {
            let on_curve = has_x(&BigUint::from(low), &prime());
            let y = y_with_low_octet(low);
            assert_eq!(check_point(&y).is_ok(), on_curve && low > 1, "{low}");
            refused += u32::from(!on_curve);
        }
        // About half of all y have no x.
        assert!((90..170).contains(&refused), "{refused}");
        let mut above = [0xff; 32];
        above[31] = 0x7f;
        for low in 0xed..=0xff {
            above[0] = low;
            assert_eq!(check_point(&above), Err(WeakKey::Ed25519Point));
        }
    }
}
