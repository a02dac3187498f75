//! The whole process but its confinement: the server's socket, and the real signer's journal.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use chancery_va::{Config, Sockets, run};
use kit::Ring;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use va_wire::{
    Client, ClientError, Identifier, Method, Outcome, ProblemKind, SignerState, Validate,
};

use crate::web::{Act, Web, ok};
use crate::world::{NAME, World, digest_text, key_authorization, work};

/// The authority over a socket.
pub struct Authority {
    dir: tempfile::TempDir,
    pub config: Config,
}

impl Authority {
    pub fn of(world: &World, ring: &Ring) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = world.config();
        config.socket = dir.path().join("va-work.sock");
        config.server_uids = vec![kit::uid()];
        config.signer_run = ring.run_dir();
        Self { dir, config }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("va-work.sock")
    }

    pub fn start(&self) -> Client {
        let sockets = Sockets::bind(&self.config).unwrap();
        tokio::spawn(run(self.config.clone(), sockets, false));
        Client::new(self.socket())
    }
}

async fn start() -> (World, Ring, Authority) {
    let world = World::new().await;
    world.zone.texts("_acme-challenge.www.corp.example", &[&[&digest_text()]]);
    let ring = Ring::inside();
    let authority = Authority::of(&world, &ring);
    (world, ring, authority)
}

fn records(ring: &Ring) -> usize {
    ring.ledger().count("ValidationRecorded")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_in_the_signers_journal() {
    let (_world, ring, authority) = start().await;
    let client = authority.start();
    let outcome = client.validate(work(Method::Dns01)).await.unwrap();
    let Outcome::Valid(valid) = outcome else { panic!("{outcome:?}") };
    assert_eq!((valid.address, valid.port), (None, None));
    let ledger = ring.ledger_from(valid.position);
    let event = ledger.events().next().unwrap();
    let signer_proto::Event::ValidationRecorded(recorded) = event else { panic!("{event:?}") };
    assert_eq!(recorded.identifier.to_string(), NAME);
    assert_eq!(recorded.account.0, [7; 32]);
    let health = client.health().await.unwrap();
    assert_eq!((health.validations, health.in_flight), (1, 0));
    assert_eq!(health.signer, SignerState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_seen_leaves_no_record() {
    let (world, ring, authority) = start().await;
    world.zone.texts("_acme-challenge.www.corp.example", &[&["another"]]);
    world.zone.caa("corp.example", &[(false, "issue", ";")]);
    let client = authority.start();
    let outcome = client.validate(Validate { attempt: 3, ..work(Method::Dns01) }).await.unwrap();
    let Outcome::Invalid(invalid) = outcome else { panic!("{outcome:?}") };
    assert_eq!(invalid.problem.kind, ProblemKind::IncorrectResponse);
    assert_eq!(invalid.retry_after, Some(4));
    // Nor what was seen, and is forbidden.
    world.zone.texts("_acme-challenge.www.corp.example", &[&[&digest_text()]]);
    let forbidden = Validate { caa_issuers: Some(Vec::new()), ..work(Method::Dns01) };
    let outcome = client.validate(forbidden).await.unwrap();
    let Outcome::Invalid(invalid) = outcome else { panic!("{outcome:?}") };
    assert_eq!((invalid.problem.kind, invalid.retry_after), (ProblemKind::Caa, None));
    assert_eq!(records(&ring), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_answered() {
    let (world, ring, authority) = start().await;
    let client = authority.start();
    let mut askers = Vec::new();
    for n in 0..64 {
        let name = format!("n{n}.corp.example");
        let text = if n % 2 == 0 { digest_text() } else { "another".into() };
        world.zone.texts(&format!("_acme-challenge.{name}"), &[&[&text]]);
        let work = Validate { identifier: Identifier::Dns(name), ..work(Method::Dns01) };
        let client = client.clone();
        askers.push(tokio::spawn(async move { client.validate(work).await }));
    }
    for (n, asker) in askers.into_iter().enumerate() {
        let valid = matches!(asker.await.unwrap().unwrap(), Outcome::Valid(_));
        assert_eq!(valid, n % 2 == 0, "{n}");
    }
    assert_eq!(records(&ring), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_at_once_are_told_to_come_again() {
    let (world, ring, mut authority) = start().await;
    authority.config.in_flight = 1;
    world.zone.addresses(NAME, &[world.address(1)]);
    Web::start(world.at_http(1), |_| Act::SayAndHang(Vec::new())).await;
    let client = authority.start();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.validate(Validate { deadline_ms: 1_000, ..work(Method::Http01) }).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let busy = client.validate(work(Method::Dns01)).await.unwrap();
    let Outcome::Unavailable(busy) = busy else { panic!("{busy:?}") };
    assert_eq!(busy.detail, "too many validations are under way");
    assert_eq!(client.health().await.unwrap().in_flight, 1);
    assert!(matches!(slow.await.unwrap().unwrap(), Outcome::Invalid(_)));
    assert!(matches!(client.validate(work(Method::Dns01)).await.unwrap(), Outcome::Valid(_)));
    assert_eq!(records(&ring), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_signer_nothing_is_decided() {
    let (_world, mut ring, authority) = start().await;
    let client = authority.start();
    ring.stop();
    let outcome = client.validate(work(Method::Dns01)).await.unwrap();
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    assert_eq!(client.health().await.unwrap().signer, SignerState::Away);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_nobody_configured_is_not_written_to() {
    let (_world, ring, authority) = start().await;
    let client = authority.start();
    let other = Validate { ring: Some("other".into()), ..work(Method::Dns01) };
    let Outcome::Unavailable(why) = client.validate(other).await.unwrap() else {
        panic!("written")
    };
    assert_eq!(why.detail, "the ring other is not known here");
    assert_eq!(records(&ring), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ring_gets_its_own_record() {
    let (_world, ring, mut authority) = start().await;
    let second = Ring::inside();
    authority.config.rings.insert("second".into(), second.run_dir());
    let client = authority.start();
    let other = Validate { ring: Some("second".into()), ..work(Method::Dns01) };
    assert!(matches!(client.validate(other).await.unwrap(), Outcome::Valid(_)));
    assert_eq!((records(&ring), records(&second)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_turned_away() {
    let (_world, ring, mut authority) = start().await;
    authority.config.server_uids = vec![kit::uid() + 1];
    let client = authority.start();
    let turned_away = client.validate(work(Method::Dns01)).await;
    assert!(matches!(turned_away, Err(ClientError::Unavailable(_))), "{turned_away:?}");
    assert_eq!(records(&ring), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_frames_that_are_none_and_goes_on_serving() {
    let (_world, ring, authority) = start().await;
    let client = authority.start();
    let honest = va_wire::encode(&va_wire::Request {
        version: 1,
        id: 1,
        ask: va_wire::Ask::Validate(Box::new(work(Method::Dns01))),
    })
    .unwrap();
    let text = String::from_utf8(honest[4..].to_vec()).unwrap();
    let framed = |text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&length[..], text.as_bytes()].concat()
    };
    for frame in [
        0_u32.to_be_bytes().to_vec(),
        65_537_u32.to_be_bytes().to_vec(),
        u32::MAX.to_be_bytes().to_vec(),
        framed("{}"),
        framed("[]"),
        framed("\u{0}"),
        framed(&text.replace("\"version\":1", "\"version\":2")),
        framed(&text.replace("\"version\":1", "\"version\":1,\"more\":2")),
        framed(&text.replace("dns-01", "dns-02")),
        framed(&(text.clone() + "x")),
    ] {
        let mut stream = UnixStream::connect(authority.socket()).await.unwrap();
        stream.write_all(&frame).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(rest, b"", "{frame:?}");
    }
    assert_eq!(records(&ring), 0);
    assert!(matches!(client.validate(work(Method::Dns01)).await.unwrap(), Outcome::Valid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_deadlines_out_of_bounds() {
    let (_world, ring, authority) = start().await;
    let client = authority.start();
    for deadline_ms in [0, 30_001] {
        let outcome =
            client.validate(Validate { deadline_ms, ..work(Method::Dns01) }).await.unwrap();
        let Outcome::Invalid(invalid) = outcome else { panic!("{outcome:?}") };
        assert_eq!(invalid.problem.kind, ProblemKind::Malformed);
    }
    assert_eq!(records(&ring), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_takes_its_validations_along() {
    let (world, _ring, authority) = start().await;
    world.zone.addresses(NAME, &[world.address(1)]);
    Web::start(world.at_http(1), |_| Act::SayAndHang(Vec::new())).await;
    let client = authority.start();
    let frame = va_wire::encode(&va_wire::Request {
        version: 1,
        id: 1,
        ask: va_wire::Ask::Validate(Box::new(Validate {
            deadline_ms: 30_000,
            ..work(Method::Http01)
        })),
    });
    let mut stream = UnixStream::connect(authority.socket()).await.unwrap();
    stream.write_all(&frame.unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.health().await.unwrap().in_flight, 1);
    drop(stream);
    let gone = async {
        while client.health().await.unwrap().in_flight != 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
}

#[tokio::test]
async fn the_socket_has_its_mode_and_replaces_a_stale_one_but_no_file() {
    let (_world, _ring, authority) = start().await;
    drop(Sockets::bind(&authority.config).unwrap());
    let _sockets = Sockets::bind(&authority.config).unwrap();
    let mode = std::fs::metadata(authority.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660);
    std::fs::remove_file(authority.socket()).unwrap();
    std::fs::write(authority.socket(), "precious").unwrap();
    assert!(Sockets::bind(&authority.config).is_err());
    assert_eq!(std::fs::read_to_string(authority.socket()).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_validation_names_who_answered() {
    let (world, _ring, authority) = start().await;
    world.zone.addresses(NAME, &[world.address(1)]);
    Web::start(world.at_http(1), |_| ok(&key_authorization())).await;
    let client = authority.start();
    let outcome = client.validate(work(Method::Http01)).await.unwrap();
    let Outcome::Valid(valid) = outcome else { panic!("{outcome:?}") };
    assert_eq!((valid.address, valid.port), (Some(world.address(1)), Some(world.http)));
}
