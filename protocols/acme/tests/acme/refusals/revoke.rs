//! RFC 8555 §7.6: revocation.

use serde_json::{Value, json};

use super::table::{By, FORBIDDEN, GONE, MALFORMED, MISSING, REASON, Table};
use crate::client::b64;

/// RFC 8555 §7.6: revocation.
pub(super) async fn revocations(table: &mut Table<'_>) {
    let world = table.world;
    let url = "/acme/revoke-cert";
    let of = |der: &[u8]| json!({ "certificate": b64(der) });
    let because = |reason: Value| {
        let mut payload = of(&world.der);
        payload["reason"] = reason;
        Some(payload)
    };
    table.at("revoking nothing (§7.6)", MALFORMED, url, Some(json!({}))).await;
    table.at("revoking by POST-as-GET (§7.6)", MALFORMED, url, None).await;
    table
        .at("revoking in PEM (§7.6)", MALFORMED, url, Some(json!({ "certificate": "-----BEGIN" })))
        .await;
    table.at("revoking what is no certificate", MALFORMED, url, Some(of(b"certificate"))).await;
    let mut forged = world.der.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    table.at("revoking a certificate that is not ours", MISSING, url, Some(of(&forged))).await;
    table
        .at("revoking another's certificate (§7.6)", FORBIDDEN, url, Some(of(&world.bobs_der)))
        .await;
    table
        .by(
            By::Nobody,
            "revoking by another key (§7.6)",
            FORBIDDEN,
            (url, Some(of(&world.der))),
            |_| {},
        )
        .await;
    table
        .by(
            By::Carol,
            "revoking by an account that was given up",
            GONE,
            (url, Some(of(&world.der))),
            |_| {},
        )
        .await;
    for (name, reason) in [
        ("the reason 7 (§7.6)", json!(7)),
        ("the reason removeFromCRL (§7.6)", json!(8)),
        ("the reason 11 (§7.6)", json!(11)),
        ("a negative reason (§7.6)", json!(-1)),
        ("a reason that is a text (§7.6)", json!("keyCompromise")),
    ] {
        table.at(name, REASON, url, because(reason)).await;
    }
    table.at("revoking twice (§7.6)", ("alreadyRevoked", 400), url, Some(of(&world.revoked))).await;
}
