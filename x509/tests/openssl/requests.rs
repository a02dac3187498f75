//! CSRs in both directions.

use x509::{
    CertificationRequestInfo, Csr, Extension, ExtensionValue as V, Extensions, GeneralName,
    KeyUsage, Name, Oid, VerifyError,
};

use crate::ca::Ca;
use crate::command::{Openssl, assert_contains};

const CONFIG: &str = "[req]
distinguished_name = dn
attributes = attributes
prompt = no
string_mask = utf8only
[dn]
C = DE
O = Corp
CN = www.corp.example
emailAddress = ops@corp.example
[attributes]
challengePassword = secret
unstructuredName = a name
[ext]
subjectAltName = DNS:www.corp.example,IP:192.0.2.1
keyUsage = critical,digitalSignature
";

#[test]
fn reads_requests_of_every_key_kind() {
    let Some(openssl) = Openssl::new("reads_requests_of_every_key_kind") else {
        return;
    };
    openssl.write("req.cnf", CONFIG);
    for (kind, arguments) in [
        ("p-256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p-384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("p-521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
        ("ed25519", "-algorithm ED25519"),
        ("rsa-2048", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ] {
        openssl.text(&format!("genpkey {arguments} -out key.pem"));
        // Without a digest openssl takes SHA-256, also for P-384 and P-521.
        openssl.text("req -new -key key.pem -config req.cnf -reqexts ext -out req.pem");
        let text = String::from_utf8(openssl.read("req.pem")).unwrap();
        let csr = Csr::from_pem(&text).unwrap();
        assert_eq!(csr.public_key().kind().as_str(), kind);
        assert_eq!(csr.verify_self_signature(), Ok(()), "{kind}");
        let subject = csr.subject().to_string();
        assert_eq!(subject, "emailAddress=ops@corp.example,CN=www.corp.example,O=Corp,C=DE");
        assert_eq!(csr.challenge_password(), Some("secret"));
        let unstructured_name = Oid::new_unwrap("1.2.840.113549.1.9.2");
        assert_eq!(csr.other_attributes()[0].0, unstructured_name);
        assert_eq!(csr.extensions().key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE));
        let names = [
            GeneralName::Dns("www.corp.example".into()),
            GeneralName::Ip("192.0.2.1".parse().unwrap()),
        ];
        assert_eq!(csr.extensions().subject_alt_name(), Some(&names[..]));
    }
}

#[test]
fn verifies_every_curve_with_every_digest() {
    let Some(openssl) = Openssl::new("verifies_every_curve_with_every_digest") else {
        return;
    };
    openssl.write("req.cnf", CONFIG);
    let mut seen = Vec::new();
    for curve in ["256", "384", "521"] {
        openssl.text(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-{curve} -out key.pem"
        ));
        for digest in ["sha256", "sha384", "sha512"] {
            openssl.text(&format!(
                "req -new -{digest} -key key.pem -config req.cnf -outform DER -out req.der"
            ));
            let der = openssl.read("req.der");
            let csr = Csr::parse(&der).unwrap();
            let scheme = csr.scheme();
            assert_eq!(scheme.as_str(), format!("ecdsa-p{curve}-{digest}"));
            assert_eq!(csr.verify_self_signature(), Ok(()), "{scheme}");
            let again = Csr::assemble(csr.info_der(), scheme, csr.signature());
            assert_eq!(again.as_bytes(), der);
            let at = der.windows(8).position(|window| window == b"www.corp").unwrap();
            let mut bent = der;
            bent[at] ^= 1;
            assert_eq!(
                Csr::parse(&bent).unwrap().verify_self_signature(),
                Err(VerifyError::BadSignature),
                "{scheme}"
            );
            seen.push(scheme);
        }
    }
    assert_eq!(seen.iter().filter(|scheme| scheme.is_matched()).count(), 3);
}

#[test]
fn openssl_reads_and_verifies_our_request() {
    let Some(openssl) = Openssl::new("openssl_reads_and_verifies_our_request") else {
        return;
    };
    let ca = Ca::new(&openssl);
    let san = V::SubjectAltName(vec![GeneralName::Dns("a.example".into())]);
    let info = CertificationRequestInfo {
        subject: Name::parse_rfc4514("CN=Sub CA,O=Corp").unwrap(),
        public_key: ca.key.clone(),
        extensions: Extensions::new(vec![Extension::non_critical(san)]).unwrap(),
    };
    let info = info.encode().unwrap();
    let csr = Csr::assemble(&info, ca.scheme(), &ca.sign(info.as_bytes()));
    let csr = Csr::parse(csr.as_bytes()).unwrap();
    assert_eq!(csr.verify_self_signature(), Ok(()));
    openssl.write("req.pem", csr.to_pem());
    assert_contains(
        &openssl.text("req -in req.pem -noout -text -verify"),
        &["verify OK", "Subject: O = Corp, CN = Sub CA", "DNS:a.example"],
    );
}
