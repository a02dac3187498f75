//! Lists of certificates, page by page, each driven by one index.

use model::{CertificateState, Id, IssuedCertificate, Issuer, ProfileName, UnixTime};
use x509::Serial;

use super::cursor::{Cursor, Position};
use super::{TABLE, names, row};
use crate::StoreError;
use crate::engine::{Engine, Row, Statement, unindexed};
use crate::tx::Source;

/// Rows that a page has at most.
const PAGE: u16 = 1000;

/// Says which certificates a list has; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<CertificateState>,
    /// From this profile.
    pub profile: Option<ProfileName>,
    /// By this issuer.
    pub issuer: Option<Id<Issuer>>,
    /// With a name like this.
    pub name: Option<NameFilter>,
    /// Whose validity ends before this time.
    pub expires_before: Option<UnixTime>,
    /// Whose validity ends at this time or later.
    pub expires_after: Option<UnixTime>,
    /// With this serial number.
    pub serial: Option<Serial>,
}

/// Says which names a search finds; case counts for nothing, and so do characters more than 255
/// from a name's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameFilter {
    /// The whole name.
    Exact(String),
    /// The name's end, as in `.corp.example`.
    Suffix(String),
}

/// Is a part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The certificates.
    pub items: Vec<IssuedCertificate>,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
}

/// Is how a list is sorted, which is also what index it walks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Newest,
    Expiry,
    Name,
}

/// Lists certificates: by name if the filter asks for one, else soonest expiry first if it asks
/// for valid or expired ones or for times, else newest first.
///
/// Pages are stable: rows that come in between neither repeat nor hide others. At most 1,000
/// rows; a limit of 0 counts as 1.
///
/// # Errors
/// [`StoreError::Malformed`] for a cursor of a list in another order.
pub async fn list(
    mut from: impl Source,
    filter: &Filter,
    now: UnixTime,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, PAGE);
    let order = order(filter);
    let query = Query::new(from.engine_of(), order).filter(filter, now).after(cursor)?;
    let rows = from.read(query.statement("", limit)).await?;
    let mut items = Vec::with_capacity(rows.len());
    for found in rows.iter().take(limit.into()) {
        items.push(row::read(found)?);
    }
    let more = rows.len() > limit.into();
    let last = rows.get(usize::from(limit) - 1).filter(|_| more);
    Ok(Page { items, next: last.map(|last| mark(last, order)).transpose()? })
}

/// Gives SQLite's plan for a list, a line a step.
#[cfg(test)]
pub(crate) async fn explain(store: &crate::Store, filter: &Filter, now: UnixTime) -> Vec<String> {
    let query = Query::new(store.engine(), order(filter)).filter(filter, now);
    let rows = store.rows(query.statement("EXPLAIN QUERY PLAN ", 10)).await.expect("a plan");
    rows.iter().map(|row| row.text("detail").expect("a step")).collect()
}

fn order(filter: &Filter) -> Order {
    use CertificateState::{Expired, Valid};
    let by_time = filter.expires_before.is_some() || filter.expires_after.is_some();
    match filter.state {
        _ if filter.name.is_some() => Order::Name,
        _ if filter.serial.is_some() => Order::Newest,
        Some(Valid | Expired) => Order::Expiry,
        // The held and the revoked have small indexes of their own.
        Some(_) => Order::Newest,
        None if by_time => Order::Expiry,
        None => Order::Newest,
    }
}

fn mark(last: &Row, order: Order) -> Result<Cursor, StoreError> {
    let seq = last.int("seq")?;
    Ok(Cursor(match order {
        Order::Newest => Position::Newest { seq },
        Order::Expiry => Position::Expiry { not_after: last.int("not_after")?, seq },
        Order::Name => Position::Name { reversed: last.text("name_reversed")?, seq },
    }))
}

/// Puts a SELECT together; arguments are only ever bound.
struct Query {
    engine: Engine,
    order: Order,
    conditions: Vec<String>,
    arguments: Vec<Argument>,
}

enum Argument {
    Text(String),
    Int(i64),
    Bytes(Vec<u8>),
}

impl Query {
    fn new(engine: Engine, order: Order) -> Self {
        Self { engine, order, conditions: Vec::new(), arguments: Vec::new() }
    }

    /// Adds an argument and gives its placeholder.
    fn argument(&mut self, argument: Argument) -> String {
        self.arguments.push(argument);
        format!("${}", self.arguments.len())
    }

    fn compare(&mut self, column: &str, sign: &str, argument: Argument) {
        let placeholder = self.argument(argument);
        self.conditions.push(format!("{column} {sign} {placeholder}"));
    }

    fn filter(mut self, filter: &Filter, now: UnixTime) -> Self {
        if let Some(name) = &filter.name {
            self.name(name);
        }
        if let Some(serial) = &filter.serial {
            self.compare("c.serial", "=", Argument::Bytes(serial.as_bytes().to_vec()));
        }
        // Only where rows are walked newest first do these two indexes fit the order.
        let few = matches!(filter.state, Some(CertificateState::Held | CertificateState::Revoked));
        let driven = self.order != Order::Newest || filter.serial.is_some() || few;
        let plain = |column: &str| column.to_owned();
        let column = |query: &Self, column: &str| {
            if driven { unindexed(query.engine, column) } else { plain(column) }
        };
        if let Some(issuer) = filter.issuer {
            let column = column(&self, "c.issuer");
            self.compare(&column, "=", Argument::Text(issuer.to_string()));
        }
        if let Some(profile) = &filter.profile {
            let column = column(&self, "c.profile");
            self.compare(&column, "=", Argument::Text(profile.to_string()));
        }
        self.times(filter, now);
        self
    }

    fn times(&mut self, filter: &Filter, now: UnixTime) {
        let column = match self.order {
            Order::Expiry => "c.not_after".to_owned(),
            Order::Newest | Order::Name => unindexed(self.engine, "c.not_after"),
        };
        // The statuses are literals: a partial index is used only for a condition that is its own.
        match filter.state {
            Some(CertificateState::Valid) => {
                self.conditions.push("c.status = 0".to_owned());
                self.compare(&column, ">=", Argument::Int(now.0));
            }
            Some(CertificateState::Expired) => {
                self.conditions.push("c.status = 0".to_owned());
                self.compare(&column, "<", Argument::Int(now.0));
            }
            Some(CertificateState::Held) => self.conditions.push("c.status = 1".to_owned()),
            Some(CertificateState::Revoked) => self.conditions.push("c.status = 2".to_owned()),
            None => {}
        }
        if let Some(time) = filter.expires_before {
            self.compare(&column, "<", Argument::Int(time.0));
        }
        if let Some(time) = filter.expires_after {
            self.compare(&column, ">=", Argument::Int(time.0));
        }
    }

    fn name(&mut self, name: &NameFilter) {
        match name {
            NameFilter::Exact(name) => {
                self.compare("n.name_reversed", "=", Argument::Text(names::search_key(name)));
            }
            NameFilter::Suffix(suffix) => {
                let start = names::search_key(suffix);
                let end = format!("{start}{}", char::MAX);
                let start = self.argument(Argument::Text(start));
                let end = self.argument(Argument::Text(end));
                self.conditions
                    .push(format!("n.name_reversed >= {start} AND n.name_reversed < {end}"));
                // A certificate with several such names stands at the last of them only.
                self.conditions.push(format!(
                    "NOT EXISTS (SELECT 1 FROM certificate_names o
                         WHERE o.certificate = n.certificate
                           AND o.name_reversed > n.name_reversed AND o.name_reversed < {end})"
                ));
            }
        }
    }

    fn after(mut self, cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(Cursor(position)) = cursor else {
            return Ok(self);
        };
        match (self.order, position) {
            (Order::Newest, Position::Newest { seq }) => {
                self.compare("c.seq", "<", Argument::Int(*seq));
            }
            (Order::Expiry, Position::Expiry { not_after, seq }) => {
                let not_after = self.argument(Argument::Int(*not_after));
                let seq = self.argument(Argument::Int(*seq));
                self.conditions.push(format!("(c.not_after, c.seq) > ({not_after}, {seq})"));
            }
            (Order::Name, Position::Name { reversed, seq }) => {
                let reversed = self.argument(Argument::Text(reversed.clone()));
                let seq = self.argument(Argument::Int(*seq));
                self.conditions
                    .push(format!("(n.name_reversed, n.certificate) < ({reversed}, {seq})"));
            }
            _ => {
                return Err(StoreError::Malformed("the cursor is of a list in another order"));
            }
        }
        Ok(self)
    }

    /// Gives the statement for one row more than the limit, which tells whether there are more.
    fn statement(mut self, prefix: &str, limit: u16) -> Statement {
        let limit = self.argument(Argument::Int(i64::from(limit) + 1));
        let (tables, order) = match self.order {
            Order::Newest => ("c.* FROM certificates c", "c.seq DESC"),
            Order::Expiry => ("c.* FROM certificates c", "c.not_after, c.seq"),
            Order::Name => (
                // SQLite keeps the tables of a CROSS JOIN in this order: names drive.
                "c.*, n.name_reversed \
                 FROM certificate_names n CROSS JOIN certificates c",
                "n.name_reversed DESC, n.certificate DESC",
            ),
        };
        if self.order == Order::Name {
            self.conditions.push("c.seq = n.certificate".to_owned());
        }
        let all = if self.conditions.is_empty() { "1 = 1" } else { &self.conditions.join(" AND ") };
        let sql = format!("{prefix}SELECT {tables} WHERE {all} ORDER BY {order} LIMIT {limit}");
        self.arguments.into_iter().fold(Statement::built(TABLE, sql.into()), |statement, value| {
            match value {
                Argument::Text(text) => statement.text(text),
                Argument::Int(int) => statement.int(int),
                Argument::Bytes(bytes) => statement.bytes(bytes),
            }
        })
    }
}
