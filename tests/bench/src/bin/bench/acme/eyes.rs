//! What a validation authority looks at: a web server with key authorizations, and a DNS server
//! for which every name is this machine.

use std::collections::HashMap;
use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Files = Arc<Mutex<HashMap<String, String>>>;

pub(super) struct Eyes {
    files: Files,
    http: u16,
    dns: u16,
}

impl Eyes {
    /// Opens both on free ports; they stay until the bench ends.
    pub(super) fn open() -> anyhow::Result<Self> {
        let files = Files::default();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let http = listener.local_addr()?.port();
        tokio::spawn(serve(tokio::net::TcpListener::from_std(listener)?, Arc::clone(&files)));
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let dns = socket.local_addr()?.port();
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if let Some(answer) = answer(&query[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { files, http, dns })
    }

    /// Gives the settings of an authority that looks here.
    pub(super) fn settings(&self) -> String {
        format!(
            "version = 1\ndangerous_allow = [\"127.0.0.0/8\"]\ndangerous_http_port = {}\n\
             dangerous_resolver = \"127.0.0.1:{}\"\n",
            self.http, self.dns
        )
    }

    pub(super) fn put(&self, token: &str, authorization: String) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(token.to_owned(), authorization);
    }

    pub(super) fn take(&self, token: &str) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}

async fn serve(listener: tokio::net::TcpListener, files: Files) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let files = Arc::clone(&files);
        tokio::spawn(async move {
            let mut request = [0; 2048];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let token = text.split(' ').nth(1).and_then(|path| path.rsplit('/').next());
            let file = {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                token.and_then(|token| files.get(token)).cloned()
            };
            let (status, body) = file.map_or(("404 Not Found", String::new()), |f| ("200 OK", f));
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
        });
    }
}

/// RFC 1035 §4: 127.0.0.1 for A, nothing for everything else.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut at = 12;
    while *query.get(at)? != 0 {
        at += 1 + usize::from(query[at]);
    }
    let question = query.get(12..at + 5)?;
    let is_address = query.get(at + 1..at + 3)? == [0, 1];
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
