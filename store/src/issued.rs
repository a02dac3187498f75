//! Recording what was issued: the hot path.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{AcmeOrder, ApiToken, Id, IssuedCertificate, NewAuditEvent, RingName, UnixTime};

use crate::StoreError;
use crate::bulk::{Insert, Texts, pieces};
use crate::engine::Statement;
use crate::table::acme::orders;
use crate::table::certificates::{self, counts, names, status};
use crate::table::{audit, idempotency};
use crate::tx::Tx;

/// Is a certificate to be recorded, with all that belongs into the same transaction.
#[derive(Debug, Clone)]
pub struct NewIssued {
    /// The certificate.
    pub certificate: IssuedCertificate,
    /// The request's idempotency key, if it had one.
    pub idempotency: Option<IdempotencyEntry>,
    /// What the audit log says of it.
    pub audit: NewAuditEvent,
    /// The ring whose journal the certificate's position counts in.
    pub ring: RingName,
    /// The ACME order that it was issued for.
    pub order: Option<Id<AcmeOrder>>,
}

/// Ties a client's key to the certificate that it was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyEntry {
    /// The token that the client came with; keys of different tokens do not meet.
    pub token: Id<ApiToken>,
    /// The client's key, at most 1,024 octets.
    pub key: String,
    /// SHA-256 of the request, so that a key used for another request is noticed.
    pub request_sha256: [u8; 32],
    /// The certificate.
    pub certificate: Id<IssuedCertificate>,
    /// The time of the request.
    pub created_at: UnixTime,
}

/// Says what recording a certificate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was not there before.
    New,
    /// It was there, perhaps under another id, and stays as it is.
    Known(Id<IssuedCertificate>),
}

pub(crate) const CERTIFICATES: Insert = Insert {
    table: "certificates",
    columns: "id, issuer, serial, profile, subject, names, not_before, not_after, spki_sha256, \
              status, status_at, reason, invalidity, ring, journal, requested_by, created_at, \
              replaces, der",
    // A row that is not given back was there: the caller then goes one by one.
    tail: "ON CONFLICT DO NOTHING RETURNING seq, id",
};

const NAMES: Insert =
    Insert { table: "certificate_names", columns: "certificate, name_reversed", tail: "" };

const AUDIT: Insert = Insert {
    table: "audit_events",
    columns: "at, actor, action, target, detail, journal",
    tail: "",
};

const IDEMPOTENCY: Insert = Insert {
    table: "idempotency",
    columns: "token, key, request_sha256, certificate, created_at",
    tail: "",
};

const ORDERS: Insert = Insert {
    table: "acme_issued",
    columns: "order_id, certificate",
    // An order has one certificate: a second one, after a crash, stays without an order.
    tail: "ON CONFLICT DO NOTHING",
};

pub(crate) const COUNTS: Insert = Insert {
    table: "certificate_counts",
    columns: "issuer, expiry_hour, status, total",
    tail: counts::ADD,
};

/// Records a group that has nothing in common with what is stored.
///
/// # Errors
/// [`StoreError::Conflict`] if one of them was there, and part of them may have been written then.
pub(crate) async fn record_group(
    tx: &mut Tx,
    texts: &mut Texts,
    group: &[NewIssued],
) -> Result<(), StoreError> {
    let mut searched = Vec::with_capacity(group.len() * 2);
    for piece in pieces(group) {
        let statement = texts.statement(&CERTIFICATES, piece.len());
        let rows = tx.rows(piece.iter().fold(statement, certificate_values)).await?;
        if rows.len() != piece.len() {
            return Err(StoreError::Conflict);
        }
        let mut seqs = HashMap::with_capacity(rows.len());
        for row in rows {
            seqs.insert(row.text("id")?, row.int("seq")?);
        }
        for issued in piece {
            let seq = *seqs.get(&issued.certificate.id.to_string()).ok_or(StoreError::Conflict)?;
            let keys: BTreeSet<String> =
                issued.certificate.names.iter().map(|name| names::search_key(name)).collect();
            searched.extend(keys.into_iter().map(|key| (seq, key)));
        }
    }
    for piece in pieces(&searched) {
        let statement = texts.statement(&NAMES, piece.len());
        let values = |statement: Statement, (seq, key): &(i64, String)| {
            statement.int(*seq).text(key.as_str())
        };
        tx.execute(piece.iter().fold(statement, values)).await?;
    }
    record_companions(tx, texts, group).await
}

/// Records what belongs to new certificates in other tables.
async fn record_companions(
    tx: &mut Tx,
    texts: &mut Texts,
    group: &[NewIssued],
) -> Result<(), StoreError> {
    for piece in pieces(group) {
        let statement = texts.statement(&AUDIT, piece.len());
        let values = |statement, issued: &NewIssued| audit::values(statement, &issued.audit);
        tx.execute(piece.iter().fold(statement, values)).await?;
    }
    let keyed: Vec<&IdempotencyEntry> =
        group.iter().filter_map(|issued| issued.idempotency.as_ref()).collect();
    for piece in pieces(&keyed) {
        let statement = texts.statement(&IDEMPOTENCY, piece.len());
        let values = |statement, entry: &&IdempotencyEntry| idempotency::values(statement, entry);
        tx.execute(piece.iter().fold(statement, values)).await?;
    }
    let ordered: Vec<_> =
        group.iter().filter_map(|one| one.order.map(|order| (order, one.certificate.id))).collect();
    for piece in pieces(&ordered) {
        let statement = texts.statement(&ORDERS, piece.len());
        let values = |statement: Statement,
                      (order, id): &(Id<AcmeOrder>, Id<IssuedCertificate>)| {
            statement.text(order.to_string()).text(id.to_string())
        };
        tx.execute(piece.iter().fold(statement, values)).await?;
    }
    // In one order everywhere, so that two servers never wait for each other.
    let mut totals = BTreeMap::<_, i64>::new();
    for NewIssued { certificate, .. } in group {
        *totals.entry(counts::bucket(certificate)).or_default() += 1;
    }
    let totals: Vec<_> = totals.into_iter().collect();
    for piece in pieces(&totals) {
        let statement = texts.statement(&COUNTS, piece.len());
        tx.execute(piece.iter().fold(statement, counts::values)).await?;
    }
    Ok(())
}

/// Records one certificate that may be there already.
pub(crate) async fn record_one(
    tx: &mut Tx,
    texts: &mut Texts,
    issued: &NewIssued,
) -> Result<Recorded, StoreError> {
    let NewIssued { certificate, idempotency, .. } = issued;
    let there =
        certificates::get_by_serial(&mut *tx, certificate.issuer, certificate.serial).await?;
    let Some(there) = there else {
        record_group(tx, texts, std::slice::from_ref(issued)).await?;
        return Ok(Recorded::New);
    };
    // The signer replays the stored signature for the same bytes, so equal bytes are all it takes.
    if there.der != certificate.der {
        return Err(StoreError::Conflict);
    }
    if let Some(entry) = idempotency {
        let entry = IdempotencyEntry { certificate: there.id, ..entry.clone() };
        idempotency::insert_same(tx, &entry).await?;
    }
    if let Some(order) = issued.order {
        orders::complete(tx, order, there.id).await?;
    }
    Ok(Recorded::Known(there.id))
}

fn certificate_values(statement: Statement, issued: &NewIssued) -> Statement {
    certificate_row(statement, &issued.certificate, &issued.ring)
}

pub(crate) fn certificate_row(
    statement: Statement,
    certificate: &IssuedCertificate,
    ring: &RingName,
) -> Statement {
    let status = status::columns(&certificate.status);
    statement
        .text(certificate.id.to_string())
        .text(certificate.issuer.to_string())
        .bytes(certificate.serial.as_bytes())
        .text(certificate.profile.as_str())
        .text(certificate.subject.as_str())
        .text(names::join(&certificate.names))
        .int(certificate.not_before.0)
        .int(certificate.not_after.0)
        .bytes(certificate.spki_sha256)
        .int(status.code)
        .int_or_null(status.at)
        .int_or_null(status.reason)
        .int_or_null(status.invalidity)
        .text(ring.as_str())
        .count(certificate.journal.0)
        .text(certificate.requested_by.as_str())
        .int(certificate.created_at.0)
        .text_or_null(certificate.replaces.map(|id| id.to_string()))
        .bytes(certificate.der.as_bytes())
}
