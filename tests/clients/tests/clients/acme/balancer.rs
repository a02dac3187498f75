//! A balancer: it ends TLS and gives each request to the next server, whoever's it is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use x509::pem;

const PATIENCE: Duration = Duration::from_secs(40);

/// Its port, before it serves: the servers have to know it.
pub struct Port(TcpListener);

/// Serves until the tests end.
pub struct Balancer(Arc<Shared>);

struct Shared {
    certificate: Arc<ServerConfig>,
    trust: Arc<ClientConfig>,
    servers: Vec<u16>,
    next: AtomicUsize,
    /// Requests that each server answered.
    answered: Vec<AtomicUsize>,
}

impl Port {
    pub fn take() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    /// The base of the URLs under which it is reached.
    pub fn base(&self) -> String {
        format!("https://localhost:{}", self.0.local_addr().expect("an address").port())
    }

    /// Serves with a certificate and its key, to servers that the root certifies; all in PEM.
    pub fn serve(self, (chain, key): (&str, &str), root: &str, servers: Vec<u16>) -> Balancer {
        let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificates = |text: &str| -> Vec<CertificateDer<'static>> {
            let blocks = pem::decode(text).expect("PEM").into_iter();
            blocks.map(|(_, der)| CertificateDer::from(der)).collect()
        };
        let key = PrivatePkcs8KeyDer::from(pem::decode_one(key, "PRIVATE KEY").expect("a key"));
        let certificate = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(certificates(chain), key.into())
            .expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(certificates(root).swap_remove(0)).expect("the root");
        let trust = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let shared = Arc::new(Shared {
            certificate: Arc::new(certificate),
            trust: Arc::new(trust),
            next: AtomicUsize::new(0),
            answered: servers.iter().map(|_| AtomicUsize::new(0)).collect(),
            servers,
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in self.0.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A client that goes away is no fault of the balancer's.
                thread::spawn(move || shared.relay(client));
            }
        });
        Balancer(shared)
    }
}

impl Balancer {
    /// How many requests each server answered.
    pub fn answered(&self) -> Vec<usize> {
        self.0.answered.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }
}

impl Shared {
    /// One request of one connection: the client makes another for the next.
    fn relay(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(PATIENCE))?;
        let connection =
            ServerConnection::new(Arc::clone(&self.certificate)).map_err(io::Error::other)?;
        let mut client = StreamOwned::new(connection, client);
        let Some(request) = read_request(&mut client)? else {
            return Ok(());
        };
        let turn = self.next.fetch_add(1, Ordering::SeqCst) % self.servers.len();
        let server = TcpStream::connect(("127.0.0.1", self.servers[turn]))?;
        server.set_nodelay(true)?;
        server.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection =
            ClientConnection::new(Arc::clone(&self.trust), name).map_err(io::Error::other)?;
        let mut server = StreamOwned::new(connection, server);
        server.write_all(&request)?;
        server.flush()?;
        let answer = read_to_end(&mut server)?;
        if !answer.is_empty() {
            self.answered[turn].fetch_add(1, Ordering::SeqCst);
        }
        client.write_all(&answer)?;
        client.conn.send_close_notify();
        client.flush()
    }
}

/// Reads a request with a Content-Length or without a body, and has its connection closed after it.
fn read_request(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut octets = Vec::new();
    let mut piece = [0; 4096];
    let head = loop {
        if let Some(at) = octets.windows(END.len()).position(|four| four == END) {
            break at;
        }
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            count => octets.extend_from_slice(&piece[..count]),
        }
    };
    let text = String::from_utf8_lossy(&octets[..head]).into_owned();
    let named = |line: &str, name: &str| {
        line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    let length = text.split("\r\n").find(|line| named(line, "content-length"));
    let length = length.and_then(|line| line.split_once(':')?.1.trim().parse().ok());
    let body = head + END.len();
    while octets.len() < body + length.unwrap_or(0) {
        match stream.read(&mut piece)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => octets.extend_from_slice(&piece[..count]),
        }
    }
    let kept: Vec<&str> = text.split("\r\n").filter(|line| !named(line, "connection")).collect();
    let head = format!("{}\r\nconnection: close\r\n\r\n", kept.join("\r\n"));
    Ok(Some([head.as_bytes(), &octets[body..]].concat()))
}

/// Reads until the other end closes; without TLS' farewell, too.
fn read_to_end(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut piece = [0; 16_384];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(octets),
            Ok(count) => octets.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(octets),
            Err(error) => return Err(error),
        }
    }
}
