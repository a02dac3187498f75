//! More certificates than the budget has: by the second, in all, and for one name.

use kit::{Draft, Plan, Ring, dns};
use signer_proto::{CertificateSigned, Rule};

fn ring_with(budget: &str) -> Ring {
    let line = "per_day = 1000000";
    Ring::start_with(Plan::default().inside().issuing_but(line, &format!("{line}\n{budget}")))
}

fn named(ring: &Ring, names: &[&str]) -> Draft {
    let mut draft = ring.leaf();
    draft.host(names[0]);
    draft.names(names.iter().map(|name| dns(name)).collect());
    draft
}

fn issue(ring: &Ring, names: &[&str]) -> Result<(), Rule> {
    let asked = ring.call(&ring.order(&named(ring, names)));
    asked.map(|_| ()).map_err(|refusal| refusal.rule)
}

/// Refuses, and nothing was signed for it.
fn over(ring: &Ring, names: &[&str]) {
    let signs = ring.counts.signs();
    assert_eq!(issue(ring, names), Err(Rule::BudgetExhausted), "{names:?}");
    assert_eq!(ring.counts.signs(), signs);
}

fn signed(ring: &Ring) -> Vec<CertificateSigned> {
    ring.ledger().certificates().map(|(_, signed)| signed.clone()).collect()
}

#[test]
fn refuses_what_is_over_the_budget_of_a_second() {
    let ring = ring_with("per_second = 3");
    let orders: Vec<_> = (0..4).map(|_| ring.order(&ring.leaf())).collect();
    for _ in 0..3 {
        // On a slow machine three take more than a second: then nothing is shown here.
        let begun = std::time::Instant::now();
        let answers: Vec<_> = orders.iter().map(|order| ring.call(order)).collect();
        if begun.elapsed().as_millis() < 900 {
            let refusal = answers[3].as_ref().unwrap_err();
            assert_eq!(refusal.rule, Rule::BudgetExhausted, "{}", refusal.detail);
            ring.await_refused(Rule::BudgetExhausted, 1);
            ring.clock.pass(2);
            ring.call(&orders[3]).unwrap();
            return;
        }
        ring.clock.pass(2);
    }
    assert_eq!(signed(&ring).len(), 4);
}

#[test]
fn refuses_what_is_over_the_budget_for_ever_also_after_a_restart() {
    let mut ring = ring_with("total = 2");
    for _ in 0..2 {
        let _ = ring.issue();
    }
    over(&ring, &["www.corp.example"]);
    ring.clock.pass(20 * kit::DAY);
    ring.restart();
    over(&ring, &["www.corp.example"]);
    ring.await_refused(Rule::BudgetExhausted, 2);
    assert_eq!(signed(&ring).len(), 2);
}

#[test]
fn refuses_what_is_over_the_budget_of_a_name_and_nothing_else() {
    let mut ring = ring_with("per_name_per_day = 2");
    assert_eq!(issue(&ring, &["a.corp.example"]), Ok(()));
    assert_eq!(issue(&ring, &["b.corp.example", "A.corp.example"]), Ok(()));
    for names in [["a.corp.example", "c.corp.example"], ["c.corp.example", "A.Corp.Example"]] {
        over(&ring, &names);
    }
    // What was refused does not count, and other names have budgets of their own.
    assert_eq!(issue(&ring, &["c.corp.example", "b.corp.example"]), Ok(()));
    assert_eq!(issue(&ring, &["*.a.corp.example"]), Ok(()));
    ring.restart();
    over(&ring, &["a.corp.example"]);
    over(&ring, &["b.corp.example"]);
    assert_eq!(issue(&ring, &["c.corp.example"]), Ok(()));
    ring.clock.pass(26 * 3_600);
    assert_eq!(issue(&ring, &["a.corp.example"]), Ok(()));
    ring.await_refused(Rule::BudgetExhausted, 4);
    assert_eq!(signed(&ring).len(), 6);
}

#[test]
fn refuses_more_at_once_than_the_budget_of_a_name_has_left() {
    let ring = ring_with("per_name_per_day = 3");
    let orders: Vec<_> = (0..16).map(|_| ring.order(&named(&ring, &["a.corp.example"]))).collect();
    let issued = std::thread::scope(|scope| {
        let ring = &ring;
        let ask = |order| scope.spawn(move || ring.call(order).map_err(|refusal| refusal.rule));
        let asked: Vec<_> = orders.iter().map(ask).collect();
        asked.into_iter().map(|answer| answer.join().unwrap()).fold(0, |sum, answer| match answer {
            Ok(_) => sum + 1,
            Err(rule) => {
                assert_eq!(rule, Rule::BudgetExhausted);
                sum
            }
        })
    });
    assert_eq!(issued, 3);
    assert_eq!(signed(&ring).len(), 3);
}

#[test]
fn a_limit_of_names_begins_with_its_policy() {
    let ring = ring_with("per_name_per_day = 1");
    assert_eq!(issue(&ring, &["a.corp.example"]), Ok(()));
    over(&ring, &["a.corp.example"]);
    let limited = Plan::default()
        .issuing
        .replace("per_day = 1000000", "per_day = 1000000\nper_name_per_day = 1");
    ring.set_policy(kit::ISSUING, &Plan::default().issuing);
    for _ in 0..3 {
        assert_eq!(issue(&ring, &["a.corp.example"]), Ok(()));
    }
    // A policy that was in force before does not come back: this one says the same, again.
    ring.set_policy(kit::ISSUING, &(limited + "# again\n"));
    assert_eq!(issue(&ring, &["a.corp.example"]), Ok(()));
    over(&ring, &["a.corp.example"]);
}
