//! OCSP requests read by derived types, since x509-cert has none.

use der::asn1::{BitString, ObjectIdentifier as Oid, OctetString, Uint};
use der::{Decode as _, Sequence};
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::facts::unsigned;

const NONCE: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// OCSPRequest (RFC 6960 §4.1.1).
#[derive(Sequence)]
struct Request {
    tbs: Tbs,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<Signature>,
}

/// TBSRequest.
#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: Version,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor: Option<GeneralName>,
    list: Vec<Single>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// Request.
#[derive(Sequence)]
struct Single {
    id: CertId,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// CertID.
#[derive(Sequence)]
struct CertId {
    hash: AlgorithmIdentifierOwned,
    name_hash: OctetString,
    key_hash: OctetString,
    serial: Uint,
}

/// Signature.
#[derive(Sequence)]
struct Signature {
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<x509_cert::Certificate>>,
}

/// Hash algorithm, issuer's name hash, issuer's key hash and serial of a CertID.
pub type IdFacts = (String, Vec<u8>, Vec<u8>, Vec<u8>);

/// What a request asks.
#[derive(Debug, PartialEq, Eq)]
pub struct OcspFacts {
    /// Which certificates, in order.
    pub ids: Vec<IdFacts>,
    /// The nonce.
    pub nonce: Option<Vec<u8>>,
}

impl OcspFacts {
    /// Reads a request through the derived types.
    ///
    /// # Errors
    /// They do not accept it.
    pub fn by_derived_types(der: &[u8]) -> der::Result<Self> {
        let request = Request::from_der(der)?;
        // Read for their form only.
        drop((request.signature, request.tbs.requestor, request.tbs.version));
        let extensions = request.tbs.extensions.unwrap_or_default();
        let nonce = extensions
            .iter()
            .find(|extension| extension.extn_id == NONCE)
            .map(|extension| OctetString::from_der(extension.extn_value.as_bytes()))
            .transpose()?;
        let ids = request.tbs.list.into_iter().map(|single| {
            drop(single.extensions);
            (
                single.id.hash.oid.to_string(),
                single.id.name_hash.as_bytes().to_vec(),
                single.id.key_hash.as_bytes().to_vec(),
                unsigned(single.id.serial.as_bytes()),
            )
        });
        Ok(Self { ids: ids.collect(), nonce: nonce.map(|nonce| nonce.as_bytes().to_vec()) })
    }

    /// Takes what our parser read.
    pub fn by_us(request: &x509::OcspRequest) -> Self {
        let ids = request.requests.iter().map(|id| {
            let hash = match id.hash {
                x509::CertIdHash::Sha1 => "1.3.14.3.2.26",
                x509::CertIdHash::Sha256 => "2.16.840.1.101.3.4.2.1",
            };
            (
                hash.to_owned(),
                id.issuer_name_hash.clone(),
                id.issuer_key_hash.clone(),
                id.serial.as_bytes().to_vec(),
            )
        });
        Self { ids: ids.collect(), nonce: request.nonce.clone() }
    }
}
