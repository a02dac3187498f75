//! What status.sock speaks: CRLs, OCSP, revocation.

use super::{call, wire_newtype};
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{CertIdHash, KeyLabel, RevocationStatus};
use x509::{CrlReason, ResponseDataDer, Serial, Signature, TbsCertListDer, UnixTime};

wire_struct! {
    /// Builds and signs the next CRL of an issuer from the signer's own revocation set.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BuildCrl {
        /// The issuer's key.
        pub key: KeyLabel,
        /// Zero: the full CRL.
        pub shard: u16,
        /// When the next one is there at the latest.
        pub next_update: UnixTime,
    }
}
wire_struct! {
    /// A signed CRL in its parts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BuiltCrl {
        /// The position of its leaf.
        pub position: u64,
        /// The CRL number.
        pub number: u64,
        /// thisUpdate: the signer's clock.
        pub this_update: UnixTime,
        /// nextUpdate as asked.
        pub next_update: UnixTime,
        /// How many changes of the revocation set it covers.
        pub revocations: u64,
        /// The signed bytes.
        pub tbs: TbsCertListDer,
        /// The content of signatureValue.
        pub signature: Signature,
    }
}
call!(BuildCrl => BuiltCrl);

wire_struct! {
    /// A certificate as an OCSP client names it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OcspSubject {
        /// The hash that the client used.
        pub hash: CertIdHash,
        /// The serial.
        pub serial: Serial,
    }
}
wire_newtype!(
    /// The certificates of one response.
    OcspSubjects, list OcspSubject, 16, "OCSP subjects"
);
wire_newtype!(
    /// A nonce of 1 to 128 octets (RFC 9654), or empty for none.
    OcspNonce, bytes 128, "OCSP nonce"
);
wire_struct! {
    /// One response to build.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OcspItem {
        /// Which certificates.
        pub subjects: OcspSubjects,
        /// The nonce to repeat.
        pub nonce: OcspNonce,
    }
}
wire_newtype!(
    /// A batch of responses to build.
    OcspItems, list OcspItem, 4096, "OCSP items"
);
wire_struct! {
    /// Builds and signs OCSP responses from the signer's own state, one leaf for all.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignOcsp {
        /// The responder's key.
        pub responder: KeyLabel,
        /// The issuer's key.
        pub issuer: KeyLabel,
        /// nextUpdate of every response.
        pub next_update: UnixTime,
        /// The responses.
        pub items: OcspItems,
    }
}
/// What came of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OcspOutcome {
    /// Signed.
    Signed {
        /// The DER of ResponseData.
        response_data: ResponseDataDer,
        /// The content of the signature.
        signature: Signature,
    },
    /// A serial that was never issued, and the policy answers `unauthorized`.
    NeverIssued,
}
impl Wire for OcspOutcome {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Signed { response_data, signature } => {
                1u8.put(w);
                response_data.put(w);
                signature.put(w);
            }
            Self::NeverIssued => 2u8.put(w),
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            1 => Ok(Self::Signed {
                response_data: ResponseDataDer::take(r)?,
                signature: Signature::take(r)?,
            }),
            2 => Ok(Self::NeverIssued),
            _ => Err(WireError::UnknownValue("OCSP outcome")),
        }
    }
}
wire_newtype!(
    /// The outcomes in the order of the items.
    OcspOutcomes, list OcspOutcome, 4096, "OCSP outcomes"
);
wire_struct! {
    /// A signed batch.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignedOcsp {
        /// The position of the batch's leaf.
        pub position: u64,
        /// thisUpdate and producedAt: the signer's clock.
        pub this_update: UnixTime,
        /// The outcomes in the order of the items.
        pub outcomes: OcspOutcomes,
    }
}
call!(SignOcsp => SignedOcsp);

wire_struct! {
    /// Revokes for good.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Revoke {
        /// The issuer's key.
        pub key: KeyLabel,
        /// Which certificate.
        pub serial: Serial,
        /// Why; neither certificateHold nor removeFromCRL.
        pub reason: CrlReason,
        /// Since when the key is believed to be known to others.
        pub invalidity: Option<UnixTime>,
    }
}
wire_struct! {
    /// Puts on hold, where the policy admits it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Hold {
        /// The issuer's key.
        pub key: KeyLabel,
        /// Which certificate.
        pub serial: Serial,
    }
}
wire_struct! {
    /// Releases from hold.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Release {
        /// The issuer's key.
        pub key: KeyLabel,
        /// Which certificate.
        pub serial: Serial,
    }
}
wire_struct! {
    /// A change of the revocation set that is durable.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationChange {
        /// The position of its leaf.
        pub position: u64,
        /// Which certificate.
        pub serial: Serial,
        /// What it is now.
        pub status: RevocationStatus,
        /// When it changed: the signer's clock.
        pub at: UnixTime,
        /// Why.
        pub reason: CrlReason,
        /// Since when the key is believed to be known to others.
        pub invalidity: Option<UnixTime>,
    }
}
call!(Revoke => RevocationChange);
call!(Hold => RevocationChange);
call!(Release => RevocationChange);

wire_struct! {
    /// Reads the changes of an issuer's revocation set from a count on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationDelta {
        /// The issuer's key.
        pub key: KeyLabel,
        /// How many changes are known already.
        pub from: u64,
        /// At most this many (1 to 65536).
        pub limit: u32,
    }
}
wire_newtype!(
    /// Consecutive changes.
    RevocationChanges, list RevocationChange, 65_536, "revocation changes"
);
wire_struct! {
    /// Consecutive changes of a revocation set.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationSlice {
        /// The number of changes in the whole set.
        pub size: u64,
        /// The changes.
        pub changes: RevocationChanges,
    }
}
call!(RevocationDelta => RevocationSlice);
