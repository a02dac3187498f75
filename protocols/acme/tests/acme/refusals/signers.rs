//! RFC 8555 §6.2, §6.3: who signs, with which key, by which method of HTTP.

use serde_json::json;

use super::table::{By, GONE, KEY, MALFORMED, METHOD, MISSING, Table, UNKNOWN, header, no_header};
use super::world::text;
use crate::bench::order_of;
use crate::client::b64;

/// RFC 8555 §6.2, §6.3: who signs, and how.
pub(super) async fn signers(table: &mut Table<'_>) {
    let world = table.world;
    let alice = world.alice.kid.clone().expect("an account");
    let bob = world.bob.kid.clone().expect("an account");
    table.order("neither key nor account (§6.2)", MALFORMED, no_header("kid")).await;
    table
        .order("both key and account (§6.2)", MALFORMED, header("jwk", world.alice.key.jwk()))
        .await;
    let jwk = world.alice.key.jwk();
    table
        .order("a key where an account is wanted (§6.2)", MALFORMED, move |d| {
            d.header.as_object_mut().expect("an object").remove("kid");
            d.header["jwk"] = jwk;
        })
        .await;
    let url = ("/acme/new-account", Some(json!({})));
    table.by(By::Alice, "an account where a key is wanted (§6.2)", MALFORMED, url, |_| {}).await;
    let unknown = alice.replace(&alice[alice.len() - 12..], "000000000000");
    for (name, kid) in [
        ("an account that is not there (§6.2)", unknown),
        ("an account by its id alone", alice.rsplit('/').next().expect("an id").to_owned()),
        ("an account by its path alone", alice.replace(&world.alice.base, "")),
        ("an account of another server", alice.replace(&world.alice.base, "http://evil.example")),
        ("an account with a slash more", format!("{alice}/")),
        ("an order in an account's place", world.ready.0.clone()),
    ] {
        table.order(name, UNKNOWN, header("kid", json!(kid))).await;
    }
    table.order("another's account", MALFORMED, header("kid", json!(bob))).await;
    table.order("an account that is a number", MALFORMED, header("kid", json!(7))).await;
    let order = ("/acme/new-order", Some(order_of(&["a.corp.example"])));
    table.by(By::Carol, "an account that was given up (§7.3.6)", GONE, order, |_| {}).await;
    for (name, target) in [
        ("GET of an order (§6.3)", ("GET", world.ready.0.as_str())),
        ("GET of an account (§6.3)", ("GET", alice.as_str())),
        ("GET of a certificate (§6.3)", ("GET", &text(&world.valid["certificate"]))),
        ("GET of an authorization (§6.3)", ("GET", &text(&world.pending["authorizations"][0]))),
        ("GET of newOrder (§6.3)", ("GET", "/acme/new-order")),
        ("PUT of newOrder", ("PUT", "/acme/new-order")),
        ("DELETE of an order", ("DELETE", world.ready.0.as_str())),
        ("POST of the directory", ("POST", "/acme/directory")),
        ("POST of renewal information", ("POST", "/acme/renewal-info/a.b")),
    ] {
        table.bare(name, METHOD, target).await;
    }
    table.bare("a path that is not there", MISSING, ("GET", "/acme/nothing")).await;
    table
        .bare(
            "the directory of a profile that is not there",
            MISSING,
            ("GET", "/acme/profile/x/directory"),
        )
        .await;
    table
        .bare(
            "the directory of a profile that ACME does not offer",
            MISSING,
            ("GET", "/acme/profile/tls-server/directory"),
        )
        .await;
}

/// RFC 8555 §6.2, RFC 7518 §6: keys of accounts.
pub(super) async fn keys(table: &mut Table<'_>) {
    let good = table.world.nobody.key.jwk();
    let (x, y) = (text(&good["x"]), text(&good["y"]));
    table.key("a symmetric key (§6.2)", KEY, json!({ "kty": "oct", "k": "AAAA" })).await;
    table
        .key(
            "a private key (§6.2)",
            KEY,
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "d": x }),
        )
        .await;
    table
        .key("another curve", KEY, json!({ "kty": "EC", "crv": "secp256k1", "x": x, "y": y }))
        .await;
    table
        .key(
            "coordinates of another curve",
            KEY,
            json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y }),
        )
        .await;
    table
        .key(
            "a point that is on no curve",
            MALFORMED,
            json!({ "kty": "EC", "crv": "P-256", "x": y, "y": x }),
        )
        .await;
    table
        .key(
            "a coordinate that is short (RFC 7518 §6.2.1.2)",
            KEY,
            json!({ "kty": "EC", "crv": "P-256", "x": &x[4..], "y": y }),
        )
        .await;
    table
        .key(
            "a padded coordinate (§6.1)",
            MALFORMED,
            json!({ "kty": "EC", "crv": "P-256", "x": format!("{x}="), "y": y }),
        )
        .await;
    table.key("a key without its kind", MALFORMED, json!({ "crv": "P-256", "x": x, "y": y })).await;
    table
        .key(
            "a key without a coordinate",
            MALFORMED,
            json!({ "kty": "EC", "crv": "P-256", "x": x }),
        )
        .await;
    table.key("a key that is a text", MALFORMED, json!("P-256")).await;
    table.key("X25519", KEY, json!({ "kty": "OKP", "crv": "X25519", "x": x })).await;
    table
        .key("a short Ed25519 key", KEY, json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }))
        .await;
    table
        .key("RSA of 1,024 bits", KEY, json!({ "kty": "RSA", "n": b64([0xc3; 128]), "e": "AQAB" }))
        .await;
    table
        .key(
            "RSA with a leading zero (RFC 7518 §6.3.1.1)",
            KEY,
            json!({ "kty": "RSA", "n": b64([&[0][..], &[0xc3; 256]].concat()), "e": "AQAB" }),
        )
        .await;
    table
        .key(
            "RSA of 16,384 bits",
            KEY,
            json!({ "kty": "RSA", "n": b64(vec![0xc3; 2048]), "e": "AQAB" }),
        )
        .await;
    table
        .key("RSA without an exponent", MALFORMED, json!({ "kty": "RSA", "n": b64([0xc3; 256]) }))
        .await;
}
