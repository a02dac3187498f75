//! A request, encoded once and sent until it is answered.

use signer_proto::{Call, Flags, Header, Kind, MAX_DEADLINE_MS};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::ProtocolError;

/// An encoded request.
pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) deadline: Instant,
    length: u32,
    /// May be a passphrase.
    body: Zeroizing<Vec<u8>>,
}

impl Request {
    /// Encodes a call.
    ///
    /// # Errors
    /// [`ProtocolError::RequestTooLong`]: sent, it would end the connection for every other call.
    pub(crate) fn encode<C: Call>(call: &C, deadline: Instant) -> Result<Self, ProtocolError> {
        let body = Zeroizing::new(call.to_wire());
        let too_long = ProtocolError::RequestTooLong { kind: C::KIND, length: body.len() };
        let length = u32::try_from(body.len()).map_err(|_| too_long)?;
        if length > C::KIND.request_limit() {
            return Err(too_long);
        }
        Ok(Self { kind: C::KIND, deadline, length, body })
    }

    /// Appends the frame to what is to be written.
    pub(crate) fn append(&self, sequence: u32, out: &mut Vec<u8>) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A deadline of zero is malformed; the caller's own clock ends the call by then.
        let deadline_ms =
            u32::try_from(left.as_millis()).unwrap_or(u32::MAX).clamp(1, MAX_DEADLINE_MS);
        let header = Header {
            kind: self.kind,
            flags: Flags::REQUEST,
            length: self.length,
            sequence,
            deadline_ms,
        };
        out.extend_from_slice(&header.encode());
        out.extend_from_slice(&self.body);
    }

    /// Says whether asking twice is the same as asking once, so that a lost connection may be
    /// made good silently.
    pub(crate) fn is_idempotent(&self) -> bool {
        match self.kind {
            // The second attempt may be journaled as one more failure, a second key, a policy
            // that no longer names its predecessor, a proposal that was carried out already.
            Kind::Unlock
            | Kind::UnlockShare
            | Kind::GenerateKey
            | Kind::SetPolicy
            | Kind::SignCaRequest
            | Kind::SetOperators
            | Kind::SetKeyState
            | Kind::SetFreeze
            | Kind::AcceptGap
            | Kind::Promote
            | Kind::Follow
            | Kind::AdoptKey
            | Kind::ImportInventory
            | Kind::RecordCeremony => false,
            // SignCertificate and SignAuthority replay by their idempotency key; minting writes
            // nothing; a change of the revocation set that stands is repeated as it is; a second
            // record of a validation says no more than the first.
            Kind::Health
            | Kind::Describe
            | Kind::ReadPolicy
            | Kind::ReadJournal
            | Kind::ReadCheckpoint
            | Kind::AnchorAudit
            | Kind::ReadProof
            | Kind::ShowCheckpoint
            | Kind::ReadTile
            | Kind::InspectSerial
            | Kind::Courier
            | Kind::ReadOperators
            | Kind::ReadDriver
            | Kind::Propose
            | Kind::MintSerials
            | Kind::SignCertificate
            | Kind::SignHandshake
            | Kind::SignKeyExchange
            | Kind::Seal
            | Kind::Unseal
            | Kind::RecordValidation
            | Kind::BuildCrl
            | Kind::SignOcsp
            | Kind::Revoke
            | Kind::Hold
            | Kind::Release
            | Kind::RevocationDelta
            | Kind::SignAuthority => true,
        }
    }

    /// Says whether the frame or its answer holds a secret.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unlock | Kind::UnlockShare | Kind::Seal | Kind::Unseal | Kind::AdoptKey
        )
    }
}
