//! A CA that takes the place of another one: what the old key's policy admits, the new key's admits,
//! and after that the old key issues nothing more.
//!
//! Keys are never exported, so a CA whose key is to be somewhere else gets a new key.

use base64::Engine as _;
use signer_proto::{KeySpec, Purpose};
use x509::{NameDer, SignatureScheme, UnixTime};

use super::CeremonyError;
use super::operator::Operator;
use super::ring::{Key, Ring, label};
use crate::hierarchy::CaRequest;

/// The list in a policy that no leaf's key can be missing from; delegates are pinned by their keys.
const KINDS: &str = "subject_key_kinds";

/// Makes the key that a wish is for and puts the policy of the old CA's key in force for it, under
/// the new name and end. What is there already stays as it is.
///
/// It goes before the wish is executed: the first policy of a key is the one that stays.
///
/// # Errors
/// [`CeremonyError`].
pub async fn succeed(
    old: (&Operator, &str),
    new: &Operator,
    request: &CaRequest,
    not_after: UnixTime,
) -> Result<(), CeremonyError> {
    let before = known(old).await?;
    let text = Ring(old.0).policy_text(&before).await?;
    let checked = request.check()?;
    let spec: KeySpec = checked.spec;
    let name = label(request.name.as_str())?;
    let ring = Ring(new);
    let mut key = ring.ensure_key(&name, Purpose::CertAndCrl, spec).await?;
    let text = under(&text, key.scheme, checked.subject.der(), not_after)
        .ok_or_else(|| CeremonyError::Policy(before.label.to_string()))?;
    ring.first_policy(&mut key, text).await
}

/// Has the policy of a CA's key admit no leaf any more: only its OCSP responders' certificates,
/// CRLs and revocations. Operators can prove that it narrows; it comes back by widening.
///
/// # Errors
/// [`CeremonyError`].
pub async fn close(operator: &Operator, key_label: &str) -> Result<(), CeremonyError> {
    let mut key = known((operator, key_label)).await?;
    let ring = Ring(operator);
    let text = ring.policy_text(&key).await?;
    let closed = closed(&text).ok_or_else(|| CeremonyError::Policy(key.label.to_string()))?;
    ring.set_policy(&mut key, closed).await
}

/// Says whether a key is in the ring and under a policy.
///
/// # Errors
/// [`CeremonyError`].
pub async fn has_policy(operator: &Operator, key_label: &str) -> Result<bool, CeremonyError> {
    let key = Ring(operator).key(&label(key_label)?).await?;
    Ok(key.is_some_and(|key| key.policy.is_some()))
}

/// Says whether [`close`] was done.
///
/// # Errors
/// [`CeremonyError`].
pub async fn is_closed(operator: &Operator, key_label: &str) -> Result<bool, CeremonyError> {
    let key = known((operator, key_label)).await?;
    let text = Ring(operator).policy_text(&key).await?;
    let policy: toml::Table =
        toml::from_str(&text).map_err(|_| CeremonyError::Policy(key.label.to_string()))?;
    let kinds = policy.get("certificates").and_then(|section| section.get(KINDS)?.as_array());
    Ok(kinds.is_none_or(Vec::is_empty))
}

async fn known((operator, key_label): (&Operator, &str)) -> Result<Key, CeremonyError> {
    let name = label(key_label)?;
    let key = Ring(operator).key(&name).await?;
    let key = key.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    match key.policy {
        Some(_) => Ok(key),
        None => Err(CeremonyError::NoPolicy(name.to_string())),
    }
}

/// Puts another scheme, issuer and end into a policy's text; everything else stays, but that others
/// may have the key: the new one was made where it is.
fn under(
    text: &str,
    scheme: SignatureScheme,
    issuer: &NameDer,
    not_after: UnixTime,
) -> Option<String> {
    let issuer = base64::engine::general_purpose::STANDARD.encode(issuer.as_bytes());
    let text = with_field(text, "signature", &format!("\"{}\"", scheme.as_str()))?;
    let text = with_field(&text, "issuer", &format!("\"{issuer}\""))?;
    let is_kept = |line: &&str| line.split_once('=').is_none_or(|(n, _)| n.trim() != "imported");
    let text: String = text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    with_field(&text, "issuer_not_after", &format!("\"{not_after}\""))
}

/// Puts another value into the one line that sets a field.
fn with_field(text: &str, field: &str, value: &str) -> Option<String> {
    let sets = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == field);
    if text.lines().filter(sets).count() != 1 {
        return None;
    }
    let changed = text.lines().map(|line| match sets(&line) {
        true => format!("{field} = {value}\n"),
        false => format!("{line}\n"),
    });
    Some(changed.collect())
}

/// Writes a policy that certifies no kind of key. Comments are lost: the list may have had several
/// lines.
fn closed(text: &str) -> Option<String> {
    let mut policy: toml::Table = toml::from_str(text).ok()?;
    let certificates = policy.get_mut("certificates")?.as_table_mut()?;
    certificates.insert(KINDS.to_owned(), toml::Value::Array(Vec::new()));
    let text = toml::to_string(&policy).ok()?;
    Some(format!("# closed: its successor issues\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version = 1\nsignature = \"ed25519\"\nissuer = \"AA==\"\n\
         issuer_not_after = \"2030-01-01T00:00:00Z\"\n# mine\n[certificates]\n\
         subject_key_kinds = [\"p-256\",\n  \"p-384\"]\nhold = true\n";

    #[test]
    fn only_what_is_the_keys_own_changes() {
        let name = NameDer::from_vec(vec![0x30, 0]);
        let text = under(TEXT, SignatureScheme::EcdsaP256Sha256, &name, UnixTime(0));
        let expected = TEXT
            .replace("ed25519", "ecdsa-p256-sha256")
            .replace("AA==", "MAA=")
            .replace("2030-01-01", "1970-01-01");
        assert_eq!(text.as_ref(), Some(&expected));
        let imported = TEXT.replace("issuer = ", "imported = true\nissuer = ");
        assert_eq!(under(&imported, SignatureScheme::EcdsaP256Sha256, &name, UnixTime(0)), text);
        assert_eq!(under("version = 1\n", SignatureScheme::Ed25519, &name, UnixTime(0)), None);
        let twice = format!("{TEXT}issuer = \"AA==\"\n");
        assert_eq!(under(&twice, SignatureScheme::Ed25519, &name, UnixTime(0)), None);
    }

    #[test]
    fn a_closed_policy_certifies_no_key() {
        let text = closed(TEXT).expect("closed");
        let policy: toml::Table = toml::from_str(&text).expect("TOML");
        let before: toml::Table = toml::from_str(TEXT).expect("TOML");
        assert_eq!(policy["certificates"][KINDS].as_array().map(Vec::len), Some(0));
        assert_eq!(policy["certificates"]["hold"], before["certificates"]["hold"]);
        assert_eq!(policy["issuer"], before["issuer"]);
        assert_eq!(closed("version = 1\n"), None);
    }
}
