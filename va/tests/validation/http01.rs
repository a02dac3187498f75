//! http-01 (RFC 8555 §8.3).

use std::time::{Duration, Instant};

use chancery_va::Failure;
use va_wire::{Method, ProblemKind};

use crate::tls::Shown;
use crate::web::{Act, Web, answer, ok, redirect};
use crate::world::{NAME, WELL_KNOWN, World, key_authorization, work, work_ip};

async fn world() -> World {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1)]);
    world
}

#[tokio::test]
async fn the_key_authorization_at_the_well_known_place_is_enough() {
    let world = world().await;
    let web = Web::start(world.at_http(1), |path| match path {
        WELL_KNOWN => ok(&(key_authorization() + "\r\n")),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let seen = world.validate(&work(Method::Http01)).await.unwrap();
    assert_eq!(seen.address, Some(world.at_http(1)));
    assert_eq!(seen.record.identifier.to_string(), NAME);
    assert_eq!(seen.record.account.0, [7; 32]);
    let heads = web.heads();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_lowercase();
    assert!(head.contains("\r\nhost: www.corp.example\r\n"), "{head}");
    assert!(head.contains("\r\nuser-agent: chancery-va/"), "{head}");
}

#[tokio::test]
async fn an_address_is_validated_at_itself() {
    let world = world().await;
    let web = Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    let seen = world.validate(&work_ip(Method::Http01, world.address(1))).await.unwrap();
    assert_eq!(seen.record.identifier.to_string(), world.address(1).to_string());
    let host = format!("\r\nhost: {}\r\n", world.address(1));
    assert!(web.heads()[0].to_lowercase().contains(&host));
}

#[tokio::test]
async fn an_ipv6_address_is_validated_at_itself() {
    let world = world().await;
    let web =
        Web::start(([0, 0, 0, 0, 0, 0, 0, 1], world.http).into(), |_| ok(&key_authorization()));
    let web = web.await;
    world.validate(&work_ip(Method::Http01, "::1".parse().unwrap())).await.unwrap();
    assert!(web.heads()[0].to_lowercase().contains("\r\nhost: [::1]\r\n"));
}

#[tokio::test]
async fn ipv6_goes_before_ipv4() {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1), "::1".parse().unwrap()]);
    let four = Web::start(world.at_http(1), |_| ok("four")).await;
    Web::start(([0, 0, 0, 0, 0, 0, 0, 1], world.http).into(), |_| ok(&key_authorization())).await;
    world.validate(&work(Method::Http01)).await.unwrap();
    assert!(four.heads().is_empty());
}

#[tokio::test]
async fn ipv4_is_tried_where_ipv6_does_not_answer() {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1), "::1".parse().unwrap()]);
    Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    let seen = world.validate(&work(Method::Http01)).await.unwrap();
    assert_eq!(seen.address, Some(world.at_http(1)));
}

#[tokio::test]
async fn a_wrong_answer_over_ipv6_is_not_mended_by_ipv4() {
    let world = World::new().await;
    world.zone.addresses(NAME, &[world.address(1), "::1".parse().unwrap()]);
    let four = Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    Web::start(([0, 0, 0, 0, 0, 0, 0, 1], world.http).into(), |_| ok("another")).await;
    world.refuses(&work(Method::Http01), ProblemKind::IncorrectResponse, "is not the key").await;
    assert!(four.heads().is_empty());
}

#[tokio::test]
async fn refuses_bodies_that_are_not_the_key_authorization() {
    let world = world().await;
    for (number, body) in [
        String::new(),
        key_authorization() + "x",
        format!(" {}", key_authorization()),
        key_authorization().to_uppercase(),
        crate::world::TOKEN.to_owned(),
        crate::world::digest_text(),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u8::try_from(number).unwrap() + 10;
        world.zone.addresses(NAME, &[world.address(number)]);
        let shown = body.clone();
        Web::start(world.at_http(number), move |_| ok(&shown)).await;
        let (work, kind) = (work(Method::Http01), ProblemKind::IncorrectResponse);
        let failure = world.refuses(&work, kind, "is not the key").await;
        // What an internal server said is nothing for whoever asked; the token is in the URL.
        assert!(
            body.is_empty() || WELL_KNOWN.contains(&body) || !failure.to_string().contains(&body),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn refuses_every_status_but_200_and_keeps_what_retry_after_says() {
    let world = world().await;
    for (number, status, after) in [
        (10, "404 Not Found", None),
        (11, "403 Forbidden", None),
        (12, "503 Service Unavailable", Some(7)),
        (13, "204 No Content", None),
        (14, "500 Oops", None),
        (15, "304 Not Modified", None),
    ] {
        world.zone.addresses(NAME, &[world.address(number)]);
        let act = answer(status, &[("Retry-After", "7")], &key_authorization());
        Web::start(world.at_http(number), move |_| act.clone()).await;
        let (work, kind) = (work(Method::Http01), ProblemKind::Unauthorized);
        let failure = world.refuses(&work, kind, &status[..3]).await;
        let Failure::Status { retry_after, .. } = failure else { panic!("another failure") };
        assert!(after.is_none() || retry_after == after, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_name_is_followed() {
    let world = world().await;
    world.zone.addresses("files.corp.example", &[world.address(2)]);
    Web::start(world.at_http(1), |_| redirect("http://files.corp.example/challenge?x=1#y")).await;
    let files = Web::start(world.at_http(2), |path| match path {
        "/challenge?x=1" => ok(&key_authorization()),
        _ => ok("another"),
    })
    .await;
    let seen = world.validate(&work(Method::Http01)).await.unwrap();
    assert_eq!(seen.address, Some(world.at_http(2)));
    assert!(files.heads()[0].to_lowercase().contains("\r\nhost: files.corp.example\r\n"));
}

#[tokio::test]
async fn relative_redirects_of_every_status_are_followed() {
    let world = world().await;
    Web::start(world.at_http(1), |path| match path {
        WELL_KNOWN => answer("301 Moved", &[("Location", "/a")], ""),
        "/a" => answer("303 See Other", &[("Location", "b")], ""),
        "/b" => answer("307 Temporary", &[("Location", "//www.corp.example/c")], ""),
        "/c" => answer("308 Permanent", &[("Location", "?d")], ""),
        "/c?d" => ok(&key_authorization()),
        _ => ok("another"),
    })
    .await;
    world.validate(&work(Method::Http01)).await.unwrap();
}

#[tokio::test]
async fn a_redirect_to_https_is_followed_whatever_its_certificate() {
    let world = world().await;
    Web::start(world.at_http(1), |_| redirect("https://www.corp.example/s")).await;
    let mut shown = Shown::with(vec![(0x82, b"another.example".to_vec())], &[0; 32]);
    shown.extensions.clear();
    shown.protocols = vec![b"http/1.1".to_vec()];
    let at = (world.address(1), world.https).into();
    let names = shown
        .serve_by(at, |stream| async move {
            Web::default().serve(stream, |_| ok(&key_authorization())).await;
        })
        .await;
    let seen = world.validate(&work(Method::Http01)).await.unwrap();
    assert_eq!(seen.address, Some(at));
    assert_eq!(names.asked(), [Some("www.corp.example".to_owned())]);
}

#[tokio::test]
async fn a_redirect_to_an_address_is_followed() {
    let world = world().await;
    let to = format!("http://{}/x", world.address(2));
    Web::start(world.at_http(1), move |_| redirect(&to)).await;
    Web::start(world.at_http(2), |_| ok(&key_authorization())).await;
    world.validate(&work(Method::Http01)).await.unwrap();
}

#[tokio::test]
async fn refuses_redirects_to_other_ports_schemes_and_users() {
    let world = world().await;
    let long = format!("http://www.corp.example/{}", "a".repeat(2_000));
    for (number, to, words) in [
        (10, "http://www.corp.example:8080/", "only the ports"),
        (11, "http://www.corp.example:443/", "only the ports"),
        (12, "https://www.corp.example:80/", "only the ports"),
        (13, "https://www.corp.example:8443/", "only the ports"),
        (14, "ftp://www.corp.example/", "only http and https"),
        (15, "file:///etc/passwd", "only http and https"),
        (16, "gopher://www.corp.example:80/x", "only http and https"),
        (17, "http://user@www.corp.example/", "a user's name"),
        (18, "http://:secret@www.corp.example/", "a user's name"),
        (19, "http://", "no URL"),
        (20, "http://[::1/", "no URL"),
        (21, &long, "too long"),
        (22, "javascript:alert(1)", "only http and https"),
        (23, "http://www.corp.example:99999/", "no URL"),
    ] {
        world.zone.addresses(NAME, &[world.address(number)]);
        let act = redirect(to);
        let web = Web::start(world.at_http(number), move |_| act.clone()).await;
        world.refuses(&work(Method::Http01), ProblemKind::Connection, words).await;
        assert_eq!(web.heads().len(), 1, "{to}");
    }
}

#[tokio::test]
async fn refuses_a_redirect_without_a_place() {
    let world = world().await;
    Web::start(world.at_http(1), |_| answer("302 Found", &[], "")).await;
    world.refuses(&work(Method::Http01), ProblemKind::Connection, "no Location").await;
}

#[tokio::test]
async fn refuses_a_circle_of_redirects_after_ten() {
    let world = world().await;
    let web = Web::start(world.at_http(1), |_| redirect("/again")).await;
    world.refuses(&work(Method::Http01), ProblemKind::Connection, "too many").await;
    assert_eq!(web.heads().len(), 11);
}

#[tokio::test]
async fn refuses_every_redirect_where_none_is_allowed() {
    let mut world = world().await;
    world.tables = "limits.redirects = 0".into();
    let web = Web::start(world.at_http(1), |_| redirect("/again")).await;
    world.refuses(&work(Method::Http01), ProblemKind::Connection, "too many").await;
    assert_eq!(web.heads().len(), 1);
}

#[tokio::test]
async fn refuses_a_body_that_is_too_long_with_and_without_a_length() {
    let world = world().await;
    let long = " ".repeat(4_097);
    let announced = ok(&long);
    let endless = Act::Say(format!("HTTP/1.1 200 OK\r\n\r\n{}", long.repeat(100)).into_bytes());
    let chunk = format!("{:x}\r\n{long}\r\n", long.len()).repeat(3);
    let chunked = Act::Say(
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")
            .into_bytes(),
    );
    for (number, act) in [(10, announced), (11, endless), (12, chunked)] {
        world.zone.addresses(NAME, &[world.address(number)]);
        Web::start(world.at_http(number), move |_| act.clone()).await;
        world.refuses(&work(Method::Http01), ProblemKind::IncorrectResponse, "too long").await;
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_read() {
    let world = world().await;
    let key = key_authorization();
    let (one, two) = key.split_at(20);
    let text = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        two.len()
    );
    Web::start(world.at_http(1), move |_| Act::Say(text.clone().into_bytes())).await;
    world.validate(&work(Method::Http01)).await.unwrap();
}

#[tokio::test]
async fn slow_answers_end_at_the_deadline() {
    let world = world().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n";
    for (number, act) in [
        (10, Act::SayAndHang(Vec::new())),
        (11, Act::SayAndHang(b"HTTP/1.1 200".to_vec())),
        (12, Act::SayAndHang(head.into())),
        (13, Act::Drip(head.into(), vec![b'x'; 4_000])),
        (14, Act::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 4_000])),
    ] {
        world.zone.addresses(NAME, &[world.address(number)]);
        Web::start(world.at_http(number), move |_| act.clone()).await;
        let work = va_wire::Validate { deadline_ms: 300, ..work(Method::Http01) };
        let began = Instant::now();
        world.refuses(&work, ProblemKind::Connection, "no answer in time while waiting").await;
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn refuses_what_is_no_http() {
    let world = world().await;
    let many = "X: y\r\n".repeat(200);
    for (number, octets) in [
        (10, "SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
        (11, "HTTP/1.1 OK 200\r\n\r\n".to_owned()),
        (12, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nshort".to_owned()),
        (13, format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(20_000))),
        (14, format!("HTTP/1.1 200 OK\r\n{many}\r\n")),
        (15, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".to_owned()),
        (16, key_authorization()),
        (17, "HTTP/2.0 200 OK\r\n\r\n".to_owned()),
    ] {
        world.zone.addresses(NAME, &[world.address(number)]);
        Web::start(world.at_http(number), move |_| Act::Say(octets.clone().into_bytes())).await;
        world
            .refuses(&work(Method::Http01), ProblemKind::Connection, "did not answer in HTTP")
            .await;
    }
    world.zone.addresses(NAME, &[world.address(30)]);
    Web::start(world.at_http(30), |_| Act::End).await;
    world.refuses(&work(Method::Http01), ProblemKind::Connection, "did not answer in HTTP").await;
}

#[tokio::test]
async fn a_closed_port_is_a_connection_problem_that_may_pass() {
    let world = world().await;
    let failure =
        world.refuses(&work(Method::Http01), ProblemKind::Connection, "connecting to").await;
    assert!(matches!(failure, Failure::Connect { .. }));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_problem() {
    let world = World::new().await;
    world.refuses(&work(Method::Http01), ProblemKind::Dns, "NXDOMAIN").await;
    world.zone.texts(NAME, &[&["no address"]]);
    world.refuses(&work(Method::Http01), ProblemKind::Dns, "no A or AAAA records").await;
}

#[tokio::test]
async fn refuses_wildcards_and_tokens_and_identifiers_that_are_none() {
    let world = world().await;
    Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    let honest = work(Method::Http01);
    let wildcard = va_wire::Validate { wildcard: true, ..honest.clone() };
    world.refuses(&wildcard, ProblemKind::Malformed, "wildcard").await;
    let token =
        va_wire::Validate { token: "../../secret/aaaaaaaaaaaaaaaa".into(), ..honest.clone() };
    world.refuses(&token, ProblemKind::Malformed, "token").await;
    for name in
        ["", "WWW.corp.example", "*.corp.example", "www.corp.example.", "10.0.0.1", "a b", "a..b"]
    {
        let identifier = va_wire::Identifier::Dns(name.into());
        let other = va_wire::Validate { identifier, ..honest.clone() };
        world.refuses(&other, ProblemKind::Malformed, "not an identifier").await;
    }
    let mapped = work_ip(Method::Http01, "::ffff:10.0.0.1".parse().unwrap());
    world.refuses(&mapped, ProblemKind::Malformed, "not an identifier").await;
    world.validate(&honest).await.unwrap();
}
