//! What is sent in the place of a message that is too long for ML-DSA, and what guards it.

use keystore::Approved;
use shake::Shake256;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use x509::PublicKey;

/// Returns the message representative μ of pure ML-DSA with an empty context (FIPS 204 §5.2 and
/// §6.2, algorithm 7 line 6): `H(H(pk, 64) || 0 || |ctx| || ctx || M, 64)`.
pub(crate) fn external_mu(public: &PublicKey, message: Approved<'_>) -> Vec<u8> {
    let tr = shake256(&[public.subject_public_key()]);
    shake256(&[&tr, &[0, 0], message.as_bytes()]).to_vec()
}

fn shake256(parts: &[&[u8]]) -> [u8; 64] {
    let mut state = Shake256::default();
    for part in parts {
        state.update(part);
    }
    let mut output = [0; 64];
    state.finalize_xof().read(&mut output);
    output
}

/// Returns the CRC-32C (RFC 3720 §12.1) by which Google guards what travels.
pub(crate) fn crc32c(octets: &[u8]) -> u32 {
    /// Castagnoli's polynomial, its bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let step = |state: u32| if state & 1 == 1 { state >> 1 ^ POLYNOMIAL } else { state >> 1 };
    let all = octets
        .iter()
        .fold(u32::MAX, |state, octet| (0..8).fold(state ^ u32::from(*octet), |s, _| step(s)));
    !all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_agrees_with_the_examples_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn shake256_agrees_with_fips_202() {
        let octets = shake256(&[]);
        assert_eq!(octets[..8], [0x46, 0xb9, 0xdd, 0x2b, 0x0b, 0xa8, 0x8d, 0x13]);
    }
}
