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
    /// What the text says of itself, for people.
    pub description: String,
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
            description: description(&profile.body),
            body: profile.body,
            digest: hex::encode(profile.digest),
            revision: profile.revision,
            builtin: profile.builtin,
            enabled: profile.enabled,
            updated_at: Time(profile.updated_at),
        }
    }
}

/// Takes the description out of a profile's text; a text that does not read has none.
fn description(body: &str) -> String {
    let table: Option<toml::Table> = toml::from_str(body).ok();
    let text = table.as_ref().and_then(|table| table.get("description")?.as_str());
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_the_texts() {
        for (body, expected) in [
            ("version = 1\ndescription = \"For shops\"\n", "For shops"),
            ("version = 1\n", ""),
            ("description = 1", ""),
            ("not TOML", ""),
        ] {
            assert_eq!(description(body), expected, "{body}");
        }
    }
}
