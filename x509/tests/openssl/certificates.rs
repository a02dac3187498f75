//! Certificates that we build.

use x509::{
    AccessDescription, BasicConstraints, Certificate, DistributionPoint, Extension,
    ExtensionValue as V, GeneralName, KeyUsage, Name, NameConstraints, NameSubtree, Oid,
    PolicyConstraints, PolicyInformation, PolicyQualifier, VerifyError, oids,
};

use crate::ca::Ca;
use crate::command::{Openssl, assert_contains};

fn general_names() -> Vec<GeneralName> {
    vec![
        GeneralName::Dns("www.corp.example".into()),
        GeneralName::Dns("*.corp.example".into()),
        GeneralName::Ip("192.0.2.7".parse().unwrap()),
        GeneralName::Ip("2001:db8::1".parse().unwrap()),
        GeneralName::Email("ops@corp.example".into()),
        GeneralName::Uri("https://corp.example/x".into()),
        GeneralName::Upn("ops@corp.example".into()),
        GeneralName::Directory(Name::parse_rfc4514("CN=x,O=y").unwrap()),
        GeneralName::RegisteredId(Oid::new_unwrap("1.2.3.4")),
    ]
}

#[test]
fn openssl_reads_a_leaf_with_the_same_fields() {
    let Some(openssl) = Openssl::new("openssl_reads_a_leaf_with_the_same_fields") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let key = ca.new_key("leaf");
    let policy = PolicyInformation {
        policy: Oid::new_unwrap("1.2.3.4.5"),
        qualifiers: vec![
            PolicyQualifier::Cps("https://corp.example/cps".into()),
            PolicyQualifier::UserNotice("für alle".into()),
        ],
    };
    let issuer_url = "http://pki.example/ca.cer";
    let list = vec![
        ca.authority_key_identifier(),
        Extension::non_critical(V::SubjectKeyIdentifier(key.key_identifier().to_vec())),
        Extension::critical(V::BasicConstraints(BasicConstraints { ca: false, path_len: None })),
        Extension::critical(V::KeyUsage(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT)),
        Extension::non_critical(V::ExtendedKeyUsage(vec![
            oids::EKU_SERVER_AUTH,
            oids::EKU_CLIENT_AUTH,
        ])),
        Extension::critical(V::SubjectAltName(general_names())),
        Extension::non_critical(V::IssuerAltName(vec![GeneralName::Dns("ca.example".into())])),
        Extension::non_critical(V::CrlDistributionPoints(vec![DistributionPoint::uri(
            "http://pki.example/a.crl",
        )])),
        Extension::non_critical(V::AuthorityInfoAccess(vec![
            AccessDescription::uri(oids::AD_OCSP, "http://pki.example/ocsp"),
            AccessDescription::uri(oids::AD_CA_ISSUERS, issuer_url),
        ])),
        Extension::non_critical(V::CertificatePolicies(vec![policy])),
        Extension::non_critical(V::TlsFeature(vec![5, 17])),
        Extension::non_critical(V::OcspNoCheck),
        Extension::non_critical(V::MicrosoftSid("S-1-5-21-1-2-3-500".into())),
    ];
    let subject = Name::parse_rfc4514("CN=Zoë,OU=Ops+SN=Doe,DC=corp,C=DE").unwrap();
    let der = ca.issue("80aabbccdd", &subject, &key, list);
    openssl.write("leaf.pem", Certificate::parse(der.as_bytes()).unwrap().to_pem());

    let text = openssl.text("x509 -in leaf.pem -noout -text -nameopt RFC2253,utf8,-esc_msb");
    assert_contains(
        &text,
        &[
            "Version: 3 (0x2)",
            "552620248285 (0x80aabbccdd)",
            "Issuer: CN=Test Root,O=Corp,C=DE",
            "Not Before: Jan 1 00:00:00 2024 GMT",
            "Not After : Jan 1 00:00:00 2051 GMT",
            "CN=Zoë",
            "DC=corp,C=DE",
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Key Usage: critical Digital Signature, Key Agreement",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "X509v3 Subject Alternative Name: critical",
            "DNS:www.corp.example, DNS:*.corp.example, IP Address:192.0.2.7, IP \
             Address:2001:DB8:0:0:0:0:0:1, email:ops@corp.example, URI:https://corp.example/x, \
             othername: UPN::ops@corp.example",
            "Registered ID:1.2.3.4",
            "X509v3 Issuer Alternative Name: DNS:ca.example",
            "URI:http://pki.example/a.crl",
            "OCSP - URI:http://pki.example/ocsp",
            "CA Issuers - URI:http://pki.example/ca.cer",
            "Policy: 1.2.3.4.5 CPS: https://corp.example/cps",
            "TLS Feature: status_request, status_request_v2",
            "OCSP No Check",
            "S-1-5-21-1-2-3-500",
        ],
    );
    assert_contains(
        &openssl.text("verify -x509_strict -CAfile ca.pem leaf.pem"),
        &["leaf.pem: OK"],
    );
}

#[test]
fn openssl_reads_a_ca_with_constraints() {
    let Some(openssl) = Openssl::new("openssl_reads_a_ca_with_constraints") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let key = ca.new_key("sub");
    let constraints = NameConstraints {
        permitted: vec![
            NameSubtree::Dns("corp.example".into()),
            NameSubtree::Ip { addr: "10.0.0.0".parse().unwrap(), prefix: 8 },
            NameSubtree::Ip { addr: "2001:db8::".parse().unwrap(), prefix: 32 },
            NameSubtree::Email("corp.example".into()),
        ],
        excluded: vec![NameSubtree::Uri(".evil.example".into())],
    };
    let list = vec![
        ca.authority_key_identifier(),
        Extension::non_critical(V::SubjectKeyIdentifier(key.key_identifier().to_vec())),
        Extension::critical(V::BasicConstraints(BasicConstraints { ca: true, path_len: Some(0) })),
        Extension::critical(V::KeyUsage(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN)),
        Extension::critical(V::NameConstraints(constraints)),
        Extension::critical(V::PolicyConstraints(PolicyConstraints {
            require_explicit_policy: Some(3),
            inhibit_policy_mapping: Some(200),
        })),
        Extension::critical(V::InhibitAnyPolicy(2)),
        Extension::non_critical(V::SubjectInfoAccess(vec![AccessDescription::uri(
            oids::AD_CA_REPOSITORY,
            "http://pki.example/repo",
        )])),
    ];
    let subject = Name::parse_rfc4514("CN=Sub CA,O=Corp,C=DE").unwrap();
    let der = ca.issue("02", &subject, &key, list);
    let certificate = Certificate::parse(der.as_bytes()).unwrap();
    openssl.write("sub.pem", certificate.to_pem());
    assert_contains(
        &openssl.text("x509 -in sub.pem -noout -text"),
        &[
            "CA:TRUE, pathlen:0",
            "Certificate Sign, CRL Sign",
            "Permitted: DNS:corp.example IP:10.0.0.0/255.0.0.0 \
             IP:2001:DB8:0:0:0:0:0:0/FFFF:FFFF:0:0:0:0:0:0 email:corp.example",
            "Excluded: URI:.evil.example",
            "Require Explicit Policy:3, Inhibit Policy Mapping:200",
            "X509v3 Inhibit Any Policy: critical 2",
            "CA Repository - URI:http://pki.example/repo",
        ],
    );
    assert_contains(&openssl.text("verify -CAfile ca.pem sub.pem"), &["sub.pem: OK"]);
    assert_eq!(certificate.verify_by(&ca.key), Ok(()));
    let other = certificate.verify_by(&key);
    assert_eq!(other, Err(VerifyError::BadSignature));
}
