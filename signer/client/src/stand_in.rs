//! A stand-in for the signer: it speaks frames and does what a test says.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use signer_proto::{Call, Flags, HEADER, Header, Refusal, Rule, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::{ClientOptions, SignerClient, Sockets};

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Counts the connections from 1.
    pub(crate) connection: usize,
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Returns the frame of an answer.
    pub(crate) fn answer(&self, answer: &impl Wire) -> Vec<u8> {
        self.frame(Flags::ANSWER, &answer.to_wire())
    }

    /// Returns the frame of a refusal.
    pub(crate) fn refuse(&self, rule: Rule) -> Vec<u8> {
        self.frame(Flags::REFUSED, &Refusal::new(rule, "no").to_wire())
    }

    /// Returns a frame of this sequence and kind.
    pub(crate) fn frame(&self, flags: Flags, body: &[u8]) -> Vec<u8> {
        let header = Header {
            flags,
            length: u32::try_from(body.len()).unwrap(),
            deadline_ms: 0,
            ..self.header
        };
        [&header.encode()[..], body].concat()
    }

    /// Reads the body as the call that it is.
    pub(crate) fn call<C: Call>(&self) -> C {
        assert_eq!(self.header.kind, C::KIND);
        C::from_wire(&self.body).unwrap()
    }
}

/// What to do with the requests of one read.
pub(crate) enum Act {
    /// Write these octets.
    Write(Vec<u8>),
    /// Write these octets and close.
    Close(Vec<u8>),
}

/// A listening stand-in; it ends with the test's runtime.
pub(crate) struct StandIn {
    folder: tempfile::TempDir,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) closed: Arc<AtomicUsize>,
}

impl StandIn {
    /// Listens on all four sockets and gives `act` the requests of each read.
    pub(crate) fn listen(act: impl Fn(Vec<Asked>) -> Act + Send + Sync + 'static) -> Self {
        let stand_in = Self::absent();
        stand_in.appear(act);
        stand_in
    }

    /// Answers every request by itself.
    pub(crate) fn answer(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::listen(move |batch| Act::Write(batch.iter().flat_map(&answer).collect()))
    }

    /// Only names the sockets.
    pub(crate) fn absent() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), asked: Arc::default(), closed: Arc::default() }
    }

    /// Starts to listen.
    pub(crate) fn appear(&self, act: impl Fn(Vec<Asked>) -> Act + Send + Sync + 'static) {
        let act = Arc::new(act);
        let connections = Arc::new(AtomicUsize::new(0));
        for path in self.paths() {
            let listener = UnixListener::bind(path).unwrap();
            let (act, connections) = (act.clone(), connections.clone());
            let (asked, closed) = (self.asked.clone(), self.closed.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                    let (act, asked, closed) = (act.clone(), asked.clone(), closed.clone());
                    tokio::spawn(async move {
                        serve(stream, number, &*act, &asked).await;
                        closed.fetch_add(1, Ordering::SeqCst);
                    });
                }
            });
        }
    }

    /// Returns a client of one connection a socket.
    pub(crate) fn client(&self) -> SignerClient {
        self.client_with(ClientOptions { connections_per_socket: 1, ..ClientOptions::default() })
    }

    pub(crate) fn client_with(&self, options: ClientOptions) -> SignerClient {
        SignerClient::connect(Sockets::of_everyone(self.folder.path()), options)
    }

    /// Returns the folder of the sockets.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Returns how many requests came.
    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn paths(&self) -> Vec<PathBuf> {
        ["issue", "status", "va", "admin"]
            .map(|name| self.folder.path().join(format!("{name}.sock")))
            .to_vec()
    }
}

async fn serve(
    mut stream: UnixStream,
    connection: usize,
    act: &(impl Fn(Vec<Asked>) -> Act + ?Sized),
    asked: &Mutex<Vec<Asked>>,
) {
    let mut bytes = Vec::new();
    loop {
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut batch = Vec::new();
        while let Some((header, body)) = cut(&mut bytes) {
            batch.push(Asked { connection, header, body });
        }
        asked.lock().unwrap().extend(batch.iter().cloned());
        if batch.is_empty() {
            continue;
        }
        match act(batch) {
            Act::Write(out) => {
                if stream.write_all(&out).await.is_err() {
                    return;
                }
            }
            Act::Close(out) => {
                // The client may be gone already.
                let _ = stream.write_all(&out).await;
                return;
            }
        }
    }
}

/// Cuts a whole frame off the front.
fn cut(bytes: &mut Vec<u8>) -> Option<(Header, Vec<u8>)> {
    let header = Header::decode_request(*bytes.first_chunk::<HEADER>()?).unwrap();
    let end = HEADER + header.length as usize;
    if bytes.len() < end {
        return None;
    }
    let body = bytes[HEADER..end].to_vec();
    bytes.drain(..end);
    Some((header, body))
}
