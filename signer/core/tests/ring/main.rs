//! The real core over a FileDriver in a temporary directory: from genesis to a revoked leaf,
//! and what the state rules refuse.

mod algorithms;
mod chain;
mod drafts;
mod hand_clock;
mod handshakes;
mod inspection;
mod intents;
mod log;
mod ocsp_and_crl;
mod refusals;
mod replay;
mod restart;
mod revocation;
mod rings;
mod shares;
mod strict;
mod unlock;
mod witness;
mod workshop;
