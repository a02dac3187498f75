//! CRLs that we build.

use x509::{
    Crl, CrlReason, GeneralName, IssuingDistributionPoint, RevokedEntry, Serial, TbsCertListFields,
    UnixTime, encode_tbs_cert_list,
};

use crate::ca::{Ca, START};
use crate::command::{Openssl, assert_contains};

fn entries() -> Vec<RevokedEntry> {
    let entry = |serial: &str, revoked_at, reason, invalidity| RevokedEntry {
        serial: Serial::from_hex(serial).unwrap(),
        revoked_at,
        reason,
        invalidity,
    };
    vec![
        entry("01", START, None, None),
        entry("80ff", START, Some(CrlReason::KeyCompromise), Some(UnixTime(1_700_000_000))),
        entry("02", UnixTime(2_556_144_000), Some(CrlReason::CertificateHold), None),
        entry("03", START, None, Some(UnixTime(2_556_144_000))),
        entry("7fffffffffffffffffffffffffffffffffffffff", START, Some(CrlReason::Superseded), None),
    ]
}

#[test]
fn openssl_reads_and_verifies_our_crl() {
    let Some(openssl) = Openssl::new("openssl_reads_and_verifies_our_crl") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let idp = IssuingDistributionPoint {
        full_name: vec![GeneralName::Uri("http://pki.example/a.crl".into())],
        only_user_certs: true,
        ..Default::default()
    };
    for (idp, entries) in [(None, Vec::new()), (Some(&idp), entries())] {
        let key_id = ca.key.key_identifier();
        let fields = TbsCertListFields {
            scheme: ca.scheme(),
            issuer: &ca.name,
            this_update: START,
            next_update: START.plus_seconds(86_400),
            authority_key_id: &key_id,
            crl_number: 4711,
            idp,
        };
        let tbs = encode_tbs_cert_list(&fields, entries.iter().copied()).unwrap();
        let der = Crl::assemble(&tbs, ca.scheme(), &ca.sign(tbs.as_bytes()));
        openssl.write("a.crl", der.as_bytes());
        let text = openssl.text("crl -inform DER -in a.crl -noout -text -CAfile ca.pem");
        assert_contains(
            &text,
            &[
                "verify OK",
                "Version 2 (0x1)",
                "Issuer: C = DE, O = Corp, CN = Test Root",
                "Last Update: Jan 1 00:00:00 2024 GMT",
                "Next Update: Jan 2 00:00:00 2024 GMT",
                "X509v3 CRL Number: 4711",
            ],
        );
        if entries.is_empty() {
            assert_contains(&text, &["No Revoked Certificates."]);
        } else {
            assert_contains(
                &text,
                &[
                    "Issuing Distribution Point: critical Full Name: URI:http://pki.example/a.crl \
                     Only User Certificates",
                    "Serial Number: 80FF Revocation Date: Jan 1 00:00:00 2024 GMT CRL entry \
                     extensions: X509v3 CRL Reason Code: Key Compromise Invalidity Date: Nov 14 \
                     22:13:20 2023 GMT",
                    "Serial Number: 02 Revocation Date: Jan 1 00:00:00 2051 GMT",
                    "Certificate Hold",
                    "Serial Number: 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
                ],
            );
        }
        let crl = Crl::parse(der.as_bytes()).unwrap();
        assert_eq!(crl.verify_by(&ca.key), Ok(()));
        assert_eq!(crl.entries(), entries);
        assert_eq!(crl.number(), 4711);
        assert_eq!(crl.authority_key_id(), key_id);
    }
}
