//! OCSP requests of openssl, responses for openssl.

use x509::{
    CertId, CertIdHash, CertStatus, Certificate, CertificateDer, CrlReason, Extension,
    ExtensionValue as V, KeyUsage, Name, OcspErrorStatus, OcspRequest, OcspResponse, ResponseData,
    SingleResponse, UnixTime, assemble_ocsp_response, ocsp_error,
};

use crate::ca::Ca;
use crate::command::{Openssl, assert_contains};

fn leaf(ca: &Ca<'_>) -> CertificateDer {
    let key = ca.new_key("leaf");
    let usage = Extension::critical(V::KeyUsage(KeyUsage::DIGITAL_SIGNATURE));
    let subject = Name::parse_rfc4514("CN=leaf").unwrap();
    let der = ca.issue("0102", &subject, &key, vec![ca.authority_key_identifier(), usage]);
    let pem = Certificate::parse(der.as_bytes()).unwrap().to_pem();
    ca.openssl.write("leaf.pem", pem);
    der
}

fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixTime(i64::try_from(since.as_secs()).unwrap())
}

#[test]
fn reads_requests_of_openssl() {
    let Some(openssl) = Openssl::new("reads_requests_of_openssl") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let serial = Certificate::parse(leaf(&ca).as_bytes()).unwrap().tbs().serial;
    for (hash, digest) in [(CertIdHash::Sha1, ""), (CertIdHash::Sha256, "-sha256 ")] {
        for (option, nonce) in [("-no_nonce", false), ("-nonce", true)] {
            openssl.text(&format!(
                "ocsp -issuer ca.pem {digest}-cert leaf.pem {option} -reqout req.der"
            ));
            let request = OcspRequest::parse(&openssl.read("req.der")).unwrap();
            let expected = CertId::for_certificate(hash, &ca.name, &ca.key, serial);
            assert_eq!(request.requests, [expected]);
            assert_eq!(request.nonce.is_some(), nonce);
            assert_eq!(request.encode().unwrap(), openssl.read("req.der"));
        }
    }
    openssl
        .text("ocsp -issuer ca.pem -cert leaf.pem -signer ca.pem -signkey ca.key -reqout req.der");
    assert_eq!(OcspRequest::parse(&openssl.read("req.der")).unwrap().requests.len(), 1);
}

#[test]
fn openssl_reads_and_verifies_our_responses() {
    let Some(openssl) = Openssl::new("openssl_reads_and_verifies_our_responses") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let serial = Certificate::parse(leaf(&ca).as_bytes()).unwrap().tbs().serial;
    openssl.text("ocsp -issuer ca.pem -cert leaf.pem -nonce -reqout req.der");
    let request = OcspRequest::parse(&openssl.read("req.der")).unwrap();
    let revoked = |reason| CertStatus::Revoked { at: UnixTime(1_704_067_200), reason };
    for (hash, status, words) in [
        (CertIdHash::Sha1, CertStatus::Good, "leaf.pem: good"),
        (CertIdHash::Sha1, CertStatus::Unknown, "leaf.pem: unknown"),
        (CertIdHash::Sha1, revoked(None), "leaf.pem: revoked"),
        (
            CertIdHash::Sha256,
            revoked(Some(CrlReason::KeyCompromise)),
            "leaf.pem: revoked This Update: ",
        ),
    ] {
        let data = ResponseData {
            responder_key_hash: ca.key.key_identifier(),
            produced_at: now(),
            responses: vec![SingleResponse {
                cert_id: CertId::for_certificate(hash, &ca.name, &ca.key, serial),
                status,
                this_update: now().plus_seconds(-60),
                next_update: now().plus_seconds(3600),
            }],
            nonce: request.nonce.clone(),
            extended_revoke: true,
        };
        let data_der = data.encode().unwrap();
        let root = x509::pem::decode_one(
            core::str::from_utf8(&openssl.read("ca.pem")).unwrap(),
            x509::pem::CERTIFICATE,
        );
        let certs = [CertificateDer::from_vec(root.unwrap())];
        let signature = ca.sign(data_der.as_bytes());
        let response = assemble_ocsp_response(&data_der, ca.scheme(), &signature, &certs);
        openssl.write("resp.der", response.as_bytes());
        let digest = if hash == CertIdHash::Sha256 { "-sha256 " } else { "" };
        // The request is made anew without a nonce check, or read again with it.
        let asked = if hash == CertIdHash::Sha256 {
            format!("ocsp -issuer ca.pem {digest}-cert leaf.pem -no_nonce")
        } else {
            "ocsp -issuer ca.pem -cert leaf.pem -reqin req.der -no_nonce".to_owned()
        };
        let line = format!("{asked} -respin resp.der -CAfile ca.pem -resp_text");
        let text = openssl.text(&line);
        assert_contains(&text, &["Response verify OK", words]);
        if matches!(status, CertStatus::Revoked { reason: Some(_), .. }) {
            assert_contains(
                &text,
                &["Revocation Reason: keyCompromise", "Jan 1 00:00:00 2024 GMT"],
            );
        }
        let Ok(OcspResponse::Successful(basic)) = OcspResponse::parse(response.as_bytes()) else {
            panic!("our own response is refused");
        };
        assert_eq!(basic.data, data);
        assert_eq!(basic.verify_by(&ca.key), Ok(()));
        assert_eq!(basic.certs, certs);
    }
}

#[test]
fn openssl_reads_our_errors() {
    let Some(openssl) = Openssl::new("openssl_reads_our_errors") else {
        return;
    };
    for (status, words) in [
        (OcspErrorStatus::MalformedRequest, "malformedrequest (1)"),
        (OcspErrorStatus::InternalError, "internalerror (2)"),
        (OcspErrorStatus::TryLater, "trylater (3)"),
        (OcspErrorStatus::SigRequired, "sigrequired (5)"),
        (OcspErrorStatus::Unauthorized, "unauthorized (6)"),
    ] {
        let der = ocsp_error(status);
        openssl.write("resp.der", der.as_bytes());
        let output = openssl.run("ocsp -respin resp.der -resp_text -noverify");
        let text = [output.stdout, output.stderr].concat();
        assert_contains(&String::from_utf8_lossy(&text), &[words]);
        assert_eq!(OcspResponse::parse(der.as_bytes()), Ok(OcspResponse::Error(status)));
    }
}
