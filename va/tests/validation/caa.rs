//! CAA as the DNS has it (RFC 8659 §3): which records decide. What they say is a table in
//! `caa::verdict`.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use va_wire::{Method, ProblemKind, Validate};

use crate::web::{Web, ok};
use crate::world::{NAME, World, digest_text, key_authorization, work, work_ip};

const OURS: &str = "ca.corp.example";

async fn world() -> World {
    let world = World::new().await;
    world.zone.texts("_acme-challenge.www.corp.example", &[&[&digest_text()]]);
    world
}

fn asking() -> Validate {
    Validate { caa_issuers: Some(vec![OURS.into()]), ..work(Method::Dns01) }
}

#[tokio::test]
async fn without_any_records_nothing_is_forbidden_and_the_climb_ends_below_the_root() {
    let world = world().await;
    world.validate(&asking()).await.unwrap();
    let asked = world.zone.asked(RecordType::CAA);
    assert_eq!(asked, ["www.corp.example", "corp.example", "example"]);
}

#[tokio::test]
async fn the_first_set_on_the_way_up_decides() {
    let world = world().await;
    world.zone.caa("example", &[(false, "issue", ";")]);
    world.refuses(&asking(), ProblemKind::Caa, "records of example forbid").await;
    world.zone.caa("corp.example", &[(false, "issue", OURS)]);
    world.validate(&asking()).await.unwrap();
    world.zone.caa(NAME, &[(false, "issue", "other.example")]);
    world.refuses(&asking(), ProblemKind::Caa, "records of www.corp.example forbid").await;
    // A set without `issue` ends the climb all the same.
    world.zone.caa(NAME, &[(false, "iodef", "mailto:x@corp.example")]);
    world.zone.caa("corp.example", &[(false, "issue", ";")]);
    world.validate(&asking()).await.unwrap();
}

#[tokio::test]
async fn a_wildcard_is_decided_by_issuewild_of_its_base() {
    let world = world().await;
    let wildcard = Validate { wildcard: true, ..asking() };
    world.zone.caa(NAME, &[(false, "issue", OURS), (false, "issuewild", ";")]);
    world.refuses(&wildcard, ProblemKind::Caa, "no property names this CA").await;
    world.validate(&asking()).await.unwrap();
    world.zone.caa(NAME, &[(false, "issue", ";"), (false, "issuewild", OURS)]);
    world.validate(&wildcard).await.unwrap();
    world.refuses(&asking(), ProblemKind::Caa, "no property names this CA").await;
}

#[tokio::test]
async fn a_critical_property_that_nobody_knows_forbids() {
    let world = world().await;
    world.zone.caa(NAME, &[(false, "issue", OURS), (true, "tbs", "Unknown")]);
    world.refuses(&asking(), ProblemKind::Caa, "critical property `tbs`").await;
    world.zone.caa(NAME, &[(false, "issue", OURS), (false, "tbs", "Unknown")]);
    world.validate(&asking()).await.unwrap();
}

#[tokio::test]
async fn accounturi_and_validationmethods_are_looked_at() {
    let world = world().await;
    let account = "ca.corp.example; accounturi=https://ca.corp.example/acme/account/1";
    world.zone.caa(NAME, &[(false, "issue", account)]);
    world.validate(&asking()).await.unwrap();
    let other =
        Validate { account_uri: "https://ca.corp.example/acme/account/2".into(), ..asking() };
    world.refuses(&other, ProblemKind::Caa, "another account's").await;
    world.zone.caa(NAME, &[(false, "issue", "ca.corp.example; validationmethods=http-01")]);
    world.refuses(&asking(), ProblemKind::Caa, "do not list this one").await;
    world.zone.caa(NAME, &[(false, "issue", "ca.corp.example; validationmethods=http-01,dns-01")]);
    world.validate(&asking()).await.unwrap();
}

#[tokio::test]
async fn aliases_are_followed_and_the_climb_goes_on_above_the_name_itself() {
    let world = world().await;
    world.zone.alias(NAME, "target.other.example");
    world.zone.caa("target.other.example", &[(false, "issue", ";")]);
    world.refuses(&asking(), ProblemKind::Caa, "records of www.corp.example forbid").await;
    // RFC 8659 §3: not above the alias' target.
    let world = self::world().await;
    world.zone.alias(NAME, "target.other.example");
    world.zone.addresses("target.other.example", &[world.address(1)]);
    world.zone.caa("other.example", &[(false, "issue", ";")]);
    world.validate(&asking()).await.unwrap();
    world.zone.caa("corp.example", &[(false, "issue", ";")]);
    world.refuses(&asking(), ProblemKind::Caa, "records of corp.example forbid").await;
}

#[tokio::test]
async fn a_circle_or_an_endless_chain_of_aliases_is_no_permission() {
    let world = world().await;
    world.zone.alias("corp.example", "b.example");
    world.zone.alias("b.example", "corp.example");
    world.refuses(&asking(), ProblemKind::Dns, "CAA").await;
    let world = self::world().await;
    for n in 0..20 {
        world.zone.alias(&format!("n{n}.example"), &format!("n{}.example", n + 1));
    }
    world.zone.alias("corp.example", "n0.example");
    world.zone.caa("n20.example", &[(false, "issue", ";")]);
    world.refuses(&asking(), ProblemKind::Dns, "too long a chain").await;
}

#[tokio::test]
async fn a_failure_of_the_dns_is_no_permission() {
    let world = world().await;
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        for name in [NAME, "corp.example", "example"] {
            let world = self::world().await;
            world.zone.fails(name, RecordType::CAA, code);
            world.refuses(&asking(), ProblemKind::Dns, "looking up CAA").await;
        }
    }
    world.zone.is_silent(NAME, RecordType::CAA);
    let work = Validate { deadline_ms: 300, ..asking() };
    world.refuses(&work, ProblemKind::Dns, "looking up CAA").await;
}

#[tokio::test]
async fn an_unreachable_world_above_ones_own_zones_is_not_asked() {
    let mut world = world().await;
    world.tables = "caa.tops = [\"corp.example\"]".into();
    world.zone.fails("example", RecordType::CAA, ResponseCode::ServFail);
    world.validate(&asking()).await.unwrap();
    assert_eq!(world.zone.asked(RecordType::CAA), ["www.corp.example", "corp.example"]);
    world.zone.caa("corp.example", &[(false, "issue", ";")]);
    world.refuses(&asking(), ProblemKind::Caa, "corp.example").await;
}

#[tokio::test]
async fn the_servers_word_about_issuers_yields_to_the_configuration() {
    let mut world = world().await;
    world.zone.caa(NAME, &[(false, "issue", "evil.example")]);
    let evil = Validate { caa_issuers: Some(vec!["evil.example".into()]), ..work(Method::Dns01) };
    let unchecked = Validate { caa_issuers: None, ..evil.clone() };
    world.validate(&evil).await.unwrap();
    world.validate(&unchecked).await.unwrap();
    world.tables = "caa.issuers = [\"ca.corp.example\"]".into();
    for work in [&evil, &unchecked] {
        world.refuses(work, ProblemKind::Caa, "no property names this CA").await;
    }
}

#[tokio::test]
async fn a_ca_without_a_name_is_named_by_nobody() {
    let world = world().await;
    let nameless = Validate { caa_issuers: Some(Vec::new()), ..work(Method::Dns01) };
    world.validate(&nameless).await.unwrap();
    world.zone.caa("corp.example", &[(false, "issue", "other.example")]);
    world.refuses(&nameless, ProblemKind::Caa, "no property names this CA").await;
}

#[tokio::test]
async fn an_address_has_no_caa() {
    let world = world().await;
    Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    let work = Validate {
        caa_issuers: Some(vec![OURS.into()]),
        ..work_ip(Method::Http01, world.address(1))
    };
    world.validate(&work).await.unwrap();
    assert_eq!(world.zone.asked(RecordType::CAA), [] as [&str; 0]);
}
