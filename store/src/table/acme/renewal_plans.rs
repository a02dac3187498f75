//! Planned renewals.

use model::{Id, RenewalPlan, UnixTime};

use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx};

const TABLE: &str = "acme_renewal_plans";

/// Inserts a plan.
///
/// # Errors
/// [`StoreError::Conflict`] if the id is taken.
pub async fn insert(tx: &mut Tx, plan: &RenewalPlan) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO acme_renewal_plans (id, issuer, profile, issued_before, start_at, end_at,
                   explanation, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(plan.id.to_string())
        .text_or_null(plan.issuer.as_ref().map(|name| name.as_str()))
        .text_or_null(plan.profile.as_ref().map(|name| name.as_str()))
        .int_or_null(plan.issued_before.map(|at| at.0))
        .int(plan.start.0)
        .int(plan.end.0)
        .text_or_null(plan.explanation.as_deref())
        .int(plan.created_at.0);
    tx.change_one(statement, StoreError::Conflict).await
}

/// Lists all plans, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(from: impl Source) -> Result<Vec<RenewalPlan>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM acme_renewal_plans ORDER BY id");
    from.read(statement).await?.iter().map(read).collect()
}

/// Deletes a plan.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such plan.
pub async fn delete(tx: &mut Tx, id: Id<RenewalPlan>) -> Result<(), StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM acme_renewal_plans WHERE id = $1");
    tx.change_one(statement.text(id.to_string()), StoreError::NotFound).await
}

fn read(row: &Row) -> Result<RenewalPlan, StoreError> {
    Ok(RenewalPlan {
        id: row.parsed("id")?,
        issuer: row.parsed_or_null("issuer")?,
        profile: row.parsed_or_null("profile")?,
        issued_before: row.int_or_null("issued_before")?.map(UnixTime),
        start: UnixTime(row.int("start_at")?),
        end: UnixTime(row.int("end_at")?),
        explanation: row.text_or_null("explanation")?,
        created_at: UnixTime(row.int("created_at")?),
    })
}
