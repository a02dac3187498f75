//! Calls and answers for tests.

use signer_proto::{
    Digest, HealthReport, IdempotencyKey, InstanceId, KeyLabel, Plaintext, SignCertificate,
    SignedCertificate, SignerState, Unlock,
};
use x509::{Signature, TbsCertificateDer, UnixTime};
use zeroize::Zeroizing;

use crate::error::CallError;
use crate::stand_in::Asked;

pub(crate) fn label() -> KeyLabel {
    KeyLabel::new("issuing").unwrap()
}

pub(crate) fn report(position: u64) -> HealthReport {
    HealthReport {
        state: SignerState::Ready,
        instance: InstanceId([1; 16]),
        position,
        now: UnixTime(1),
    }
}

pub(crate) fn certificate(number: u8) -> SignCertificate {
    SignCertificate {
        key: label(),
        policy: Digest([0; 32]),
        profile: Digest([0; 32]),
        tbs: TbsCertificateDer::from_vec(vec![number; 1500]),
        evidence: signer_proto::EvidenceList(Vec::new()),
        idempotency: IdempotencyKey([number; 16]),
    }
}

/// The signature says which TBS was signed.
pub(crate) fn signed(asked: &Asked) -> Vec<u8> {
    let call: SignCertificate = asked.call();
    asked.answer(&SignedCertificate {
        position: 1,
        signed_at: UnixTime(1),
        replayed: false,
        signature: Signature::from_vec(call.tbs.as_bytes()[..1].to_vec()),
    })
}

pub(crate) fn unlock() -> Unlock {
    Unlock { passphrase: Plaintext(Zeroizing::new(b"correct horse".to_vec())) }
}

pub(crate) fn unavailable<T>(outcome: Result<T, CallError>) -> String {
    match outcome {
        Err(CallError::Unavailable { why }) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was answered"),
    }
}
