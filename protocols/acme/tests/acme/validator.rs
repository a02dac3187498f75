//! A validation authority for tests: it really fetches http-01, from one port whatever the name,
//! and writes the record to the signer as the real one does.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use signer_client::SignerClient;
use signer_proto::{Digest, Identifier, RecordValidation, ValidationMethod};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use va_wire::{
    Answer, Ask, Invalid, Method, Problem, ProblemKind, Reply, Request, Valid, Validate,
};

use crate::client::http;

/// Files under `/.well-known/acme-challenge/`, and TXT records under their names.
pub type Served = Arc<Mutex<HashMap<String, String>>>;

/// Serves key authorizations.
pub async fn respond() -> (SocketAddr, Served) {
    let served = Served::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let files = Arc::clone(&served);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let files = Arc::clone(&files);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let count = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..count]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default();
                let file = files.lock().expect("a lock").get(path).cloned();
                let (status, body) =
                    file.map_or(("404 No", String::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    (address, served)
}

/// What a validator works with.
#[derive(Clone)]
struct Eyes {
    web: SocketAddr,
    served: Served,
    signer: SignerClient,
}

/// Listens on a socket of a folder.
pub fn validate(dir: &Path, web: SocketAddr, served: Served, signer: SignerClient) -> PathBuf {
    let path = dir.join("va-work.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let eyes = Eyes { web, served, signer };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, eyes.clone()));
        }
    });
    path
}

async fn serve(stream: UnixStream, eyes: Eyes) {
    let (mut reader, writer) = stream.into_split();
    let writer = Arc::new(tokio::sync::Mutex::new(writer));
    while let Ok(Some(frame)) = va_wire::read(&mut reader).await {
        let request: Request = serde_json::from_slice(&frame).expect("a request");
        let (eyes, writer) = (eyes.clone(), Arc::clone(&writer));
        tokio::spawn(async move {
            let Ask::Validate(work) = request.ask else { panic!("another request") };
            let reply = look(&eyes, &work).await;
            let answer = va_wire::encode(&Answer { id: request.id, reply }).expect("it fits");
            let _ = writer.lock().await.write_all(&answer).await;
        });
    }
}

async fn look(eyes: &Eyes, work: &Validate) -> Reply {
    let expected = format!("{}.{}", work.token, work.thumbprint);
    let invalid = |kind, detail: &str| {
        let problem = Problem { kind, detail: detail.to_owned() };
        Reply::Invalid(Invalid { problem, retry_after: None })
    };
    let method = match work.method {
        Method::Http01 => {
            let path = format!("/.well-known/acme-challenge/{}", work.token);
            let host = work.identifier.to_string();
            let reply = http(eyes.web, "GET", &path, &[("host", &host)], b"").await;
            if reply.status != 200 {
                return invalid(ProblemKind::Unauthorized, "no such file");
            }
            if reply.text() != expected {
                return invalid(ProblemKind::Unauthorized, "another key authorization");
            }
            ValidationMethod::Http01
        }
        Method::Dns01 => {
            let digest = x509::sha256(expected.as_bytes());
            let wanted = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest);
            let name = format!("_acme-challenge.{}", work.identifier);
            let found = eyes.served.lock().expect("a lock").get(&name).cloned();
            if found.as_deref() != Some(&*wanted) {
                return invalid(ProblemKind::Dns, "no such record");
            }
            ValidationMethod::Dns01
        }
        Method::TlsAlpn01 => return invalid(ProblemKind::Connection, "refused"),
    };
    let identifier = match &work.identifier {
        va_wire::Identifier::Dns(name) => Identifier::dns(name),
        va_wire::Identifier::Ip(address) => Identifier::ip(*address),
    };
    let record = RecordValidation {
        identifier: identifier.expect("an identifier"),
        method,
        account: Digest(work.thumbprint.0),
    };
    let record = eyes.signer.record_validation(&record).await.expect("a record");
    Reply::Valid(Valid {
        position: record.position,
        validated_at: record.validated_at.0,
        address: None,
        port: None,
    })
}
