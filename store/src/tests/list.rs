use std::collections::BTreeSet;

use model::{CertificateState, CertificateStatus, IssuedCertificate, ProfileName};
use x509::CrlReason;

use super::both_engines;
use super::sample::{NOW, certificate, new_issued, stored_issuer};
use crate::certificates::{self, Filter, NameFilter, list};
use crate::{Store, StoreError};

/// Walks all pages and gives the serial numbers in order.
async fn all(store: &Store, filter: &Filter, limit: u16) -> Vec<IssuedCertificate> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = list(store, filter, NOW, cursor.as_ref(), limit).await.unwrap();
        assert!(page.items.len() <= limit.into());
        found.extend(page.items);
        let Some(next) = page.next else { return found };
        // Cursors travel as text.
        cursor = Some(next.to_string().parse().unwrap());
    }
}

/// Records sixty certificates of every kind.
async fn inventory(store: &Store) -> Vec<IssuedCertificate> {
    let (one, two) = (stored_issuer(store, "one").await, stored_issuer(store, "two").await);
    let mut made = Vec::new();
    for number in 0..60_u32 {
        let issuer = if number.is_multiple_of(3) { two.id } else { one.id };
        let mut new = certificate(issuer, number);
        if number.is_multiple_of(4) {
            new.profile = ProfileName::new("device").unwrap();
        }
        // Expiries meet in fives, so that ties are cut by pages; every sixth is over.
        new.not_after = NOW.plus_seconds(i64::from(number / 5) * 1000);
        if number.is_multiple_of(6) {
            new.not_after = NOW.plus_seconds(-i64::from(number / 12) - 1);
        }
        new.status = match number % 10 {
            7 => CertificateStatus::Held { since: NOW },
            8 => CertificateStatus::Revoked {
                at: NOW,
                reason: CrlReason::Superseded,
                invalidity: None,
            },
            _ => CertificateStatus::Valid,
        };
        new.names.push(format!("alt-{number}.Corp.Example"));
        new.names.push(format!("10.0.0.{number}"));
        store.record_issued(new_issued(new.clone())).await.unwrap();
        made.push(new);
    }
    made
}

both_engines! {
    async fn every_filter_finds_what_it_says_page_by_page(store: Store) {
        let made = inventory(&store).await;
        let device = ProfileName::new("device").unwrap();
        let issuer = made[0].issuer;
        let state = |state| Filter { state: Some(state), ..Filter::default() };
        let suffix = |text: &str| Some(NameFilter::Suffix(text.to_owned()));
        let exact = |text: &str| Some(NameFilter::Exact(text.to_owned()));
        type Holds<'a> = Box<dyn Fn(&IssuedCertificate) -> bool + 'a>;
        let in_state = |wanted| -> Holds { Box::new(move |c| c.state(NOW) == wanted) };
        let soon = NOW.plus_seconds(4000);
        let cases: Vec<(Filter, Holds)> = vec![
            (Filter::default(), Box::new(|_| true)),
            (state(CertificateState::Valid), in_state(CertificateState::Valid)),
            (state(CertificateState::Held), in_state(CertificateState::Held)),
            (state(CertificateState::Revoked), in_state(CertificateState::Revoked)),
            (state(CertificateState::Expired), in_state(CertificateState::Expired)),
            (Filter { issuer: Some(issuer), ..Filter::default() }, Box::new(|c| c.issuer == issuer)),
            (
                Filter { profile: Some(device.clone()), ..Filter::default() },
                Box::new(|c| c.profile == device),
            ),
            (
                Filter { profile: Some(device.clone()), issuer: Some(issuer), ..state(CertificateState::Valid) },
                Box::new(|c| {
                    c.profile == device && c.issuer == issuer && c.state(NOW) == CertificateState::Valid
                }),
            ),
            (
                Filter { expires_after: Some(NOW), expires_before: Some(soon), ..Filter::default() },
                Box::new(|c| c.not_after >= NOW && c.not_after < soon),
            ),
            (
                Filter { expires_before: Some(soon), ..state(CertificateState::Revoked) },
                Box::new(|c| c.not_after < soon && c.state(NOW) == CertificateState::Revoked),
            ),
            (
                Filter { serial: Some(made[17].serial), ..Filter::default() },
                Box::new(|c| c.serial == made[17].serial),
            ),
            (Filter { name: suffix(".CORP.example"), ..Filter::default() }, Box::new(|_| true)),
            (
                Filter { name: suffix("5.corp.example"), ..Filter::default() },
                Box::new(|c| c.names[0].ends_with("5.corp.example")),
            ),
            (
                Filter { name: exact("ALT-7.corp.example"), ..Filter::default() },
                Box::new(|c| c.names[0] == "host-7.corp.example"),
            ),
            (Filter { name: exact("corp.example"), ..Filter::default() }, Box::new(|_| false)),
            (Filter { name: suffix(""), ..Filter::default() }, Box::new(|_| true)),
            (
                Filter { name: suffix(".corp.example"), ..state(CertificateState::Held) },
                in_state(CertificateState::Held),
            ),
        ];
        for (filter, holds) in &cases {
            let wanted: BTreeSet<_> = made.iter().filter(|c| holds(c)).map(|c| c.serial).collect();
            for limit in [1, 7, 60, 1000] {
                let found = all(&store, filter, limit).await;
                let serials: BTreeSet<_> = found.iter().map(|c| c.serial).collect();
                assert_eq!(serials, wanted, "{filter:?} by {limit}");
                assert_eq!(found.len(), wanted.len(), "{filter:?} by {limit} repeats rows");
                for one in found {
                    let made = made.iter().find(|c| c.serial == one.serial);
                    assert_eq!(Some(&one), made);
                }
            }
        }
    }

    async fn lists_are_newest_first_or_soonest_first(store: Store) {
        let made = inventory(&store).await;
        let newest = all(&store, &Filter::default(), 9).await;
        assert!(newest.iter().eq(made.iter().rev()));
        let valid = Filter { state: Some(CertificateState::Valid), ..Filter::default() };
        let soonest = all(&store, &valid, 9).await;
        assert!(soonest.is_sorted_by_key(|c| c.not_after));
    }

    async fn pages_are_stable_while_rows_come_in(store: Store) {
        let made = inventory(&store).await;
        let first = list(&store, &Filter::default(), NOW, None, 10).await.unwrap();
        let new = certificate(made[0].issuer, 1000);
        store.record_issued(new_issued(new)).await.unwrap();
        let cursor = first.next.unwrap();
        let second = list(&store, &Filter::default(), NOW, Some(&cursor), 10).await.unwrap();
        let wanted: Vec<_> = made.iter().rev().skip(10).take(10).cloned().collect();
        assert_eq!(second.items, wanted);
    }

    async fn a_page_that_is_just_full_has_no_next(store: Store) {
        inventory(&store).await;
        let page = list(&store, &Filter::default(), NOW, None, 60).await.unwrap();
        assert_eq!((page.items.len(), page.next), (60, None));
        let page = list(&store, &Filter::default(), NOW, None, 0).await.unwrap();
        assert_eq!(page.items.len(), 1);
    }

    async fn a_cursor_of_another_order_is_refused(store: Store) {
        inventory(&store).await;
        let cursor = list(&store, &Filter::default(), NOW, None, 1).await.unwrap().next.unwrap();
        let valid = Filter { state: Some(CertificateState::Valid), ..Filter::default() };
        let refused = list(&store, &valid, NOW, Some(&cursor), 1).await;
        assert!(matches!(refused, Err(StoreError::Malformed(_))), "{refused:?}");
    }
}

/// The plans are what keeps lists fast at ten million rows: none may sort or scan the table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_lists_walk_an_index_and_sort_nothing() {
    let (store, _folder) = super::sqlite().await;
    let made = inventory(&store).await;
    let device = Some(ProfileName::new("device").unwrap());
    let issuer = Some(made[0].issuer);
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let name = |name| Filter { name: Some(name), profile: device.clone(), ..Filter::default() };
    let cases = [
        (Filter::default(), "SCAN c"),
        (Filter { issuer, ..Filter::default() }, "certificates_issuer"),
        (Filter { profile: device.clone(), ..Filter::default() }, "certificates_profile"),
        (state(CertificateState::Valid), "certificates_not_after"),
        (
            Filter { issuer, profile: device.clone(), ..state(CertificateState::Valid) },
            "certificates_not_after",
        ),
        (
            Filter { issuer, expires_before: Some(NOW), ..Filter::default() },
            "certificates_not_after",
        ),
        (state(CertificateState::Held), "certificates_held"),
        (Filter { issuer, ..state(CertificateState::Revoked) }, "certificates_revoked"),
        (name(NameFilter::Exact("a.example".to_owned())), "certificate_names_reversed"),
        (name(NameFilter::Suffix(".example".to_owned())), "certificate_names_reversed"),
    ];
    for (filter, index) in cases {
        let plan = certificates::explain(&store, &filter, NOW).await;
        assert!(plan[0].contains(index), "{filter:?}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{filter:?}: {plan:?}");
        let scans = |step: &String| {
            step.starts_with("SCAN") && !step.contains("USING INDEX") && index != "SCAN c"
        };
        assert!(!plan.iter().any(scans), "{filter:?}: {plan:?}");
    }
    store.close().await;
}
