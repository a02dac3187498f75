//! Clients that issue and revoke, and remember what they were told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use kit::{Api, Stack, SubjectKey, dns, name};
use serde_json::{Value, json};
use x509::{Csr, Extension, ExtensionValue};

use crate::dice::Dice;

/// Everything that clients were told.
#[derive(Debug, Default)]
pub struct Told {
    /// Serial to the certificate (PEM) of every 201.
    pub received: HashMap<String, String>,
    /// The serials whose revocation was answered with 200.
    pub revoked: Vec<String>,
    /// How many orders were asked again after an outage.
    pub retried: u64,
    /// How many orders were given up without an answer.
    pub abandoned: u64,
}

/// An order with its idempotency key.
type Order = (Value, String);

/// What the clients share with who kills.
#[derive(Default)]
pub struct Load {
    told: Mutex<Told>,
    ended: AtomicBool,
    next: AtomicU64,
    /// Orders that have no answer yet when the clients end.
    open: Mutex<Vec<Order>>,
}

impl Load {
    /// Looks at what the clients were told.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, Vec<Order>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the clients after what they are about.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Lets new clients ask.
    pub fn begin_again(&self) {
        self.ended.store(false, Ordering::SeqCst);
    }

    /// Issues and revokes until the end.
    pub fn client(&self, stack: &Stack, seed: u64) {
        let mut dice = Dice::new(seed, 7);
        let mut api = stack.api();
        let key = SubjectKey::new();
        while !self.ended.load(Ordering::SeqCst) {
            let open = self.open().pop();
            if open.is_none() && dice.below(5) == 0 {
                self.revoke(&mut api, &mut dice);
            } else {
                let asked_before = open.is_some();
                let order = open.unwrap_or_else(|| self.order(&key));
                let answer = ask(&mut api, &order);
                self.note(answer, order, asked_before, &mut dice);
            }
        }
    }

    /// Makes an order for a host that nobody asked for yet.
    fn order(&self, key: &SubjectKey) -> Order {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let host = format!("host-{number}.corp.example");
        let names = ExtensionValue::SubjectAltName(vec![dns(&host)]);
        let request = key.request(&name("O=Torture"), vec![Extension::non_critical(names)]);
        let csr = Csr::parse(request.as_bytes()).expect("our own CSR").to_pem();
        (json!({ "profile": "tls-server", "csr": csr }), format!("order-{number}"))
    }

    fn note(&self, answer: Option<Value>, order: Order, asked_before: bool, dice: &mut Dice) {
        if let Some(answer) = answer {
            let text = |member: &str| answer[member].as_str().expect("a text").to_owned();
            let mut told = self.told();
            told.received.insert(text("serial"), text("certificate"));
            told.retried += u64::from(asked_before);
        } else if dice.below(8) == 0 {
            // Some give up: what they asked for may be there or not.
            self.told().abandoned += 1;
        } else {
            self.open().push(order);
            thread::sleep(Duration::from_millis(5 + dice.below(20)));
        }
    }

    /// Revokes any certificate that was received.
    fn revoke(&self, api: &mut Api, dice: &mut Dice) {
        let serial = {
            let told = self.told();
            let count = told.received.len() as u64;
            let place = usize::try_from(dice.below(count)).expect("a few");
            told.received.keys().nth(place).cloned()
        };
        let Some(serial) = serial else { return };
        let path = format!("/api/v1/certificates?serial={serial}");
        let Ok(found) = api.try_ask("GET", &path, &[], None) else {
            return;
        };
        if found.status != 200 {
            return;
        }
        let Some(id) = found.json()["items"][0]["id"].as_str().map(ToOwned::to_owned) else {
            panic!("{serial} was received and is not in the inventory");
        };
        let path = format!("/api/v1/certificates/{id}/revoke");
        let headers = [("content-type", "application/json")];
        let body = json!({ "reason": "superseded" }).to_string();
        let answer = api.try_ask("POST", &path, &headers, Some(body.as_bytes()));
        if answer.is_ok_and(|answer| answer.status == 200) {
            self.told().revoked.push(serial);
        }
    }
}

/// Asks for a certificate; none if there is no answer, or none for now.
fn ask(api: &mut Api, (order, token): &Order) -> Option<Value> {
    let headers = [("content-type", "application/json"), ("idempotency-key", token.as_str())];
    let body = order.to_string();
    let answer = api.try_ask("POST", "/api/v1/certificates", &headers, Some(body.as_bytes()));
    match answer {
        Ok(answer) if answer.status == 201 => Some(answer.json()),
        Ok(answer) => {
            assert!(answer.status == 503, "{}: {}", answer.status, answer.text());
            None
        }
        Err(_) => None,
    }
}
