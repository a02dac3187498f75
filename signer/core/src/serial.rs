//! Serials that authenticate themselves.
//!
//! `prefix (1) | random (10) | tag (8)`: the tag is HMAC-SHA256 under the ring's `serial` key
//! over a domain, the issuing key's id, the prefix and the random octets. Minting writes
//! nothing; a serial with a bad tag in the wild proves that the CA key was used elsewhere.

use keystore::House;
use signer_proto::KeyId;
use x509::Serial;

use crate::clock::{Entropy, NoEntropy};

const DOMAIN: &[u8] = b"chancery/serial/v1";
const RANDOM: usize = 10;
const TAG: usize = 8;
/// Octets of a minted serial. RFC 5280 §4.1.2.2 allows 20.
const LENGTH: usize = 1 + RANDOM + TAG;

/// Mints one serial for `key`. The prefix is 0x01 to 0x7f, so the number is positive and has
/// always the same length.
pub(crate) fn mint(
    house: &dyn House,
    entropy: &dyn Entropy,
    key: KeyId,
    prefix: u8,
) -> Result<Serial, NoEntropy> {
    let mut random = [0; RANDOM];
    entropy.fill(&mut random)?;
    let mut octets = Vec::with_capacity(LENGTH);
    octets.push(prefix);
    octets.extend_from_slice(&random);
    octets.extend_from_slice(&tag(house, key, prefix, &random));
    Serial::from_unsigned(&octets).map_err(|_| NoEntropy)
}

/// Returns whether this ring minted `serial` for `key`.
pub(crate) fn is_minted(house: &dyn House, key: KeyId, prefix: u8, serial: &Serial) -> bool {
    let Some((first, rest)) = serial.as_bytes().split_first() else {
        return false;
    };
    let Some((random, found)) = rest.split_first_chunk::<RANDOM>() else {
        return false;
    };
    // A secret is compared, so the time must not tell where the first difference is.
    *first == prefix
        && aws_lc_rs::constant_time::verify_slices_are_equal(
            &tag(house, key, prefix, random),
            found,
        )
        .is_ok()
}

fn tag(house: &dyn House, key: KeyId, prefix: u8, random: &[u8; RANDOM]) -> [u8; TAG] {
    let mut message = Vec::with_capacity(DOMAIN.len() + key.0.len() + 1 + RANDOM);
    message.extend_from_slice(DOMAIN);
    message.extend_from_slice(&key.0);
    message.push(prefix);
    message.extend_from_slice(random);
    let mac = house.serial_mac(&message);
    let mut tag = [0; TAG];
    for (to, from) in tag.iter_mut().zip(mac) {
        *to = from;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use keystore::{Approved, DriverError};
    use x509::Signature;
    use zeroize::Zeroizing;

    struct Mac(u8);
    impl House for Mac {
        fn serial_mac(&self, message: &[u8]) -> [u8; 32] {
            let mut keyed = vec![self.0];
            keyed.extend_from_slice(message);
            x509::sha256(&keyed)
        }
        fn seal(&self, _: &[u8], _: &[u8]) -> Result<Vec<u8>, DriverError> {
            Err(DriverError::Crypto("not here"))
        }
        fn unseal(&self, _: &[u8], _: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            None
        }
        fn sign_log(&self, _: Approved<'_>) -> Result<Signature, DriverError> {
            Err(DriverError::Crypto("not here"))
        }
    }

    #[test]
    fn minted_serials_are_known_again() {
        let key = KeyId([7; 16]);
        for prefix in [0x01, 0x7f] {
            let serial = mint(&Mac(1), &SystemEntropy, key, prefix).unwrap();
            assert_eq!(serial.as_bytes().len(), LENGTH);
            assert!(is_minted(&Mac(1), key, prefix, &serial));
        }
    }

    #[test]
    fn refuses_own_sequential_and_foreign_serials() {
        let key = KeyId([7; 16]);
        let serial = mint(&Mac(1), &SystemEntropy, key, 0x21).unwrap();
        assert!(!is_minted(&Mac(1), KeyId([8; 16]), 0x21, &serial), "another key's");
        assert!(!is_minted(&Mac(2), key, 0x21, &serial), "another ring's");
        assert!(!is_minted(&Mac(1), key, 0x22, &serial), "another instance's");
        for at in 0..LENGTH {
            let mut octets = serial.as_bytes().to_vec();
            octets[at] ^= 1;
            let bent = Serial::from_unsigned(&octets).unwrap();
            assert!(!is_minted(&Mac(1), key, 0x21, &bent), "octet {at}");
        }
        for short in [&[1u8][..], &[0x21; 18], &[0x21; 20]] {
            let own = Serial::from_unsigned(short).unwrap();
            assert!(!is_minted(&Mac(1), key, 0x21, &own));
        }
    }
}
