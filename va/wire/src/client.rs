//! The server's side: one connection, many requests in flight.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::frame;
use crate::message::{Answer, Ask, Health, Outcome, Reply, Request, VERSION, Validate};

/// How long the authority may take beyond the deadline that it was given.
const GRACE: Duration = Duration::from_secs(1);
/// How long an answer about its health may take.
const HEALTH: Duration = Duration::from_secs(5);

/// Why there is no answer. Nothing was decided: try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The authority cannot be reached, or went away before it answered.
    #[error("the validation authority cannot be reached: {0}")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("the validation authority did not answer in time")]
    DeadlineExceeded,
    /// One side does not speak the protocol; a defect.
    #[error("the protocol with the validation authority was broken: {0}")]
    Protocol(&'static str),
}

/// Speaks to the validation authority; clones share the connection.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: PathBuf,
    next: AtomicU64,
    connection: tokio::sync::Mutex<Option<Connection>>,
}

type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Reply>>>>>;

/// A connection; its map is gone once it is broken.
#[derive(Debug, Clone)]
struct Connection {
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Waiting,
}

impl Client {
    /// Makes a client; the first request connects, and every one after a break.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        let connection = tokio::sync::Mutex::new(None);
        Self(Arc::new(Inner { socket, next: AtomicU64::new(1), connection }))
    }

    /// Has an identifier validated; waits for a second longer than the request's deadline.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn validate(&self, work: Validate) -> Result<Outcome, ClientError> {
        let limit = Duration::from_millis(work.deadline_ms.into()) + GRACE;
        match self.ask(Ask::Validate(Box::new(work)), limit).await? {
            Reply::Valid(valid) => Ok(Outcome::Valid(valid)),
            Reply::Invalid(invalid) => Ok(Outcome::Invalid(invalid)),
            Reply::Unavailable(unavailable) => Ok(Outcome::Unavailable(unavailable)),
            Reply::Healthy(_) => Err(ClientError::Protocol("another answer than was asked for")),
        }
    }

    /// Asks how the authority is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        match self.ask(Ask::Health, HEALTH).await? {
            Reply::Healthy(health) => Ok(health),
            Reply::Unavailable(why) => Err(ClientError::Unavailable(why.detail)),
            _ => Err(ClientError::Protocol("another answer than was asked for")),
        }
    }

    async fn ask(&self, ask: Ask, limit: Duration) -> Result<Reply, ClientError> {
        let answered = tokio::time::timeout(limit, self.ask_in_time(ask)).await;
        answered.map_err(|_| ClientError::DeadlineExceeded)?
    }

    async fn ask_in_time(&self, ask: Ask) -> Result<Reply, ClientError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let request = Request { version: VERSION, id, ask };
        let frame = frame::encode(&request).ok_or(ClientError::Protocol("too long a request"))?;
        let connection = self.connection().await?;
        let asked = Asked::new(&connection.waiting, id)?;
        let broke = |_| ClientError::Unavailable("the connection broke".into());
        connection.frames.send(frame).await.map_err(|_| broke(()))?;
        asked.answer().await.map_err(|_| broke(()))
    }

    async fn connection(&self) -> Result<Connection, ClientError> {
        let mut kept = self.0.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.is_there()) {
            return Ok(connection.clone());
        }
        let connected = UnixStream::connect(&self.0.socket).await;
        let stream = connected.map_err(|error| {
            ClientError::Unavailable(format!("{}: {error}", self.0.socket.display()))
        })?;
        let connection = Connection::over(stream);
        *kept = Some(connection.clone());
        Ok(connection)
    }
}

impl Connection {
    fn over(stream: UnixStream) -> Self {
        let (reading, writing) = stream.into_split();
        let (frames, queue) = mpsc::channel(64);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        tokio::spawn(write(writing, queue));
        tokio::spawn(answers(reading, waiting.clone()));
        Self { frames, waiting }
    }

    fn is_there(&self) -> bool {
        !self.frames.is_closed() && held(&self.waiting).is_some()
    }
}

fn held(
    waiting: &Waiting,
) -> std::sync::MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Reply>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request whose answer is awaited; forgotten when nobody awaits it any more.
struct Asked {
    waiting: Waiting,
    id: u64,
    reply: oneshot::Receiver<Reply>,
}

impl Asked {
    fn new(waiting: &Waiting, id: u64) -> Result<Self, ClientError> {
        let (sender, reply) = oneshot::channel();
        match held(waiting).as_mut() {
            Some(map) => map.insert(id, sender),
            None => return Err(ClientError::Unavailable("the connection broke".into())),
        };
        Ok(Self { waiting: waiting.clone(), id, reply })
    }

    async fn answer(mut self) -> Result<Reply, oneshot::error::RecvError> {
        (&mut self.reply).await
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(map) = held(&self.waiting).as_mut() {
            map.remove(&self.id);
        }
    }
}

/// Writes what is ready in one go.
async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut ready = Vec::new();
    while queue.recv_many(&mut ready, 64).await > 0 {
        let octets = ready.concat();
        ready.clear();
        if stream.write_all(&octets).await.is_err() {
            break;
        }
    }
}

/// Gives answers to those who wait; whoever waits when it ends learns that it broke.
async fn answers(stream: OwnedReadHalf, waiting: Waiting) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(octets)) = frame::read(&mut stream).await {
        let Ok(Answer { id, reply }) = serde_json::from_slice(&octets) else {
            break;
        };
        let asker = held(&waiting).as_mut().and_then(|map| map.remove(&id));
        if let Some(asker) = asker {
            let _ = asker.send(reply);
        }
    }
    held(&waiting).take();
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::{Identifier, Method, SignerState, Thumbprint, Valid};

    fn work(name: &str, deadline_ms: u32) -> Validate {
        Validate {
            identifier: Identifier::Dns(name.into()),
            wildcard: false,
            method: Method::Dns01,
            token: "t".repeat(43),
            thumbprint: Thumbprint([1; 32]),
            account_uri: "https://ca.corp.example/acme/account/1".into(),
            caa_issuers: None,
            ring: None,
            attempt: 1,
            deadline_ms,
        }
    }

    fn valid(position: u64) -> Valid {
        Valid { position, validated_at: 1, address: None, port: None }
    }

    async fn requests(stream: &mut UnixStream, count: usize) -> Vec<Request> {
        let mut found = Vec::new();
        for _ in 0..count {
            let octets = frame::read(stream).await.unwrap().unwrap();
            found.push(serde_json::from_slice(&octets).unwrap());
        }
        found
    }

    async fn answer(stream: &mut UnixStream, id: u64, reply: Reply) {
        stream.write_all(&frame::encode(&Answer { id, reply }).unwrap()).await.unwrap();
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }
        fn path(&self) -> PathBuf {
            self.0.path().join("va-work.sock")
        }
        fn listen(&self) -> UnixListener {
            let _ = std::fs::remove_file(self.path());
            UnixListener::bind(self.path()).unwrap()
        }
    }

    #[tokio::test]
    async fn answers_in_any_order_reach_their_askers_over_one_connection() {
        let place = Place::new();
        let listener = place.listen();
        let client = Client::new(place.path());
        let askers: Vec<_> = ["a.example", "b.example", "c.example"]
            .map(|name| {
                let client = client.clone();
                tokio::spawn(async move { client.validate(work(name, 5_000)).await })
            })
            .into();
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = requests(&mut stream, 3).await;
        for request in asked.iter().rev() {
            let Ask::Validate(work) = &request.ask else { panic!("another request") };
            let position = u64::from(work.identifier.to_string().as_bytes()[0]);
            answer(&mut stream, request.id, Reply::Valid(valid(position))).await;
        }
        for (asker, position) in askers.into_iter().zip([97, 98, 99]) {
            assert_eq!(asker.await.unwrap(), Ok(Outcome::Valid(valid(position))));
        }
    }

    #[tokio::test]
    async fn a_break_is_told_and_the_next_request_connects_again() {
        let place = Place::new();
        let listener = place.listen();
        let client = Client::new(place.path());
        let asker = tokio::spawn({
            let client = client.clone();
            async move { client.validate(work("a.example", 5_000)).await }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        requests(&mut stream, 1).await;
        drop(stream);
        let broken = asker.await.unwrap();
        assert_eq!(broken, Err(ClientError::Unavailable("the connection broke".into())));
        let asker = tokio::spawn(async move { client.health().await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = requests(&mut stream, 1).await;
        let health = Health { in_flight: 0, validations: 1, signer: SignerState::Ready };
        answer(&mut stream, asked[0].id, Reply::Healthy(health)).await;
        assert_eq!(asker.await.unwrap(), Ok(health));
    }

    #[tokio::test]
    async fn who_is_not_there_or_silent_is_told_apart() {
        let place = Place::new();
        let client = Client::new(place.path());
        let away = client.validate(work("a.example", 1)).await;
        assert!(matches!(away, Err(ClientError::Unavailable(_))), "{away:?}");
        let _listener = place.listen();
        let silent = client.validate(work("a.example", 10)).await;
        assert_eq!(silent, Err(ClientError::DeadlineExceeded));
    }

    #[tokio::test]
    async fn an_answer_to_something_else_is_a_broken_protocol() {
        let place = Place::new();
        let listener = place.listen();
        let client = Client::new(place.path());
        let asker = tokio::spawn(async move { client.health().await });
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = requests(&mut stream, 1).await;
        answer(&mut stream, asked[0].id, Reply::Valid(valid(1))).await;
        assert!(matches!(asker.await.unwrap(), Err(ClientError::Protocol(_))));
    }
}
