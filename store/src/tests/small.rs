use model::{
    ApiToken, AuditAction, Issuer, JournalPosition, NewAuditEvent, Profile, ProfileName, RingName,
    Role,
};
use x509::{CrlDer, UnixTime};

use super::both_engines;
use super::sample::{NOW, certificate, id, issuer, new_issued, stored_issuer};
use crate::certificates::{self, Place};
use crate::crls::{CrlMeta, StoredCrl};
use crate::engine::Statement;
use crate::tx::{BoxFuture, Tx};
use crate::{
    NewIssued, Store, StoreError, audit, crls, issuers, journal_positions, leases, profiles, tokens,
};

fn profile(name: &str) -> Profile {
    Profile {
        name: ProfileName::new(name).unwrap(),
        body: "key = \"p-256\"\n".to_owned(),
        digest: [3; 32],
        revision: 1,
        builtin: false,
        enabled: true,
        updated_at: NOW,
    }
}

fn token(seed: u8) -> ApiToken {
    ApiToken {
        id: id(),
        name: format!("token {seed}"),
        sha256: [seed; 32],
        role: Role::Operator,
        created_at: NOW.plus_seconds(seed.into()),
        expires_at: None,
        revoked_at: None,
    }
}

fn crl(number: u64, octets: &[u8]) -> StoredCrl {
    StoredCrl {
        meta: CrlMeta { number, this_update: NOW, next_update: NOW.plus_seconds(60) },
        der: CrlDer::from_vec(octets.to_vec()),
    }
}

/// Runs one act in a transaction of its own.
async fn one<T: Send + 'static>(
    store: &Store,
    act: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    store.write(act).await
}

macro_rules! conflicts {
    ($outcome:expr) => {
        assert!(matches!($outcome, Err(StoreError::Conflict)))
    };
}

both_engines! {
    async fn profiles_change_by_revision(store: Store) {
        let (first, second) = (profile("zebra"), profile("ape"));
        let builtin = Profile { builtin: true, enabled: false, ..profile("tls-server") };
        for row in [first.clone(), second.clone(), builtin.clone()] {
            one(&store, |tx| Box::pin(async move { profiles::insert(tx, &row).await })).await.unwrap();
        }
        let again = Profile { body: String::new(), ..first.clone() };
        let outcome = one(&store, |tx| Box::pin(async move { profiles::insert(tx, &again).await }));
        conflicts!(outcome.await);
        assert_eq!(profiles::get(&store, &first.name).await.unwrap(), Some(first.clone()));
        assert_eq!(profiles::get(&store, &profile("x").name).await.unwrap(), None);
        let listed = profiles::list(&store).await.unwrap();
        assert_eq!(listed, [second.clone(), builtin.clone(), first.clone()]);

        let changed = Profile { body: "new".to_owned(), digest: [4; 32], enabled: false, ..first };
        let update = |row: Profile| {
            one(&store, move |tx| Box::pin(async move { profiles::update(tx, &row).await }))
        };
        assert_eq!(update(changed.clone()).await.unwrap(), 2);
        conflicts!(update(changed.clone()).await);
        assert!(matches!(update(profile("x")).await, Err(StoreError::NotFound)));
        let there = profiles::get(&store, &changed.name).await.unwrap().unwrap();
        assert_eq!(there, Profile { revision: 2, ..changed.clone() });

        let delete = |name: ProfileName| {
            one(&store, move |tx| Box::pin(async move { profiles::delete(tx, &name).await }))
        };
        delete(changed.name.clone()).await.unwrap();
        assert!(matches!(delete(changed.name).await, Err(StoreError::NotFound)));
        conflicts!(delete(builtin.name.clone()).await);
        assert_eq!(profiles::list(&store).await.unwrap(), [second, builtin]);
    }

    async fn tokens_are_found_by_digest_and_revoked_once(store: Store) {
        let expires_at = Some(NOW.plus_seconds(9));
        let (first, second) = (token(1), ApiToken { expires_at, role: Role::Auditor, ..token(2) });
        for row in [second.clone(), first.clone()] {
            one(&store, |tx| Box::pin(async move { tokens::insert(tx, &row).await })).await.unwrap();
        }
        let same_digest = ApiToken { id: id(), ..token(1) };
        let outcome =
            one(&store, |tx| Box::pin(async move { tokens::insert(tx, &same_digest).await }));
        conflicts!(outcome.await);
        assert_eq!(tokens::find_by_sha256(&store, &[1; 32]).await.unwrap(), Some(first.clone()));
        assert_eq!(tokens::find_by_sha256(&store, &[9; 32]).await.unwrap(), None);
        assert_eq!(tokens::list(&store).await.unwrap(), [first.clone(), second]);
        let revoke = |which, at| {
            one(&store, move |tx| Box::pin(async move { tokens::revoke(tx, which, at).await }))
        };
        revoke(first.id, NOW).await.unwrap();
        revoke(first.id, NOW.plus_seconds(5)).await.unwrap();
        let there = tokens::find_by_sha256(&store, &[1; 32]).await.unwrap();
        assert_eq!(there, Some(ApiToken { revoked_at: Some(NOW), ..first }));
        assert!(matches!(revoke(id(), NOW).await, Err(StoreError::NotFound)));
    }

    async fn journal_positions_advance_by_compare_and_set(store: Store) {
        let ring = RingName::default();
        let at = JournalPosition;
        assert_eq!(journal_positions::get(&store, &ring).await.unwrap(), at(0));
        let advance = |expected, next| {
            let ring = ring.clone();
            one(&store, move |tx| {
                Box::pin(async move { journal_positions::advance(tx, &ring, expected, next).await })
            })
        };
        advance(at(0), at(5)).await.unwrap();
        conflicts!(advance(at(0), at(7)).await);
        advance(at(5), at(7)).await.unwrap();
        assert!(matches!(advance(at(7), at(6)).await, Err(StoreError::Malformed(_))));
        assert_eq!(journal_positions::get(&store, &ring).await.unwrap(), at(7));
        let other = RingName::new("other").unwrap();
        assert_eq!(journal_positions::get(&store, &other).await.unwrap(), at(0));
    }

    async fn the_ring_of_before_there_were_several_is_the_default(store: Store) {
        let local = RingName::new("local").unwrap();
        let before = Issuer { ring: local.clone(), ..issuer("before") };
        let row = before.clone();
        one(&store, move |tx| {
            Box::pin(async move {
                issuers::insert(tx, &row).await?;
                journal_positions::advance(tx, &local, JournalPosition(0), JournalPosition(9)).await
            })
        })
        .await
        .unwrap();
        let new = NewIssued { ring: before.ring.clone(), ..new_issued(certificate(before.id, 4)) };
        store.record_issued(new).await.unwrap();
        // What the migration does; the column it adds is there already.
        let script = include_str!("../../migrations/sqlite/0004_rings.sql");
        let updates = script.lines().filter(|line| line.starts_with("UPDATE"));
        for line in updates {
            let statement = Statement::built("migration", line.trim_end_matches(';').into());
            one(&store, move |tx| Box::pin(async move { tx.execute(statement).await.map(drop) }))
                .await
                .unwrap();
        }
        let ring = RingName::default();
        assert_eq!(issuers::get(&store, before.id).await.unwrap().map(|i| i.ring), Some(ring.clone()));
        let position = journal_positions::get(&store, &ring).await.unwrap();
        assert_eq!(position, JournalPosition(9));
        let claims = certificates::claims(&store, &ring, Place::START, i64::MAX).await.unwrap();
        assert_eq!((claims.len(), claims[0].ring.as_str()), (1, "default"));
    }

    async fn a_crl_gives_way_to_higher_numbers_only(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        assert_eq!(crls::latest(&store, issuer.id).await.unwrap(), None);
        let put = |to, crl: StoredCrl| {
            one(&store, move |tx| Box::pin(async move { crls::put(tx, to, &crl).await }))
        };
        let large = vec![7; 3_000_000];
        put(issuer.id, crl(5, &large)).await.unwrap();
        conflicts!(put(issuer.id, crl(5, b"same")).await);
        conflicts!(put(issuer.id, crl(4, b"lower")).await);
        conflicts!(put(id(), crl(9, b"no such issuer")).await);
        assert_eq!(crls::latest(&store, issuer.id).await.unwrap(), Some(crl(5, &large)));
        put(issuer.id, crl(7, b"higher")).await.unwrap();
        assert_eq!(crls::latest(&store, issuer.id).await.unwrap(), Some(crl(7, b"higher")));
        let meta = crls::latest_meta(&store, issuer.id).await.unwrap();
        assert_eq!(meta, Some(crl(7, b"").meta));
        assert_eq!(crls::latest_meta(&store, id()).await.unwrap(), None);
    }

    async fn a_lease_has_one_holder_at_a_time(store: Store) {
        let take = |holder: &'static str, now: UnixTime| {
            one(&store, move |tx| {
                Box::pin(async move { leases::try_acquire(tx, "crl", holder, now, 10).await })
            })
        };
        let renew = |holder: &'static str, now: UnixTime| {
            one(&store, move |tx| {
                Box::pin(async move { leases::renew(tx, "crl", holder, now, 10).await })
            })
        };
        let release = |holder: &'static str| {
            one(&store, move |tx| {
                Box::pin(async move { leases::release(tx, "crl", holder).await })
            })
        };
        let after = |seconds| NOW.plus_seconds(seconds);
        assert!(take("a", NOW).await.unwrap());
        assert!(!take("b", after(9)).await.unwrap());
        assert!(take("a", after(5)).await.unwrap());
        assert!(!take("b", after(14)).await.unwrap());
        renew("a", after(14)).await.unwrap();
        conflicts!(renew("b", after(14)).await);
        conflicts!(renew("a", after(24)).await);
        assert!(take("b", after(24)).await.unwrap());
        release("a").await.unwrap();
        assert!(!take("a", after(25)).await.unwrap());
        one(&store, |tx| Box::pin(async move { leases::end_others(tx, "b").await })).await.unwrap();
        assert!(!take("a", after(25)).await.unwrap());
        one(&store, |tx| Box::pin(async move { leases::end_others(tx, "a").await })).await.unwrap();
        assert!(take("a", after(25)).await.unwrap());
        release("a").await.unwrap();
        assert!(take("b", after(25)).await.unwrap());
        release("b").await.unwrap();
        assert!(take("a", after(25)).await.unwrap());
    }

    async fn audit_events_are_read_in_the_order_of_their_numbers(store: Store) {
        for number in 0..7i64 {
            let event = NewAuditEvent {
                at: NOW.plus_seconds(-number),
                actor: "a".to_owned(),
                action: AuditAction::ServerStart,
                target: format!("t{number}"),
                detail: "{}".to_owned(),
                journal: None,
            };
            one(&store, |tx| Box::pin(async move { audit::append(tx, &event).await })).await.unwrap();
        }
        let (mut targets, mut seq) = (Vec::new(), 0);
        loop {
            let page = audit::after(&store, seq, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 3 && page.first().unwrap().seq > seq);
            seq = last.seq;
            targets.extend(page.into_iter().map(|event| event.target));
        }
        assert_eq!(targets, ["t0", "t1", "t2", "t3", "t4", "t5", "t6"]);
    }

    async fn audit_events_are_listed_newest_first_by_every_filter(store: Store) {
        let event = |number: i64| NewAuditEvent {
            at: NOW.plus_seconds(number / 3),
            actor: format!("actor-{}", number % 2),
            action: AuditAction::ALL[usize::try_from(number % 3).unwrap()],
            target: format!("target-{}", number % 5),
            detail: format!("{{\"n\":{number}}}"),
            journal: (number % 2 == 0).then_some(JournalPosition(7)),
        };
        for number in 0..30 {
            let event = event(number);
            one(&store, |tx| Box::pin(async move { audit::append(tx, &event).await })).await.unwrap();
        }
        let none = audit::Filter::default;
        type Holds = fn(i64) -> bool;
        let cases: [(audit::Filter, Holds); 7] = [
            (none(), |_| true),
            (audit::Filter { actor: Some("actor-1".to_owned()), ..none() }, |n| n % 2 == 1),
            (audit::Filter { action: Some(AuditAction::ALL[2]), ..none() }, |n| n % 3 == 2),
            (audit::Filter { target: Some("target-4".to_owned()), ..none() }, |n| n % 5 == 4),
            (audit::Filter { from: Some(NOW.plus_seconds(3)), ..none() }, |n| n >= 9),
            (audit::Filter { until: Some(NOW.plus_seconds(3)), ..none() }, |n| n < 9),
            (
                audit::Filter {
                    actor: Some("actor-0".to_owned()),
                    action: Some(AuditAction::ALL[0]),
                    target: Some("target-0".to_owned()),
                    from: Some(NOW),
                    until: Some(NOW.plus_seconds(5)),
                },
                |n| n % 30 == 0,
            ),
        ];
        for (filter, holds) in cases {
            let wanted: Vec<NewAuditEvent> = (0..30).rev().filter(|n| holds(*n)).map(event).collect();
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = audit::list(&store, &filter, cursor, 4).await.unwrap();
                let Some(last) = page.last() else { break };
                cursor = Some(audit::Cursor::after(last).to_string().parse().unwrap());
                found.extend(page);
            }
            let found: Vec<NewAuditEvent> = found
                .into_iter()
                .map(|event| NewAuditEvent {
                    at: event.at,
                    actor: event.actor,
                    action: event.action,
                    target: event.target,
                    detail: event.detail,
                    journal: event.journal,
                })
                .collect();
            assert_eq!(found, wanted, "{filter:?}");
        }
    }
}

#[test]
fn audit_cursors_refuse_other_texts() {
    for text in ["", "1", "_", "1_", "x_1", "1_2_3"] {
        assert_eq!(text.parse::<audit::Cursor>(), Err(audit::CursorError), "{text}");
    }
}
