//! The CSR of an order (RFC 8555 §7.4): exactly the order's identifiers.

use std::collections::BTreeSet;

use ca::OrderRequest;
use model::{AcmeErrorKind, AcmeIdentifier, AcmeOrder};
use x509::{AttributeType, Csr, Name};

use super::account::actor;
use crate::jose::Jwk;
use crate::problem::Problem;

/// Reads a CSR.
pub(crate) fn read(der: &[u8]) -> Result<Csr, Problem> {
    Csr::parse(der).map_err(|error| bad(format!("the CSR does not read: {error}")))
}

/// Makes an order and its CSR a request to the CA.
pub(crate) fn of_order(
    order: &AcmeOrder,
    csr: Csr,
    account_key: Option<&Jwk>,
) -> Result<OrderRequest, Problem> {
    // RFC 8555 §11.1: one key, one purpose.
    if account_key.is_some_and(|key| csr.public_key().spki().as_bytes() == key.spki()) {
        return Err(bad("the CSR has the account's key".into()));
    }
    let content = &order.content;
    let wanted: BTreeSet<AcmeIdentifier> = content.identifiers.iter().cloned().collect();
    let asked = identifiers(&csr)?;
    let names = |set: Vec<&AcmeIdentifier>| {
        let values: Vec<String> = set.into_iter().map(AcmeIdentifier::value).collect();
        values.join(", ")
    };
    let more = names(asked.difference(&wanted).collect());
    let less = names(wanted.difference(&asked).collect());
    if !more.is_empty() {
        return Err(bad(format!("the CSR names what the order does not: {more}")));
    }
    if !less.is_empty() {
        return Err(bad(format!("the CSR does not name what the order does: {less}")));
    }
    Ok(OrderRequest {
        order: content.id,
        profile: content.profile.clone(),
        subject: subject(&csr)?,
        names: content.identifiers.iter().map(AcmeIdentifier::general_name).collect(),
        csr,
        between: (content.not_before, content.not_after),
        requested_by: actor(content.account),
        replaces: content.replaces,
        validations: order.records(),
    })
}

/// Collects what a CSR names: alternative names and common names.
fn identifiers(csr: &Csr) -> Result<BTreeSet<AcmeIdentifier>, Problem> {
    let mut found = BTreeSet::new();
    for name in csr.extensions().subject_alt_name().unwrap_or_default() {
        let identifier = AcmeIdentifier::of_general_name(name)
            .ok_or_else(|| bad(format!("the CSR has a name that is no identifier: {name:?}")))?;
        found.insert(identifier);
    }
    for name in csr.subject().common_names() {
        let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
        let identifier = AcmeIdentifier::new(kind, name)
            .map_err(|fault| bad(format!("the CSR's common name: {fault}")))?;
        found.insert(identifier);
    }
    Ok(found)
}

/// Keeps the common name and nothing else: what else the subject says, nobody validated.
fn subject(csr: &Csr) -> Result<Name, Problem> {
    let names = csr.subject().common_names();
    let names: Vec<(AttributeType, &str)> =
        names.into_iter().take(1).map(|name| (AttributeType::CommonName, name)).collect();
    Name::from_attributes(&names).map_err(|error| bad(format!("the CSR's common name: {error}")))
}

fn bad(why: String) -> Problem {
    Problem::new(AcmeErrorKind::BadCsr, why)
}
