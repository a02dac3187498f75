//! RFC 8555 §6: the form of a request, its algorithm, its URL and its nonce.

use serde_json::{Value, json};

use super::table::{
    ALGORITHM, FORBIDDEN, MALFORMED, MEDIA, NONCE, Table, body, header, member, no_header, without,
};
use super::world::text;
use crate::bench::order_of;
use crate::client::b64;

/// RFC 8555 §6.1, §6.2 and RFC 7515: the form of a request.
pub(super) async fn forms(table: &mut Table<'_>) {
    table.order("no content type (§6.2)", MEDIA, |d| d.content_type = None).await;
    table
        .order("another content type (§6.2)", MEDIA, |d| d.content_type = Some("application/json"))
        .await;
    table.order("an empty body", MALFORMED, body("")).await;
    table.order("a body that is no JSON", MALFORMED, body("jws")).await;
    table.order("a body that is an array", MALFORMED, body("[\"e30\",\"e30\",\"AAAA\"]")).await;
    table.order("compact serialisation (§6.2)", MALFORMED, body("e30.e30.AAAA")).await;
    table
        .order(
            "general serialisation (§6.2)",
            MALFORMED,
            body("{\"payload\":\"e30\",\"signatures\":[]}"),
        )
        .await;
    table
        .order(
            "signatures beside a signature (§6.2)",
            MALFORMED,
            member("signatures", |_| json!([])),
        )
        .await;
    table.order("an unprotected header (§6.2)", MALFORMED, member("header", |_| json!({}))).await;
    table.order("no protected header", MALFORMED, without("protected")).await;
    table.order("no payload member", MALFORMED, without("payload")).await;
    table.order("no signature member", MALFORMED, without("signature")).await;
    table
        .order("a padded header (§6.1)", MALFORMED, member("protected", |s| json!(format!("{s}="))))
        .await;
    table
        .order("a padded payload (§6.1)", MALFORMED, member("payload", |s| json!(format!("{s}=="))))
        .await;
    table
        .order(
            "a padded signature (§6.1)",
            MALFORMED,
            member("signature", |s| json!(format!("{s}=="))),
        )
        .await;
    table
        .order(
            "a payload with a line break (§6.1)",
            MALFORMED,
            member("payload", |s| json!(format!("{s}\n"))),
        )
        .await;
    table
        .order(
            "the alphabet of base64 (§6.1)",
            MALFORMED,
            member("signature", |s| json!(format!("+/{}", &s[2..]))),
        )
        .await;
    table.order("left-over bits (§6.1)", MALFORMED, member("signature", |_| json!("AB"))).await;
    table.order("a signature that is a number", MALFORMED, member("signature", |_| json!(7))).await;
    table.order("an empty signature", MALFORMED, member("signature", |_| json!(""))).await;
    table.order("a short signature", MALFORMED, member("signature", |s| json!(&s[4..]))).await;
    table
        .order(
            "a signature with a bit flipped",
            MALFORMED,
            member("signature", |s| {
                let first = if s.starts_with('A') { 'B' } else { 'A' };
                json!(format!("{first}{}", &s[1..]))
            }),
        )
        .await;
    table
        .order(
            "a payload that was not signed",
            MALFORMED,
            member("payload", |_| json!(b64(order_of(&["evil.example"]).to_string()))),
        )
        .await;
    table
        .order(
            "a header that was not signed",
            MALFORMED,
            member("protected", |s| {
                use base64::Engine as _;
                let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
                let octets = engine.decode(s).expect("base64url");
                let mut header: Value = serde_json::from_slice(&octets).expect("JSON");
                header["more"] = json!(1);
                json!(b64(header.to_string()))
            }),
        )
        .await;
    table.order("a header that is no JSON", MALFORMED, |d| d.header_text = Some("{".into())).await;
    table
        .order("a header that is an array", MALFORMED, |d| d.header_text = Some("[]".into()))
        .await;
    table
        .order("critical extensions (RFC 7515 §4.1.11)", MALFORMED, header("crit", json!(["exp"])))
        .await;
    table.order("an unencoded payload (RFC 7797)", MALFORMED, header("b64", json!(false))).await;
    table
        .order("two algorithms (RFC 7515 §4)", MALFORMED, |d| {
            let text = d.header.to_string();
            d.header_text = Some(text.replacen('{', "{\"alg\":\"none\",", 1));
        })
        .await;
}

/// RFC 8555 §6.2: algorithms.
pub(super) async fn algorithms(table: &mut Table<'_>) {
    table.order("no algorithm (§6.2)", MALFORMED, no_header("alg")).await;
    table.order("the algorithm none (§6.2)", ALGORITHM, header("alg", json!("none"))).await;
    table.order("a MAC (§6.2)", ALGORITHM, header("alg", json!("HS256"))).await;
    table.order("RS512", ALGORITHM, header("alg", json!("RS512"))).await;
    table.order("PS256", ALGORITHM, header("alg", json!("PS256"))).await;
    table.order("ES256K", ALGORITHM, header("alg", json!("ES256K"))).await;
    table.order("an algorithm in lower case", ALGORITHM, header("alg", json!("es256"))).await;
    table.order("ES384 by a key of P-256", ALGORITHM, header("alg", json!("ES384"))).await;
    table.order("RS256 by a key of P-256", ALGORITHM, header("alg", json!("RS256"))).await;
    table.order("EdDSA by a key of P-256", ALGORITHM, header("alg", json!("EdDSA"))).await;
}

/// RFC 8555 §6.4, §6.5: URL and nonce.
pub(super) async fn urls_and_nonces(table: &mut Table<'_>) {
    let base = table.world.alice.base.clone();
    let host = base.trim_start_matches("http://").to_owned();
    table.order("no URL (§6.4)", MALFORMED, no_header("url")).await;
    table.order("a URL that is a number", MALFORMED, header("url", json!(7))).await;
    for (name, url) in [
        ("the URL of another endpoint (§6.4)", format!("{base}/acme/new-account")),
        (
            "the URL of another profile's endpoint (§6.4)",
            format!("{base}/acme/profile/web/new-order"),
        ),
        ("the URL of another host (§6.4)", "http://evil.example/acme/new-order".to_owned()),
        ("another scheme (§6.4)", format!("https://{host}/acme/new-order")),
        ("a query that was not sent (§6.4)", format!("{base}/acme/new-order?x=1")),
        ("a slash that was not sent (§6.4)", format!("{base}/acme/new-order/")),
        ("a path in upper case (§6.4)", format!("{base}/acme/NEW-ORDER")),
        ("a path alone (§6.4)", "/acme/new-order".to_owned()),
    ] {
        table.order(name, FORBIDDEN, header("url", json!(url))).await;
    }
    table
        .order("a Host that is not ours (§6.4)", FORBIDDEN, |d| d.host = "evil.example".into())
        .await;
    table.order("no nonce (§6.5.2)", NONCE, no_header("nonce")).await;
    table.order("an empty nonce", NONCE, header("nonce", json!(""))).await;
    table
        .order(
            "a nonce of nobody's",
            NONCE,
            header("nonce", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        )
        .await;
    table.order("a nonce that is no base64url (§6.5.2)", NONCE, header("nonce", json!("!!"))).await;
    table.order("a nonce that is a number", MALFORMED, header("nonce", json!(7))).await;
    table
        .order("a padded nonce", NONCE, |d| {
            d.header["nonce"] = json!(format!("{}=", text(&d.header["nonce"])))
        })
        .await;
    table
        .order("a nonce that was changed", NONCE, |d| {
            let nonce = text(&d.header["nonce"]);
            let last = if nonce.ends_with('A') { 'E' } else { 'A' };
            d.header["nonce"] = json!(format!("{}{last}", &nonce[..nonce.len() - 1]));
        })
        .await;
    let used = table.world.alice.draft("/acme/new-order", Some(json!({}))).await;
    let nonce = used.header["nonce"].clone();
    table.world.alice.send(used).await.expect(400);
    table.order("a nonce that was used before (§6.5)", NONCE, header("nonce", nonce)).await;
}
