//! What the routes share.

use std::sync::Arc;

use acme::AcmeState;
use axum::extract::FromRef;
use ca::Authority;

use crate::auth::Tokens;
use crate::meters::Meters;
use crate::readiness::ReadinessCache;

/// Is what the routes of the API share; each takes the part that it needs.
#[derive(Clone)]
pub struct ApiState {
    /// Issues and revokes.
    pub authority: Authority,
    /// Finds tokens.
    pub tokens: Tokens,
    /// Writes metrics.
    pub meters: Meters,
    /// Remembers for a moment how everything is.
    pub readiness: Arc<ReadinessCache>,
    /// The ACME server.
    pub acme: AcmeState,
}

impl FromRef<ApiState> for Authority {
    fn from_ref(state: &ApiState) -> Self {
        state.authority.clone()
    }
}

impl FromRef<ApiState> for Tokens {
    fn from_ref(state: &ApiState) -> Self {
        state.tokens.clone()
    }
}

impl FromRef<ApiState> for Meters {
    fn from_ref(state: &ApiState) -> Self {
        state.meters.clone()
    }
}

impl FromRef<ApiState> for Arc<ReadinessCache> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.readiness)
    }
}

impl FromRef<ApiState> for AcmeState {
    fn from_ref(state: &ApiState) -> Self {
        state.acme.clone()
    }
}
