//! RFC 8555 §7.3: accounts, and their bindings to external ones.

use serde_json::{Value, json};

use super::table::{By, FORBIDDEN, GONE, MALFORMED, MISSING, REJECTED, Table, UNKNOWN};
use crate::bench::order_of;
use crate::client::b64;
use crate::lifecycle::bind;

/// RFC 8555 §7.3: accounts.
pub(super) async fn accounts(table: &mut Table<'_>) {
    let contact = |url: &str| json!({ "contact": [url] });
    table
        .by(
            By::Nobody,
            "newAccount with an empty payload (§7.3)",
            MALFORMED,
            ("/acme/new-account", None),
            |_| {},
        )
        .await;
    table
        .by(
            By::Nobody,
            "newAccount with a payload that is no JSON",
            MALFORMED,
            ("/acme/new-account", None),
            |d| d.payload = b"{".to_vec(),
        )
        .await;
    table.account("newAccount with an array", MALFORMED, json!([])).await;
    table.account("contacts that are a text", MALFORMED, json!({ "contact": "mailto:a@b" })).await;
    table.account("a telephone (§7.3)", ("unsupportedContact", 400), contact("tel:+4930123")).await;
    table
        .account(
            "mailto with header fields (§7.3)",
            ("invalidContact", 400),
            contact("mailto:a@b.example?subject=x"),
        )
        .await;
    table
        .account(
            "mailto with two addresses (§7.3)",
            ("invalidContact", 400),
            contact("mailto:a@b.example,c@b.example"),
        )
        .await;
    table.account("mailto without a host", ("invalidContact", 400), contact("mailto:a")).await;
    table
        .account("a contact that is no URL", ("invalidContact", 400), contact("a@b.example"))
        .await;
    table
        .account(
            "too many contacts",
            ("invalidContact", 400),
            json!({ "contact": vec!["mailto:a@b.example"; 11] }),
        )
        .await;
    table
        .account(
            "an existing account that is not there (§7.3.1)",
            UNKNOWN,
            json!({ "onlyReturnExisting": true }),
        )
        .await;
    table
        .account(
            "onlyReturnExisting that is a text",
            MALFORMED,
            json!({ "onlyReturnExisting": "yes" }),
        )
        .await;
    table
        .by(
            By::Nobody,
            "newAccount of a profile that is not there",
            MISSING,
            ("/acme/profile/x/new-account", Some(json!({}))),
            |_| {},
        )
        .await;
    let carol = table.world.carol.key.jwk();
    table
        .by(
            By::Carol,
            "the key of an account that was given up (§7.3.6)",
            GONE,
            ("/acme/new-account", Some(json!({}))),
            move |d| {
                d.header.as_object_mut().expect("an object").remove("kid");
                d.header["jwk"] = carol;
            },
        )
        .await;
    let alice = table.world.alice.kid.clone().expect("an account");
    let bob = table.world.bob.kid.clone().expect("an account");
    table.at("another's account (§7.3)", FORBIDDEN, &bob, None).await;
    table
        .at(
            "a change of another's account",
            FORBIDDEN,
            &bob,
            Some(json!({ "status": "deactivated" })),
        )
        .await;
    table
        .at(
            "an account that takes itself away (§7.3.6)",
            MALFORMED,
            &alice,
            Some(json!({ "status": "revoked" })),
        )
        .await;
    table
        .at(
            "an account with a status of no name",
            MALFORMED,
            &alice,
            Some(json!({ "status": "x" })),
        )
        .await;
    table
        .at(
            "an account with a bad contact (§7.3.2)",
            ("invalidContact", 400),
            &alice,
            Some(contact("mailto:a")),
        )
        .await;
    table.at("another's orders (§7.1.2.1)", FORBIDDEN, &format!("{bob}/orders"), None).await;
    table
        .at(
            "orders with a cursor of nobody's",
            MALFORMED,
            &format!("{alice}/orders?cursor=x"),
            None,
        )
        .await;
    table
        .at("orders with a payload (§6.3)", MALFORMED, &format!("{alice}/orders"), Some(json!({})))
        .await;
}

/// RFC 8555 §7.3.4: external account bindings.
pub(super) async fn bindings(table: &mut Table<'_>) {
    let world = table.world;
    let url = "/acme/profile/bound/new-account";
    let [good, taken_back, over, other] = &world.external;
    let bound = |key: &(String, Vec<u8>)| bind(&world.nobody, url, &key.0, &key.1);
    let with = |binding: Value| (url, Some(json!({ "externalAccountBinding": binding })));
    // A binding whose protected header is bent and signed again.
    let bent = |bend: &dyn Fn(&mut Value)| {
        let mut header = json!({ "alg": "HS256", "kid": good.0, "url": world.nobody.url(url) });
        bend(&mut header);
        let (protected, payload) =
            (b64(header.to_string()), b64(world.nobody.key.jwk().to_string()));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &good.1);
        let mac = aws_lc_rs::hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": b64(mac) })
    };
    let remove = |header: &mut Value, name: &str| {
        header.as_object_mut().expect("an object").remove(name);
    };
    table
        .by(
            By::Nobody,
            "no binding where one is wanted (§7.3.4)",
            ("externalAccountRequired", 403),
            (url, Some(json!({}))),
            |_| {},
        )
        .await;
    table.by(By::Nobody, "a binding that is a text", MALFORMED, with(json!("x")), |_| {}).await;
    for (name, algorithm) in
        [("a binding by a signature (§7.3.4)", "ES256"), ("a binding by nothing (§7.3.4)", "none")]
    {
        let binding = bent(&|header| header["alg"] = json!(algorithm));
        table.by(By::Nobody, name, MALFORMED, with(binding), |_| {}).await;
    }
    let binding = bent(&|header| header["nonce"] = json!("AAAA"));
    table.by(By::Nobody, "a binding with a nonce (§7.3.4)", MALFORMED, with(binding), |_| {}).await;
    let binding = bent(&|header| header["url"] = json!("http://evil.example/"));
    table
        .by(By::Nobody, "a binding for another URL (§7.3.4)", MALFORMED, with(binding), |_| {})
        .await;
    let binding = bent(&|header| remove(header, "url"));
    table
        .by(By::Nobody, "a binding without a URL (§7.3.4)", MALFORMED, with(binding), |_| {})
        .await;
    let binding = bent(&|header| remove(header, "kid"));
    table
        .by(By::Nobody, "a binding without a key's name (§7.3.4)", MALFORMED, with(binding), |_| {})
        .await;
    let binding = bent(&|header| {
        remove(header, "kid");
        header["jwk"] = json!({});
    });
    table
        .by(By::Nobody, "a binding that brings its key (§7.3.4)", MALFORMED, with(binding), |_| {})
        .await;
    let binding = bent(&|header| header["kid"] = json!("nobody"));
    table
        .by(By::Nobody, "a binding to a key that is not there", FORBIDDEN, with(binding), |_| {})
        .await;
    let wrong = bind(&world.nobody, url, &good.0, b"guess");
    table
        .by(By::Nobody, "a binding with another MAC (§7.3.4)", FORBIDDEN, with(wrong), |_| {})
        .await;
    let stolen = bind(&world.alice, url, &good.0, &good.1);
    table
        .by(
            By::Nobody,
            "a binding of another account key (§7.3.4)",
            MALFORMED,
            with(stolen),
            |_| {},
        )
        .await;
    table
        .by(By::Nobody, "a key that was taken back", FORBIDDEN, with(bound(taken_back)), |_| {})
        .await;
    table.by(By::Nobody, "a key that is over", FORBIDDEN, with(bound(over)), |_| {}).await;
    table.by(By::Nobody, "a key for another profile", FORBIDDEN, with(bound(other)), |_| {}).await;
    let order = |name: &str| Some(order_of(&[name]));
    table
        .by(
            By::Dave,
            "a name that the external key is not for",
            REJECTED,
            ("/acme/profile/bound/new-order", order("a.corp.example")),
            |_| {},
        )
        .await;
    table
        .by(
            By::Dave,
            "a profile that the external key is not for",
            FORBIDDEN,
            ("/acme/new-order", order("a.team.example")),
            |_| {},
        )
        .await;
    table
        .at(
            "an account that is not bound",
            ("externalAccountRequired", 403),
            "/acme/profile/bound/new-order",
            order("a.team.example"),
        )
        .await;
}
