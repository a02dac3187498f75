//! The listener with TLS 1.2 for old clients, as openssl, curl and dehydrated see it.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use kit::{Ledger, Openssl, RawPeer, Stack, run, tool};
use serde_json::Value;
use signer_proto::{ReadJournal, Rule, Socket};

use crate::acme::{dehydrated, world::World};

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// What curl says: the status, or 0 where the handshake failed, and the content.
fn curl(world: &World, options: &[&str], url: &str) -> (u16, String) {
    let root = world.stack.root().display().to_string();
    let fixed = ["-sS", "--cacert", &root, "-w", "\n%{http_code}"];
    let (_, text) = run(Command::new("curl").args(fixed).args(options).arg(url));
    let (content, status) = text.rsplit_once('\n').unwrap_or_default();
    (status.trim().parse().unwrap_or(0), content.to_owned())
}

/// Whether openssl agrees on a session, and what it says.
fn shakes(openssl: &Openssl, port: u16, options: &[&str]) -> (bool, String) {
    let connect = format!("127.0.0.1:{port}");
    let fixed = ["s_client", "-connect", &connect, "-servername", "localhost"];
    let (good, text) = openssl.ask(&[&fixed[..], options].concat());
    (good && !text.contains("alert"), text)
}

/// Lets the server's key sign for TLS 1.2, as docs/operate/server-tls.md says.
fn allow(stack: &Stack, openssl: &Openssl) {
    let policy = stack.must(&["policy", "show", "server.tls"]);
    let file = openssl.write("tls.toml", format!("{policy}tls12 = true\n"));
    stack.must(&["policy", "set", "server.tls", "--file", &file.display().to_string()]);
}

fn refusals(stack: &Stack) -> u64 {
    let socket = stack.run_dir().join(format!("{}.sock", Socket::Admin));
    let mut peer = RawPeer::connect(&socket).expect("the signer listens");
    let slice = peer.call(&ReadJournal { from: 0, limit: 4096 }).expect("the journal");
    let leaves = slice.leaves.0.into_iter().map(|leaf| leaf.0).collect();
    Ledger::new(0, leaves).refused_by(Rule::HandshakeRefused)
}

#[test]
fn old_clients_have_a_listener_of_their_own_for_enrolment_alone() {
    for program in ["curl", "dehydrated"] {
        if tool(program).is_none() {
            return;
        }
    }
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let Some(world) = World::start_with_arguments(&["--enrolment-tls12", &address]) else {
        return;
    };
    let (stack, openssl) = (&world.stack, &world.openssl);
    let old = format!("https://localhost:{port}");
    let new = stack.https().replace("127.0.0.1", "localhost");
    let directory = "/acme/directory";
    let tls12 = &["--tls-max", "1.2"][..];

    // The policy of the key does not say so yet: TLS 1.3 alone works, and the signer refused.
    let before = refusals(stack);
    assert_eq!(curl(&world, tls12, &format!("{old}{directory}")).0, 0);
    assert_eq!(curl(&world, &[], &format!("{old}{directory}")).0, 200);
    stack.eventually("the refusal is counted", std::time::Duration::from_secs(5), || {
        refusals(stack) > before
    });

    allow(stack, openssl);
    let (status, content) = curl(&world, tls12, &format!("{old}{directory}"));
    assert_eq!(status, 200, "{content}");
    let listed: Value = serde_json::from_str(&content).expect("JSON");
    assert_eq!(listed["newOrder"], format!("{old}/acme/new-order"));
    // The listener for everybody stays as it was, and this one has nothing for anybody else.
    let (status, content) = curl(&world, tls12, &format!("{new}{directory}"));
    assert_eq!(status, 0, "{content}");
    assert!(content.contains("alert protocol version"), "{content}");
    for path in ["/api/v1/certificates", "/api/v1/health", "/metrics", "/readyz", "/crl/1", "/"] {
        let (status, content) = curl(&world, tls12, &format!("{old}{path}"));
        assert_eq!(status, 404, "{path}: {content}");
    }

    // Only ECDHE with authenticated encryption, and nothing before 1.2.
    for suite in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"] {
        let cipher = format!("ECDHE-ECDSA-{suite}:@SECLEVEL=0");
        let (good, text) = shakes(openssl, port, &["-tls1_2", "-cipher", &cipher]);
        assert!(good, "{suite}: {text}");
    }
    for suite in [
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES128-GCM-SHA256",
        "AES128-GCM-SHA256",
        "AES128-SHA",
        "ECDHE-ECDSA-AES128-CCM",
        "NULL-SHA256",
    ] {
        let cipher = format!("{suite}:@SECLEVEL=0");
        let (good, text) = shakes(openssl, port, &["-tls1_2", "-cipher", &cipher]);
        assert!(!good && text.contains("alert handshake failure"), "{suite}: {text}");
        assert!(text.contains("Cipher is (NONE)"), "{suite}: {text}");
    }
    for version in ["-tls1_1", "-tls1"] {
        let options = [version, "-cipher", "ALL:@SECLEVEL=0"];
        for port in [port, stack.port()] {
            let (good, text) = shakes(openssl, port, &options);
            // Told by version or by suite: nothing is agreed upon.
            assert!(!good && text.contains("alert") && text.contains("Cipher is (NONE)"), "{text}");
        }
    }

    let doctor = stack.chancery(&["doctor"]);
    let seen = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(seen.contains(&format!("on at {address}")), "{seen}");
    // A whole client over nothing newer.
    let chain = dehydrated::issue(&world, &format!("{old}{directory}"), "--tls-max 1.2");
    assert!(world.verify(&chain).contains("DNS:one.acme.test"));
    assert!(fs::read(&chain).is_ok());
}

#[test]
fn without_the_switch_tls_12_is_nowhere() {
    let Some(_) = tool("curl") else {
        return;
    };
    let Some(world) = World::start() else {
        return;
    };
    allow(&world.stack, &world.openssl);
    let url = world.directory();
    assert_eq!(curl(&world, &["--tls-max", "1.2"], &url).0, 0);
    assert_eq!(curl(&world, &[], &url).0, 200);
    let doctor = world.stack.chancery(&["doctor"]);
    assert!(!String::from_utf8_lossy(&doctor.stdout).contains("TLS 1.2"), "{doctor:?}");
}
