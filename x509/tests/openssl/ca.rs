//! A CA whose key openssl holds; we build, openssl signs.

use x509::{
    AuthorityKeyIdentifier, BasicConstraints, Certificate, CertificateDer, Extension,
    ExtensionValue as V, Extensions, KeyUsage, Name, PublicKey, Serial, Signature, SignatureScheme,
    TbsCertificate, UnixTime,
};

use crate::command::Openssl;

/// 2024-01-01.
pub const START: UnixTime = UnixTime(1_704_067_200);
/// 2051-01-01: a GeneralizedTime.
pub const END: UnixTime = UnixTime(2_556_144_000);

pub struct Ca<'a> {
    pub openssl: &'a Openssl,
    pub name: Name,
    pub key: PublicKey,
}

impl<'a> Ca<'a> {
    /// Makes a P-256 key and a self-signed certificate in `ca.pem`.
    pub fn new(openssl: &'a Openssl) -> Self {
        openssl.text("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
        openssl.text("pkey -in ca.key -pubout -outform DER -out ca.spki");
        let key = PublicKey::parse(&openssl.read("ca.spki")).unwrap();
        let name = Name::parse_rfc4514("CN=Test Root,O=Corp,C=DE").unwrap();
        let ca = Self { openssl, name, key };
        let extensions = vec![
            Extension::critical(V::BasicConstraints(BasicConstraints { ca: true, path_len: None })),
            Extension::critical(V::KeyUsage(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN)),
            Extension::non_critical(V::SubjectKeyIdentifier(ca.key.key_identifier().to_vec())),
        ];
        let root = ca.issue("01", &ca.name, &ca.key, extensions);
        openssl.write("ca.pem", Certificate::parse(root.as_bytes()).unwrap().to_pem());
        ca
    }

    pub fn scheme(&self) -> SignatureScheme {
        SignatureScheme::EcdsaP256Sha256
    }

    pub fn sign(&self, bytes: &[u8]) -> Signature {
        self.openssl.write("tbs", bytes);
        self.openssl.text("dgst -sha256 -sign ca.key -out signature tbs");
        Signature::from_vec(self.openssl.read("signature"))
    }

    pub fn issue(
        &self,
        serial: &str,
        subject: &Name,
        key: &PublicKey,
        extensions: Vec<Extension>,
    ) -> CertificateDer {
        let tbs = TbsCertificate {
            serial: Serial::from_hex(serial).unwrap(),
            signature: self.scheme(),
            issuer: self.name.clone(),
            not_before: START,
            not_after: END,
            subject: subject.clone(),
            public_key: key.clone(),
            extensions: Extensions::new(extensions).unwrap(),
        };
        let tbs = tbs.encode().unwrap();
        Certificate::assemble(&tbs, self.scheme(), &self.sign(tbs.as_bytes()))
    }

    pub fn authority_key_identifier(&self) -> Extension {
        let id = AuthorityKeyIdentifier::from_key_id(&self.key.key_identifier());
        Extension::non_critical(V::AuthorityKeyIdentifier(id))
    }

    /// Makes another P-256 key in `NAME.key`.
    pub fn new_key(&self, name: &str) -> PublicKey {
        self.openssl.text(&format!(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"
        ));
        self.openssl.text(&format!("pkey -in {name}.key -pubout -outform DER -out {name}.spki"));
        PublicKey::parse(&self.openssl.read(&format!("{name}.spki"))).unwrap()
    }
}
