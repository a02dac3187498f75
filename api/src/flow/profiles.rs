//! Changes of profiles: checked, recorded, and in force at once in this process.

use ca::Authority;
use ca::profile::Profile as Parsed;
use model::{AuditAction, NewAuditEvent, Profile, ProfileName};
use store::{StoreError, audit, profiles};

use crate::problem::{Kind, Problem};

/// Makes a profile.
///
/// # Errors
/// A [`Problem`]; nothing has changed then.
pub async fn create(
    authority: &Authority,
    name: ProfileName,
    body: String,
    enabled: bool,
    by: &str,
) -> Result<Profile, Problem> {
    let profile = Profile {
        digest: checked(&name, &body)?,
        name,
        body,
        revision: 1,
        builtin: false,
        enabled,
        updated_at: authority.now(),
    };
    let event = event(authority, &profile.name, AuditAction::ProfileCreate, by);
    let row = profile.clone();
    let write = authority.store().write(move |tx| {
        Box::pin(async move {
            profiles::insert(tx, &row).await?;
            audit::append(tx, &event).await
        })
    });
    match write.await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Err(taken(&profile.name)),
        Err(error) => return Err(error.into()),
    }
    authority.reload_profiles().await?;
    Ok(profile)
}

/// Is a change of a profile; what is not given stays.
#[derive(Debug)]
pub struct Change {
    /// The text.
    pub body: Option<String>,
    /// Whether it may be issued from.
    pub enabled: Option<bool>,
    /// The revision that is changed; if it is another by now, nothing changes.
    pub revision: Option<i64>,
}

/// Changes a profile.
///
/// # Errors
/// A [`Problem`]; nothing has changed then.
pub async fn update(
    authority: &Authority,
    name: ProfileName,
    change: Change,
    by: &str,
) -> Result<Profile, Problem> {
    let stored = profiles::get(authority.store(), &name).await?;
    let mut profile = stored.ok_or_else(|| Problem::not_found("profile"))?;
    if change.revision.is_some_and(|seen| seen != profile.revision) {
        return Err(changed_meanwhile(&profile));
    }
    if let Some(body) = change.body {
        profile.digest = checked(&name, &body)?;
        profile.body = body;
    }
    profile.enabled = change.enabled.unwrap_or(profile.enabled);
    profile.updated_at = authority.now();
    let event = event(authority, &name, AuditAction::ProfileUpdate, by);
    let row = profile.clone();
    let write = authority.store().write(move |tx| {
        Box::pin(async move {
            let revision = profiles::update(tx, &row).await?;
            audit::append(tx, &event).await?;
            Ok(revision)
        })
    });
    profile.revision = match write.await {
        Ok(revision) => revision,
        Err(StoreError::Conflict) => return Err(changed_meanwhile(&profile)),
        Err(error) => return Err(error.into()),
    };
    authority.reload_profiles().await?;
    Ok(profile)
}

/// Deletes a profile that is not built in.
///
/// # Errors
/// A [`Problem`]; nothing has changed then.
pub async fn delete(authority: &Authority, name: ProfileName, by: &str) -> Result<(), Problem> {
    let event = event(authority, &name, AuditAction::ProfileDelete, by);
    let write = authority.store().write(move |tx| {
        Box::pin(async move {
            profiles::delete(tx, &name).await?;
            audit::append(tx, &event).await
        })
    });
    match write.await {
        Ok(()) => {}
        Err(StoreError::NotFound) => return Err(Problem::not_found("profile")),
        Err(StoreError::Conflict) => {
            return Err(Problem::new(
                Kind::Conflict,
                "profile-builtin",
                "a built-in profile is not deleted: disable it instead",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    authority.reload_profiles().await?;
    Ok(())
}

/// Reads the text for its faults; gives its digest.
fn checked(name: &ProfileName, body: &str) -> Result<[u8; 32], Problem> {
    Ok(Parsed::parse(name.clone(), body)?.digest)
}

fn taken(name: &ProfileName) -> Problem {
    let detail = format!("there is a profile `{name}` already");
    Problem::new(Kind::Conflict, "profile-exists", detail)
}

fn changed_meanwhile(profile: &Profile) -> Problem {
    let detail = format!(
        "the profile has another revision than the one given: read `{}` again",
        profile.name
    );
    Problem::new(Kind::Conflict, "revision-changed", detail)
}

fn event(
    authority: &Authority,
    name: &ProfileName,
    action: AuditAction,
    by: &str,
) -> NewAuditEvent {
    NewAuditEvent {
        at: authority.now(),
        actor: by.to_owned(),
        action,
        target: name.to_string(),
        detail: "{}".to_owned(),
        journal: None,
    }
}
