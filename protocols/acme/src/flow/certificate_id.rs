//! Certificate identifiers of renewal information (RFC 9773 §4.1): key identifier and serial
//! number, in base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Id, IssuedCertificate, Issuer};
use store::certificates;
use x509::{Certificate, Serial};

use crate::problem::Problem;
use crate::state::AcmeState;

/// Finds the certificate of an identifier, with its issuer.
pub(crate) async fn find(
    state: &AcmeState,
    text: &str,
) -> Result<(IssuedCertificate, Issuer), Problem> {
    let malformed = || Problem::malformed("not a certificate identifier (RFC 9773 §4.1)");
    let (key, serial) = text.split_once('.').ok_or_else(malformed)?;
    let key = URL_SAFE_NO_PAD.decode(key).map_err(|_| malformed())?;
    let serial = URL_SAFE_NO_PAD.decode(serial).map_err(|_| malformed())?;
    let serial = Serial::from_integer_content(&serial).map_err(|_| malformed())?;
    for issuer in state.authority.issuers().iter() {
        if key_identifier(issuer).as_deref() != Some(&key[..]) {
            continue;
        }
        if let Some(found) = certificates::get_by_serial(state.store(), issuer.id, serial).await? {
            return Ok((found, issuer.clone()));
        }
    }
    Err(Problem::not_found("certificate"))
}

/// Writes the identifier of a certificate.
pub(crate) fn write(state: &AcmeState, certificate: &IssuedCertificate) -> Option<String> {
    let issuers = state.authority.issuers();
    let issuer = issuers.iter().find(|issuer| issuer.id == certificate.issuer)?;
    let key = key_identifier(issuer)?;
    let serial = certificate.serial.as_bytes();
    let pad = serial.first().is_some_and(|first| first & 0x80 != 0);
    let content = [if pad { &[0][..] } else { &[] }, serial].concat();
    Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode(content)))
}

/// Writes the identifier of the certificate that an order replaces.
pub(crate) async fn of_replaced(
    state: &AcmeState,
    replaced: Option<Id<IssuedCertificate>>,
) -> Result<Option<String>, Problem> {
    let Some(replaced) = replaced else {
        return Ok(None);
    };
    let certificate = certificates::get(state.store(), replaced).await?;
    Ok(certificate.and_then(|certificate| write(state, &certificate)))
}

/// Gives the key identifier that the issuer's certificates have in authorityKeyIdentifier.
fn key_identifier(issuer: &Issuer) -> Option<Vec<u8>> {
    let held = issuer.state.certificate()?;
    let own = x509::ForeignCertificate::parse(held.certificate.as_bytes()).ok()?;
    Some(own.public_key().key_identifier().to_vec())
}

/// Finds a certificate of ours by its bytes.
pub(crate) async fn find_by_der(
    state: &AcmeState,
    der: &[u8],
) -> Result<(IssuedCertificate, Certificate), Problem> {
    let parsed = Certificate::parse(der)
        .map_err(|error| Problem::malformed(format!("the certificate: {error}")))?;
    for issuer in state.authority.issuers().iter() {
        let serial = parsed.tbs().serial;
        if let Some(found) = certificates::get_by_serial(state.store(), issuer.id, serial).await?
            && found.der.as_bytes() == der
        {
            return Ok((found, parsed));
        }
    }
    Err(Problem::not_found("certificate"))
}
