//! Profiles.

use model::Profile;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// A profile's current version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileBody {
    /// The name that requests give.
    #[schema(example = "tls-server")]
    pub name: String,
    /// The text in TOML (docs/guides/profiles.md).
    pub body: String,
    /// SHA-256 of the text in hexadecimal; it stands in the signer's journal.
    pub digest: String,
    /// Counts the versions; a change names the one that it changes.
    #[schema(example = 1)]
    pub revision: i64,
    /// Came with the program and cannot be deleted.
    pub builtin: bool,
    /// May be issued from.
    pub enabled: bool,
    /// The time of the last change.
    pub updated_at: Time,
}

impl From<Profile> for ProfileBody {
    fn from(profile: Profile) -> Self {
        Self {
            name: profile.name.to_string(),
            body: profile.body,
            digest: hex::encode(profile.digest),
            revision: profile.revision,
            builtin: profile.builtin,
            enabled: profile.enabled,
            updated_at: Time(profile.updated_at),
        }
    }
}
