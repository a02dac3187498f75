//! One kind of document where another belongs: each parser refuses all others.

use proptest::prelude::*;

use crate::key::samples::sample_key;
use crate::tbs::tests::sample_tbs;
use crate::{
    CertId, CertIdHash, CertStatus, Certificate, CertificationRequestInfo, Crl, Csr, DerError,
    Extensions, Name, OcspRequest, OcspResponse, ResponseData, Signature, SignatureScheme,
    SingleResponse, TbsCertListFields, TbsCertificate, UnixTime, assemble_ocsp_response,
    encode_tbs_cert_list,
};

const SCHEME: SignatureScheme = SignatureScheme::EcdsaP256Sha256;

/// One of every document, by its name.
fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let signature = Signature::from_vec(vec![1; 70]);
    let issuer = Name::parse_rfc4514("CN=CA").unwrap();
    let key = sample_key("p-256");
    let tbs = sample_tbs().encode().unwrap();
    let info = CertificationRequestInfo {
        subject: issuer.clone(),
        public_key: key.clone(),
        extensions: Extensions::default(),
    };
    let info = info.encode().unwrap();
    let fields = TbsCertListFields {
        scheme: SCHEME,
        issuer: &issuer,
        this_update: UnixTime(0),
        next_update: UnixTime(1),
        authority_key_id: &[1; 20],
        crl_number: 1,
        idp: None,
    };
    let list = encode_tbs_cert_list(&fields, core::iter::empty()).unwrap();
    let cert_id = CertId::for_certificate(CertIdHash::Sha1, &issuer, &key, sample_tbs().serial);
    let request = OcspRequest { requests: vec![cert_id.clone()], nonce: None };
    let single = SingleResponse {
        cert_id,
        status: CertStatus::Good,
        this_update: UnixTime(0),
        next_update: UnixTime(1),
    };
    let data = ResponseData {
        responder_key_hash: key.key_identifier(),
        produced_at: UnixTime(0),
        responses: vec![single],
        nonce: None,
        extended_revoke: false,
    };
    let data = data.encode().unwrap();
    vec![
        ("tbs", tbs.as_bytes().to_vec()),
        ("certificate", Certificate::assemble(&tbs, SCHEME, &signature).into_vec()),
        ("info", info.as_bytes().to_vec()),
        ("csr", Csr::assemble(&info, SCHEME, &signature).into_vec()),
        ("tbs list", list.as_bytes().to_vec()),
        ("crl", Crl::assemble(&list, SCHEME, &signature).into_vec()),
        ("ocsp request", request.encode().unwrap()),
        ("response data", data.as_bytes().to_vec()),
        ("ocsp response", assemble_ocsp_response(&data, SCHEME, &signature, &[]).into_vec()),
    ]
}

type Parse = fn(&[u8]) -> Result<(), DerError>;

const PARSERS: [(&str, Parse); 8] = [
    ("tbs", |der| TbsCertificate::parse(der).map(drop)),
    ("certificate", |der| Certificate::parse(der).map(drop)),
    ("info", |der| CertificationRequestInfo::parse(der).map(drop)),
    ("csr", |der| Csr::parse(der).map(drop)),
    ("crl", |der| Crl::parse(der).map(drop)),
    ("ocsp request", |der| OcspRequest::parse(der).map(drop)),
    ("response data", |der| ResponseData::parse(der).map(drop)),
    ("ocsp response", |der| OcspResponse::parse(der).map(drop)),
];

#[test]
fn each_parser_accepts_its_own_document_only() {
    for (document, der) in documents() {
        for (parser, parse) in PARSERS {
            assert_eq!(parse(&der).is_ok(), document == parser, "{document} as {parser}");
        }
    }
}

#[test]
fn refuses_a_csr_crl_or_response_data_as_tbs() {
    let wanted = [
        ("info", DerError::field("version", "another type")),
        ("csr", DerError::field("version", "another type")),
        ("tbs list", DerError::field("version", "another type")),
        ("crl", DerError::field("version", "another type")),
        ("certificate", DerError::field("version", "another type")),
        ("response data", DerError::field("version", "another type")),
    ];
    for (document, error) in wanted {
        let der = documents().into_iter().find(|found| found.0 == document).unwrap().1;
        assert_eq!(TbsCertificate::parse(&der), Err(error), "{document}");
    }
}

/// Every value that the parsers accept has exactly one encoding: turning any bit, or cutting any
/// octet, gives another value or none.
#[test]
fn no_single_bit_goes_unnoticed() {
    for (document, der) in documents() {
        let Some((_, parse)) = PARSERS.into_iter().find(|parser| parser.0 == document) else {
            continue;
        };
        for length in 0..der.len() {
            assert!(parse(&der[..length]).is_err(), "{document} cut at {length}");
        }
        let original = facts(document, &der);
        for bit in 0..der.len() * 8 {
            let mut turned = der.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(facts(document, &turned), original, "{document}, bit {bit}");
        }
    }
}

/// What a document says, as text; without the digest of the whole, which always differs.
fn facts(document: &str, der: &[u8]) -> Option<String> {
    match document {
        "tbs" => TbsCertificate::parse(der).ok().map(|found| format!("{found:?}")),
        "certificate" => Certificate::parse(der)
            .ok()
            .map(|found| format!("{:?} {:?}", found.tbs(), found.signature())),
        "info" => CertificationRequestInfo::parse(der).ok().map(|found| format!("{found:?}")),
        "csr" => Csr::parse(der).ok().map(|found| {
            let (info, scheme, signature) = (found.info(), found.scheme(), found.signature());
            format!("{info:?} {scheme:?} {signature:?}")
        }),
        "crl" => Crl::parse(der).ok().map(|found| format!("{found:?}")),
        "ocsp request" => OcspRequest::parse(der).ok().map(|found| format!("{found:?}")),
        "response data" => ResponseData::parse(der).ok().map(|found| format!("{found:?}")),
        _ => OcspResponse::parse(der).ok().map(|found| format!("{found:?}")),
    }
}

proptest! {
    /// Pieces of documents in each other's places: no panic, and what is accepted is canonical.
    #[test]
    fn spliced_documents_do_not_panic(
        from in 0_usize..9,
        into in 0_usize..9,
        at in any::<prop::sample::Index>(),
        start in any::<prop::sample::Index>(),
        length in 0_usize..64,
    ) {
        let documents = documents();
        let source = &documents[from].1;
        let start = start.index(source.len());
        let piece = &source[start..source.len().min(start + length)];
        let mut target = documents[into].1.clone();
        let at = at.index(target.len());
        let end = target.len().min(at + length);
        target.splice(at..end, piece.iter().copied());
        for (_, parse) in PARSERS {
            let _ = parse(&target);
        }
        let _ = crate::ForeignCertificate::parse(&target);
        if let Ok(tbs) = TbsCertificate::parse(&target) {
            let again = tbs.encode().unwrap();
            prop_assert_eq!(again.as_bytes(), &target[..]);
        }
    }
}
