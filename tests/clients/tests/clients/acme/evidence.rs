//! A policy that demands a record of each validation, in a ring beside the first: `chancery-va`
//! writes it where the signer looks, and the server alone gets nothing signed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use instant_acme::{Account, AuthorizationStatus, Identifier, NewOrder, OrderStatus};
use kit::{Database, Ledger, RawPeer, run, tool};
use signer_proto::{ReadJournal, Rule, Socket};
use x509::pem;

use super::instant_acme::{Client, plain};
use super::world::World;

/// What the journal of a ring says, by its admin socket.
pub(super) fn journal(run: &Path) -> Ledger {
    let mut peer =
        RawPeer::connect(&run.join(format!("{}.sock", Socket::Admin))).expect("a signer");
    let mut octets: Vec<Vec<u8>> = Vec::new();
    loop {
        let read = ReadJournal { from: octets.len() as u64, limit: 4096 };
        let slice = peer.call(&read).expect("the journal");
        octets.extend(slice.leaves.0.into_iter().map(|leaf| leaf.0));
        if octets.len() as u64 >= slice.size {
            return Ledger::new(0, octets);
        }
    }
}

/// Starts a CA with a ring `far` beside the first, whose issuing CA `web` demands the record of each
/// name, and a profile `far` of it.
fn start() -> Option<World> {
    let mut world = World::start_on(Database::Sqlite, "", None)?;
    world.stack.down();
    world.stack.add_ring("far");
    world.stack.up();
    let stack = &world.stack;
    crate::one_server::make_far(stack, "web");
    let far = ["--ring", "far", "--operator-key", &stack.operator_beside("far")].map(str::to_owned);
    let far: Vec<&str> = far.iter().map(String::as_str).collect();
    let policy = stack.must(&[&["policy", "show", "web"], &far[..2]].concat());
    let demand = "[certificates]\nevidence = [[\"validation\"]]\nvalidation_max_age = \"1h\"";
    let policy = policy.replacen("[certificates]", demand, 1);
    let file = world.openssl.write("web.toml", policy).display().to_string();
    stack.must(&[&["policy", "set", "web", "--file", &file], &far[..]].concat());
    let profile = stack.must(&["profile", "show", "acme"]);
    let profile = profile.replacen("version = 1\n", "version = 1\nissuer = \"web\"\n", 1);
    let near = profile.replace("issuer = \"web\"", "issuer = \"issuing\"");
    for (name, text) in [("far", profile), ("near", near)] {
        let file = world.openssl.write(&format!("{name}.toml"), text).display().to_string();
        stack.must(&["profile", "create", name, "--file", &file]);
    }
    Some(world)
}

fn directory(world: &World, profile: &str) -> String {
    format!("{}/acme/profile/{profile}/directory", world.base())
}

/// Changes the server's database as whoever has taken the server over can.
fn tamper(world: &World, sql: &str) {
    let database = world.stack.data().join("server/chancery.db");
    let script = "import sqlite3, sys\n\
                  base = sqlite3.connect(sys.argv[1], timeout=20)\n\
                  changed = base.execute(sys.argv[2]).rowcount\n\
                  base.commit()\n\
                  assert changed == 1, changed\n";
    let mut python = Command::new("python3");
    let (good, text) = run(python.args(["-c", script]).arg(database).arg(sql));
    assert!(good, "{text}");
}

/// Orders a name, has the database say that it was validated, by whichever record, and finalizes;
/// gives the problem type.
async fn forge(client: &Client<'_>, account: &Account, name: &str, record: &str) -> String {
    let names = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await.expect("an order");
    assert_eq!(order.state().status, OrderStatus::Pending);
    let id = order.url().rsplit('/').next().expect("an id").to_owned();
    let now = "strftime('%s', 'now')";
    tamper(
        client.world,
        &format!(
            "UPDATE acme_authorizations SET state = 'valid', method = 'http-01', \
             validated_at = CAST({now} AS INTEGER), record = {record} WHERE order_id = '{id}'"
        ),
    );
    // The server takes its own word from memory, too; an account's change makes it ask the database.
    account.update_contacts(&[&format!("mailto:{record}@{name}")]).await.expect("an answer");
    assert_eq!(order.refresh().await.expect("the order").status, OrderStatus::Ready);
    let csr = client.world.openssl.request(name, "ec/ec_paramgen_curve:P-256", name);
    let csr = pem::decode_one(&csr, "CERTIFICATE REQUEST").expect("a CSR");
    order.finalize_csr(&csr).await.expect("an answer");
    assert_eq!(order.state().status, OrderStatus::Invalid, "{name}");
    order.state().error.as_ref().and_then(|error| error.r#type.clone()).unwrap_or_default()
}

#[test]
fn a_name_is_certified_by_its_record_alone_in_the_ring_that_signs() {
    if tool("python3").is_none() {
        return;
    }
    let Some(world) = start() else {
        return;
    };
    let (first, far) = (world.stack.run_dir(), world.stack.data_beside("far").join("run"));
    let records = |run: &Path| journal(run).count("ValidationRecorded");
    let signed = || journal(&far).count("CertificateSigned");
    let client = Client::new(&world);
    client.runtime.block_on(async {
        // The whole way, over the real processes.
        let (account, _) = client.register(directory(&world, "far"), None).await;
        let (in_first, in_far) = (records(&first), records(&far));
        let chain = client.issue(&account, ("good.acme.test", "good"), plain()).await;
        let chain = chain.expect("issued");
        assert!(fs::read_to_string(&chain).expect("the chain").contains("BEGIN CERTIFICATE"));
        let text = world.verify(&chain);
        assert!(text.contains("DNS:good.acme.test") && text.contains("web CA"), "{text}");
        assert_eq!((records(&first), records(&far)), (in_first, in_far + 1));

        // A validation for a CA of the other ring is no record here, and is not used again.
        let (near, _) = client.register(directory(&world, "near"), None).await;
        let chain = client.issue(&near, ("near.acme.test", "near"), plain()).await.expect("issued");
        assert!(!world.verify(&chain).contains("web CA"));
        assert_eq!((records(&first), records(&far)), (in_first + 1, in_far + 1));
        let names = [Identifier::Dns("near.acme.test".to_owned())];
        let mut order =
            near.new_order(&NewOrder::new(&names).profile("far")).await.expect("an order");
        assert_eq!(order.state().status, OrderStatus::Pending);
        let mut authorizations = order.authorizations();
        let authorization = authorizations.next().await.expect("one").expect("an authorization");
        assert_eq!(authorization.status, AuthorizationStatus::Pending);

        // The server alone: without a record, with one for another name, with one that is none.
        let before = signed();
        let good = journal(&far);
        let position = good.events().position(|event| event.name() == "ValidationRecorded");
        let position = position.expect("the record").to_string();
        for (name, record, rule) in [
            ("none.acme.test", "NULL", Rule::EvidenceMissing),
            ("other.acme.test", position.as_str(), Rule::ValidationRefused),
            ("start.acme.test", "0", Rule::ValidationRefused),
        ] {
            let refused = journal(&far).refused_by(rule);
            let told = forge(&client, &account, name, record).await;
            assert_eq!(told, "urn:ietf:params:acme:error:unauthorized", "{name}");
            world.stack.eventually("the refusal is counted", Duration::from_secs(5), || {
                journal(&far).refused_by(rule) == refused + 1
            });
            assert_eq!(world.status(name).1, 0, "{name} was certified");
        }
        let csr = world.openssl.request("rest", "ec/ec_paramgen_curve:P-256", "rest.acme.test");
        let refused = world.stack.api().order("far", &csr);
        assert_eq!((refused.status, refused.rule().as_str()), (400, "evidence-missing"));
        assert_eq!(signed(), before, "something was signed");

        // What the twin of all this is: the policy of the other ring demands nothing.
        let near = world.stack.api().order("near", &csr);
        assert_eq!(near.status, 201, "{}", near.text());
    });
}
