//! RFC 8555 §7.4, §7.5: what is read, and challenges.

use serde_json::json;

use super::table::{By, MALFORMED, MISSING, Table};
use super::world::text;

/// RFC 8555 §7.4, §7.5: what is read, and challenges.
pub(super) async fn resources(table: &mut Table<'_>) {
    let world = table.world;
    let bobs_order = world.bobs.0.clone();
    let bobs_authorization = text(&world.bobs.1["authorizations"][0]);
    let pending = text(&world.pending["authorizations"][0]);
    table.at("another's order", MISSING, &bobs_order, None).await;
    table.at("an order that is not there", MISSING, "/acme/order/0190-0", None).await;
    table.at("an order with a payload (§6.3)", MALFORMED, &world.ready.0, Some(json!({}))).await;
    table.at("another's authorization", MISSING, &bobs_authorization, None).await;
    table
        .at(
            "giving up another's authorization (§7.5.2)",
            MISSING,
            &bobs_authorization,
            Some(json!({ "status": "deactivated" })),
        )
        .await;
    table
        .at("an authorization that is not there", MISSING, &pending.replace("/0", "/7"), None)
        .await;
    let (start, _) = pending.rsplit_once('/').expect("a number");
    table.at("an authorization by another spelling", MISSING, &format!("{start}/00"), None).await;
    table
        .at(
            "an authorization made valid by its client (§7.5.2)",
            MALFORMED,
            &pending,
            Some(json!({ "status": "valid" })),
        )
        .await;
    table
        .at("an authorization changed without a status", MALFORMED, &pending, Some(json!({})))
        .await;
    let given_up = text(&world.given_up["challenges"][0]["url"]);
    let (authorization, _) = given_up
        .replace("/chall/", "/authz/")
        .rsplit_once('/')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("a URL");
    table
        .at(
            "giving up what was given up (§7.5.2)",
            MALFORMED,
            &authorization,
            Some(json!({ "status": "deactivated" })),
        )
        .await;
    let challenge =
        |url: &str, method: &str| format!("{}/{method}", url.replace("/authz/", "/chall/"));
    let go = || Some(json!({}));
    table
        .at("another's challenge", MISSING, &challenge(&bobs_authorization, "http-01"), go())
        .await;
    table.at("a challenge of no method", MISSING, &challenge(&pending, "x-01"), go()).await;
    table
        .at(
            "http-01 for a wildcard (§8.3)",
            MISSING,
            &challenge(&text(&world.wildcard), "http-01"),
            go(),
        )
        .await;
    table
        .at(
            "tls-alpn-01 for a wildcard (RFC 8737 §3)",
            MISSING,
            &challenge(&text(&world.wildcard), "tls-alpn-01"),
            go(),
        )
        .await;
    table
        .at(
            "a challenge with a payload that is no JSON object",
            MALFORMED,
            &challenge(&pending, "http-01"),
            Some(json!([])),
        )
        .await;
    table
        .at("a challenge that failed (§7.1.6)", MALFORMED, &text(&world.invalid.2["url"]), go())
        .await;
    table.at("a challenge that was given up (§7.1.6)", MALFORMED, &given_up, go()).await;
    table
        .at(
            "a challenge whose time is over (§7.1.6)",
            MALFORMED,
            &text(&world.expired.1["challenges"][0]["url"]),
            go(),
        )
        .await;
    let certificate = text(&world.valid["certificate"]);
    table.at("another's certificate", MISSING, &world.bobs_certificate, None).await;
    table.at("a certificate that is not there", MISSING, "/acme/cert/x", None).await;
    table
        .at("a chain that is not there (§7.4.2)", MISSING, &format!("{certificate}/9"), None)
        .await;
    table.at("a chain by another spelling", MISSING, &format!("{certificate}/01"), None).await;
    table.at("a certificate with a payload (§6.3)", MALFORMED, &certificate, Some(json!({}))).await;
    table
        .by(
            By::Alice,
            "a form that there is not (§7.4.2)",
            ("malformed", 406),
            (&certificate, None),
            |d| d.accept = Some("text/html"),
        )
        .await;
    for (name, expected, id) in [
        ("renewal information without a dot (RFC 9773 §4.1)", MALFORMED, "AAAA".to_owned()),
        ("renewal information in base64 (RFC 9773 §4.1)", MALFORMED, "AA+A.AQ".to_owned()),
        ("renewal information with padding (RFC 9773 §4.1)", MALFORMED, "AAAA.AQ==".to_owned()),
        (
            "renewal information by a negative serial (RFC 9773 §4.1)",
            MALFORMED,
            "AAAA.gA".to_owned(),
        ),
        ("renewal information of another CA", MISSING, "AAAA.AQ".to_owned()),
        (
            "renewal information of a serial that is not there",
            MISSING,
            format!("{}.AQ", world.ari.split('.').next().expect("a key")),
        ),
    ] {
        table.bare(name, expected, ("GET", &format!("/acme/renewal-info/{id}"))).await;
    }
}
