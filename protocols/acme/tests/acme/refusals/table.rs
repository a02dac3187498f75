//! The cases, and the words that they are written in.

use serde_json::{Value, json};

use super::world::World;
use crate::bench::order_of;
use crate::client::{Client, Draft};

/// What is refused, and how.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) status: u16,
    pub(super) draft: Draft,
    pub(super) by: By,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    Alice,
    Carol,
    Dave,
    Nobody,
}

/// Collects cases.
pub(super) struct Table<'w> {
    pub(super) world: &'w World,
    pub(super) cases: Vec<Case>,
}

impl<'w> Table<'w> {
    pub(super) fn of(world: &'w World) -> Self {
        Self { world, cases: Vec::new() }
    }

    pub(super) fn who(&self, by: By) -> &'w Client {
        match by {
            By::Alice => &self.world.alice,
            By::Carol => &self.world.carol,
            By::Dave => &self.world.dave,
            By::Nobody => &self.world.nobody,
        }
    }

    pub(super) async fn by(
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
    pub(super) async fn order(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        bend: impl FnOnce(&mut Draft),
    ) {
        let order = order_of(&["a.corp.example"]);
        self.by(By::Alice, name, expected, ("/acme/new-order", Some(order)), bend).await;
    }

    /// An order of Alice's with this payload.
    pub(super) async fn wants(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        payload: Value,
    ) {
        self.by(By::Alice, name, expected, ("/acme/new-order", Some(payload)), |_| {}).await;
    }

    /// A new account with this payload.
    pub(super) async fn account(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        payload: Value,
    ) {
        self.by(By::Nobody, name, expected, ("/acme/new-account", Some(payload)), |_| {}).await;
    }

    /// A new account whose JWK is bent.
    pub(super) async fn key(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        jwk: Value,
    ) {
        let url = ("/acme/new-account", Some(json!({})));
        self.by(By::Nobody, name, expected, url, |draft| draft.header["jwk"] = jwk).await;
    }

    /// A request of Alice's to a URL.
    pub(super) async fn at(
        &mut self,
        name: &'static str,
        expected: (&'static str, u16),
        url: &str,
        payload: Option<Value>,
    ) {
        self.by(By::Alice, name, expected, (url, payload), |_| {}).await;
    }

    /// A request without a JWS.
    pub(super) async fn bare(
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

pub(super) const MALFORMED: (&str, u16) = ("malformed", 400);
pub(super) const MISSING: (&str, u16) = ("malformed", 404);
pub(super) const MEDIA: (&str, u16) = ("malformed", 415);
pub(super) const METHOD: (&str, u16) = ("malformed", 405);
pub(super) const NONCE: (&str, u16) = ("badNonce", 400);
pub(super) const ALGORITHM: (&str, u16) = ("badSignatureAlgorithm", 400);
pub(super) const KEY: (&str, u16) = ("badPublicKey", 400);
pub(super) const CSR: (&str, u16) = ("badCSR", 400);
pub(super) const FORBIDDEN: (&str, u16) = ("unauthorized", 403);
pub(super) const GONE: (&str, u16) = ("unauthorized", 401);
pub(super) const REJECTED: (&str, u16) = ("rejectedIdentifier", 400);
pub(super) const NOT_READY: (&str, u16) = ("orderNotReady", 403);
pub(super) const REASON: (&str, u16) = ("badRevocationReason", 400);
pub(super) const UNKNOWN: (&str, u16) = ("accountDoesNotExist", 400);

pub(super) fn member(
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

pub(super) fn without(name: &'static str) -> impl FnOnce(&mut Draft) {
    move |draft| {
        draft.finish = Box::new(move |jws| {
            jws.as_object_mut().expect("an object").remove(name);
        });
    }
}

pub(super) fn header(name: &'static str, value: Value) -> impl FnOnce(&mut Draft) {
    move |draft| draft.header[name] = value
}

pub(super) fn no_header(name: &'static str) -> impl FnOnce(&mut Draft) {
    move |draft| {
        draft.header.as_object_mut().expect("an object").remove(name);
    }
}

pub(super) fn body(octets: &str) -> impl FnOnce(&mut Draft) {
    let octets = octets.as_bytes().to_vec();
    move |draft| draft.body = Some(octets)
}
