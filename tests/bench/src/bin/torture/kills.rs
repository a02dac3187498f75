//! SIGKILL for signer and server at random moments under load.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use kit::{Database, Stack};
use serde_json::Value;
use x509::Certificate;

use crate::dice::Dice;
use crate::load::Load;
use crate::tree::Tree;

/// Who issues at once.
const CLIENTS: u64 = 4;
/// How long server and signer may take to find each other after a restart.
const PATIENCE: Duration = Duration::from_secs(20);

/// An inventory of so many certificates is listed after every kill.
const SHORT: usize = 2_000;
/// A longer one after so many kills, and at the end.
const SELDOM: u64 = 20;

/// What happened.
#[derive(Debug, Default)]
pub struct Tally {
    signer: u64,
    server: u64,
    both: u64,
    received: usize,
    revoked: usize,
    inventory: usize,
    leaves: u64,
    retried: u64,
    abandoned: u64,
    /// Orders that have more than one certificate: a retry whose first attempt was signed and
    /// never recorded under its key.
    doubled_orders: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills of the signer, {} of the server, {} of both; {} certificates received, {} \
             revoked, {} in the inventory as in the journal of {} leaves, which only grew; {} orders asked again ({} with two \
             certificates), {} given up",
            self.signer,
            self.server,
            self.both,
            self.received,
            self.revoked,
            self.inventory,
            self.leaves,
            self.retried,
            self.doubled_orders,
            self.abandoned,
        )
    }
}

/// Kills so many times.
pub fn run(kills: u64, seed: u64) -> Tally {
    let mut tally = Tally::default();
    if kills == 0 {
        return tally;
    }
    let mut stack = Stack::start_apart(Database::Sqlite, &[]);
    let load = Load::default();
    let mut dice = Dice::new(seed, 0);
    let mut tree = Tree::default();
    for kill in 1..=kills {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    let (load, stack, seed) = (&load, &stack, dice.below(u64::MAX));
                    scope.spawn(move || load.client(stack, seed))
                })
                .collect();
            thread::sleep(Duration::from_millis(20 + dice.below(400)));
            strike(&stack, &mut dice, &mut tally);
            // Clients run into the outage for a while.
            thread::sleep(Duration::from_millis(dice.below(60)));
            load.end();
            for client in clients {
                client.join().expect("a client ends well");
            }
        });
        stack.start_what_died();
        check(&stack, &load, &mut tree);
        // The inventory is listed as a whole: seldom, once it is long.
        if tally.inventory < SHORT || kill % SELDOM == 0 || kill == kills {
            check_inventory(&stack, &load, &mut tree, &mut tally);
        }
        load.begin_again();
    }
    let told = load.told();
    (tally.received, tally.revoked) = (told.received.len(), told.revoked.len());
    (tally.retried, tally.abandoned) = (told.retried, told.abandoned);
    tally
}

/// Kills one of the two, or both.
fn strike(stack: &Stack, dice: &mut Dice, tally: &mut Tally) {
    match dice.below(10) {
        0 => {
            stack.strike_signer();
            stack.strike_server();
            tally.both += 1;
        }
        n if n % 2 == 0 => {
            stack.strike_server();
            tally.server += 1;
        }
        _ => {
            stack.strike_signer();
            tally.signer += 1;
        }
    }
}

/// Waits until both work together, and holds journal and clients against one another.
fn check(stack: &Stack, load: &Load, tree: &mut Tree) {
    stack.eventually("ready after a kill", PATIENCE, || {
        let ready = stack.api().try_ask("GET", "/readyz", &[], None);
        ready.is_ok_and(|ready| ready.status == 200)
    });
    tree.read_on(stack);
    for (serial, pem) in &load.told().received {
        assert!(tree.serials().contains(serial), "{serial} was received and has no durable leaf");
        // Parsed once, when the inventory is looked at, too.
        assert!(pem.starts_with("-----BEGIN"), "{serial} came without a certificate");
    }
}

/// Holds the inventory against the journal and the clients.
fn check_inventory(stack: &Stack, load: &Load, tree: &mut Tree, tally: &mut Tally) {
    let begun = Instant::now();
    let inventory = loop {
        let inventory = inventory(stack);
        tree.read_on(stack);
        let serials: HashSet<&str> = inventory.iter().map(|item| text(item, "serial")).collect();
        assert_eq!(serials.len(), inventory.len(), "a certificate is twice in the inventory");
        let (ours, theirs) = (serials.len(), tree.serials().len());
        if ours == theirs && serials.iter().all(|serial| tree.serials().contains(*serial)) {
            break inventory;
        }
        // What is in the journal alone is taken over within a moment.
        assert!(begun.elapsed() < PATIENCE, "inventory {ours}, journal {theirs}");
        thread::sleep(Duration::from_millis(30));
    };
    let told = load.told();
    let by_serial: HashMap<&str, &Value> =
        inventory.iter().map(|item| (text(item, "serial"), item)).collect();
    for (serial, pem) in &told.received {
        assert!(by_serial.contains_key(serial.as_str()), "{serial} was received and is lost");
        let certificate = Certificate::from_pem(pem).expect("what was received parses");
        assert_eq!(certificate.tbs().serial.to_hex(), *serial);
    }
    for serial in &told.revoked {
        let state = text(by_serial[serial.as_str()], "state");
        assert_eq!(state, "revoked", "the revocation of {serial} is lost");
    }
    (tally.inventory, tally.leaves) = (inventory.len(), tree.size());
    tally.doubled_orders = doubled(&inventory);
}

fn text<'v>(item: &'v Value, member: &str) -> &'v str {
    item[member].as_str().expect("a text")
}

/// Lists everything but CA certificates, which the journal has as another type of leaf.
fn inventory(stack: &Stack) -> Vec<Value> {
    let mut items = stack.api().list("/api/v1/certificates");
    items.retain(|item| text(item, "profile") != "sub-ca");
    items
}

/// Counts the hosts of [`Load`] that have more than one certificate.
fn doubled(inventory: &[Value]) -> usize {
    let mut hosts: HashMap<&str, usize> = HashMap::new();
    for item in inventory {
        let host = item["names"][0].as_str().unwrap_or_default();
        if host.starts_with("host-") {
            *hosts.entry(host).or_default() += 1;
        }
    }
    hosts.values().filter(|count| **count > 1).count()
}
