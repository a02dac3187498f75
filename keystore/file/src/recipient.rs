//! An age recipient as text: Bech32 (BIP 173) of an X25519 public key, `age1...`.

/// Octets of an X25519 public key.
const KEY: usize = 32;
/// The human-readable part and the separator.
const PREFIX: &str = "age1";
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Groups of five bits at the end that are the checksum.
const CHECKSUM: usize = 6;
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// An X25519 public key that somebody holds the identity of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipient(pub(crate) [u8; KEY]);

impl Recipient {
    /// Reads `age1...`, as age-keygen prints it. Recipients of plugins have other prefixes and
    /// are refused.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let data = text.strip_prefix(PREFIX).ok_or("a recipient begins with age1")?;
        let groups = data
            .bytes()
            .map(|octet| ALPHABET.iter().position(|letter| *letter == octet))
            .map(|place| place.and_then(|place| u8::try_from(place).ok()))
            .collect::<Option<Vec<u8>>>()
            .ok_or("a recipient has a character that is none of Bech32's")?;
        if polymod(&groups) != 1 {
            return Err("the recipient's checksum does not hold: it was mistyped");
        }
        let payload = groups.len().checked_sub(CHECKSUM).and_then(|length| groups.get(..length));
        let key = payload.and_then(octets).ok_or("the recipient is no X25519 recipient of age")?;
        Ok(Self(key))
    }
}

/// Returns the checksum over `age` and the groups, 1 if it holds.
fn polymod(groups: &[u8]) -> u32 {
    // BIP 173: the high bits of each character of the human-readable part, a zero, the low bits.
    let name = PREFIX.bytes().filter(|octet| *octet != b'1');
    let expanded = name.clone().map(|octet| octet >> 5).chain([0]).chain(name.map(|o| o & 31));
    expanded.chain(groups.iter().copied()).fold(1_u32, |sum, group| {
        let top = sum >> 25;
        let mut sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(group);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= generator;
            }
        }
        sum
    })
}

/// Joins groups of five bits; what is left over must be fewer than five bits, all zero.
fn octets(groups: &[u8]) -> Option<[u8; KEY]> {
    let mut key = Vec::with_capacity(KEY);
    let (mut held, mut bits) = (0_u32, 0);
    for group in groups {
        held = held << 5 | u32::from(*group);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            key.push(u8::try_from(held >> bits & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    if bits < 5 && held == 0 { key.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by age-keygen 1.1.1.
    const GOOD: &str = "age1nwa6jpmlh8pcuz2jqnxg2za98c3qp20ckrsfjkslpq5hjwgunuvs9pz2wx";

    #[test]
    fn a_recipient_is_read() {
        // The same octets by Python.
        let key = "9bbba9077fb9c38e095204cc850ba53e2200a9f8b0e0995a1f082979391c9f19";
        assert_eq!(hex::encode(Recipient::parse(GOOD).unwrap().0), key);
    }

    #[test]
    fn every_changed_character_is_found() {
        for at in PREFIX.len()..GOOD.len() {
            for letter in ALPHABET {
                let mut bent = GOOD.as_bytes().to_vec();
                if bent[at] == *letter {
                    continue;
                }
                bent[at] = *letter;
                let bent = String::from_utf8(bent).unwrap();
                assert!(Recipient::parse(&bent).is_err(), "{bent}");
            }
        }
    }

    #[test]
    fn what_is_no_recipient_is_refused() {
        for (text, why) in [
            ("", "begins with age1"),
            ("AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ", "begins with"),
            ("age1yubikey1q", "none of Bech32's"),
            ("age1", "mistyped"),
            ("age1Zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj", "none of Bech32's"),
            ("ssh-ed25519 AAAA", "begins with age1"),
        ] {
            let found = Recipient::parse(text).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
    }
}
