//! Certificates by ACME: every kind of account key, names, addresses, wildcards, profiles, chains.

use kit::SubjectKey;
use serde_json::json;
use x509::{Certificate, Name, pem};

use crate::bench::{Bench, csr, order_of, profile};
use crate::client::{Client, Key, b64};

fn certificates(chain: &str) -> Vec<Certificate> {
    let blocks = pem::decode(chain).expect("PEM");
    blocks.iter().map(|(_, der)| Certificate::parse(der).expect("a certificate")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_for_what_was_validated() {
    let bench = Bench::start().await;
    for key in Key::every() {
        let mut client = Client::new(bench.address, key);
        client.register().await.expect(201);
        // The same key has the same account.
        client.kid = None;
        let kid = client.register().await.expect(200).location();
        client.kid = Some(kid);
        let (order, chain) = bench.issue(&client, &["www.corp.example", "10.0.0.7"]).await;
        assert_eq!(
            order["identifiers"],
            order_of(&["www.corp.example", "10.0.0.7"])["identifiers"]
        );
        let chain = certificates(&chain);
        assert_eq!(chain.len(), 2);
        chain[0].verify_by(&chain[1].tbs().public_key).expect("it verifies");
        let names = chain[0].tbs().extensions.subject_alt_name().expect("names");
        assert_eq!(names.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_is_validated_by_dns_01_alone() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let order = client.post("/acme/new-order", order_of(&["*.corp.example"])).await.expect(201);
    let url = order.json()["authorizations"][0].as_str().expect("a URL").to_owned();
    let authorization = client.read(&url).await.expect(200).json();
    assert_eq!(authorization["wildcard"], true);
    assert_eq!(authorization["identifier"], json!({ "type": "dns", "value": "corp.example" }));
    assert_eq!(authorization["challenges"].as_array().map(Vec::len), Some(1));
    assert_eq!(authorization["challenges"][0]["type"], "dns-01");
    let (_, chain) = bench.issue(&client, &["*.corp.example"]).await;
    let names = certificates(&chain)[0].tbs().extensions.subject_alt_name().map(<[_]>::to_vec);
    assert_eq!(names, Some(vec![x509::GeneralName::Dns("*.corp.example".into())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_is_not_met_ends_order_and_authorization() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    let url = order.json()["authorizations"][0].as_str().expect("a URL").to_owned();
    let challenge = client.read(&url).await.json()["challenges"][0].clone();
    let reply = client.post(challenge["url"].as_str().expect("a URL"), json!({})).await.expect(200);
    let body = reply.json();
    assert_eq!(
        (body["status"].as_str(), body["error"]["type"].as_str()),
        (Some("invalid"), Some("urn:ietf:params:acme:error:unauthorized"))
    );
    assert_eq!(reply.links("up"), [url.as_str()]);
    assert_eq!(client.read(&url).await.json()["status"], "invalid");
    let order = client.read(&order.location()).await.json();
    assert_eq!(order["status"], "invalid");
    assert_eq!(order["error"]["type"], "urn:ietf:params:acme:error:unauthorized");
    assert_eq!(bench.issued().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_validated_is_good_for_the_next_order_until_it_is_given_up() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    bench.issue(&client, &["a.corp.example"]).await;
    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    assert_eq!(order.json()["status"], "ready");
    // A wildcard is another thing, and so is another account.
    let order = client.post("/acme/new-order", order_of(&["*.a.corp.example"])).await.expect(201);
    assert_eq!(order.json()["status"], "pending");
    let other = bench.client().await;
    let order = other.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    assert_eq!(order.json()["status"], "pending");

    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    let url = order.json()["authorizations"][0].as_str().expect("a URL").to_owned();
    let gone = client.post(&url, json!({ "status": "deactivated" })).await.expect(200);
    assert_eq!(gone.json()["status"], "deactivated");
    assert_eq!(client.read(&order.location()).await.json()["status"], "invalid");
    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    assert_eq!(order.json()["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_link_to_each_other_and_come_in_two_forms() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (order, chain) = bench.issue(&client, &["a.corp.example"]).await;
    let url = order["certificate"].as_str().expect("a URL").to_owned();
    let reply = client.read(&url).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/pem-certificate-chain"));
    let others = reply.links("alternate");
    assert_eq!(others.len(), 1);
    assert_eq!(reply.links("up"), [] as [&str; 0]);
    assert!(reply.links("index")[0].ends_with("/acme/directory"));
    let with_root = client.read(&others[0]).await.expect(200);
    assert_eq!(with_root.links("alternate"), [url.as_str()]);
    let long = certificates(&with_root.text());
    assert_eq!(long.len(), certificates(&chain).len() + 1);
    let root = long.last().expect("a root");
    root.verify_by(&root.tbs().public_key).expect("it signed itself");
    let mut draft = client.draft(&url, None).await;
    draft.accept = Some("application/pkix-cert");
    let der = client.send(draft).await.expect(200);
    assert_eq!(der.header("content-type"), Some("application/pkix-cert"));
    assert_eq!(der.body, long[0].der().as_bytes());
    assert_eq!(der.links("up").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_common_name_counts_as_a_name_and_the_rest_of_the_subject_is_left_out() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (_, order) = bench.ready(&client, "/acme/new-order", order_of(&["a.corp.example"])).await;
    let subject = Name::parse_rfc4514("CN=a.corp.example,O=Somebody").expect("a name");
    let csr = SubjectKey::new().request(&subject, vec![]);
    let finalize = order["finalize"].as_str().expect("a URL");
    let done =
        client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await.expect(200).json();
    let chain = client.read(done["certificate"].as_str().expect("a URL")).await.expect(200).text();
    let issued = &certificates(&chain)[0];
    assert_eq!(issued.tbs().subject.to_string(), "CN=a.corp.example");
    assert_eq!(issued.tbs().extensions.subject_alt_name().map(<[_]>::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_exactly_those_that_were_asked_for() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let now = bench.authority.now();
    let (start, end) = (now.plus_seconds(-60), now.plus_seconds(86_400));
    let mut wanted = order_of(&["a.corp.example"]);
    wanted["notBefore"] = json!(start.to_string());
    wanted["notAfter"] = json!(end.to_string());
    let (_, order) = bench.ready(&client, "/acme/new-order", wanted).await;
    assert_eq!(order["notAfter"], end.to_string());
    let csr = csr(&SubjectKey::new(), &["a.corp.example"]);
    let finalize = order["finalize"].as_str().expect("a URL");
    let done =
        client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await.expect(200).json();
    let chain = client.read(done["certificate"].as_str().expect("a URL")).await.text();
    let tbs = certificates(&chain)[0].tbs().clone();
    assert_eq!((tbs.not_before, tbs.not_after), (start, end));
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_listed_and_chosen_by_path_or_by_order() {
    let bench = Bench::start().await;
    let body = profile("dns = [\"*.corp.example\"]", "challenges = [\"http-01\"]");
    bench.profile("web", body.replace("90d", "10d")).await;
    let client = bench.client().await;
    let directory = client.get("/acme/directory").await.expect(200).json();
    assert!(directory["meta"]["profiles"]["web"].is_string(), "{directory}");
    assert!(directory["meta"]["profiles"]["acme"].is_string(), "{directory}");
    assert!(directory["meta"]["profiles"]["tls-server"].is_null(), "{directory}");
    let own = client.get("/acme/profile/web/directory").await.expect(200).json();
    let by_path = own["newOrder"].as_str().expect("a URL").to_owned();
    let mut named = order_of(&["a.corp.example"]);
    named["profile"] = json!("web");
    for (url, wanted) in
        [(by_path.as_str(), order_of(&["a.corp.example"])), ("/acme/new-order", named)]
    {
        let (_, order) = bench.ready(&client, url, wanted).await;
        assert_eq!(order["profile"], "web");
        let csr = csr(&SubjectKey::new(), &["a.corp.example"]);
        let finalize = order["finalize"].as_str().expect("a URL");
        let done = client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await.expect(200);
        let url = done.json()["certificate"].as_str().expect("a URL").to_owned();
        let tbs = certificates(&client.read(&url).await.text())[0].tbs().clone();
        assert_eq!(tbs.not_after.seconds_since(tbs.not_before), 10 * 86_400 + 3_600 - 1);
    }
}
