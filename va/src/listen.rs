//! The server's connections to `va-work.sock`.

use std::sync::Arc;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use va_wire::{Answer, Reply, Request, VERSION};

use crate::answer::Answers;

/// More connections wait outside.
const CONNECTIONS: usize = 64;
/// More answers wait for a server that does not read; it then gets no new validations.
const UNREAD: usize = 256;

/// Who may ask.
#[derive(Debug, Clone)]
pub(crate) struct Peers(pub Vec<u32>);

/// Takes connections for as long as it is polled.
pub(crate) async fn listen(listener: UnixListener, peers: Peers, answers: Answers) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                // Out of descriptors, for one: it passes.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        match stream.peer_cred() {
            Ok(peer) if peers.0.contains(&peer.uid()) => {
                let answers = answers.clone();
                connections.spawn(async move {
                    serve(stream, answers).await;
                    drop(place);
                });
            }
            Ok(peer) => tracing::warn!(uid = peer.uid(), "a stranger was turned away"),
            Err(error) => tracing::warn!(%error, "a peer without a name was turned away"),
        }
    }
}

/// Speaks on one connection until it ends; what was under way for it ends with it.
async fn serve(stream: UnixStream, answers: Answers) {
    let (reading, writing) = stream.into_split();
    let (replies, queue) = mpsc::channel(UNREAD);
    tokio::select! {
        () = read(reading, &answers, replies) => {}
        () = write(writing, queue) => {}
    }
}

async fn read(stream: OwnedReadHalf, answers: &Answers, replies: mpsc::Sender<Answer>) {
    let mut stream = BufReader::new(stream);
    let mut under_way = JoinSet::new();
    loop {
        let octets = match va_wire::read(&mut stream).await {
            Ok(Some(octets)) => octets,
            // Whoever is gone reads no answer: what was under way for it ends here.
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "the server's connection broke"),
        };
        let request = match serde_json::from_slice::<Request>(&octets) {
            Ok(request) if request.version == VERSION => request,
            Ok(request) => {
                return tracing::warn!(
                    version = request.version,
                    "an unknown version was asked for"
                );
            }
            Err(error) => return tracing::warn!(%error, "a request was not understood"),
        };
        while under_way.try_join_next().is_some() {}
        // A place for the answer before the work.
        let Ok(place) = replies.clone().reserve_owned().await else { return };
        let answers = answers.clone();
        under_way.spawn(async move {
            let reply: Reply = answers.answer(request.ask).await;
            place.send(Answer { id: request.id, reply });
        });
    }
}

async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Answer>) {
    let mut ready = Vec::new();
    while queue.recv_many(&mut ready, UNREAD).await > 0 {
        let octets: Vec<u8> =
            ready.drain(..).filter_map(|one| va_wire::encode(&one)).flatten().collect();
        if stream.write_all(&octets).await.is_err() {
            return;
        }
    }
}
