//! The end of an issuer in its policy: it moves along with its certificate.

use x509::UnixTime;

use super::CeremonyError;
use super::ring::{Key, Ring};

/// Changes nothing of the policy but the issuer's end: what an operator narrowed stays narrow.
pub(super) async fn move_end(
    ring: &Ring<'_>,
    key: &mut Key,
    end: UnixTime,
) -> Result<(), CeremonyError> {
    let text = ring.policy_text(key).await?;
    let moved = with_end(&text, end).ok_or_else(|| CeremonyError::Policy(key.label.to_string()))?;
    ring.set_policy(key, moved).await
}

/// Moves the end back where it was. The text says so: one that was in force before does not come
/// into force a second time (`policy-rollback`).
pub(super) async fn move_back(
    ring: &Ring<'_>,
    key: &mut Key,
    end: UnixTime,
) -> Result<(), CeremonyError> {
    let meanwhile = ring.issuer_not_after(key).await?;
    let text = ring.policy_text(key).await?;
    let moved = with_end(&text, end).ok_or_else(|| CeremonyError::Policy(key.label.to_string()))?;
    ring.set_policy(key, format!("{moved}# moved back: the end was {meanwhile}\n")).await
}

fn with_end(text: &str, end: UnixTime) -> Option<String> {
    let is_end = |line: &str| {
        let field = line.split('=').next().unwrap_or_default();
        field.trim() == "issuer_not_after"
    };
    if text.lines().filter(|line| is_end(line)).count() != 1 {
        return None;
    }
    let lines = text.lines().map(|line| {
        if is_end(line) { format!("issuer_not_after = \"{end}\"\n") } else { format!("{line}\n") }
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_moves() {
        let text = "version = 1\nissuer_not_after = \"2030-01-01T00:00:00Z\"\n# mine\n";
        let moved = with_end(text, UnixTime(0)).expect("one end");
        assert_eq!(moved, "version = 1\nissuer_not_after = \"1970-01-01T00:00:00Z\"\n# mine\n");
        assert_eq!(with_end("version = 1\n", UnixTime(0)), None);
    }
}
