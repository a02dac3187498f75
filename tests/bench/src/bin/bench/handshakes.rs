//! Full TLS 1.3 handshakes: by the server, whose key is in the ring, and by rustls alone with a key
//! of the same kind in its own process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use x509::{Certificate, Name, Serial, SignatureScheme, UnixTime};

use crate::draft::Issuer;
use crate::http::Tls;
use crate::load::{Spent, total_cpu};
use crate::raw::Pair;
use crate::report::{Measured, Row, count, time};
use crate::stack::Stack;

const CLIENTS: usize = 16;
const SPAN: Duration = Duration::from_secs(5);

/// Measures the row.
pub async fn row(stack: &Arc<Stack>) -> Row {
    let path = "TLS handshakes: full, TLS 1.3, P-256 key in the ring, 16 clients";
    Row::new(path, "", measure(stack).await)
}

async fn measure(stack: &Arc<Stack>) -> anyhow::Result<Measured> {
    let raw = Alone::start().await?;
    let alone = load(raw.address, &raw.tls, &[]).await?;
    drop(raw);
    let ring = load(stack.https, &stack.tls, &stack.processes()).await?;
    Ok(Measured {
        value: format!(
            "{}/s with the clients on the same cores, {} of server and signer CPU each; rustls with \
             a key of its own {}/s",
            count(ring.rate()),
            time(ring.each()),
            count(alone.rate()),
        ),
        ratio: format!("{:.2} × rustls alone", ring.rate() / alone.rate()),
        kept: None,
    })
}

/// Connects over and over, never resuming, and sends nothing.
async fn load(address: SocketAddr, tls: &Tls, processes: &[u32]) -> anyhow::Result<Spent> {
    let made = Arc::new(AtomicUsize::new(0));
    let (cpu, began) = (total_cpu(processes)?, Instant::now());
    let clients = (0..CLIENTS).map(|_| {
        let (made, tls) = (Arc::clone(&made), tls.without_resumption());
        tokio::spawn(async move {
            while began.elapsed() < SPAN {
                drop(tls.handshake(address).await?);
                made.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        })
    });
    let clients: Vec<_> = clients.collect();
    for client in clients {
        client.await??;
    }
    let acts = made.load(Ordering::Relaxed);
    Ok(Spent { acts, wall: began.elapsed(), cpu: total_cpu(processes)? - cpu })
}

/// rustls and a listener, and nothing else.
struct Alone {
    address: SocketAddr,
    tls: Tls,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Alone {
    async fn start() -> anyhow::Result<Self> {
        let pair = Pair::generate()?;
        let certificate = self_signed(&pair)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.to_pkcs8()?));
        let der = CertificateDer::from(certificate.der().as_bytes().to_vec());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![der.clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that goes away is no fault of the server's.
                    let _ = acceptor.accept(stream).await;
                });
            }
        });
        let tls = Tls::trusting(der, HOST)?;
        Ok(Self { address, tls, serving })
    }
}

/// The first name of [`Issuer::leaf`].
const HOST: &str = "host-000.bench.example";

fn self_signed(pair: &Pair) -> anyhow::Result<Certificate> {
    let name = Name::parse_rfc4514(&format!("CN={HOST}"))?;
    let issuer = Issuer { name, key: pair.public().clone() };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = UnixTime(i64::try_from(now.as_secs())?);
    let tbs = issuer.leaf(Serial::from_unsigned(&[0x55; 19])?, pair.public(), 1, now)?;
    let signature = pair.sign(tbs.as_bytes())?;
    let der = Certificate::assemble(&tbs, SignatureScheme::EcdsaP256Sha256, &signature);
    Ok(Certificate::parse(der.as_bytes())?)
}
