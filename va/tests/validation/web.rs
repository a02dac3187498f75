//! An HTTP server that answers with the octets that a test gives it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What it does with a request.
#[derive(Clone)]
pub enum Act {
    /// Writes these octets and ends.
    Say(Vec<u8>),
    /// Writes them and stays without another word.
    SayAndHang(Vec<u8>),
    /// Writes the first, then one octet of the second after the other.
    Drip(Vec<u8>, Vec<u8>),
    /// Ends without a word.
    End,
}

/// Makes an answer of a status line, headers and a body.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Act {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    Act::Say((text + "\r\n" + body).into_bytes())
}

pub fn ok(body: &str) -> Act {
    answer("200 OK", &[], body)
}

pub fn redirect(to: &str) -> Act {
    answer("302 Found", &[("Location", to)], "")
}

/// The server; it keeps the heads of requests.
#[derive(Clone, Default)]
pub struct Web {
    heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// Serves by a function of the request's path.
    pub async fn start(
        address: SocketAddr,
        act: impl Fn(&str) -> Act + Clone + Send + Sync + 'static,
    ) -> Self {
        let web = Self::default();
        let listener = TcpListener::bind(address).await.unwrap();
        let served = web.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (web, act) = (served.clone(), act.clone());
                tokio::spawn(async move { web.serve(stream, act).await });
            }
        });
        web
    }

    /// Answers one request on a stream.
    pub async fn serve(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        act: impl Fn(&str) -> Act,
    ) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(octet) => head.push(octet),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        self.heads.lock().unwrap().push(head);
        match act(&path) {
            Act::Say(octets) => {
                let _ = stream.write_all(&octets).await;
                let _ = stream.shutdown().await;
            }
            Act::SayAndHang(octets) => {
                let _ = stream.write_all(&octets).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Act::Drip(first, rest) => {
                let _ = stream.write_all(&first).await;
                for octet in rest {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if stream.write_all(&[octet]).await.is_err() {
                        return;
                    }
                }
            }
            Act::End => {}
        }
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
