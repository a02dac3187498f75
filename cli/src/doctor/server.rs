//! The server: reachable, ready, its CAs not about to end.

use serde_json::Value;
use x509::UnixTime;

use super::Check;
use crate::exit::Failure;
use crate::https::Api;
use crate::options::Global;

/// A CA that ends within this is worth a warning: its successor needs time to be trusted.
const SOON: i64 = 180 * 86_400;
/// A CA that ends within this is nearly too late.
const TOO_SOON: i64 = 30 * 86_400;

/// Speaks to the server over HTTPS.
pub async fn checks(global: &Global) -> Vec<Check> {
    let api = match Api::open(global) {
        Ok(api) => api,
        Err(failure) => return vec![unreachable(&failure)],
    };
    let mut checks = Vec::new();
    let readiness = api.readiness().await;
    checks.extend(readiness.as_ref().ok().and_then(reconciled));
    checks.extend(readiness.iter().flat_map(rings));
    match readiness {
        Ok(ready) if ready["ready"].as_bool() == Some(true) => {
            checks.push(Check::good("server", "ready"));
        }
        Ok(ready) => checks.push(Check::bad(
            "server",
            format!("not ready: {}", crate::status::not_ready(&ready)),
            "see `chancery status` and the server's log",
        )),
        Err(failure) => checks.push(unreachable(&failure)),
    }
    checks.extend(crate::audit::check(&api).await.ok().as_ref().and_then(audit));
    if let Ok(answer) = api.get("/api/v1/issuers").await {
        let now = crate::up::now().unwrap_or(UnixTime(0));
        let issuers = answer.json().unwrap_or(Value::Null);
        for issuer in issuers["items"].as_array().into_iter().flatten() {
            checks.extend(expiry(issuer, now));
        }
    }
    checks
}

fn unreachable(failure: &Failure) -> Check {
    Check::bad(
        "server",
        failure.to_string(),
        "start `chancery up`; --data, --url and --token-file must be its own",
    )
}

fn reconciled(ready: &Value) -> Option<Check> {
    let subject = "inventory";
    Some(match ready["reconciled"].as_bool()? {
        true => Check::good(subject, "agrees with the signer's journal"),
        false => Check::bad(
            subject,
            "differs from the signer's journal",
            "chancery reconcile; docs/operate/reconcile.md says what each difference means",
        ),
    })
}

/// Looks whether what was anchored of the audit log is still what it was.
fn audit(found: &Value) -> Option<Check> {
    let subject = "audit log";
    Some(match (found["intact"].as_bool()?, found["through"].as_i64()) {
        (true, Some(through)) => {
            Check::good(subject, format!("is what was anchored, up to event {through}"))
        }
        (true, None) => Check::good(subject, "nothing of it is anchored yet"),
        (false, _) => Check::bad(
            subject,
            "is not the one that the signer's journal has anchored",
            "treat the server's database as altered: docs/operate/log.md",
        ),
    })
}

/// Looks at every ring; the server may be ready although one is away.
fn rings(ready: &Value) -> Vec<Check> {
    let each = ready["rings"].as_array().into_iter().flatten().map(|ring| {
        let name = ring["name"].as_str().unwrap_or_default();
        let signer = ring["signer"].as_str().unwrap_or("away");
        let seen = format!("{name}: {signer}, {} issuing CA(s)", ring["issuing"]);
        let mend = match signer {
            "ready" => return Check::good("ring", seen),
            "locked" => "unlock it: docs/operate/unlock.md",
            _ => "start its signer: server.toml names its run directory",
        };
        Check::bad("ring", seen, mend)
    });
    each.collect()
}

fn expiry(issuer: &Value, now: UnixTime) -> Option<Check> {
    let name = issuer["name"].as_str()?;
    let not_after = UnixTime::parse_rfc3339(issuer["not_after"].as_str()?).ok()?;
    if issuer["state"].as_str() == Some("retired") {
        return None;
    }
    let left = not_after.0 - now.0;
    let ring = issuer["ring"].as_str().unwrap_or("unknown");
    let seen = format!("{name} (ring {ring}) ends {not_after} ({} days)", left / 86_400);
    let mend = format!("chancery ca renew {name}");
    Some(if left < TOO_SOON {
        Check::bad("CA expiry", seen, mend)
    } else if left < SOON {
        Check::warning("CA expiry", seen, mend)
    } else {
        Check::good("CA expiry", seen)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_audit_log_that_was_altered_is_told() {
        let verdict = |found: Value| audit(&found).map(|check| check.verdict);
        let found = |intact, through: Option<i64>| serde_json::json!({ "intact": intact, "through": through });
        assert_eq!(verdict(found(true, Some(7))), Some(Verdict::Good));
        assert_eq!(verdict(found(true, None)), Some(Verdict::Good));
        assert_eq!(verdict(found(false, Some(7))), Some(Verdict::Bad));
        assert_eq!(verdict(Value::Null), None);
    }

    #[test]
    fn a_ca_near_its_end_is_told() {
        let issuer = serde_json::json!({ "name": "issuing", "state": "active", "not_after": "2026-12-31T00:00:00Z" });
        let end = UnixTime::parse_rfc3339("2026-12-31T00:00:00Z").expect("a time");
        for (left, expected) in
            [(TOO_SOON - 1, Verdict::Bad), (SOON - 1, Verdict::Warning), (SOON, Verdict::Good)]
        {
            let check = expiry(&issuer, end.plus_seconds(-left)).expect("a check");
            assert_eq!(check.verdict, expected);
        }
    }
}
