//! Issuers and their states.

mod row;

use model::{Id, Issuer, IssuerName, IssuerState, Responder};

use crate::StoreError;
use crate::engine::Statement;
use crate::tx::{Source, Tx, one};

const TABLE: &str = "issuers";

/// Inserts an issuer.
///
/// # Errors
/// [`StoreError::Conflict`] if its id or name is taken, or its parent is unknown.
pub async fn insert(tx: &mut Tx, issuer: &Issuer) -> Result<(), StoreError> {
    let sql = "INSERT INTO issuers (id, name, subject, parent, ring, key_label, kind, is_issuing,
                   revision, created_at, state, state_at, request_kind, request, spki, certificate,
                   chain, not_after, responder_ring, responder_key_label, responder_certificate,
                   responder_not_after)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                   $18, $19, $20, $21, $22)
               ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(issuer.id.to_string())
        .text(issuer.name.as_str())
        .bytes(issuer.subject.as_bytes())
        .text_or_null(issuer.parent.map(|id| id.to_string()))
        .text(issuer.ring.as_str())
        .text(issuer.key_label.as_str())
        .text(issuer.kind.as_str())
        .int(issuer.is_issuing.into())
        .int(issuer.revision)
        .int(issuer.created_at.0);
    let statement = row::state_values(statement, &issuer.state);
    let statement = row::responder_values(statement, issuer.responder.as_ref());
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gets an issuer by its id.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(from: impl Source, id: Id<Issuer>) -> Result<Option<Issuer>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM issuers WHERE id = $1");
    one(from, statement.text(id.to_string())).await?.as_ref().map(row::read).transpose()
}

/// Gets an issuer by its name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get_by_name(
    from: impl Source,
    name: &IssuerName,
) -> Result<Option<Issuer>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM issuers WHERE name = $1");
    one(from, statement.text(name.as_str())).await?.as_ref().map(row::read).transpose()
}

/// Lists all issuers by name.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(from: impl Source) -> Result<Vec<Issuer>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM issuers ORDER BY name");
    from.read(statement).await?.iter().map(row::read).collect()
}

/// Changes an issuer's state if its revision still is `revision`, and gives the new revision.
///
/// # Errors
/// [`StoreError::Conflict`] if it is another by now, [`StoreError::NotFound`] if there is no such
/// issuer.
pub async fn update_state(
    tx: &mut Tx,
    id: Id<Issuer>,
    revision: i64,
    state: &IssuerState,
) -> Result<i64, StoreError> {
    let sql = "UPDATE issuers
               SET state = $1, state_at = $2, request_kind = $3, request = $4, spki = $5,
                   certificate = $6, chain = $7, not_after = $8, revision = revision + 1
               WHERE id = $9 AND revision = $10";
    changed(tx, row::state_values(Statement::new(TABLE, sql), state), id, revision).await
}

/// Changes an issuer's OCSP responder if its revision still is `revision`, and gives the new
/// revision.
///
/// # Errors
/// As [`update_state`].
pub async fn update_responder(
    tx: &mut Tx,
    id: Id<Issuer>,
    revision: i64,
    responder: Option<&Responder>,
) -> Result<i64, StoreError> {
    let sql = "UPDATE issuers
               SET responder_ring = $1, responder_key_label = $2, responder_certificate = $3,
                   responder_not_after = $4, revision = revision + 1
               WHERE id = $5 AND revision = $6";
    changed(tx, row::responder_values(Statement::new(TABLE, sql), responder), id, revision).await
}

async fn changed(
    tx: &mut Tx,
    statement: Statement,
    id: Id<Issuer>,
    revision: i64,
) -> Result<i64, StoreError> {
    if tx.execute(statement.text(id.to_string()).int(revision)).await? > 0 {
        return Ok(revision + 1);
    }
    let there = get(&mut *tx, id).await?;
    Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict))
}
