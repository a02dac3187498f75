//! External account keys as operators make them and take them back (RFC 8555 §7.3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca::{IssueError, Secret};
use model::{AuditAction, ExternalAccountKey, Id, ProfileName};
use serde_json::json;
use store::acme::eab_keys;
use store::{StoreError, audit};
use zeroize::Zeroizing;

use super::binding::place;
use super::orders::offered;
use crate::state::AcmeState;

/// Octets of a secret: as many as HMAC-SHA-256 gives (RFC 7518 §3.2).
const SECRET: usize = 32;

/// What key is to be made.
#[derive(Debug, Clone)]
pub struct NewExternalKey {
    /// The operator's name for it.
    pub name: String,
    /// The profile that it is for.
    pub profile: ProfileName,
    /// Patterns for identifiers, as in a profile's `san.dns` and `san.ip`; empty: the profile's.
    pub names: Vec<String>,
    /// How many accounts may be bound to it; none: any number.
    pub max_accounts: Option<u32>,
    /// For how many seconds it is good; none: until it is taken back.
    pub validity: Option<i64>,
}

/// Says why a key is not made or taken back.
#[derive(Debug, thiserror::Error)]
pub enum ExternalKeyError {
    /// ACME does not offer the profile. Malformed.
    #[error("ACME offers no profile `{0}`")]
    NoProfile(ProfileName),
    /// The patterns do not read. Malformed.
    #[error("the names are unusable: {}", .0.join("; "))]
    Names(Vec<String>),
    /// The system gives no randomness. Unavailable.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The signer does not seal. Unavailable.
    #[error("the signer does not seal the secret")]
    Seal(#[source] IssueError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Draws a secret; returns it and its base64url. None starts with `-`: clients that are given it
/// as an argument of its own take it for an option (certbot does).
fn draw() -> Result<(Secret, Secret), ExternalKeyError> {
    loop {
        let mut octets = Zeroizing::new([0; SECRET]);
        aws_lc_rs::rand::fill(&mut *octets).map_err(|_| ExternalKeyError::NoRandomness)?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*octets));
        if !text.starts_with('-') {
            return Ok((Secret::from(&octets[..]), Secret::from(text.as_bytes())));
        }
    }
}

impl AcmeState {
    /// Makes a key; the secret, in base64url, is shown here and never again.
    ///
    /// # Errors
    /// [`ExternalKeyError`].
    pub async fn make_external_key(
        &self,
        wanted: NewExternalKey,
        by: &str,
    ) -> Result<(ExternalAccountKey, Secret), ExternalKeyError> {
        if offered(self, &wanted.profile).is_none() {
            return Err(ExternalKeyError::NoProfile(wanted.profile));
        }
        let probe = model::AcmeIdentifier::Dns("probe".to_owned());
        ca::profile::admits(&wanted.names, &probe).map_err(ExternalKeyError::Names)?;
        let (octets, text) = draw()?;
        let id = Id::generate(self.authority.clock());
        let sealed = self.authority.seal(&place(id), octets).await;
        let now = self.now();
        let key = ExternalAccountKey {
            id,
            name: wanted.name,
            profile: wanted.profile,
            names: wanted.names,
            sealed: sealed.map_err(ExternalKeyError::Seal)?,
            max_accounts: wanted.max_accounts.map(i64::from),
            accounts: 0,
            created_at: now,
            expires_at: wanted.validity.map(|seconds| now.plus_seconds(seconds)),
            revoked_at: None,
        };
        let detail = json!({ "name": key.name, "profile": key.profile.as_str() });
        let event = self.event(by, AuditAction::EabKeyCreate, id.to_string(), detail);
        let row = key.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                eab_keys::insert(tx, &row).await?;
                audit::append(tx, &event).await
            })
        });
        write.await?;
        Ok((key, text))
    }

    /// Takes a key back: accounts that are bound to it order no more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] if it was taken back before.
    pub async fn revoke_external_key(
        &self,
        id: Id<ExternalAccountKey>,
        by: &str,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let event = self.event(by, AuditAction::EabKeyRevoke, id.to_string(), json!({}));
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                eab_keys::revoke(tx, id, now).await?;
                audit::append(tx, &event).await
            })
        });
        write.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_none_looks_like_an_option() {
        let mut seen = std::collections::BTreeSet::new();
        // One in 64 would start with it.
        for _ in 0..2000 {
            let (octets, text) = draw().expect("randomness");
            let text = String::from_utf8(text.reveal().to_vec()).expect("ASCII");
            assert!(!text.starts_with('-'), "{text}");
            assert_eq!(URL_SAFE_NO_PAD.decode(&text).expect("base64url"), octets.reveal());
            assert!(seen.insert(text));
        }
    }
}
