//! Who may make authority: operators, thresholds, proposals and their OpenSSH signatures.
//!
//! Pure functions over octets: no key, no disk, no clock. The signer decides by them, and every
//! verifier decides again by the same ones.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]
