//! Profiles: their texts and revisions.

use model::{Profile, ProfileName, UnixTime};

use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "profiles";

/// Inserts a profile.
///
/// # Errors
/// [`StoreError::Conflict`] if the name is taken.
pub async fn insert(tx: &mut Tx, profile: &Profile) -> Result<(), StoreError> {
    let sql = "INSERT INTO profiles (name, body, digest, revision, builtin, enabled, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(profile.name.as_str())
        .text(profile.body.as_str())
        .bytes(profile.digest)
        .int(profile.revision)
        .int(profile.builtin.into())
        .int(profile.enabled.into())
        .int(profile.updated_at.0);
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gets a profile by its name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(from: impl Source, name: &ProfileName) -> Result<Option<Profile>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM profiles WHERE name = $1");
    one(from, statement.text(name.as_str())).await?.as_ref().map(read).transpose()
}

/// Lists all profiles by name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(from: impl Source) -> Result<Vec<Profile>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM profiles ORDER BY name");
    from.read(statement).await?.iter().map(read).collect()
}

/// Changes body, digest, `enabled` and time of the profile if its revision still is
/// `profile.revision`, and gives the new revision, one higher.
///
/// # Errors
/// [`StoreError::Conflict`] if it is another by now, [`StoreError::NotFound`] if there is no such
/// profile.
pub async fn update(tx: &mut Tx, profile: &Profile) -> Result<i64, StoreError> {
    let sql = "UPDATE profiles
               SET body = $1, digest = $2, enabled = $3, updated_at = $4, revision = revision + 1
               WHERE name = $5 AND revision = $6";
    let statement = Statement::new(TABLE, sql)
        .text(profile.body.as_str())
        .bytes(profile.digest)
        .int(profile.enabled.into())
        .int(profile.updated_at.0)
        .text(profile.name.as_str())
        .int(profile.revision);
    if tx.execute(statement).await? > 0 {
        return Ok(profile.revision + 1);
    }
    let there = get(&mut *tx, &profile.name).await?;
    Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict))
}

/// Deletes a profile.
///
/// # Errors
/// [`StoreError::Conflict`] if it is built in, [`StoreError::NotFound`] if there is no such
/// profile.
pub async fn delete(tx: &mut Tx, name: &ProfileName) -> Result<(), StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM profiles WHERE name = $1 AND builtin = 0");
    if tx.execute(statement.text(name.as_str())).await? > 0 {
        return Ok(());
    }
    let there = get(&mut *tx, name).await?;
    Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict))
}

fn read(row: &Row) -> Result<Profile, StoreError> {
    Ok(Profile {
        name: row.parsed("name")?,
        body: row.text("body")?,
        digest: row.digest("digest")?,
        revision: row.int("revision")?,
        builtin: row.flag("builtin")?,
        enabled: row.flag("enabled")?,
        updated_at: UnixTime(row.int("updated_at")?),
    })
}
