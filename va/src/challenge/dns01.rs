//! dns-01 (RFC 8555 §8.4).

use crate::Failure;
use crate::deadline::Deadline;
use crate::key_authorization::KeyAuthorization;
use crate::names::Names;

/// Looks for the digest among the TXT records at `_acme-challenge`; several applicants may have
/// theirs there at once.
pub(crate) async fn dns01(
    names: &Names,
    name: &str,
    key: &KeyAuthorization,
    deadline: Deadline,
) -> Result<(), Failure> {
    let place = format!("_acme-challenge.{name}");
    let texts = deadline.looking_up(("TXT", &place), names.texts(&place)).await?;
    // Each is compared, whichever fits.
    let fitting = texts.iter().filter(|text| key.is_digest(text)).count();
    if fitting == 0 {
        return Err(Failure::Texts { name: place, count: texts.len() });
    }
    Ok(())
}
