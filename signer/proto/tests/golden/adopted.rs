//! Golden octets of the leaves about adopted CAs.

use x509::CertificateDer;

use super::*;

fn adopted(source: KeySource, first: Option<Digest>) -> KeyAdopted {
    KeyAdopted {
        id: KeyId([0x11; 16]),
        label: KeyLabel::new("old").unwrap(),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::Rsa3072,
        spki: SpkiDer::from_vec(vec![0x30, 0x00]),
        source,
        imported: true,
        certificate: CertificateDer::from_vec(vec![0x30, 0x01, 0x02]),
        crl_number: 258,
        inventory: InventoryDigest { certificates: u64::from(first.is_some()), first },
        warrant: Warrant::none(),
    }
}

#[test]
fn golden_key_adopted() {
    check(
        adopted(KeySource::File(Digest([0x46; 32])), None),
        "01 0e 000001926eb52401 11111111111111111111111111111111 00000003 6f6c64 02 06
         00000002 3000
         02 4646464646464646464646464646464646464646464646464646464646464646
         01 00000003 300102 0000000000000102 0000000000000000 00 00000000 00000000",
    );
    let location = KeyLocation::new("pkcs11:id=%01").unwrap();
    check(
        adopted(KeySource::Location(location), Some(Digest([0x47; 32]))),
        "01 0e 000001926eb52401 11111111111111111111111111111111 00000003 6f6c64 02 06
         00000002 3000
         01 0000000d 706b637331313a69643d253031
         01 00000003 300102 0000000000000102 0000000000000001
         01 4747474747474747474747474747474747474747474747474747474747474747
         00000000 00000000",
    );
}

#[test]
fn golden_inventory_imported() {
    let serial = |octets: &[u8]| Serial::from_unsigned(octets).unwrap();
    let revoked = OldRevocation {
        at: UnixTime(258),
        reason: CrlReason::KeyCompromise,
        invalidity: Some(UnixTime(1)),
    };
    let certificates = OldCertificates(vec![
        OldCertificate { serial: serial(&[1]), not_after: UnixTime(2), revoked: None },
        OldCertificate { serial: serial(&[1, 2]), not_after: UnixTime(3), revoked: Some(revoked) },
    ]);
    let chunk = InventoryChunk { certificates, next: Some(Digest([0x48; 32])) };
    check(
        InventoryImported { key: KeyId([0x11; 16]), chunk },
        "01 0f 000001926eb52401 11111111111111111111111111111111
         00000002 00000001 01 0000000000000002 00
                  00000002 0102 0000000000000003
                  01 0000000000000102 01 01 0000000000000001
         01 4848484848484848484848484848484848484848484848484848484848484848",
    );
}

#[test]
fn refuses_locations_that_are_none() {
    for text in ["", "a b", "a\n", "ä", &"x".repeat(513)] {
        assert!(KeyLocation::new(text).is_none(), "{text}");
    }
    let mut octets = vec![1, 0, 0, 0, 3];
    octets.extend_from_slice(b"a b");
    assert_eq!(KeySource::from_wire(&octets), Err(WireError::NotCanonical("key location")));
    assert_eq!(KeySource::from_wire(&[3]), Err(WireError::UnknownValue("key source")));
}

#[test]
fn a_whole_chunk_fits_a_leaf() {
    let revoked = OldRevocation {
        at: UnixTime(i64::MAX),
        reason: CrlReason::KeyCompromise,
        invalidity: Some(UnixTime(i64::MAX)),
    };
    let old = OldCertificate {
        serial: Serial::from_unsigned(&[0x7f; 20]).unwrap(),
        not_after: UnixTime(i64::MAX),
        revoked: Some(revoked),
    };
    let certificates = OldCertificates(vec![old; MAX_CHUNK]);
    let chunk = InventoryChunk { certificates, next: Some(Digest([9; 32])) };
    let event = InventoryImported { key: KeyId([0x11; 16]), chunk }.into();
    assert!(Leaf { at_ms: AT_MS, event }.to_wire().len() <= MAX_LEAF);
}
