//! A share as text, which a custodian keeps, types and carries.
//!
//! ```text
//! chancery-share-1:GENESIS:SET:NN:SECRET:CHECK
//! ```
//!
//! GENESIS and SET are the first eight octets of the genesis digest and of the set's salt, NN the
//! number in two decimal digits, SECRET the 32 octets in groups of four, CHECK the first four
//! octets of SHA-256 of all that stands before its colon. All in lower-case hex. White space is
//! not part of it.

use keystore::{Share, UnlockError};
use secret_memory::Secret;
use signer_proto::Digest;
use x509::sha256;
use zeroize::Zeroizing;

use crate::cipher::{SECRET, no_room};
use crate::factor::SALT;
use crate::house::corrupt;

const PREFIX: &[u8] = b"chancery-share-1:";
/// Octets of the genesis digest and of the salt that the text shows.
pub(crate) const SHOWN: usize = 8;
/// Octets of the secret in a group.
const GROUP: usize = 4;
/// Octets of the checksum.
const CHECK: usize = 4;
/// Octets of the whole text.
const LENGTH: usize =
    PREFIX.len() + 2 * (2 * SHOWN + 1) + 3 + (2 * SECRET + SECRET / GROUP) + 2 * CHECK;

/// A share with the ring and the set that its text names.
pub(crate) struct Told {
    pub(crate) genesis: [u8; SHOWN],
    pub(crate) set: [u8; SHOWN],
    pub(crate) share: Share,
}

/// Writes a share down.
pub(crate) fn write(share: &Share, genesis: Digest, set: &[u8; SALT]) -> Zeroizing<Vec<u8>> {
    // The capacity is final, so that no growth leaves a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
    text.extend_from_slice(PREFIX);
    for shown in [&genesis.0, set] {
        write_hex(&mut text, shown.iter().take(SHOWN));
        text.push(b':');
    }
    text.extend_from_slice(&[b'0' + share.index / 10, b'0' + share.index % 10, b':']);
    for (group, octets) in share.secret.chunks(GROUP).enumerate() {
        if group > 0 {
            text.push(b'-');
        }
        write_hex(&mut text, octets.iter());
    }
    let check = sha256(&text);
    text.push(b':');
    write_hex(&mut text, check.iter().take(CHECK));
    text
}

/// Reads a share's text. A checksum that does not hold is a typing error, not an attempt.
///
/// # Errors
/// [`UnlockError::ShareMalformed`].
pub(crate) fn read(text: &[u8]) -> Result<Told, UnlockError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(LENGTH));
    for octet in text.iter().filter(|octet| !octet.is_ascii_whitespace()) {
        if plain.len() == LENGTH {
            return Err(UnlockError::ShareMalformed("it is too long"));
        }
        plain.push(*octet);
    }
    let rest = plain
        .strip_prefix(PREFIX)
        .ok_or(UnlockError::ShareMalformed("it does not begin with chancery-share-1:"))?;
    let mut secret = Secret::zeroed(SECRET).map_err(no_room).map_err(corrupt)?;
    let told = take(rest, &plain, &mut secret);
    let (genesis, set, index) =
        told.ok_or(UnlockError::ShareMalformed("it is incomplete or was mistyped"))?;
    Ok(Told { genesis, set, share: Share { index, secret } })
}

/// Takes ring, set and number, and puts the secret where it stays.
fn take(rest: &[u8], whole: &[u8], secret: &mut [u8]) -> Option<([u8; SHOWN], [u8; SHOWN], u8)> {
    let (genesis, rest) = take_hex::<SHOWN>(rest)?;
    let (set, rest) = take_hex::<SHOWN>(rest.strip_prefix(b":")?)?;
    let (index, rest) = rest.strip_prefix(b":")?.split_first_chunk::<2>()?;
    let index = match index {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + (ones - b'0'),
        _ => return None,
    };
    let mut rest = rest;
    for (group, octets) in secret.chunks_mut(GROUP).enumerate() {
        rest = rest.strip_prefix(if group == 0 { b":" } else { b"-" })?;
        rest = read_hex(rest, octets)?;
    }
    let (check, end) = take_hex::<CHECK>(rest.strip_prefix(b":")?)?;
    let checked = whole.get(..whole.len().checked_sub(2 * CHECK + 1)?)?;
    let holds = sha256(checked).starts_with(&check) && end.is_empty();
    holds.then_some((genesis, set, index))
}

/// Appends hex without a branch or a table on the octets.
fn write_hex<'a>(text: &mut Vec<u8>, octets: impl Iterator<Item = &'a u8>) {
    for octet in octets {
        text.push(digit(octet >> 4));
        text.push(digit(octet & 15));
    }
}

fn digit(nibble: u8) -> u8 {
    // 0xff for a to f: 9 - n is negative then.
    let letter = (9_u8.wrapping_sub(nibble) >> 7).wrapping_neg();
    nibble + b'0' + (letter & (b'a' - b'0' - 10))
}

fn take_hex<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let mut octets = [0; N];
    let rest = read_hex(text, &mut octets)?;
    Some((octets, rest))
}

/// Reads hex into `octets` and returns what follows. The only branch is on whether all of it was
/// hex.
fn read_hex<'a>(text: &'a [u8], octets: &mut [u8]) -> Option<&'a [u8]> {
    let (digits, rest) = text.split_at_checked(octets.len() * 2)?;
    let mut good = 0xff;
    for (octet, pair) in octets.iter_mut().zip(digits.chunks(2)) {
        for digit in pair {
            let (value, is_digit) = nibble(*digit);
            *octet = (*octet << 4) | value;
            good &= is_digit;
        }
    }
    (good == 0xff).then_some(rest)
}

/// Returns the value, and 0xff for a digit or 0x00 for none.
fn nibble(digit: u8) -> (u8, u8) {
    // 0xff if low <= digit <= high: both differences are not negative in sixteen bits.
    let within = |low: u8, high: u8| {
        let (digit, low, high) = (u16::from(digit), u16::from(low), u16::from(high));
        let outside = (digit.wrapping_sub(low) | high.wrapping_sub(digit)) >> 15;
        // One or zero.
        (outside as u8).wrapping_sub(1)
    };
    let (number, letter) = (within(b'0', b'9'), within(b'a', b'f'));
    let value = (number & digit.wrapping_sub(b'0')) | (letter & digit.wrapping_sub(b'a' - 10));
    (value, number | letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: Digest = Digest([0x9e; 32]);
    const SET: [u8; SALT] = [7; SALT];
    /// SHA-256 by Python's hashlib.
    const GOLDEN: &str = "chancery-share-1:9e9e9e9e9e9e9e9e:0707070707070707:09:\
                          00010203-04050607-08090a0b-0c0d0e0f-10111213-14151617-18191a1b-1c1d1e1f:\
                          d7f71734";

    fn share() -> Share {
        Share { index: 9, secret: Secret::copy_of(&(0..32).collect::<Vec<u8>>()).unwrap() }
    }

    #[test]
    fn the_golden_share_is_this_text() {
        let text = write(&share(), GENESIS, &SET);
        assert_eq!(text.len(), LENGTH);
        assert_eq!(core::str::from_utf8(&text).unwrap(), GOLDEN);
        let told = read(&text).unwrap();
        assert_eq!((told.genesis, told.set), ([0x9e; SHOWN], [7; SHOWN]));
        assert_eq!((told.share.index, &*told.share.secret), (9, &*share().secret));
    }

    #[test]
    fn white_space_is_no_part_of_it() {
        let text = GOLDEN.replace(':', ":\n  ") + "\r\n";
        assert_eq!(read(text.as_bytes()).unwrap().share.index, 9);
    }

    #[test]
    fn every_other_character_truncation_and_addition_is_found() {
        let text = GOLDEN;
        for at in 0..text.len() {
            assert!(read(&text.as_bytes()[..at]).is_err(), "cut at {at}");
            for other in b"0123456789abcdefABCDEF:-xg/@`\x00\xff" {
                let mut bent = text.as_bytes().to_vec();
                if bent[at] != *other {
                    bent[at] = *other;
                    let found = read(&bent).err();
                    assert!(matches!(found, Some(UnlockError::ShareMalformed(_))), "{at} {other}");
                }
            }
        }
        assert!(read(format!("{text}0").as_bytes()).is_err());
        assert!(read(b"").is_err());
    }

    #[test]
    fn hex_without_branches_is_hex() {
        for octet in 0..=255_u8 {
            let mut text = Vec::new();
            write_hex(&mut text, [octet].iter());
            assert_eq!(text, format!("{octet:02x}").as_bytes());
            let expected = char::from(octet).to_digit(16).filter(|_| !octet.is_ascii_uppercase());
            let (value, good) = nibble(octet);
            assert_eq!((good == 0xff).then_some(u32::from(value)), expected, "{octet}");
            assert!(good == 0 || good == 0xff);
        }
    }
}
