//! What clients ask for: leaf certificates and CSRs of any size.

use anyhow::Context as _;
use x509::{
    AccessDescription, AuthorityKeyIdentifier, CertificationRequestInfo, Csr, DistributionPoint,
    Extension, ExtensionValue as V, Extensions, GeneralName, KeyUsage, Name, PublicKey, Serial,
    SignatureScheme, TbsCertificate, TbsCertificateDer, UnixTime, oids,
};

use crate::raw::Pair;

/// How long the certificates are valid, in seconds.
const VALIDITY: i64 = 90 * 86_400;

/// Who issues.
pub struct Issuer {
    /// Its name.
    pub name: Name,
    /// Its key.
    pub key: PublicKey,
}

impl Issuer {
    /// Drafts a TLS server's certificate with so many names.
    pub fn leaf(
        &self,
        serial: Serial,
        subject: &PublicKey,
        names: usize,
        now: UnixTime,
    ) -> anyhow::Result<TbsCertificateDer> {
        let host = |n: usize| GeneralName::Dns(format!("host-{n:03}.bench.example"));
        let key_id = AuthorityKeyIdentifier::from_key_id(&self.key.key_identifier());
        let base = "http://pki.bench.example/.well-known/pki";
        let extensions = vec![
            Extension::critical(V::KeyUsage(KeyUsage::DIGITAL_SIGNATURE)),
            Extension::non_critical(V::ExtendedKeyUsage(vec![oids::EKU_SERVER_AUTH])),
            Extension::non_critical(V::SubjectAltName((0..names).map(host).collect())),
            Extension::non_critical(V::SubjectKeyIdentifier(subject.key_identifier().to_vec())),
            Extension::non_critical(V::AuthorityKeyIdentifier(key_id)),
            Extension::non_critical(V::CrlDistributionPoints(vec![DistributionPoint::uri(
                format!("{base}/crl/issuing.crl"),
            )])),
            Extension::non_critical(V::AuthorityInfoAccess(vec![AccessDescription::uri(
                oids::AD_OCSP,
                format!("{base}/ocsp/issuing"),
            )])),
        ];
        let tbs = TbsCertificate {
            serial,
            signature: SignatureScheme::default_for(self.key.kind())
                .context("the issuer signs by no scheme")?,
            issuer: self.name.clone(),
            not_before: now.plus_seconds(-60),
            not_after: now.plus_seconds(VALIDITY),
            subject: Name::parse_rfc4514("CN=host-000.bench.example")?,
            public_key: subject.clone(),
            extensions: Extensions::new(extensions)?,
        };
        Ok(tbs.encode()?)
    }
}

/// Makes a CSR for one host.
pub fn request(pair: &Pair, host: &str) -> anyhow::Result<Csr> {
    let names = V::SubjectAltName(vec![GeneralName::Dns(host.to_owned())]);
    let info = CertificationRequestInfo {
        subject: Name::parse_rfc4514(&format!("CN={host}"))?,
        public_key: pair.public().clone(),
        extensions: Extensions::new(vec![Extension::non_critical(names)])?,
    };
    let info = info.encode()?;
    let signature = pair.sign(info.as_bytes())?;
    let der = Csr::assemble(&info, SignatureScheme::EcdsaP256Sha256, &signature);
    Ok(Csr::parse(der.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_with_forty_names_has_the_size_that_is_measured() {
        let (issuer, subject) =
            (Pair::generate().expect("a key"), Pair::generate().expect("a key"));
        let issuer = Issuer {
            name: Name::parse_rfc4514("CN=Bench Issuing CA,O=Bench").expect("a name"),
            key: issuer.public().clone(),
        };
        let serial = Serial::from_unsigned(&[0x55; 19]).expect("a serial");
        let now = UnixTime(1_800_000_000);
        let tbs = issuer.leaf(serial, subject.public(), crate::boundary::NAMES, now);
        let len = tbs.expect("a leaf").as_bytes().len();
        assert!((1_450..1_550).contains(&len), "{len}");
    }

    #[test]
    fn a_request_proves_possession() {
        let pair = Pair::generate().expect("a key");
        let csr = request(&pair, "a.bench.example").expect("a CSR");
        assert_eq!(csr.verify_self_signature(), Ok(()));
    }
}
