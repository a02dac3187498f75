//! What a server signs in TLS 1.2 (RFC 8422 §5.4), taken apart as rustls gives it: the signer gets
//! the parts and puts them together itself.

use signer_proto::{EphemeralKey, HelloRandom, KeyLabel, NamedGroup, SignKeyExchange};
use x509::SignatureScheme;

/// The curve type of a named group.
const NAMED_CURVE: u8 = 3;

/// Reads `client_random | server_random | ServerECDHParams`; none if it is something else.
pub(super) fn read(
    key: &KeyLabel,
    scheme: SignatureScheme,
    message: &[u8],
) -> Option<SignKeyExchange> {
    let (client_random, rest) = message.split_first_chunk::<32>()?;
    let (server_random, rest) = rest.split_first_chunk::<32>()?;
    let (&[curve_type, high, low, length], point) = rest.split_first_chunk::<4>()?;
    if curve_type != NAMED_CURVE || usize::from(length) != point.len() {
        return None;
    }
    Some(SignKeyExchange {
        key: key.clone(),
        scheme,
        client_random: HelloRandom(*client_random),
        server_random: HelloRandom(*server_random),
        group: NamedGroup::from_code(u16::from_be_bytes([high, low]))?,
        ephemeral: EphemeralKey(point.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parts_and_nothing_else() {
        let key = KeyLabel::new("server.tls").expect("a label");
        let read = |octets: &[u8]| read(&key, SignatureScheme::EcdsaP256Sha256, octets);
        let good = [&[1; 32][..], &[2; 32], &[3, 0, 29, 32], &[7; 32]].concat();
        let call = read(&good).expect("a key exchange");
        assert_eq!((call.client_random.0, call.server_random.0), ([1; 32], [2; 32]));
        assert_eq!((call.group, call.ephemeral.0.len()), (NamedGroup::X25519, 32));
        let bent = |at: usize, octet: u8| {
            let mut bent = good.clone();
            bent[at] = octet;
            bent
        };
        for bad in [
            Vec::new(),
            good[..99].to_vec(),
            [&good[..], &[0]].concat(),
            // Explicit curves, a group that is not known, a length that lies.
            bent(64, 1),
            bent(66, 30),
            bent(67, 31),
        ] {
            assert_eq!(read(&bad), None, "{bad:?}");
        }
    }
}
