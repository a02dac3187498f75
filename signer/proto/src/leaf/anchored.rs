//! What is intended before it is done, and what others keep that hangs on the journal.

use x509::SignatureScheme;

use crate::codec::wire_struct;
use crate::field::{Digest, KeyId};

wire_struct! {
    /// A signature is about to be asked of a driver whose keys are elsewhere: INTENT. The leaf that
    /// has the signature is its DONE; without one the signature may exist and was not released.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SignIntended {
        /// Whose signature.
        pub key: KeyId,
        /// SHA-256 of the to-be-signed bytes.
        pub tbs_digest: Digest,
        /// By which algorithm.
        pub scheme: SignatureScheme,
    }
}

wire_struct! {
    /// The server's audit log up to an event, by its running digest.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AuditAnchored {
        /// The sequence number of the last event.
        pub through: u64,
        /// The digest of the anchor before; zeros for the first.
        pub previous: Digest,
        /// The running digest over all events up to that one.
        pub digest: Digest,
    }
}
