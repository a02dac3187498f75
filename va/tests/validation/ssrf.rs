//! What whoever asks for certificates cannot make this process connect to. Which addresses are
//! closed is a table in `fence`; here it is that every way to them is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use va_wire::{Method, ProblemKind};

use crate::web::{Web, ok, redirect};
use crate::world::{NAME, World, key_authorization, work, work_ip};

/// A network whose loopback is closed but for this test's own addresses.
async fn world() -> World {
    let mut world = World::new().await;
    let IpAddr::V4(own) = world.address(0) else { panic!("no IPv4") };
    world.top = format!("dangerous_allow = [\"{own}/25\"]");
    world
}

/// An address of the test's own that stays closed.
fn closed(world: &World) -> SocketAddr {
    world.at_http(200)
}

#[tokio::test]
async fn refuses_identifiers_that_are_closed_addresses() {
    let mut world = World::new().await;
    world.top = String::new();
    for address in [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "fd00:ec2::254",
        "224.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::7f00:1",
    ] {
        for method in [Method::Http01, Method::TlsAlpn01] {
            let work = work_ip(method, address.parse().unwrap());
            world.refuses(&work, ProblemKind::RejectedIdentifier, "is not validated").await;
        }
    }
}

#[tokio::test]
async fn refuses_names_that_lead_to_closed_addresses_alone() {
    let world = world().await;
    let web = Web::start(closed(&world), |_| ok(&key_authorization())).await;
    for method in [Method::Http01, Method::TlsAlpn01] {
        world.zone.addresses(NAME, &[closed(&world).ip(), "169.254.169.254".parse().unwrap()]);
        world.refuses(&work(method), ProblemKind::Connection, "no address that may be").await;
        world.zone.addresses(NAME, &["::ffff:127.0.0.1".parse().unwrap()]);
        world.refuses(&work(method), ProblemKind::Connection, "a loopback address").await;
        world.zone.alias(NAME, "localhost");
        world.refuses(&work(method), ProblemKind::Connection, "a loopback address").await;
        let world = self::world().await;
        world.zone.addresses(NAME, &["64:ff9b::a9fe:a9fe".parse().unwrap()]);
        world.refuses(&work(method), ProblemKind::Connection, "metadata").await;
    }
    assert!(web.heads().is_empty());
}

#[tokio::test]
async fn closed_addresses_are_passed_over_where_there_are_open_ones() {
    let world = world().await;
    let shut = Web::start(closed(&world), |_| ok("another")).await;
    Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    world.zone.addresses(NAME, &["::1".parse().unwrap(), closed(&world).ip(), world.address(1)]);
    world.validate(&work(Method::Http01)).await.unwrap();
    assert!(shut.heads().is_empty());
}

#[tokio::test]
async fn refuses_redirects_to_closed_addresses_in_every_spelling() {
    let world = world().await;
    let shut = Web::start(closed(&world), |_| ok(&key_authorization())).await;
    let SocketAddr::V4(target) = closed(&world) else { panic!("no IPv4") };
    let [a, b, c, d] = target.ip().octets();
    let number = u32::from(*target.ip());
    world.zone.addresses("inside.corp.example", &[IpAddr::V4(*target.ip())]);
    for (nth, host) in [
        format!("{a}.{b}.{c}.{d}"),
        format!("{number}"),
        format!("0x{number:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{b}.{}", u32::from(c) << 8 | u32::from(d)),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
        format!(
            "[2002:{:x}:{:x}::1]",
            u16::from(a) << 8 | u16::from(b),
            u16::from(c) << 8 | u16::from(d)
        ),
        "localhost".to_owned(),
        "LOCALHOST.".to_owned(),
        "[::1]".to_owned(),
        "0".to_owned(),
        "169.254.169.254".to_owned(),
        "inside.corp.example".to_owned(),
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let at = world.at_http(u8::try_from(nth).unwrap() + 10);
        world.zone.addresses(NAME, &[at.ip()]);
        let to = format!("http://{host}/latest/meta-data/");
        let act = redirect(&to);
        let web = Web::start(at, move |_| act.clone()).await;
        let failure = world.validate(&work(Method::Http01)).await.unwrap_err();
        let kind = failure.kind();
        let fenced = [ProblemKind::Connection, ProblemKind::RejectedIdentifier].contains(&kind);
        assert!(fenced, "{host}: {failure}");
        assert_eq!(web.heads().len(), 1, "{host}");
    }
    assert!(shut.heads().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_address_does_not_get_past_the_check() {
    let world = world().await;
    let shut = Web::start(closed(&world), |_| ok(&key_authorization())).await;
    Web::start(world.at_http(1), |_| redirect("/again")).await;
    let (IpAddr::V4(open), IpAddr::V4(inside)) = (world.address(1), closed(&world).ip()) else {
        panic!("no IPv4")
    };
    // Open when it is looked up first, closed for the redirect to itself.
    world.zone.address_then(NAME, open, inside);
    world.refuses(&work(Method::Http01), ProblemKind::Connection, "no address that may be").await;
    assert!(shut.heads().is_empty());
}

#[tokio::test]
async fn refuses_our_own_listeners_and_the_database() {
    let mut world = World::new().await;
    let own = Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    world.zone.addresses(NAME, &[world.address(1)]);
    world.validate(&work(Method::Http01)).await.unwrap();
    for refuse in [
        format!("{}", world.at_http(1)),
        format!("0.0.0.0:{}", world.http),
        format!("{}", world.address(1)),
        "127.0.0.0/8".to_owned(),
    ] {
        world.tables = format!("connect.refuse = [\"{refuse}\"]");
        world.refuses(&work(Method::Http01), ProblemKind::Connection, "closed by the config").await;
    }
    world.tables = format!("connect.refuse = [\"{}\"]", SocketAddr::new(world.address(1), 1));
    world.validate(&work(Method::Http01)).await.unwrap();
    assert_eq!(own.heads().len(), 2);
}

#[tokio::test]
async fn a_listener_on_every_address_is_refused_on_each_of_this_machine() {
    // The machine's own address in some network, if it has one.
    let outward = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let Some(own) = outward.connect("192.0.2.1:9").ok().and_then(|()| outward.local_addr().ok())
    else {
        return;
    };
    let fence = chancery_va::Fence {
        closed: vec!["0.0.0.0:80".parse().unwrap()],
        opened: vec!["0.0.0.0/0".parse().unwrap()],
    };
    let at = |ip: IpAddr, port| fence.check(SocketAddr::new(ip, port));
    assert_eq!(at(own.ip(), 80), Err(chancery_va::Closed::Configured));
    assert_eq!(at(own.ip(), 81), Ok(()));
    assert_eq!(at("192.0.2.1".parse().unwrap(), 80), Ok(()));
}

#[tokio::test]
async fn nothing_that_a_target_says_is_told_on() {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1)]);
    let secret = "AKIA-SECRET";
    let act = crate::web::answer("418 AKIA-SECRET", &[("X-Secret", secret)], secret);
    Web::start(world.at_http(1), move |_| act.clone()).await;
    let failure = world.validate(&work(Method::Http01)).await.unwrap_err();
    assert!(!failure.detail().contains(secret), "{failure}");
}
