//! RFC 8555 §7.3.5: key rollover.

use serde_json::{Value, json};

use super::table::{ALGORITHM, By, KEY, MALFORMED, Table};
use crate::client::{Client, Key, b64};

/// RFC 8555 §7.3.5: key rollover.
pub(super) async fn key_changes(table: &mut Table<'_>) {
    let world = table.world;
    let url = world.alice.url("/acme/key-change");
    let kid = world.alice.kid.clone().expect("an account");
    let fresh = Client::new(world.bench.address, Key::p256());
    let said = |account: &str, old: Value| json!({ "account": account, "oldKey": old }).to_string();
    let good = json!({ "alg": "ES256", "jwk": fresh.key.jwk(), "url": url });
    let old = world.alice.key.jwk();
    let inner =
        |header: &Value, payload: &str| Some(fresh.jws(&header.to_string(), payload.as_bytes()));
    let bent = |name: &str, value: Value| {
        let mut header = good.clone();
        header[name] = value;
        header
    };
    table.at("a change of key that is no JWS (§7.3.5)", MALFORMED, &url, Some(json!({}))).await;
    table.at("a change of key without payload", MALFORMED, &url, None).await;
    let mut by_account = bent("kid", json!(kid));
    by_account.as_object_mut().expect("an object").remove("jwk");
    table
        .at(
            "an inner JWS that names an account (§7.3.5)",
            MALFORMED,
            &url,
            inner(&by_account, &said(&kid, old.clone())),
        )
        .await;
    table
        .at(
            "an inner JWS with a nonce (§7.3.5)",
            MALFORMED,
            &url,
            inner(&bent("nonce", json!("AAAA")), &said(&kid, old.clone())),
        )
        .await;
    table
        .at(
            "an inner JWS for another URL (§7.3.5)",
            MALFORMED,
            &url,
            inner(&bent("url", json!(kid)), &said(&kid, old.clone())),
        )
        .await;
    table
        .at(
            "an inner JWS by nothing (§7.3.5)",
            ALGORITHM,
            &url,
            inner(&bent("alg", json!("none")), &said(&kid, old.clone())),
        )
        .await;
    table
        .at(
            "an inner JWS about another account (§7.3.5)",
            MALFORMED,
            &url,
            inner(&good, &said(&world.bob.kid.clone().expect("an account"), old.clone())),
        )
        .await;
    table
        .at(
            "an inner JWS with another old key (§7.3.5)",
            MALFORMED,
            &url,
            inner(&good, &said(&kid, world.bob.key.jwk())),
        )
        .await;
    table.at("an inner JWS that says nothing", MALFORMED, &url, inner(&good, "{}")).await;
    let forged = world.alice.jws(&good.to_string(), said(&kid, old.clone()).as_bytes());
    table.at("an inner JWS by the old key (§7.3.5)", MALFORMED, &url, Some(forged)).await;
    let taken = json!({ "alg": "ES256", "jwk": world.bob.key.jwk(), "url": url });
    let taken = world.bob.jws(&taken.to_string(), said(&kid, old.clone()).as_bytes());
    table.at("a key that has an account (§7.3.5)", ("malformed", 409), &url, Some(taken)).await;
    let weak = json!({ "kty": "RSA", "n": b64([0xc3; 128]), "e": "AQAB" });
    table
        .at("a weak new key", KEY, &url, inner(&bent("jwk", weak), &said(&kid, old.clone())))
        .await;
    let jwk = world.alice.key.jwk();
    table
        .by(
            By::Alice,
            "a change of key that brings its key (§7.3.5)",
            MALFORMED,
            (&url, inner(&good, &said(&kid, old))),
            move |d| {
                d.header.as_object_mut().expect("an object").remove("kid");
                d.header["jwk"] = jwk;
            },
        )
        .await;
}
