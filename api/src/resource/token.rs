//! Tokens; the text of one stands only in the answer to its making.

use model::{ApiToken, Id, Role, UnixTime};
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// What is kept of a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenBody {
    /// Identifies it.
    #[schema(value_type = String)]
    pub id: Id<ApiToken>,
    /// The name that audit events have for it.
    #[schema(example = "ci")]
    pub name: String,
    /// What its bearer may do: `admin`, `operator`, `viewer` or `auditor`.
    #[schema(value_type = String, example = "operator")]
    pub role: Role,
    /// Whether it is taken now.
    pub is_good: bool,
    /// When it was made.
    pub created_at: Time,
    /// From when on it is no longer taken; null: never.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// A new token. It has no Debug.
#[derive(Serialize, ToSchema)]
#[schema(as = NewToken)]
pub struct NewTokenBody<'a> {
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: TokenBody,
    /// The token itself, shown this once.
    #[schema(example = "chancery_…")]
    pub token: &'a str,
}

impl TokenBody {
    /// Describes a token at `now`.
    #[must_use]
    pub fn new(token: &ApiToken, now: UnixTime) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            role: token.role,
            is_good: token.is_good(now),
            created_at: Time(token.created_at),
            expires_at: token.expires_at.map(Time),
            revoked_at: token.revoked_at.map(Time),
        }
    }
}
