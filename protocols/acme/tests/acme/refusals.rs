//! Everything that RFC 8555 and its successors forbid, case by case: each names the section, the
//! problem type and the status, and nothing may have been issued by any of them.

use std::collections::BTreeSet;

use kit::SubjectKey;
use serde_json::{Value, json};
use x509::{Extension, ExtensionValue, GeneralName, Name};

use crate::bench::{Bench, csr, order_of, profile, san};
use crate::client::{Client, Draft, Key, b64};
use crate::lifecycle::{bind, certificate_id, external, row};

/// Who and what the cases are about.
struct World {
    bench: Bench,
    alice: Client,
    bob: Client,
    /// Deactivated.
    carol: Client,
    /// Bound to an external key for `bound` and `*.team.example`.
    dave: Client,
    /// Has no account.
    nobody: Client,
    /// Alice's, ready, for a.corp.example.
    ready: (String, Value),
    /// Alice's, ready, for two names.
    double: Value,
    /// Alice's, valid.
    valid: Value,
    der: Vec<u8>,
    ari: String,
    /// Alice's, replaced already.
    replaced: String,
    /// Alice's, with an authorization that is pending.
    pending: Value,
    /// Alice's, whose challenge failed.
    invalid: (String, Value, Value),
    /// Alice's, over.
    expired: (Value, Value),
    /// Alice's, given up.
    given_up: Value,
    /// Alice's wildcard.
    wildcard: Value,
    /// Bob's, ready.
    bobs: (String, Value),
    bobs_der: Vec<u8>,
    bobs_certificate: String,
    bobs_ari: String,
    revoked: Vec<u8>,
    /// External keys: good, taken back, over, of another profile.
    external: [(String, Vec<u8>); 4],
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn finalized(bench: &Bench, client: &Client, order: &Value, names: &[&str]) -> Value {
    let csr = csr(&SubjectKey::new(), names);
    let payload = json!({ "csr": b64(csr.as_bytes()) });
    let done = client.post(&text(&order["finalize"]), payload).await.expect(200).json();
    assert_eq!(done["status"], "valid", "{done}");
    let _ = row(bench, &done).await;
    done
}

impl World {
    async fn make() -> Self {
        let bench = Bench::start().await;
        let names = "dns = [\"*.corp.example\"]\nwildcard = true";
        bench.profile("web", profile(names, "challenges = [\"http-01\"]")).await;
        bench
            .profile("short", profile("dns = [\"*\"]", "order_lifetime = \"60s\"\nreuse = \"0s\""))
            .await;
        bench.profile("bound", profile("dns = [\"*\"]", "external_account = true")).await;
        let mut external_keys = Vec::new();
        for profile in ["bound", "bound", "bound", "web"] {
            external_keys.push(external(&bench, profile, &["*.team.example"]).await);
        }
        let taken_back = external_keys[1].0.parse().expect("an id");
        bench.acme.revoke_external_key(taken_back, "tester").await.expect("taken back");
        let over = external_keys[2].0.clone();
        let sql = format!("UPDATE acme_eab_keys SET expires_at = 1 WHERE id = '{over}'");
        store::testing::tamper(&bench.store, &sql).await;

        let (alice, bob, carol) =
            (bench.client().await, bench.client().await, bench.client().await);
        let gone = json!({ "status": "deactivated" });
        carol.post(&carol.kid.clone().expect("an account"), gone.clone()).await.expect(200);
        let mut dave = Client::new(bench.address, Key::p256());
        let dave_key = external(&bench, "bound", &["*.team.example"]).await;
        let url = "/acme/profile/bound/new-account";
        let binding = bind(&dave, url, &dave_key.0, &dave_key.1);
        dave.register_at(url, json!({ "externalAccountBinding": binding })).await.expect(201);

        let (valid, _) = bench.issue(&alice, &["a.corp.example"]).await;
        let certificate = row(&bench, &valid).await;
        let (old, _) = bench.issue(&alice, &["a.corp.example"]).await;
        let old = row(&bench, &old).await;
        let replaced = certificate_id(&bench, &old);
        let mut renewal = order_of(&["a.corp.example"]);
        renewal["replaces"] = json!(replaced);
        let (_, renewal) = bench.ready(&alice, "/acme/new-order", renewal).await;
        finalized(&bench, &alice, &renewal, &["a.corp.example"]).await;
        alice
            .post("/acme/revoke-cert", json!({ "certificate": b64(old.der.as_bytes()) }))
            .await
            .expect(200);

        let ready = bench.ready(&alice, "/acme/new-order", order_of(&["a.corp.example"])).await;
        let two = order_of(&["a.corp.example", "b.corp.example"]);
        let (_, double) = bench.ready(&alice, "/acme/new-order", two).await;
        let order = |names: &[&str]| order_of(names);
        let pending = alice.post("/acme/new-order", order(&["p.corp.example"])).await.expect(201);
        let failing = alice.post("/acme/new-order", order(&["f.corp.example"])).await.expect(201);
        let failed = text(&failing.json()["authorizations"][0]);
        let challenge = alice.read(&failed).await.json()["challenges"][0].clone();
        alice.post(&text(&challenge["url"]), json!({})).await.expect(200);
        let given_up = alice.post("/acme/new-order", order(&["g.corp.example"])).await.expect(201);
        let given_up = text(&given_up.json()["authorizations"][0]);
        let given_up = alice.post(&given_up, gone).await.expect(200).json();
        let wildcard = alice.post("/acme/new-order", order(&["*.corp.example"])).await.expect(201);
        let wildcard = text(&wildcard.json()["authorizations"][0]);

        let (bobs_valid, _) = bench.issue(&bob, &["bob.example"]).await;
        let bobs_row = row(&bench, &bobs_valid).await;
        let bobs = bench.ready(&bob, "/acme/new-order", order(&["bob.example"])).await;

        let url = "/acme/profile/short/new-order";
        let (_, expired) = bench.ready(&alice, url, order(&["e.corp.example"])).await;
        let late = alice.post(url, order(&["l.corp.example"])).await.expect(201).json();
        let late = alice.read(&text(&late["authorizations"][0])).await.json();
        bench.ring.clock.pass(61);

        Self {
            ari: certificate_id(&bench, &certificate),
            bobs_ari: certificate_id(&bench, &bobs_row),
            der: certificate.der.as_bytes().to_vec(),
            bobs_der: bobs_row.der.as_bytes().to_vec(),
            revoked: old.der.as_bytes().to_vec(),
            bobs_certificate: text(&bobs_valid["certificate"]),
            nobody: Client::new(bench.address, Key::p256()),
            pending: pending.json(),
            invalid: (failing.location(), failing.json(), challenge),
            expired: (expired, late),
            wildcard: json!(wildcard),
            external: external_keys.try_into().expect("four"),
            bench,
            alice,
            bob,
            carol,
            dave,
            ready,
            double,
            valid,
            replaced,
            given_up,
            bobs,
        }
    }
}

/// What is refused, and how.
struct Case {
    name: &'static str,
    kind: &'static str,
    status: u16,
    draft: Draft,
    by: By,
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    Alice,
    Carol,
    Dave,
    Nobody,
}

/// Collects cases.
struct Table<'w> {
    world: &'w World,
    cases: Vec<Case>,
}

impl<'w> Table<'w> {
    fn who(&self, by: By) -> &'w Client {
        match by {
            By::Alice => &self.world.alice,
            By::Carol => &self.world.carol,
            By::Dave => &self.world.dave,
            By::Nobody => &self.world.nobody,
        }
    }

    async fn by(
        &mut self,
        by: By,
        name: &'static str,
        (kind, status): (&'static str, u16),
        (url, payload): (&str, Option<Value>),
        bend: impl FnOnce(&mut Draft),
    ) {
        let mut draft = self.who(by).draft(url, payload).await;
        bend(&mut draft);
        self.cases.push(Case { name, kind, status, draft, by });
    }

    /// A good order of Alice's but for what is bent.
    async fn order(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        bend: impl FnOnce(&mut Draft),
    ) {
        let order = order_of(&["a.corp.example"]);
        self.by(By::Alice, name, expected, ("/acme/new-order", Some(order)), bend).await;
    }

    /// An order of Alice's with this payload.
    async fn wants(&mut self, name: &'static str, expected: (&'static str, u16), payload: Value) {
        self.by(By::Alice, name, expected, ("/acme/new-order", Some(payload)), |_| {}).await;
    }

    /// A new account with this payload.
    async fn account(&mut self, name: &'static str, expected: (&'static str, u16), payload: Value) {
        self.by(By::Nobody, name, expected, ("/acme/new-account", Some(payload)), |_| {}).await;
    }

    /// A new account whose JWK is bent.
    async fn key(&mut self, name: &'static str, expected: (&'static str, u16), jwk: Value) {
        let url = ("/acme/new-account", Some(json!({})));
        self.by(By::Nobody, name, expected, url, |draft| draft.header["jwk"] = jwk).await;
    }

    /// A request of Alice's to a URL.
    async fn at(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        url: &str,
        payload: Option<Value>,
    ) {
        self.by(By::Alice, name, expected, (url, payload), |_| {}).await;
    }

    /// A request without a JWS.
    async fn bare(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        (method, url): (&'static str, &str),
    ) {
        let bend = |draft: &mut Draft| {
            draft.method = method;
            draft.body = Some(Vec::new());
        };
        self.by(By::Alice, name, expected, (url, None), bend).await;
    }
}

const MALFORMED: (&str, u16) = ("malformed", 400);
const MISSING: (&str, u16) = ("malformed", 404);
const MEDIA: (&str, u16) = ("malformed", 415);
const METHOD: (&str, u16) = ("malformed", 405);
const NONCE: (&str, u16) = ("badNonce", 400);
const ALGORITHM: (&str, u16) = ("badSignatureAlgorithm", 400);
const KEY: (&str, u16) = ("badPublicKey", 400);
const CSR: (&str, u16) = ("badCSR", 400);
const FORBIDDEN: (&str, u16) = ("unauthorized", 403);
const GONE: (&str, u16) = ("unauthorized", 401);
const REJECTED: (&str, u16) = ("rejectedIdentifier", 400);
const NOT_READY: (&str, u16) = ("orderNotReady", 403);
const REASON: (&str, u16) = ("badRevocationReason", 400);
const UNKNOWN: (&str, u16) = ("accountDoesNotExist", 400);

fn member(
    name: &'static str,
    change: impl Fn(&str) -> Value + Send + 'static,
) -> impl FnOnce(&mut Draft) {
    move |draft| {
        draft.finish = Box::new(move |jws| {
            let old = jws[name].as_str().unwrap_or_default().to_owned();
            jws[name] = change(&old);
        });
    }
}

fn without(name: &'static str) -> impl FnOnce(&mut Draft) {
    move |draft| {
        draft.finish = Box::new(move |jws| {
            jws.as_object_mut().expect("an object").remove(name);
        });
    }
}

fn header(name: &'static str, value: Value) -> impl FnOnce(&mut Draft) {
    move |draft| draft.header[name] = value
}

fn no_header(name: &'static str) -> impl FnOnce(&mut Draft) {
    move |draft| {
        draft.header.as_object_mut().expect("an object").remove(name);
    }
}

fn body(octets: &str) -> impl FnOnce(&mut Draft) {
    let octets = octets.as_bytes().to_vec();
    move |draft| draft.body = Some(octets)
}

/// RFC 8555 §6.1, §6.2 and RFC 7515: the form of a request.
async fn forms(table: &mut Table<'_>) {
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
async fn algorithms(table: &mut Table<'_>) {
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
async fn urls_and_nonces(table: &mut Table<'_>) {
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

/// RFC 8555 §6.2, §6.3: who signs, and how.
async fn signers(table: &mut Table<'_>) {
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
async fn keys(table: &mut Table<'_>) {
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

/// RFC 8555 §7.3: accounts.
async fn accounts(table: &mut Table<'_>) {
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
async fn bindings(table: &mut Table<'_>) {
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

/// RFC 8555 §7.3.5: key rollover.
async fn key_changes(table: &mut Table<'_>) {
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

/// RFC 8555 §7.4, RFC 8738, RFC 9773 §5: orders.
async fn orders(table: &mut Table<'_>) {
    let world = table.world;
    let one =
        |kind: &str, value: &str| json!({ "identifiers": [{ "type": kind, "value": value }] });
    let with = |name: &str, value: Value| {
        let mut order = order_of(&["a.corp.example"]);
        order[name] = value;
        order
    };
    let at = |seconds: i64| json!(world.bench.authority.now().plus_seconds(seconds).to_string());
    table.wants("no identifiers (§7.4)", MALFORMED, json!({ "identifiers": [] })).await;
    table.wants("no member identifiers (§7.4)", MALFORMED, json!({})).await;
    table
        .wants(
            "an identifier without value",
            MALFORMED,
            json!({ "identifiers": [{ "type": "dns" }] }),
        )
        .await;
    table
        .wants(
            "identifiers that are texts",
            MALFORMED,
            json!({ "identifiers": ["a.corp.example"] }),
        )
        .await;
    let many: Vec<String> = (0..101).map(|n| format!("h{n}.corp.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    table.wants("too many identifiers", MALFORMED, order_of(&many)).await;
    table
        .wants("an identifier twice", MALFORMED, order_of(&["a.corp.example", "A.corp.example"]))
        .await;
    table
        .wants(
            "a type that is not certified (§7.4)",
            ("unsupportedIdentifier", 400),
            one("email", "a@corp.example"),
        )
        .await;
    for (name, kind, value) in [
        ("a name with an empty label", "dns", "a..example"),
        ("a name with a trailing dot", "dns", "a.corp.example."),
        ("a name with a space", "dns", "a b.example"),
        ("a name with an underscore", "dns", "_a.corp.example"),
        ("a name in Unicode (§7.1.4)", "dns", "b\u{fc}cher.example"),
        ("a name that is an address (RFC 8738 §3)", "dns", "10.0.0.1"),
        ("a wildcard in the middle (§7.1.3)", "dns", "a.*.example"),
        ("two wildcards (§7.1.3)", "dns", "*.*.example"),
        ("a wildcard for all (§7.1.3)", "dns", "*"),
        ("an empty name", "dns", ""),
        ("an address that is a name (RFC 8738 §3)", "ip", "a.corp.example"),
        ("a network (RFC 8738 §3)", "ip", "10.0.0.0/8"),
        ("an address with leading zeros (RFC 8738 §3)", "ip", "10.0.0.01"),
        ("an address that is not canonical (RFC 8738 §3)", "ip", "FD00::1"),
        ("an IPv4 address in IPv6 clothes (RFC 8738 §3)", "ip", "::ffff:10.0.0.1"),
        ("an address in brackets (RFC 8738 §3)", "ip", "[fd00::1]"),
    ] {
        table.wants(name, MALFORMED, one(kind, value)).await;
    }
    let mixed = json!({ "identifiers": [{ "type": "dns", "value": "a..b" }, { "type": "x", "value": "y" }] });
    table.wants("several faults (§6.7.1)", ("compound", 400), mixed).await;
    let web = "/acme/profile/web/new-order";
    table
        .at(
            "a name that the profile does not admit (§7.4)",
            REJECTED,
            web,
            Some(order_of(&["a.other.example"])),
        )
        .await;
    table
        .at(
            "an address that the profile does not admit",
            REJECTED,
            web,
            Some(order_of(&["10.0.0.1"])),
        )
        .await;
    table
        .at(
            "a wildcard by http-01 alone (§8.3)",
            REJECTED,
            web,
            Some(order_of(&["*.corp.example"])),
        )
        .await;
    table
        .at(
            "a profile's newOrder that is not there",
            MISSING,
            "/acme/profile/x/new-order",
            Some(order_of(&["a.corp.example"])),
        )
        .await;
    table
        .wants("notBefore that is no time (§7.4)", MALFORMED, with("notBefore", json!("tomorrow")))
        .await;
    table.wants("notBefore in the future", MALFORMED, with("notBefore", at(86_400))).await;
    table.wants("notBefore far back", MALFORMED, with("notBefore", at(-86_400))).await;
    table.wants("notAfter that is over", MALFORMED, with("notAfter", at(-1))).await;
    table
        .wants("notAfter beyond the profile (§7.4)", MALFORMED, with("notAfter", at(91 * 86_400)))
        .await;
    let mut inverted = with("notBefore", at(60));
    inverted["notAfter"] = at(30);
    table.wants("notAfter before notBefore", MALFORMED, inverted).await;
    table
        .wants("a profile that is not there", ("invalidProfile", 400), with("profile", json!("x")))
        .await;
    table
        .wants(
            "a profile that ACME does not offer",
            ("invalidProfile", 400),
            with("profile", json!("tls-server")),
        )
        .await;
    table
        .wants("a profile of no name", ("invalidProfile", 400), with("profile", json!("A/B")))
        .await;
    table.wants("a profile that is a number", MALFORMED, with("profile", json!(7))).await;
    table
        .wants(
            "replaces that is no identifier (RFC 9773 §5)",
            MALFORMED,
            with("replaces", json!("x")),
        )
        .await;
    table
        .wants(
            "replaces of a certificate that is not there (RFC 9773 §5)",
            MALFORMED,
            with("replaces", json!("AAAA.AQ")),
        )
        .await;
    table
        .wants(
            "replaces of another's certificate (RFC 9773 §5)",
            FORBIDDEN,
            with("replaces", json!(world.bobs_ari)),
        )
        .await;
    table
        .wants(
            "replaces of what was replaced (RFC 9773 §5)",
            ("alreadyReplaced", 409),
            with("replaces", json!(world.replaced)),
        )
        .await;
    let mut strange = order_of(&["z.corp.example"]);
    strange["replaces"] = json!(world.ari);
    table.wants("replaces without a name in common (RFC 9773 §5)", MALFORMED, strange).await;
}

/// RFC 8555 §7.4, §7.5: what is read, and challenges.
async fn resources(table: &mut Table<'_>) {
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

/// RFC 8555 §7.4: finalize.
async fn csrs(table: &mut Table<'_>) {
    let world = table.world;
    let key = SubjectKey::new();
    let good = csr(&key, &["a.corp.example"]);
    let payload = |der: &[u8]| Some(json!({ "csr": b64(der) }));
    let ready = text(&world.ready.1["finalize"]);
    for (name, url) in [
        ("finalizing a pending order (§7.4)", text(&world.pending["finalize"])),
        ("finalizing a failed order (§7.4)", text(&world.invalid.1["finalize"])),
        ("finalizing a finished order (§7.4)", text(&world.valid["finalize"])),
        ("finalizing an order that is over (§7.4)", text(&world.expired.0["finalize"])),
    ] {
        table.at(name, NOT_READY, &url, payload(good.as_bytes())).await;
    }
    table
        .at(
            "finalizing another's order",
            MISSING,
            &text(&world.bobs.1["finalize"]),
            payload(good.as_bytes()),
        )
        .await;
    table.at("finalizing without CSR (§7.4)", MALFORMED, &ready, Some(json!({}))).await;
    table.at("finalizing by POST-as-GET", MALFORMED, &ready, None).await;
    table
        .at(
            "a CSR in PEM (§7.4)",
            MALFORMED,
            &ready,
            Some(json!({ "csr": "-----BEGIN CERTIFICATE REQUEST-----" })),
        )
        .await;
    table
        .at(
            "a padded CSR (§6.1)",
            MALFORMED,
            &ready,
            Some(json!({ "csr": format!("{}=", b64(good.as_bytes())) })),
        )
        .await;
    table.at("an empty CSR", CSR, &ready, payload(b"")).await;
    table.at("a CSR that is no DER", CSR, &ready, payload(b"CSR")).await;
    table
        .at("a CSR with more after it", CSR, &ready, payload(&[good.as_bytes(), &[0]].concat()))
        .await;
    let mut broken = good.as_bytes().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    table.at("a CSR whose signature does not verify", CSR, &ready, payload(&broken)).await;
    let of = |names: &[&str]| payload(csr(&key, names).as_bytes());
    table
        .at("a CSR with a name more (§7.4)", CSR, &ready, of(&["a.corp.example", "b.corp.example"]))
        .await;
    table
        .at(
            "a CSR with a name less (§7.4)",
            CSR,
            &text(&world.double["finalize"]),
            of(&["a.corp.example"]),
        )
        .await;
    table.at("a CSR with another name (§7.4)", CSR, &ready, of(&["b.corp.example"])).await;
    table.at("a CSR with a wildcard (§7.4)", CSR, &ready, of(&["*.corp.example"])).await;
    table
        .at("a CSR with an address more (§7.4)", CSR, &ready, of(&["a.corp.example", "10.0.0.1"]))
        .await;
    table
        .at(
            "a CSR without names (§7.4)",
            CSR,
            &ready,
            payload(key.request(&Name::empty(), vec![]).as_bytes()),
        )
        .await;
    let subject = Name::parse_rfc4514("CN=b.corp.example").expect("a name");
    let named = key.request(&subject, vec![san(&["a.corp.example"])]);
    table.at("a CSR with another common name (§7.4)", CSR, &ready, payload(named.as_bytes())).await;
    let subject = Name::parse_rfc4514("CN=A machine").expect("a name");
    let named = key.request(&subject, vec![san(&["a.corp.example"])]);
    table
        .at(
            "a CSR with a common name that is no name (§7.4)",
            CSR,
            &ready,
            payload(named.as_bytes()),
        )
        .await;
    let names = vec![
        GeneralName::Dns("a.corp.example".into()),
        GeneralName::Email("a@corp.example".into()),
    ];
    let mail = Extension { critical: false, value: ExtensionValue::SubjectAltName(names) };
    table
        .at(
            "a CSR with a mailbox (§7.4)",
            CSR,
            &ready,
            payload(key.request(&Name::empty(), vec![mail]).as_bytes()),
        )
        .await;
    let authority = Extension {
        critical: true,
        value: ExtensionValue::BasicConstraints(x509::BasicConstraints {
            ca: true,
            path_len: None,
        }),
    };
    let asked = key.request(&Name::empty(), vec![san(&["a.corp.example"]), authority]);
    table.at("a CSR that asks to be a CA", CSR, &ready, payload(asked.as_bytes())).await;
    let usage = Extension {
        critical: false,
        value: ExtensionValue::ExtendedKeyUsage(vec![x509::oids::EKU_CODE_SIGNING]),
    };
    let asked = key.request(&Name::empty(), vec![san(&["a.corp.example"]), usage]);
    table.at("a CSR that asks to sign code", CSR, &ready, payload(asked.as_bytes())).await;
}

/// RFC 8555 §7.6: revocation.
async fn revocations(table: &mut Table<'_>) {
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

#[tokio::test(flavor = "multi_thread")]
async fn everything_forbidden_is_refused_by_its_type_and_issues_nothing() {
    let world = World::make().await;
    let mut table = Table { world: &world, cases: Vec::new() };
    forms(&mut table).await;
    algorithms(&mut table).await;
    urls_and_nonces(&mut table).await;
    signers(&mut table).await;
    keys(&mut table).await;
    accounts(&mut table).await;
    bindings(&mut table).await;
    key_changes(&mut table).await;
    orders(&mut table).await;
    resources(&mut table).await;
    csrs(&mut table).await;
    revocations(&mut table).await;
    let cases = table.cases;
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases share a name");
    assert!(names.len() >= 120, "{} cases", names.len());

    let before = world.bench.issued().await;
    let mut wrong = Vec::new();
    for Case { name, kind, status, draft, by } in cases {
        let signed = draft.method == "POST";
        let client = Table { world: &world, cases: Vec::new() }.who(by);
        let reply = client.send(draft).await;
        let told = if reply.body.is_empty() { String::new() } else { reply.problem() };
        if (told.as_str(), reply.status) != (kind, status) {
            wrong.push(format!(
                "{name}: {kind} {status} expected: {} {}",
                reply.status,
                reply.text()
            ));
        }
        if reply.header("content-type") != Some("application/problem+json") {
            wrong.push(format!("{name}: no problem document"));
        }
        // RFC 8555 §6.5: also what is refused brings the next nonce.
        if signed && reply.header("replay-nonce").is_none() {
            wrong.push(format!("{name}: no nonce"));
        }
        if kind == "badSignatureAlgorithm" && !reply.json()["algorithms"].is_array() {
            wrong.push(format!("{name}: no algorithms"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(world.bench.issued().await, before, "something was issued");
    // What was refused changed nothing: the orders are as they were.
    let ready = world.alice.read(&world.ready.0).await.expect(200).json();
    assert_eq!(ready["status"], "ready");
    let bobs = world.bob.read(&world.bobs.0).await.expect(200).json();
    assert_eq!(bobs["status"], "ready");
}
