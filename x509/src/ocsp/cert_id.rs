//! CertID (RFC 6960 §4.1.1): which certificate is meant.

use crate::reader::{Parser, tag};
use crate::writer::Writer;
use crate::{DerError, Name, PublicKey, Serial, oids, sha1, sha256};

/// The digest that a CertID is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertIdHash {
    /// SHA-1, which all clients know (RFC 5019 §2.1.1).
    Sha1,
    /// SHA-256.
    Sha256,
}

impl CertIdHash {
    /// Gives the number on our wire: 1 for SHA-1, 2 for SHA-256.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
        }
    }

    /// Finds the digest of a number on our wire.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// Counts the octets of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(data).to_vec(),
            Self::Sha256 => sha256(data).to_vec(),
        }
    }
}

/// Names a certificate by its issuer and serial number.
///
/// ```text
/// CertID ::= SEQUENCE {
///     hashAlgorithm  AlgorithmIdentifier,
///     issuerNameHash OCTET STRING,
///     issuerKeyHash  OCTET STRING,
///     serialNumber   CertificateSerialNumber }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertId {
    /// The digest of the two fields that follow.
    pub hash: CertIdHash,
    /// The digest of the issuer's name in DER.
    pub issuer_name_hash: Vec<u8>,
    /// The digest of the content of the issuer's subjectPublicKey.
    pub issuer_key_hash: Vec<u8>,
    /// The certificate's serial number.
    pub serial: Serial,
}

impl CertId {
    /// Makes the CertID of a certificate.
    #[must_use]
    pub fn for_certificate(
        hash: CertIdHash,
        issuer: &Name,
        issuer_key: &PublicKey,
        serial: Serial,
    ) -> Self {
        Self {
            hash,
            issuer_name_hash: hash.digest(issuer.der().as_bytes()),
            issuer_key_hash: hash.digest(issuer_key.subject_public_key()),
            serial,
        }
    }

    /// Reads the fields; also tells whether the parameters of the hash are NULL or absent, both of
    /// which RFC 5754 §2 demands to accept.
    pub(super) fn parse(mut fields: Parser<'_>) -> Result<(Self, HashParameters), DerError> {
        let mut algorithm = fields.sequence("hashAlgorithm")?;
        let hash = match algorithm.oid("hashAlgorithm")? {
            oids::DIGEST_SHA1 => CertIdHash::Sha1,
            oids::DIGEST_SHA256 => CertIdHash::Sha256,
            _ => {
                return Err(DerError::Unsupported { what: "this CertID hash" });
            }
        };
        let parameters = match algorithm.optional(tag::NULL)? {
            None => HashParameters::Absent,
            Some([]) => HashParameters::Null,
            Some(_) => {
                return Err(DerError::NotDer { why: "NULL with content" });
            }
        };
        algorithm.finish()?;
        let issuer_name_hash = fields.value(tag::OCTET_STRING, "issuerNameHash")?.to_vec();
        let issuer_key_hash = fields.value(tag::OCTET_STRING, "issuerKeyHash")?.to_vec();
        let serial = Serial::from_integer_content(fields.value(tag::INTEGER, "serialNumber")?)?;
        fields.finish()?;
        let id = Self { hash, issuer_name_hash, issuer_key_hash, serial };
        id.check()?;
        Ok((id, parameters))
    }

    pub(super) fn encode(
        &self,
        parameters: HashParameters,
        writer: &mut Writer,
    ) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            w.sequence::<DerError>(|w| {
                w.oid(match self.hash {
                    CertIdHash::Sha1 => &oids::DIGEST_SHA1,
                    CertIdHash::Sha256 => &oids::DIGEST_SHA256,
                });
                if parameters == HashParameters::Null {
                    w.value(tag::NULL, &[]);
                }
                Ok(())
            })?;
            w.value(tag::OCTET_STRING, &self.issuer_name_hash);
            w.value(tag::OCTET_STRING, &self.issuer_key_hash);
            w.serial(&self.serial);
            Ok(())
        })
    }

    fn check(&self) -> Result<(), DerError> {
        let length = self.hash.digest_len();
        if self.issuer_name_hash.len() != length || self.issuer_key_hash.len() != length {
            return Err(DerError::field(
                "CertID",
                "a hash is not as long as its algorithm makes it",
            ));
        }
        Ok(())
    }
}

/// How the parameters of the hash algorithm are written; no part of what is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HashParameters {
    /// NULL, as nearly all clients write it; our own form.
    Null,
    /// Absent.
    Absent,
}
