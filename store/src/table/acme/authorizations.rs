//! Authorizations.

use model::{
    AcmeAccount, AcmeAuthorization, AcmeAuthorizationState, AcmeErrorKind, AcmeFailure,
    AcmeIdentifier, AuthorizationKey, ChallengeMethods, Id, ProfileName, Proof, UnixTime,
};

use crate::StoreError;
use crate::bulk::pieces;
use crate::engine::{Row, Statement, placeholders};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "acme_authorizations";

const COLUMNS: &str = "order_id, number, account, identifier, wildcard, token, methods, state, \
                       method, validated_at, record, failure, expires_at";

/// Inserts an order's authorizations.
pub(super) async fn insert_all(
    tx: &mut Tx,
    authorizations: &[AcmeAuthorization],
) -> Result<(), StoreError> {
    let engine = tx.engine();
    for piece in pieces(authorizations) {
        let values = placeholders(engine, piece.len(), 13);
        let sql = format!("INSERT INTO {TABLE} ({COLUMNS}) VALUES {values}");
        let statement = Statement::built(TABLE, sql.into());
        tx.execute(piece.iter().fold(statement, values_of)).await?;
    }
    Ok(())
}

fn values_of(statement: Statement, authorization: &AcmeAuthorization) -> Statement {
    let columns = columns(&authorization.state);
    let statement = statement
        .text(authorization.key.order.to_string())
        .int(i64::from(authorization.key.number))
        .text(authorization.account.to_string())
        .text(authorization.identifier.to_string())
        .int(authorization.wildcard.into())
        .text(authorization.token.as_str())
        .int(authorization.methods.bits());
    with_state(statement, columns).int(authorization.expires_at.0)
}

/// What a state has in its columns.
struct Columns {
    name: &'static str,
    method: Option<&'static str>,
    validated_at: Option<i64>,
    record: Option<u64>,
    failure: Option<String>,
}

fn columns(state: &AcmeAuthorizationState) -> Columns {
    let plain = Columns {
        name: state.as_str(),
        method: None,
        validated_at: None,
        record: None,
        failure: None,
    };
    match state {
        AcmeAuthorizationState::Valid(proof) => Columns {
            method: proof.method.map(|method| method.as_str()),
            validated_at: Some(proof.at.0),
            record: proof.record,
            ..plain
        },
        AcmeAuthorizationState::Invalid { method, failure } => Columns {
            method: Some(method.as_str()),
            failure: Some(write_failure(failure)),
            ..plain
        },
        AcmeAuthorizationState::Pending
        | AcmeAuthorizationState::Deactivated
        | AcmeAuthorizationState::Revoked
        | AcmeAuthorizationState::Expired => plain,
    }
}

fn with_state(statement: Statement, columns: Columns) -> Statement {
    statement
        .text(columns.name)
        .text_or_null(columns.method)
        .int_or_null(columns.validated_at)
        .count_or_null(columns.record)
        .text_or_null(columns.failure)
}

/// Settles what is pending: as valid, until `expires_at`, or as invalid.
///
/// # Errors
/// [`StoreError::Conflict`] if it is no longer pending.
pub async fn settle(
    tx: &mut Tx,
    key: AuthorizationKey,
    state: &AcmeAuthorizationState,
    expires_at: UnixTime,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_authorizations
               SET state = $1, method = $2, validated_at = $3, record = $4, failure = $5,
                   expires_at = $6
               WHERE order_id = $7 AND number = $8 AND state = 'pending'";
    let statement = with_state(Statement::new(TABLE, sql), columns(state))
        .int(expires_at.0)
        .text(key.order.to_string())
        .int(i64::from(key.number));
    tx.change_one(statement, StoreError::Conflict).await
}

/// Deactivates an authorization, and with it all valid ones of the account for the identifier: the
/// client gives up the right, not the row (RFC 8555 §7.5.2).
///
/// # Errors
/// [`StoreError::Conflict`] if it is neither pending nor valid.
pub async fn deactivate(
    tx: &mut Tx,
    key: AuthorizationKey,
    account: Id<AcmeAccount>,
    identifier: &AcmeIdentifier,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_authorizations SET state = 'deactivated'
               WHERE order_id = $1 AND number = $2 AND state IN ('pending', 'valid')";
    let one = Statement::new(TABLE, sql).text(key.order.to_string()).int(i64::from(key.number));
    tx.change_one(one, StoreError::Conflict).await?;
    let sql = "UPDATE acme_authorizations SET state = 'deactivated'
               WHERE account = $1 AND identifier = $2 AND state = 'valid'";
    let all = Statement::new(TABLE, sql).text(account.to_string()).text(identifier.to_string());
    tx.execute(all).await.map(drop)
}

/// Takes back all that is pending or valid of an account that was deactivated.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn revoke_all(tx: &mut Tx, account: Id<AcmeAccount>) -> Result<u64, StoreError> {
    let sql = "UPDATE acme_authorizations SET state = 'revoked'
               WHERE account = $1 AND state = 'valid'";
    tx.execute(Statement::new(TABLE, sql).text(account.to_string())).await
}

/// Finds the newest proof of the account's control over an identifier that is good at `now` and
/// not older than `since`; for a wildcard only one by dns-01, or by trust.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn newest_proof(
    from: impl Source,
    account: Id<AcmeAccount>,
    identifier: &AcmeIdentifier,
    (since, now): (UnixTime, UnixTime),
) -> Result<Option<(Proof, UnixTime)>, StoreError> {
    let sql = "SELECT method, validated_at, record, expires_at FROM acme_authorizations
               WHERE account = $1 AND identifier = $2 AND state = 'valid'
                 AND validated_at >= $3 AND expires_at > $4
                 AND ($5 = 0 OR method IS NULL OR method = 'dns-01')
               ORDER BY validated_at DESC LIMIT 1";
    let statement = Statement::new(TABLE, sql)
        .text(account.to_string())
        .text(identifier.base().to_string())
        .int(since.0)
        .int(now.0)
        .int(identifier.is_wildcard().into());
    let Some(row) = one(from, statement).await? else {
        return Ok(None);
    };
    let proof = Proof {
        method: row.parsed_or_null("method")?,
        at: UnixTime(row.int("validated_at")?),
        record: row.count_or_null("record")?,
    };
    Ok(Some((proof, UnixTime(row.int("expires_at")?))))
}

/// Finds the profile of an order for which a validation was recorded, or in which the record was used
/// again: both are of one ring.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn profile_of_record(
    from: impl Source,
    account: Id<AcmeAccount>,
    identifier: &AcmeIdentifier,
    record: u64,
) -> Result<Option<ProfileName>, StoreError> {
    let sql = "SELECT o.profile AS profile FROM acme_authorizations a
               JOIN acme_orders o ON o.id = a.order_id
               WHERE a.account = $1 AND a.identifier = $2 AND a.state = 'valid' AND a.record = $3
               ORDER BY a.validated_at DESC LIMIT 1";
    let statement = Statement::new(TABLE, sql)
        .text(account.to_string())
        .text(identifier.base().to_string())
        .count_or_null(Some(record));
    let row = one(from, statement).await?;
    row.map(|row| row.parsed("profile")).transpose()
}

/// Reads the columns that begin with `a_`.
pub(super) fn read_joined(row: &Row) -> Result<AcmeAuthorization, StoreError> {
    let method = row.parsed_or_null("a_method")?;
    let state = match (row.text("a_state")?.as_str(), method) {
        ("pending", None) => AcmeAuthorizationState::Pending,
        ("valid", method) => AcmeAuthorizationState::Valid(Proof {
            method,
            at: UnixTime(row.int("a_validated_at")?),
            record: row.count_or_null("a_record")?,
        }),
        ("invalid", Some(method)) => {
            AcmeAuthorizationState::Invalid { method, failure: read_failure(row, "a_failure")? }
        }
        ("deactivated", _) => AcmeAuthorizationState::Deactivated,
        ("revoked", _) => AcmeAuthorizationState::Revoked,
        _ => return Err(row.corrupt("state", "not a state with what belongs to it")),
    };
    let number = row.int("a_number")?;
    Ok(AcmeAuthorization {
        key: AuthorizationKey {
            order: row.parsed("a_order_id")?,
            number: u16::try_from(number).map_err(|error| row.corrupt("number", error))?,
        },
        account: row.parsed("a_account")?,
        identifier: row.parsed("a_identifier")?,
        wildcard: row.flag("a_wildcard")?,
        token: row.text("a_token")?,
        methods: ChallengeMethods::from_bits(row.int("a_methods")?)
            .map_err(|error| row.corrupt("methods", error))?,
        state,
        expires_at: UnixTime(row.int("a_expires_at")?),
    })
}

/// Writes a failure: its type, a line feed, the rest.
pub(super) fn write_failure(failure: &AcmeFailure) -> String {
    let detail = failure.detail.replace('\0', " ");
    format!("{}\n{detail}", failure.kind)
}

/// Reads what [`write_failure`] wrote.
pub(super) fn read_failure(row: &Row, column: &'static str) -> Result<AcmeFailure, StoreError> {
    let text = row.text(column)?;
    let (kind, detail) = text.split_once('\n').unwrap_or((&text, ""));
    let kind: AcmeErrorKind = kind.parse().map_err(|error| row.corrupt(column, error))?;
    Ok(AcmeFailure::new(kind, detail))
}
