//! PostgreSQL by TLS: `sslmode=verify-full` with the server's CA works, anything less right does
//! not.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::engine::Statement;
use crate::testing::{self, Postgres, TestClock};
use crate::{OpenError, Store};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes two CAs and, by the first, a certificate for `localhost`.
fn certificates(folder: &Path) -> Vec<String> {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for ca in ["ca", "other"] {
        let subject = format!("-subj /CN={ca} -keyout {ca}.key -out {ca}.pem -days 2");
        openssl(folder, &format!("req -x509 {KEY} {subject}"));
    }
    openssl(
        folder,
        &format!(
            "req -x509 {KEY} -subj /CN=localhost -CA ca.pem -CAkey ca.key -days 2 \
             -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
             -keyout server.key -out server.pem"
        ),
    );
    let file = |name: &str| folder.join(name).display().to_string();
    [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.pem")),
        format!("ssl_key_file={}", file("server.key")),
        "listen_addresses=127.0.0.1".to_owned(),
    ]
    .into_iter()
    .flat_map(|setting| ["-c".to_owned(), setting])
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_full_wants_the_right_ca_and_name() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let start = move || Postgres::private(port, certificates);
    let server = match tokio::task::spawn_blocking(start).await.unwrap() {
        Ok(server) => server,
        Err(missing) => return testing::skip(&missing),
    };
    let name = server.fresh_database_name().await;
    let open = async |host: &str, mode: &str, ca: &str| {
        let ca = server.folder().join(ca).display().to_string();
        let place = format!("postgres://postgres@{host}:{port}/{name}");
        let url = format!("{place}?sslmode={mode}&sslrootcert={ca}").parse().unwrap();
        Store::open(&url, TestClock::default()).await
    };

    let store = open("localhost", "verify-full", "ca.pem").await.unwrap();
    let sql = "SELECT ssl::int::bigint AS ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = store.rows(Statement::new("pg_stat_ssl", sql)).await.unwrap();
    assert!(rows[0].flag("ssl").unwrap());
    store.close().await;

    for (host, mode, ca, fits) in [
        ("localhost", "verify-full", "other.pem", false),
        ("localhost", "verify-ca", "other.pem", false),
        ("127.0.0.1", "verify-full", "ca.pem", false),
        ("127.0.0.1", "verify-ca", "ca.pem", true),
    ] {
        match open(host, mode, ca).await {
            Ok(store) => {
                assert!(fits, "{host} {mode} {ca}");
                store.close().await;
            }
            Err(OpenError::Unavailable(outage)) => {
                let said = format!("{outage:?}");
                assert!(!fits && said.contains("InvalidCertificate"), "{host} {mode} {ca}: {said}");
            }
            Err(other) => panic!("{host} {mode} {ca}: {other:?}"),
        }
    }
}
