//! Who and what the cases are about: accounts, orders in every state, external keys.

use kit::SubjectKey;
use serde_json::{Value, json};

use crate::bench::{Bench, csr, order_of, profile};
use crate::client::{Client, Key, b64};
use crate::lifecycle::{bind, certificate_id, external, row};

/// Who and what the cases are about.
pub(super) struct World {
    pub(super) bench: Bench,
    pub(super) alice: Client,
    pub(super) bob: Client,
    /// Deactivated.
    pub(super) carol: Client,
    /// Bound to an external key for `bound` and `*.team.example`.
    pub(super) dave: Client,
    /// Has no account.
    pub(super) nobody: Client,
    /// Alice's, ready, for a.corp.example.
    pub(super) ready: (String, Value),
    /// Alice's, ready, for two names.
    pub(super) double: Value,
    /// Alice's, valid.
    pub(super) valid: Value,
    pub(super) der: Vec<u8>,
    pub(super) ari: String,
    /// Alice's, replaced already.
    pub(super) replaced: String,
    /// Alice's, with an authorization that is pending.
    pub(super) pending: Value,
    /// Alice's, whose challenge failed.
    pub(super) invalid: (String, Value, Value),
    /// Alice's, over.
    pub(super) expired: (Value, Value),
    /// Alice's, given up.
    pub(super) given_up: Value,
    /// Alice's wildcard.
    pub(super) wildcard: Value,
    /// Bob's, ready.
    pub(super) bobs: (String, Value),
    pub(super) bobs_der: Vec<u8>,
    pub(super) bobs_certificate: String,
    pub(super) bobs_ari: String,
    pub(super) revoked: Vec<u8>,
    /// External keys: good, taken back, over, of another profile.
    pub(super) external: [(String, Vec<u8>); 4],
}

pub(super) fn text(value: &Value) -> String {
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
    pub(super) async fn make() -> Self {
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
