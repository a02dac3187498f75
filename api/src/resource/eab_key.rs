//! External account keys; the secret of one stands only in the answer to its making.

use model::{ExternalAccountKey, Id, ProfileName, UnixTime};
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// What is shown of an external account key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EabKey)]
pub struct EabKeyBody {
    /// The `kid` of bindings.
    #[schema(value_type = String)]
    pub id: Id<ExternalAccountKey>,
    /// What people call it.
    pub name: String,
    /// The profile that its accounts order under.
    #[schema(value_type = String)]
    pub profile: ProfileName,
    /// What its accounts may name, besides what the profile says; empty: the profile decides.
    pub names: Vec<String>,
    /// How many accounts may be bound to it; null: any number.
    pub max_accounts: Option<i64>,
    /// How many are.
    pub accounts: i64,
    /// Whether it is good now.
    pub is_good: bool,
    /// When it was made.
    pub created_at: Time,
    /// From when on it is no longer good; null: never.
    pub expires_at: Option<Time>,
    /// When it was taken back.
    pub revoked_at: Option<Time>,
}

/// A new external account key. It has no Debug.
#[derive(Serialize, ToSchema)]
#[schema(as = NewEabKey)]
pub struct NewEabKeyBody<'a> {
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: EabKeyBody,
    /// The MAC key in base64url, shown this once.
    #[schema(example = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")]
    pub secret: &'a str,
}

impl EabKeyBody {
    /// Describes a key at `now`.
    #[must_use]
    pub fn new(key: &ExternalAccountKey, now: UnixTime) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            profile: key.profile.clone(),
            names: key.names.clone(),
            max_accounts: key.max_accounts,
            accounts: key.accounts,
            is_good: key.is_good(now),
            created_at: Time(key.created_at),
            expires_at: key.expires_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
        }
    }
}
