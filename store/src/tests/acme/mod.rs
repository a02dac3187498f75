//! ACME's tables, each function on both engines.

mod accounts;
mod nonces;
mod orders;

use model::{
    AcmeAccount, AcmeAccountState, AcmeAuthorization, AcmeAuthorizationState, AcmeOrder,
    AcmeOrderState, AuthorizationKey, ChallengeMethod, ChallengeMethods, Id, OrderContent,
    ProfileName, UnixTime,
};

use super::sample::{NOW, id};
use crate::acme::{accounts as table, orders as order_table};
use crate::tx::{BoxFuture, Tx};
use crate::{Store, StoreError};

/// Runs one act in a transaction of its own.
async fn one<T: Send + 'static>(
    store: &Store,
    act: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    store.write(act).await
}

fn account(seed: u8) -> AcmeAccount {
    AcmeAccount {
        id: id(),
        thumbprint: [seed; 32],
        jwk: format!("{{\"seed\":{seed}}}"),
        state: AcmeAccountState::Valid,
        contact: vec!["mailto:a@corp.example".to_owned(), "mailto:b@corp.example".to_owned()],
        terms_agreed_at: Some(NOW),
        external: None,
        created_at: NOW,
        revision: 1,
    }
}

async fn insert_account(store: &Store, account: &AcmeAccount) -> Result<(), StoreError> {
    let row = account.clone();
    one(store, |tx| Box::pin(async move { table::insert(tx, &row).await })).await
}

fn order(account: Id<AcmeAccount>, names: &[&str], at: UnixTime) -> AcmeOrder {
    let content = OrderContent {
        id: id(),
        account,
        profile: ProfileName::new("acme").unwrap(),
        identifiers: names.iter().map(|name| name.parse().unwrap()).collect(),
        not_before: None,
        not_after: Some(at.plus_seconds(1_000)),
        replaces: None,
        created_at: at,
        expires_at: at.plus_seconds(600),
    };
    let authorization = |(number, identifier): (usize, &model::AcmeIdentifier)| AcmeAuthorization {
        key: AuthorizationKey { order: content.id, number: u16::try_from(number).unwrap() },
        account,
        identifier: identifier.base(),
        wildcard: identifier.is_wildcard(),
        token: format!("token-{number}"),
        methods: ChallengeMethods::fitting(&ChallengeMethod::ALL, identifier),
        state: AcmeAuthorizationState::Pending,
        expires_at: content.expires_at,
    };
    AcmeOrder {
        authorizations: content.identifiers.iter().enumerate().map(authorization).collect(),
        content,
        state: AcmeOrderState::Pending,
    }
}

async fn insert_order(
    store: &Store,
    order: &AcmeOrder,
    limits: order_table::OrderLimits,
) -> Result<order_table::Inserted, StoreError> {
    let row = order.clone();
    one(store, move |tx| Box::pin(async move { order_table::insert(tx, &row, &limits).await }))
        .await
}

async fn get_order(store: &Store, id: Id<AcmeOrder>) -> AcmeOrder {
    order_table::get(store, id).await.unwrap().expect("the order")
}
