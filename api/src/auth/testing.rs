//! Tokens for the tests of this crate.

use std::sync::Arc;

use model::{ApiToken, Id, Role, UnixTime};
use store::testing::TestClock;
use store::{DatabaseUrl, Store};

use super::Tokens;

/// Opens an empty store and looks for tokens in it.
pub(crate) async fn tokens() -> (Store, Tokens) {
    let store = store::testing::open(&DatabaseUrl::memory()).await;
    let tokens = Tokens::new(store.clone(), Arc::new(TestClock::default()));
    (store, tokens)
}

/// Makes a token whose digest is all `seed`.
pub(crate) fn token(role: Role, seed: u8) -> ApiToken {
    ApiToken {
        id: Id::from_parts(1, &[seed; 10]),
        name: format!("{role}-{seed}"),
        sha256: [seed; 32],
        role,
        created_at: UnixTime(1_800_000_000),
        expires_at: None,
        revoked_at: None,
    }
}
