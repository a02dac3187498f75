//! dns-01 (RFC 8555 §8.4).

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use va_wire::{Method, ProblemKind, Validate};

use crate::world::{World, digest_text, key_authorization, work, work_ip};

const PLACE: &str = "_acme-challenge.www.corp.example";

#[tokio::test]
async fn the_digest_is_enough_and_nobody_is_connected_to() {
    let world = World::new().await;
    world.zone.texts(PLACE, &[&[&digest_text()]]);
    let seen = world.validate(&work(Method::Dns01)).await.unwrap();
    assert_eq!(seen.address, None);
    assert_eq!(world.zone.asked(RecordType::A), [] as [&str; 0]);
    assert_eq!(world.zone.asked(RecordType::TXT), [PLACE]);
}

#[tokio::test]
async fn a_wildcard_is_validated_by_its_base() {
    let world = World::new().await;
    world.zone.texts(PLACE, &[&[&digest_text()]]);
    let wildcard = Validate { wildcard: true, ..work(Method::Dns01) };
    let seen = world.validate(&wildcard).await.unwrap();
    assert_eq!(seen.record.identifier.to_string(), "www.corp.example");
    assert_eq!(seen.record.method, signer_proto::ValidationMethod::Dns01);
}

#[tokio::test]
async fn any_of_many_records_is_enough() {
    let world = World::new().await;
    world.zone.texts(PLACE, &[&["v=spf1 -all"], &["x"], &[&digest_text()], &["y"]]);
    world.validate(&work(Method::Dns01)).await.unwrap();
}

#[tokio::test]
async fn a_record_in_several_strings_is_one() {
    let world = World::new().await;
    let digest = digest_text();
    let (one, two) = digest.split_at(10);
    world.zone.texts(PLACE, &[&[one, two]]);
    world.validate(&work(Method::Dns01)).await.unwrap();
    world.zone.texts(PLACE, &[&[one], &[two]]);
    world.refuses(&work(Method::Dns01), ProblemKind::IncorrectResponse, "none of the 2 TXT").await;
}

#[tokio::test]
async fn aliases_are_followed() {
    let world = World::new().await;
    world.zone.alias(PLACE, "www.challenges.example");
    world.zone.alias("www.challenges.example", "deep.challenges.example");
    world.zone.texts("deep.challenges.example", &[&[&digest_text()]]);
    world.validate(&work(Method::Dns01)).await.unwrap();
}

#[tokio::test]
async fn refuses_other_texts() {
    let world = World::new().await;
    let digest = digest_text();
    for text in [
        key_authorization(),
        digest.to_lowercase(),
        digest.clone() + "=",
        format!("{digest} "),
        format!("\"{digest}\""),
        digest[..42].to_owned(),
        String::new(),
    ] {
        world.zone.texts(PLACE, &[&[&text]]);
        let (work, kind) = (work(Method::Dns01), ProblemKind::IncorrectResponse);
        let failure = world.refuses(&work, kind, "none of the 1 TXT").await;
        assert_eq!(failure.retry(), chancery_va::Retry::Soon);
    }
}

#[tokio::test]
async fn the_digest_at_the_name_itself_or_above_is_not_looked_at() {
    let world = World::new().await;
    world.zone.texts("www.corp.example", &[&[&digest_text()]]);
    world.zone.texts("_acme-challenge.corp.example", &[&[&digest_text()]]);
    world.refuses(&work(Method::Dns01), ProblemKind::Dns, "NXDOMAIN").await;
}

#[tokio::test]
async fn a_place_without_texts_is_a_dns_problem_that_may_pass() {
    let world = World::new().await;
    world.zone.addresses(PLACE, &[world.address(1)]);
    let failure = world.refuses(&work(Method::Dns01), ProblemKind::Dns, "no TXT records").await;
    assert_eq!(failure.retry(), chancery_va::Retry::Soon);
}

#[tokio::test]
async fn refuses_a_circle_of_aliases() {
    let world = World::new().await;
    world.zone.alias(PLACE, "b.corp.example");
    world.zone.alias("b.corp.example", PLACE);
    world.refuses(&work(Method::Dns01), ProblemKind::Dns, "").await;
    world.zone.alias(PLACE, PLACE);
    world.refuses(&work(Method::Dns01), ProblemKind::Dns, "").await;
}

#[tokio::test]
async fn refuses_a_chain_of_aliases_without_an_end_in_sight() {
    let world = World::new().await;
    world.zone.alias(PLACE, "n0.corp.example");
    for n in 0..20 {
        world.zone.alias(&format!("n{n}.corp.example"), &format!("n{}.corp.example", n + 1));
    }
    world.zone.texts("n20.corp.example", &[&[&digest_text()]]);
    world.refuses(&work(Method::Dns01), ProblemKind::Dns, "too long a chain").await;
}

#[tokio::test]
async fn failures_of_the_dns_are_told_by_their_names() {
    let world = World::new().await;
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        world.zone.fails(PLACE, RecordType::TXT, code);
        let failure = world.refuses(&work(Method::Dns01), ProblemKind::Dns, "looking up TXT").await;
        assert_eq!(failure.retry(), chancery_va::Retry::Soon);
    }
}

#[tokio::test]
async fn a_silent_dns_ends_at_the_deadline() {
    let world = World::new().await;
    world.zone.is_silent(PLACE, RecordType::TXT);
    let work = Validate { deadline_ms: 300, ..work(Method::Dns01) };
    world.refuses(&work, ProblemKind::Dns, "no answer in time").await;
}

#[tokio::test]
async fn what_is_too_long_for_udp_is_asked_for_by_tcp() {
    let world = World::new().await;
    let digest = digest_text();
    let many: Vec<String> = (0..100).map(|n| format!("{n:0>43}")).collect();
    let mut texts: Vec<[&str; 1]> = many.iter().map(|text| [text.as_str()]).collect();
    texts.push([&digest]);
    let texts: Vec<&[&str]> = texts.iter().map(<[&str; 1]>::as_slice).collect();
    world.zone.texts_over_tcp(PLACE, &texts);
    world.validate(&work(Method::Dns01)).await.unwrap();
}

#[tokio::test]
async fn nothing_is_remembered_from_one_try_to_the_next() {
    let world = World::new().await;
    let validator = world.validator();
    world.zone.texts(PLACE, &[&["old"]]);
    assert!(validator.validate(&work(Method::Dns01)).await.is_err());
    world.zone.texts(PLACE, &[&[&digest_text()]]);
    validator.validate(&work(Method::Dns01)).await.unwrap();
    world.zone.texts(PLACE, &[&["new"]]);
    assert!(validator.validate(&work(Method::Dns01)).await.is_err());
}

#[tokio::test]
async fn refuses_addresses() {
    let world = World::new().await;
    let work = work_ip(Method::Dns01, world.address(1));
    world.refuses(&work, ProblemKind::UnsupportedIdentifier, "not validated by dns-01").await;
    assert_eq!(world.zone.asked(RecordType::TXT), [] as [&str; 0]);
}
