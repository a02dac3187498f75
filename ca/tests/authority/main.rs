//! The authority over the real signer core and a real database: from the first hierarchy to a
//! recovered inventory.

mod bench;
mod drafts;
mod following;
mod following_rings;
mod hierarchy;
mod issuing;
mod ocsp;
mod openssl;
mod outage;
mod reconciling;
mod revoking;
mod rings;
mod sign_request;
