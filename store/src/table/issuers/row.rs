//! A row as an issuer, and back.

use model::{
    ActiveIssuer, DrainingIssuer, Issuer, IssuerCertificate, IssuerState, PendingIssuer,
    PendingRequest, Responder, RetiredIssuer, UnixTime,
};
use x509::{CertificateDer, CsrDer, NameDer, SpkiDer, TbsCertificateDer};

use crate::StoreError;
use crate::engine::{Row, Statement};

pub(super) fn read(row: &Row) -> Result<Issuer, StoreError> {
    Ok(Issuer {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        subject: NameDer::from_vec(row.bytes("subject")?),
        parent: row.parsed_or_null("parent")?,
        ring: row.parsed("ring")?,
        key_label: row.text("key_label")?,
        kind: row.parsed("kind")?,
        is_issuing: row.flag("is_issuing")?,
        state: read_state(row)?,
        responder: read_responder(row)?,
        revision: row.int("revision")?,
        created_at: UnixTime(row.int("created_at")?),
    })
}

fn read_state(row: &Row) -> Result<IssuerState, StoreError> {
    let since = || row.int("state_at").map(UnixTime);
    Ok(match row.text("state")?.as_str() {
        "pending" => IssuerState::Pending(PendingIssuer {
            request: read_request(row)?,
            spki: row.bytes_or_null("spki")?.map(SpkiDer::from_vec),
            requested_at: since()?,
        }),
        "active" => IssuerState::Active(ActiveIssuer { certificate: read_certificate(row)? }),
        "draining" => IssuerState::Draining(DrainingIssuer {
            certificate: read_certificate(row)?,
            since: since()?,
        }),
        "retired" => IssuerState::Retired(RetiredIssuer {
            certificate: read_certificate(row)?,
            at: since()?,
        }),
        _ => return Err(row.corrupt("state", "none of the known states")),
    })
}

fn read_request(row: &Row) -> Result<PendingRequest, StoreError> {
    let request = row.bytes("request")?;
    Ok(match row.text("request_kind")?.as_str() {
        "wish" => PendingRequest::Wish(
            String::from_utf8(request).map_err(|error| row.corrupt("request", error))?,
        ),
        "tbs" => PendingRequest::Tbs(TbsCertificateDer::from_vec(request)),
        "csr" => PendingRequest::Csr(CsrDer::from_vec(request)),
        _ => return Err(row.corrupt("request_kind", "none of the known kinds")),
    })
}

fn read_certificate(row: &Row) -> Result<IssuerCertificate, StoreError> {
    Ok(IssuerCertificate {
        certificate: CertificateDer::from_vec(row.bytes("certificate")?),
        chain: split_chain(&row.bytes("chain")?)
            .ok_or_else(|| row.corrupt("chain", "cut short"))?,
        not_after: UnixTime(row.int("not_after")?),
    })
}

fn read_responder(row: &Row) -> Result<Option<Responder>, StoreError> {
    let Some(key_label) = row.text_or_null("responder_key_label")? else {
        return Ok(None);
    };
    let ring = match row.parsed_or_null("responder_ring")? {
        Some(ring) => ring,
        None => row.parsed("ring")?,
    };
    Ok(Some(Responder {
        ring,
        key_label,
        certificate: CertificateDer::from_vec(row.bytes("responder_certificate")?),
        not_after: UnixTime(row.int("responder_not_after")?),
    }))
}

/// Adds the eight columns of a state.
pub(super) fn state_values(statement: Statement, state: &IssuerState) -> Statement {
    let (pending, at) = match state {
        IssuerState::Pending(pending) => (Some(pending), Some(pending.requested_at)),
        IssuerState::Active(_) => (None, None),
        IssuerState::Draining(draining) => (None, Some(draining.since)),
        IssuerState::Retired(retired) => (None, Some(retired.at)),
    };
    let request = pending.map(|pending| match &pending.request {
        PendingRequest::Wish(text) => ("wish", text.as_bytes()),
        PendingRequest::Tbs(der) => ("tbs", der.as_bytes()),
        PendingRequest::Csr(der) => ("csr", der.as_bytes()),
    });
    let spki = pending.and_then(|pending| pending.spki.as_ref());
    let certificate = state.certificate();
    statement
        .text(state.as_str())
        .int_or_null(at.map(|time| time.0))
        .text_or_null(request.map(|(kind, _)| kind))
        .bytes_or_null(request.map(|(_, octets)| octets))
        .bytes_or_null(spki.map(SpkiDer::as_bytes))
        .bytes_or_null(certificate.map(|own| own.certificate.as_bytes()))
        .bytes_or_null(certificate.map(|own| join_chain(&own.chain)))
        .int_or_null(certificate.map(|own| own.not_after.0))
}

/// Adds the four columns of a responder.
pub(super) fn responder_values(statement: Statement, responder: Option<&Responder>) -> Statement {
    statement
        .text_or_null(responder.map(|responder| responder.ring.as_str()))
        .text_or_null(responder.map(|responder| responder.key_label.as_str()))
        .bytes_or_null(responder.map(|responder| responder.certificate.as_bytes()))
        .int_or_null(responder.map(|responder| responder.not_after.0))
}

/// Writes certificates one after the other, each after its length in four octets.
fn join_chain(chain: &[CertificateDer]) -> Vec<u8> {
    let mut joined = Vec::new();
    for certificate in chain {
        let octets = certificate.as_bytes();
        let length = u32::try_from(octets.len()).expect("a certificate is far below 4 GiB");
        joined.extend_from_slice(&length.to_be_bytes());
        joined.extend_from_slice(octets);
    }
    joined
}

fn split_chain(mut joined: &[u8]) -> Option<Vec<CertificateDer>> {
    let mut chain = Vec::new();
    while let Some((length, rest)) = joined.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (octets, rest) = rest.split_at_checked(length)?;
        chain.push(CertificateDer::from_vec(octets.to_vec()));
        joined = rest;
    }
    joined.is_empty().then_some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_roundtrip_and_cuts_are_seen() {
        for chain in [vec![], vec![vec![1, 2, 3]], vec![vec![], vec![4; 300]]] {
            let chain: Vec<_> = chain.into_iter().map(CertificateDer::from_vec).collect();
            let joined = join_chain(&chain);
            assert_eq!(split_chain(&joined), Some(chain));
        }
        let joined = join_chain(&[CertificateDer::from_vec(vec![9; 5])]);
        for end in 1..joined.len() {
            assert_eq!(split_chain(&joined[..end]), None, "{end}");
        }
    }
}
