//! The digests that certificates name keys and names by, and that of OpenSSH signatures.

use aws_lc_rs::digest;

/// Returns the SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    fixed(&digest::SHA256, data)
}

/// Returns the SHA-1 of `data`; serves only key identifiers (RFC 5280 §4.2.1.2) and OCSP CertIDs
/// (RFC 6960 §4.1.1), never a signature.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    fixed(&digest::SHA1_FOR_LEGACY_USE_ONLY, data)
}

/// Returns the SHA-384 of `data`; serves keys that are handed digests, in tokens and services.
pub fn sha384(data: &[u8]) -> [u8; 48] {
    fixed(&digest::SHA384, data)
}

/// Returns the SHA-512 of `data`; serves OpenSSH signatures (PROTOCOL.sshsig), and keys that are
/// handed digests.
pub fn sha512(data: &[u8]) -> [u8; 64] {
    fixed(&digest::SHA512, data)
}

fn fixed<const N: usize>(algorithm: &'static digest::Algorithm, data: &[u8]) -> [u8; N] {
    let digest = digest::digest(algorithm, data);
    let mut octets = [0_u8; N];
    for (to, from) in octets.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_fips_180_examples() {
        assert_eq!(
            hex::encode(sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hex::encode(sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex::encode(sha384(b"abc")),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7"
        );
        assert_eq!(
            hex::encode(sha512(b"abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }
}
