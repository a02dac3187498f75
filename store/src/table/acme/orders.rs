//! Orders, each read with its authorizations in one statement.

use std::ops::Range;

use model::{
    AcmeAccount, AcmeFailure, AcmeIdentifier, AcmeOrder, AcmeOrderState, Id, IssuedCertificate,
    OrderContent, UnixTime,
};
use x509::CsrDer;

use super::{authorizations, lists};
use crate::StoreError;
use crate::engine::{Row, Statement, take_turns};
use crate::table::certificates::names;
use crate::tx::{Source, Tx, one};

const TABLE: &str = "acme_orders";

/// How many orders there may be in a time; counted are orders, whatever became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLimit {
    /// At most so many.
    pub most: u32,
    /// Made after this time.
    pub since: UnixTime,
}

/// Limits that a new order must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderLimits {
    /// Orders of the account.
    pub account: Option<OrderLimit>,
    /// Orders of anybody for the same set of names.
    pub names: Option<OrderLimit>,
}

/// Says what became of a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is there.
    Yes,
    /// The account has too many; the oldest that counts was made then.
    AccountLimit(UnixTime),
    /// There are too many for these names; the oldest that counts was made then.
    NamesLimit(UnixTime),
}

/// Inserts an order with its authorizations, unless a limit is reached. The count is exact over all
/// servers of the database: those who count for the same account take turns.
///
/// # Errors
/// [`StoreError::Conflict`] if the id is taken; [`StoreError::Malformed`] for an order that is not
/// pending.
pub async fn insert(
    tx: &mut Tx,
    order: &AcmeOrder,
    limits: &OrderLimits,
) -> Result<Inserted, StoreError> {
    if !matches!(order.state, AcmeOrderState::Pending | AcmeOrderState::Ready) {
        return Err(StoreError::Malformed("a new order is pending or ready"));
    }
    let content = &order.content;
    let names = content.name_set();
    let account = content.account.to_string();
    if let Some(limit) = limits.account {
        take_turns(&mut tx.connection(), turn(&x509::sha256(account.as_bytes()))).await?;
        let sql = "SELECT created_at FROM acme_orders WHERE account = $1 AND created_at > $2
                   ORDER BY created_at DESC LIMIT 1 OFFSET $3";
        let statement = Statement::new(TABLE, sql).text(account.as_str());
        if let Some(oldest) = reached(tx, statement, limit).await? {
            return Ok(Inserted::AccountLimit(oldest));
        }
    }
    if let Some(limit) = limits.names {
        take_turns(&mut tx.connection(), turn(&names)).await?;
        let sql = "SELECT created_at FROM acme_orders WHERE names_sha256 = $1 AND created_at > $2
                   ORDER BY created_at DESC LIMIT 1 OFFSET $3";
        let statement = Statement::new(TABLE, sql).bytes(names);
        if let Some(oldest) = reached(tx, statement, limit).await? {
            return Ok(Inserted::NamesLimit(oldest));
        }
    }
    let sql =
        "INSERT INTO acme_orders (id, account, profile, identifiers, names_sha256, not_before,
                   not_after, replaces, state, created_at, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10) ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(content.id.to_string())
        .text(account)
        .text(content.profile.as_str())
        .text(lists::join(&content.identifiers))
        .bytes(names)
        .int_or_null(content.not_before.map(|at| at.0))
        .int_or_null(content.not_after.map(|at| at.0))
        .text_or_null(content.replaces.map(|id| id.to_string()))
        .int(content.created_at.0)
        .int(content.expires_at.0);
    tx.change_one(statement, StoreError::Conflict).await?;
    authorizations::insert_all(tx, &order.authorizations).await?;
    Ok(Inserted::Yes)
}

/// A lock's number: 8 octets of a digest.
fn turn(digest: &[u8; 32]) -> i64 {
    let mut octets = [0; 8];
    octets.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(octets)
}

/// Gives the oldest order that counts if there are as many as the limit.
async fn reached(
    tx: &mut Tx,
    statement: Statement,
    limit: OrderLimit,
) -> Result<Option<UnixTime>, StoreError> {
    let offset = i64::from(limit.most.max(1)) - 1;
    let row = one(&mut *tx, statement.int(limit.since.0).int(offset)).await?;
    row.map(|row| row.int("created_at").map(UnixTime)).transpose()
}

/// Gets an order with its authorizations, as it is stored: [`AcmeOrder::at`] brings it to a time.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(from: impl Source, id: Id<AcmeOrder>) -> Result<Option<AcmeOrder>, StoreError> {
    let sql = "SELECT o.id, o.account, o.profile, o.identifiers, o.not_before, o.not_after,
                   o.replaces, o.state, o.processing_at, o.csr, o.failure, o.created_at,
                   o.expires_at, i.certificate,
                   a.order_id AS a_order_id, a.number AS a_number, a.account AS a_account,
                   a.identifier AS a_identifier, a.wildcard AS a_wildcard, a.token AS a_token,
                   a.methods AS a_methods, a.state AS a_state, a.method AS a_method,
                   a.validated_at AS a_validated_at, a.record AS a_record,
                   a.failure AS a_failure, a.expires_at AS a_expires_at
               FROM acme_orders o
               LEFT JOIN acme_issued i ON i.order_id = o.id
               JOIN acme_authorizations a ON a.order_id = o.id
               WHERE o.id = $1 ORDER BY a.number";
    let rows = from.look_up(Statement::new(TABLE, sql).text(id.to_string())).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let authorizations = rows.iter().map(authorizations::read_joined).collect::<Result<_, _>>()?;
    Ok(Some(AcmeOrder { content: content(first)?, state: state(first)?, authorizations }))
}

/// Lists the ids of an account's orders, newest first, from before `before` on.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(
    from: impl Source,
    account: Id<AcmeAccount>,
    before: Option<Id<AcmeOrder>>,
    limit: u16,
) -> Result<Vec<Id<AcmeOrder>>, StoreError> {
    // Ids sort by time, and no id begins with a tilde.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    let sql = "SELECT id FROM acme_orders WHERE account = $1 AND id < $2
               ORDER BY created_at DESC, id DESC LIMIT $3";
    let statement =
        Statement::new(TABLE, sql).text(account.to_string()).text(before).int(i64::from(limit));
    from.read(statement).await?.iter().map(|row| row.parsed("id")).collect()
}

/// Marks an order as being issued, with its CSR.
///
/// # Errors
/// [`StoreError::Conflict`] if it is no longer pending.
pub async fn begin_processing(
    tx: &mut Tx,
    id: Id<AcmeOrder>,
    csr: &CsrDer,
    since: UnixTime,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_orders SET state = 'processing', csr = $1, processing_at = $2
               WHERE id = $3 AND state = 'pending'";
    let statement =
        Statement::new(TABLE, sql).bytes(csr.as_bytes()).int(since.0).text(id.to_string());
    tx.change_one(statement, StoreError::Conflict).await
}

/// Takes over the work on an order that somebody left; the time is that of the last try.
///
/// # Errors
/// [`StoreError::Conflict`] if somebody else did.
pub async fn take_over(
    tx: &mut Tx,
    id: Id<AcmeOrder>,
    since: UnixTime,
    now: UnixTime,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_orders SET processing_at = $1
               WHERE id = $2 AND state = 'processing' AND processing_at = $3";
    let statement = Statement::new(TABLE, sql).int(now.0).text(id.to_string()).int(since.0);
    tx.change_one(statement, StoreError::Conflict).await
}

/// Marks an order as failed.
///
/// # Errors
/// [`StoreError::Conflict`] if it has failed already or has its certificate.
pub async fn fail(tx: &mut Tx, id: Id<AcmeOrder>, failure: &AcmeFailure) -> Result<(), StoreError> {
    let sql = "UPDATE acme_orders SET state = 'invalid', failure = $1
               WHERE id = $2 AND state <> 'invalid'
                 AND NOT EXISTS (SELECT 1 FROM acme_issued WHERE order_id = $2)";
    let statement = Statement::new(TABLE, sql)
        .text(authorizations::write_failure(failure))
        .text(id.to_string());
    tx.change_one(statement, StoreError::Conflict).await
}

/// Ties a certificate that is in the inventory to the order that it was issued for.
///
/// # Errors
/// [`StoreError::Conflict`] if the order has another.
pub async fn complete(
    tx: &mut Tx,
    id: Id<AcmeOrder>,
    certificate: Id<IssuedCertificate>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO acme_issued (order_id, certificate) VALUES ($1, $2)
               ON CONFLICT DO NOTHING";
    let insert = Statement::new("acme_issued", sql);
    let insert = insert.text(id.to_string()).text(certificate.to_string());
    if tx.execute(insert).await? > 0 {
        return Ok(());
    }
    let sql = "SELECT certificate FROM acme_issued WHERE order_id = $1";
    let there = one(&mut *tx, Statement::new("acme_issued", sql).text(id.to_string())).await?;
    let there: Option<Id<IssuedCertificate>> =
        there.map(|row| row.parsed("certificate")).transpose()?;
    if there == Some(certificate) { Ok(()) } else { Err(StoreError::Conflict) }
}

/// Lists orders that have been in work since a time of the span and have no certificate.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn abandoned(
    from: impl Source,
    span: Range<UnixTime>,
    limit: u16,
) -> Result<Vec<Id<AcmeOrder>>, StoreError> {
    let sql = "SELECT id FROM acme_orders
               WHERE state = 'processing' AND processing_at >= $1 AND processing_at < $2
                 AND NOT EXISTS (SELECT 1 FROM acme_issued i WHERE i.order_id = acme_orders.id)
               ORDER BY processing_at LIMIT $3";
    let statement = Statement::new(TABLE, sql);
    let statement = statement.int(span.start.0).int(span.end.0).int(i64::from(limit));
    from.read(statement).await?.iter().map(|row| row.parsed("id")).collect()
}

/// Finds a certificate that was signed for an abandoned order and came into the inventory by the
/// journal: for this key and name, not before the time, and of no other order.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn find_orphan(
    from: impl Source,
    spki_sha256: &[u8; 32],
    name: &AcmeIdentifier,
    since: UnixTime,
) -> Result<Option<Id<IssuedCertificate>>, StoreError> {
    let sql = "SELECT c.id FROM certificate_names n JOIN certificates c ON c.seq = n.certificate
               WHERE n.name_reversed = $1 AND c.spki_sha256 = $2 AND c.created_at >= $3
                 AND NOT EXISTS (SELECT 1 FROM acme_issued i WHERE i.certificate = c.id)
               ORDER BY c.seq DESC LIMIT 1";
    let statement = Statement::new(TABLE, sql)
        .text(names::search_key(&name.value()))
        .bytes(*spki_sha256)
        .int(since.0);
    one(from, statement).await?.map(|row| row.parsed("id")).transpose()
}

/// Gives the account that a certificate was issued to by ACME.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn account_of(
    from: impl Source,
    certificate: Id<IssuedCertificate>,
) -> Result<Option<Id<AcmeAccount>>, StoreError> {
    let sql = "SELECT o.account FROM acme_issued i JOIN acme_orders o ON o.id = i.order_id
               WHERE i.certificate = $1";
    let statement = Statement::new(TABLE, sql).text(certificate.to_string());
    one(from, statement).await?.map(|row| row.parsed("account")).transpose()
}

/// Tells whether an order that replaces the certificate has its own.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn is_replaced(
    from: impl Source,
    certificate: Id<IssuedCertificate>,
) -> Result<bool, StoreError> {
    let sql = "SELECT o.id FROM acme_orders o JOIN acme_issued i ON i.order_id = o.id
               WHERE o.replaces = $1 LIMIT 1";
    let statement = Statement::new(TABLE, sql).text(certificate.to_string());
    Ok(one(from, statement).await?.is_some())
}

/// Forgets at most `limit` orders that ended before the time, with their authorizations, and counts
/// them. Those that are being issued stay.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn expire(tx: &mut Tx, before: UnixTime, limit: u16) -> Result<u64, StoreError> {
    let sql = "SELECT id FROM acme_orders WHERE expires_at < $1
                 AND (state <> 'processing'
                      OR EXISTS (SELECT 1 FROM acme_issued i WHERE i.order_id = acme_orders.id))
               ORDER BY expires_at LIMIT $2";
    let statement = Statement::new(TABLE, sql).int(before.0).int(i64::from(limit));
    let rows = tx.rows(statement).await?;
    for row in &rows {
        let id = row.text("id")?;
        for sql in [
            "DELETE FROM acme_authorizations WHERE order_id = $1",
            "DELETE FROM acme_issued WHERE order_id = $1",
            "DELETE FROM acme_orders WHERE id = $1",
        ] {
            tx.execute(Statement::new(TABLE, sql).text(id.as_str())).await?;
        }
    }
    Ok(rows.len() as u64)
}

fn content(row: &Row) -> Result<OrderContent, StoreError> {
    let identifiers = row.text("identifiers")?;
    let identifiers = lists::split(&identifiers)
        .map(|text| text.parse::<AcmeIdentifier>())
        .collect::<Result<_, _>>()
        .map_err(|error| row.corrupt("identifiers", error))?;
    Ok(OrderContent {
        id: row.parsed("id")?,
        account: row.parsed("account")?,
        profile: row.parsed("profile")?,
        identifiers,
        not_before: row.int_or_null("not_before")?.map(UnixTime),
        not_after: row.int_or_null("not_after")?.map(UnixTime),
        replaces: row.parsed_or_null("replaces")?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: UnixTime(row.int("expires_at")?),
    })
}

fn state(row: &Row) -> Result<AcmeOrderState, StoreError> {
    if let Some(certificate) = row.parsed_or_null("certificate")? {
        return Ok(AcmeOrderState::Valid { certificate });
    }
    let since = row.int_or_null("processing_at")?.map(UnixTime);
    let csr = row.bytes_or_null("csr")?.map(CsrDer::from_vec);
    match (row.text("state")?.as_str(), since, csr) {
        ("pending", None, None) => Ok(AcmeOrderState::Pending),
        ("processing", Some(since), Some(csr)) => Ok(AcmeOrderState::Processing { csr, since }),
        ("invalid", _, _) => {
            let failure = authorizations::read_failure(row, "failure")?;
            Ok(AcmeOrderState::Invalid { failure })
        }
        _ => Err(row.corrupt("state", "not a state with what belongs to it")),
    }
}
