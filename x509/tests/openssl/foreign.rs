//! Certificates of other CAs.

use x509::{Certificate, Deviation, ForeignCertificate, KeyUsage, Serial, VerifyError};

use crate::command::Openssl;

fn import(openssl: &Openssl, extensions: &str, arguments: &str) -> ForeignCertificate {
    openssl.write(
        "ca.cnf",
        format!("[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nO = Corp\nCN = Root\n[ext]\n{extensions}"),
    );
    openssl.text("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    openssl.text(&format!(
        "req -new -x509 -key key.pem -config ca.cnf -extensions ext -out root.pem {arguments}"
    ));
    let text = String::from_utf8(openssl.read("root.pem")).unwrap();
    ForeignCertificate::from_pem(&text).unwrap()
}

fn deviation(place: &str, what: &str) -> Deviation {
    Deviation { place: place.into(), what: what.into() }
}

#[test]
fn a_regular_root_has_no_deviations() {
    let Some(openssl) = Openssl::new("a_regular_root_has_no_deviations") else {
        return;
    };
    let lines = "basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical,permitted;DNS:corp.example
";
    let root = import(&openssl, lines, "-days 30 -set_serial 0x80");
    assert_eq!(root.deviations(), []);
    assert_eq!(root.serial(), Some(Serial::from_hex("80").unwrap()));
    assert_eq!(root.subject().to_string(), "CN=Root,O=Corp");
    assert_eq!(root.basic_constraints().unwrap().path_len, Some(1));
    assert_eq!(root.key_usage(), Some(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN));
    assert_eq!(root.name_constraints().unwrap().permitted.len(), 1);
    assert_eq!(root.subject_key_identifier(), Some(&root.public_key().key_identifier()[..]));
    assert_eq!(root.verify_by(root.public_key()), Some(Ok(())));
}

#[test]
fn deviations_are_listed() {
    let Some(openssl) = Openssl::new("deviations_are_listed") else {
        return;
    };
    // basicConstraints with pathLenConstraint but without cA; an empty extKeyUsage; DER by hand.
    let lines = "2.5.29.19 = critical,DER:3003020100\n2.5.29.37 = DER:3000\n";
    let root = import(&openssl, lines, "-days 30 -set_serial 0");
    assert_eq!(
        root.deviations(),
        [
            deviation("serialNumber", "a serial number is positive (RFC 5280 §4.1.2.2)"),
            deviation("2.5.29.19", "pathLenConstraint: without cA"),
            deviation("2.5.29.37", "ExtKeyUsageSyntax: empty"),
        ]
    );
    assert_eq!(root.serial(), None);
    assert_eq!(root.serial_octets(), [0]);
    assert_eq!(root.basic_constraints(), None);

    let bare = import(&openssl, "", "-days 30 -sha1");
    let places: Vec<&str> = bare.deviations().iter().map(|found| found.place.as_str()).collect();
    assert_eq!(places, ["version", "signatureAlgorithm", "extensions"]);
    assert_eq!(bare.verify_by(bare.public_key()), None);
}

#[test]
fn verifies_roots_of_every_curve_with_every_digest() {
    let Some(openssl) = Openssl::new("verifies_roots_of_every_curve_with_every_digest") else {
        return;
    };
    openssl.write(
        "ca.cnf",
        "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nO = Corp\nCN = Root\n[ext]\n\
         basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n\
         subjectKeyIdentifier = hash\n",
    );
    for curve in ["256", "384", "521"] {
        openssl.text(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-{curve} -out key.pem"
        ));
        for digest in ["sha256", "sha384", "sha512"] {
            openssl.text(&format!(
                "req -new -x509 -{digest} -key key.pem -config ca.cnf -extensions ext -days 30 \
                 -outform DER -out root.der"
            ));
            let mut der = openssl.read("root.der");
            let root = ForeignCertificate::parse(&der).unwrap();
            assert_eq!(root.deviations(), [], "P-{curve} {digest}");
            let verdict = root.verify_by(root.public_key());
            assert_eq!(verdict, Some(Ok(())), "P-{curve} {digest}");
            // A CA of ours that such a root signs is read strictly.
            let ours = Certificate::parse(&der).unwrap();
            let verdict = ours.verify_by(root.public_key());
            assert_eq!(verdict, Ok(()), "P-{curve} {digest}");
            let at = der.windows(4).position(|window| window == b"Root").unwrap();
            der[at] ^= 1;
            let bent = ForeignCertificate::parse(&der).unwrap();
            let verdict = bent.verify_by(bent.public_key());
            assert_eq!(verdict, Some(Err(VerifyError::BadSignature)));
        }
    }
}
