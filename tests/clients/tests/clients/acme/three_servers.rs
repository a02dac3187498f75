//! Three server processes at one PostgreSQL, one signer and one validation authority: clients whose
//! requests go to another server each time, and limits that hold over all of them.

use std::time::{Duration, Instant};

use kit::{Api, Database, ServerBeside, tool};
use serde_json::Value;

use super::balancer::{Balancer, Port};
use super::certbot::Certbot;
use super::instant_acme::{Client, leaf_of, plain};
use super::jose::{Jose, problem};
use super::world::World;

/// How long servers take to count each other: they say every ten seconds that they live.
const COUNTED: Duration = Duration::from_secs(12);

struct Three {
    world: World,
    beside: Vec<ServerBeside>,
    balancer: Balancer,
}

impl Three {
    /// Starts them; none, with a line that says so, without PostgreSQL or openssl.
    fn start(limits: &str) -> Option<Self> {
        let database = Database::postgres()?;
        let port = Port::take();
        let base = port.base();
        let settings = format!("urls = [\"{base}\"]\n[limits]\n{limits}\n");
        let world = World::start_on(database, &settings, Some(base))?;
        let beside: Vec<_> =
            ["two", "three"].map(|name| world.stack.start_server_beside(name)).into();
        let key = "ec/ec_paramgen_curve:P-256";
        let csr = world.openssl.request("balancer", key, "localhost");
        let issued = world.stack.issue("tls-server", &csr);
        let text = |value: &Value| value.as_str().expect("PEM").to_owned();
        let above = issued["chain"].as_array().expect("a path").iter().map(text);
        let chain = text(&issued["certificate"]) + &above.collect::<String>();
        let root = std::fs::read_to_string(world.stack.root()).expect("the root");
        let mut ports = vec![world.stack.port()];
        ports.extend(beside.iter().map(ServerBeside::port));
        let key = world.openssl.read("balancer.key");
        let balancer = port.serve((&chain, &key), &root, ports);
        Some(Self { world, beside, balancer })
    }

    /// The servers, each by itself.
    fn apis(&self) -> Vec<Api> {
        let beside = self.beside.iter().map(ServerBeside::api);
        std::iter::once(self.world.stack.api()).chain(beside).collect()
    }

    /// Every server answered its part of the requests since `before`: they went round.
    fn assert_shared(&self, before: &[usize]) {
        let after = self.balancer.answered();
        let parts: Vec<usize> = after.iter().zip(before).map(|(now, then)| now - then).collect();
        println!("requests answered by each server: {parts:?}");
        let (least, most) =
            (parts.iter().min().expect("three"), parts.iter().max().expect("three"));
        assert!(*least >= 3 && most - least <= 1, "{parts:?}");
    }
}

#[test]
fn clients_whose_requests_go_to_three_servers_in_turn_complete() {
    let Some(program) = tool("certbot") else {
        return;
    };
    let Some(three) = Three::start("") else {
        return;
    };
    let world = &three.world;
    let before = three.balancer.answered();
    let certbot = Certbot::new(world, &program, "certbot");
    assert!(world.verify(&certbot.standalone("www.acme.test")).contains("DNS:www.acme.test"));
    three.assert_shared(&before);

    // A key that one server rolled over, an account that one gave up: the others know at once.
    let before = three.balancer.answered();
    let client = Client::new(world);
    client.runtime.block_on(async {
        let (mut account, _) = client.register(world.directory(), None).await;
        for (turn, file) in ["a", "b", "c"].into_iter().enumerate() {
            let name = format!("{file}.acme.test");
            let chain = client.issue(&account, (&name, file), plain()).await.expect("issued");
            world.verify(&chain);
            assert_eq!(world.status(&name), ("valid".to_owned(), 1), "{turn}");
            let _ = account.update_key().await.expect("another key");
            let der = leaf_of(&chain).into();
            let wish = instant_acme::RevocationRequest { certificate: &der, reason: None };
            account.revoke(&wish).await.expect("revoked");
            assert_eq!(world.status(&name).0, "revoked");
        }
        let left = account.clone();
        account.deactivate().await.expect("given up");
        for _ in 0..3 {
            let refused = client.issue(&left, ("d.acme.test", "d"), plain()).await;
            assert!(matches!(refused, Err(instant_acme::Error::Api(_))), "{refused:?}");
        }
    });
    three.assert_shared(&before);
    assert_eq!(world.status("d.acme.test").1, 0);
}

#[test]
fn a_nonce_is_good_at_one_of_three_servers_once() {
    let Some(three) = Three::start("") else {
        return;
    };
    let mut apis = three.apis();
    let mut jose = Jose::new(three.world.base());
    assert_eq!(jose.register(&mut apis[0]).status, 201);
    let account = jose.account();
    for issuer in 0..3 {
        for first in 0..3 {
            let nonce = jose.nonce(&mut apis[issuer]);
            let signed = jose.sign(&account, None, &nonce);
            assert_eq!(jose.send(&mut apis[first], &signed).status, 200, "{issuer} {first}");
            for (number, api) in apis.iter_mut().enumerate() {
                let refused = jose.send(api, &signed);
                assert_eq!(problem(&refused), ("badNonce".to_owned(), 400), "{number}");
                assert!(refused.header("replay-nonce").is_some());
            }
        }
    }
    // At the same time at all three: one takes it.
    for _ in 0..20 {
        let nonce = jose.nonce(&mut apis[0]);
        let signed = jose.sign(&account, None, &nonce);
        let mut statuses: Vec<(String, u16)> = std::thread::scope(|scope| {
            let (jose, signed) = (&jose, &signed);
            let sent: Vec<_> = apis
                .iter_mut()
                .map(|api| scope.spawn(move || problem(&jose.send(api, signed))))
                .collect();
            sent.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        statuses.sort();
        let bad = ("badNonce".to_owned(), 400);
        assert_eq!(statuses, [(String::new(), 200), bad.clone(), bad]);
    }
}

#[test]
fn limits_hold_in_sum_over_three_servers() {
    let limits = "orders_per_account = 9\naccounts_per_ip = 6\nrequests_per_ip = 600";
    let Some(three) = Three::start(limits) else {
        return;
    };
    std::thread::sleep(COUNTED);
    let mut apis = three.apis();
    let limited = ("rateLimited".to_owned(), 429);

    // Orders are counted by their rows: the tenth is refused wherever it comes, and whichever
    // servers the nine were made at.
    let mut jose = Jose::new(three.world.base());
    assert_eq!(jose.register(&mut apis[0]).status, 201);
    for turn in 0..9 {
        let made = jose.order(&mut apis[turn % 3], &format!("h{turn}.acme.test"));
        assert_eq!(made.status, 201, "{turn}: {}", made.text());
    }
    for (number, api) in apis.iter_mut().enumerate() {
        let refused = jose.order(api, "one-more.acme.test");
        assert_eq!(problem(&refused), limited, "server {number}");
        assert!(refused.header("retry-after").is_some());
    }

    // New accounts by address: a third of the six at each server, and no seventh at any. The first
    // server has made one already.
    let mut made = 1;
    let mut refused = 0;
    for turn in 0..15 {
        let answer = Jose::new(three.world.base()).register(&mut apis[turn % 3]);
        match answer.status {
            201 => made += 1,
            _ => {
                assert_eq!(problem(&answer), limited, "{turn}");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused), (6, 10));

    // Requests by address: 200 of the 600 at each server, and 20 more each second.
    let (begun, mut admitted) = (Instant::now(), 0);
    for (number, api) in apis.iter_mut().enumerate() {
        let refused = (0..1_000).find_map(|_| {
            let answer = jose.ask_for_nonce(api);
            admitted += usize::from(answer.status == 204);
            (answer.status != 204).then_some(answer)
        });
        let refused = refused.unwrap_or_else(|| panic!("server {number} admits 1,000 requests"));
        assert_eq!(problem(&refused), limited, "server {number}");
    }
    let more = 60 * usize::try_from(begun.elapsed().as_secs() + 1).expect("soon");
    println!("{admitted} requests admitted of 600 and {more}");
    assert!((300..=600 + more).contains(&admitted), "{admitted}");
}
