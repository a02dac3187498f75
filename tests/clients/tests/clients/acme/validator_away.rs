//! The validation authority is gone while the server runs, and comes back.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::Database;
use serde_json::json;
use x509::pem;

use super::evidence::journal;
use super::jose::{Jose, problem};
use super::web;
use super::world::World;

/// Longer than the server waits between two questions to an authority that is away.
const AWAY: Duration = Duration::from_secs(6);
/// How long it may take until the server has asked again.
const BACK: Duration = Duration::from_secs(15);

/// Starts a CA whose processes can be killed one by one.
fn start() -> Option<World> {
    let mut world = World::start_on(Database::Sqlite, "", None)?;
    world.stack.down();
    world.stack.start_signer();
    world.stack.start_validator();
    world.stack.start_server();
    Some(world)
}

/// How many validations the journal has, and how many certificates for a name.
fn recorded(world: &World, name: &str) -> (usize, usize) {
    let journal = journal(&world.stack.run_dir());
    let names = |tbs: &[u8]| tbs.windows(name.len()).any(|part| part == name.as_bytes());
    let certified = journal.certificates().filter(|(_, signed)| names(signed.tbs.as_bytes()));
    (journal.count("ValidationRecorded"), certified.count())
}

#[test]
fn without_a_validator_a_challenge_waits_and_the_order_completes_when_it_is_back() {
    const NAME: &str = "away.acme.test";
    let Some(mut world) = start() else {
        return;
    };
    let files = world.folder("challenges");
    web::serve(world.http, &files);
    let mut api = world.stack.api();
    let mut jose = Jose::new(world.base());
    assert_eq!(jose.register(&mut api).status, 201);
    let made = jose.order(&mut api, NAME);
    assert_eq!(made.status, 201, "{}", made.text());
    let order = jose.path(&json!(made.header("location")));
    let authorization = jose.path(&made.json()["authorizations"][0]);
    let finalize = jose.path(&made.json()["finalize"]);
    let offered = jose.read(&mut api, &authorization).json();
    let all = offered["challenges"].as_array().expect("challenges");
    let http = all.iter().find(|one| one["type"] == "http-01").expect("http-01 is offered");
    let challenge = jose.path(&http["url"]);
    let token = http["token"].as_str().expect("a token");
    fs::write(files.join(token), jose.key_authorization(token)).expect("written");
    let csr = world.openssl.request("away", "ec/ec_paramgen_curve:P-256", NAME);
    let csr = pem::decode_one(&csr, "CERTIFICATE REQUEST").expect("a CSR");
    let wish = json!({ "csr": URL_SAFE_NO_PAD.encode(csr) });

    world.stack.kill_validator();
    let answered = jose.post(&mut api, &challenge, &json!({}));
    assert_eq!(answered.status, 200, "{}", answered.text());
    let begun = Instant::now();
    while begun.elapsed() < AWAY {
        let waits = jose.read(&mut api, &challenge);
        assert_eq!(waits.json()["status"], "processing", "{}", waits.text());
        assert_eq!(waits.header("retry-after"), Some("1"));
        let waits = jose.read(&mut api, &authorization);
        assert_eq!(waits.json()["status"], "pending", "{}", waits.text());
        assert_eq!(waits.header("retry-after"), Some("1"));
        assert_eq!(jose.read(&mut api, &order).json()["status"], "pending");
        // Who asks again is told the same, and does no harm.
        let again = jose.post(&mut api, &challenge, &json!({}));
        assert_eq!((again.status, &again.json()["status"]), (200, &json!("processing")));
        let early = jose.post(&mut api, &finalize, &wish);
        assert_eq!(problem(&early), ("orderNotReady".to_owned(), 403));
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(recorded(&world, NAME), (0, 0));
    assert_eq!(world.status(NAME).1, 0);

    // Nobody answers the challenge anew: the server has not forgotten it.
    world.stack.start_validator();
    world.stack.eventually("the order is ready", BACK, || {
        jose.read(&mut api, &order).json()["status"] == "ready"
    });
    assert_eq!(recorded(&world, NAME), (1, 0));
    let finalized = jose.post(&mut api, &finalize, &wish);
    assert_eq!(finalized.status, 200, "{}", finalized.text());
    world.stack.eventually("the order is valid", BACK, || {
        jose.read(&mut api, &order).json()["status"] == "valid"
    });
    let url = jose.path(&jose.read(&mut api, &order).json()["certificate"]);
    let chain = world.openssl.write("away.pem", jose.read(&mut api, &url).text());
    assert!(world.verify(&chain).contains(&format!("DNS:{NAME}")));
    assert_eq!(recorded(&world, NAME), (1, 1));
}
