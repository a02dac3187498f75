//! The client of one ring.

use std::sync::Arc;
use std::time::Duration;

use signer_proto::{Call, KeyLabel, Socket, Wire as _};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::error::{CallError, ProtocolError};
use crate::lane::Lane;
use crate::options::ClientOptions;
use crate::request::Request;
use crate::serial_pool::SerialPool;
use crate::sockets::Sockets;
use crate::traffic::{Counters, Traffic};

/// Speaks to the signer of one ring; clones share the connections. Calls need a tokio runtime
/// with I/O and time.
#[derive(Clone)]
pub struct SignerClient(Arc<Inner>);

struct Inner {
    issue: Option<Lane>,
    status: Option<Lane>,
    va: Option<Lane>,
    admin: Option<Lane>,
    options: ClientOptions,
    counters: Arc<Counters>,
}

impl SignerClient {
    /// Makes a client; the first call on a socket connects to it. The signer need not be there yet.
    #[must_use]
    pub fn connect(sockets: Sockets, options: ClientOptions) -> Self {
        let counters = Arc::<Counters>::default();
        let lane = |path| Lane::new(path, &options, counters.clone());
        Self(Arc::new(Inner {
            issue: sockets.issue.map(lane),
            status: sockets.status.map(lane),
            va: sockets.va.map(lane),
            admin: sockets.admin.map(lane),
            options,
            counters: counters.clone(),
        }))
    }

    /// Asks on a socket and waits for the answer, at most until the deadline. A connection that
    /// breaks before the answer is made again and the call repeated, unless it is one of Unlock,
    /// GenerateKey and SetPolicy.
    ///
    /// # Errors
    /// [`CallError`]. After `Unavailable` and `DeadlineExceeded` the signer may have done it.
    pub async fn call<C: Call>(
        &self,
        socket: Socket,
        call: &C,
        deadline: Duration,
    ) -> Result<C::Answer, CallError> {
        let lane = self.lane(socket).ok_or_else(|| CallError::Unavailable {
            why: format!("this client has no {socket} socket"),
        })?;
        let deadline = Instant::now() + deadline;
        let request = Request::encode(call, deadline).map_err(CallError::Protocol)?;
        let body = timeout_at(deadline, lane.ask(&request))
            .await
            .map_err(|_| CallError::DeadlineExceeded)??;
        let decode = |body: &[u8]| {
            C::Answer::from_wire(body).map_err(|why| {
                let kind = C::KIND;
                CallError::Protocol(ProtocolError::Answer { kind, why })
            })
        };
        if request.is_secret() { decode(&Zeroizing::new(body)) } else { decode(&body) }
    }

    /// Returns a pool of serials for an issuing key; nothing is minted yet.
    #[must_use]
    pub fn serial_pool(&self, key: KeyLabel) -> SerialPool {
        SerialPool::new(self.clone(), key)
    }

    /// Returns what went over the sockets since this client was made.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.0.counters.read()
    }

    /// Returns the deadline of calls by name.
    pub(crate) fn default_deadline(&self) -> Duration {
        self.0.options.default_deadline
    }

    /// Returns the socket for what every socket speaks: not issue.sock if there is another, for
    /// a long answer would stand before certificates.
    pub(crate) fn any_socket(&self) -> Socket {
        [Socket::Status, Socket::Admin, Socket::Va]
            .into_iter()
            .find(|socket| self.lane(*socket).is_some())
            .unwrap_or(Socket::Issue)
    }

    fn lane(&self, socket: Socket) -> Option<&Lane> {
        match socket {
            Socket::Issue => self.0.issue.as_ref(),
            Socket::Status => self.0.status.as_ref(),
            Socket::Va => self.0.va.as_ref(),
            Socket::Admin => self.0.admin.as_ref(),
        }
    }
}

impl core::fmt::Debug for SignerClient {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SignerClient").field("traffic", &self.traffic()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use signer_proto::{
        Flags, FrameError, JournalSlice, Kind, LeafBytes, Leaves, MAX_ANSWER_PART, Plaintext,
        ReadJournal, Refusal, Rule, Seal, SealContext, Sealed, WireError,
    };
    use x509::TbsCertificateDer;

    use super::*;
    use crate::sample::{certificate, report, signed, unavailable, unlock};
    use crate::stand_in::{Act, Asked, StandIn};

    #[tokio::test]
    async fn answers_in_any_order_reach_their_askers() {
        let held = Mutex::new(Vec::new());
        let signer = StandIn::listen(move |batch| {
            let mut held = held.lock().unwrap();
            held.extend(batch);
            let ready = if held.len() == 8 { held.split_off(0) } else { Vec::new() };
            Act::Write(ready.iter().rev().flat_map(signed).collect())
        });
        let client = signer.client();
        let askers: Vec<_> = (0..8_u8)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move { client.sign_certificate(&certificate(number)).await })
            })
            .collect();
        for (number, asker) in (0..8_u8).zip(askers) {
            let answer = asker.await.unwrap().unwrap();
            assert_eq!(answer.signature.as_bytes(), [number]);
        }
        assert_eq!(client.traffic().connects, 1);
    }

    #[tokio::test]
    async fn a_refusal_is_typed_and_leaves_the_connection() {
        let signer = StandIn::answer(|asked| asked.refuse(Rule::Locked));
        let client = signer.client();
        for _ in 0..2 {
            let refused = client.sign_certificate(&certificate(1)).await;
            let expected = Refusal::new(Rule::Locked, "no");
            assert_eq!(refused, Err(CallError::Refused(expected)));
        }
        assert_eq!((client.traffic().connects, signer.count()), (1, 2));
    }

    #[tokio::test]
    async fn a_deadline_that_passed_is_one_error_on_both_sides() {
        let signer = StandIn::answer(|asked| match asked.header.kind {
            Kind::Health => asked.refuse(Rule::DeadlineExceeded),
            _ => Vec::new(),
        });
        let client = signer.client();
        assert_eq!(client.health().await, Err(CallError::DeadlineExceeded));
        let deadline = Duration::from_millis(20);
        let silent = client.call(Socket::Issue, &certificate(1), deadline).await;
        assert_eq!(silent, Err(CallError::DeadlineExceeded));
        let asked = signer.asked.lock().unwrap();
        assert!(asked[1].header.deadline_ms <= 20);
    }

    #[tokio::test]
    async fn an_answer_after_the_deadline_is_dropped_and_the_connection_stays() {
        let held = Mutex::new(Vec::new());
        let signer = StandIn::listen(move |batch| {
            // Every request is answered together with the next one.
            let mut held = held.lock().unwrap();
            let late = core::mem::replace(&mut *held, batch.clone());
            let now: Vec<Asked> = if late.is_empty() { Vec::new() } else { batch };
            Act::Write(late.iter().chain(&now).flat_map(signed).collect())
        });
        let client = signer.client();
        let deadline = Duration::from_millis(20);
        let late = client.call(Socket::Issue, &certificate(1), deadline).await;
        assert_eq!(late, Err(CallError::DeadlineExceeded));
        let answer = client.sign_certificate(&certificate(2)).await.unwrap();
        assert_eq!(answer.signature.as_bytes(), [2]);
        let traffic = client.traffic();
        assert_eq!((traffic.connects, traffic.answers), (1, 2));
    }

    fn slice(octet: u8) -> JournalSlice {
        JournalSlice { from: 0, size: 10, leaves: Leaves(vec![LeafBytes(vec![octet; 60_000]); 10]) }
    }

    #[tokio::test]
    async fn long_answers_come_in_parts_that_interleave() {
        let held = Mutex::new(Vec::<Asked>::new());
        let signer = StandIn::listen(move |batch| {
            let mut held = held.lock().unwrap();
            held.extend(batch);
            let [one, two] = &held[..] else {
                return Act::Write(Vec::new());
            };
            let mut out = Vec::new();
            let bodies = [one, two].map(|asked| {
                let from = asked.call::<ReadJournal>().from;
                slice(u8::try_from(from).unwrap()).to_wire()
            });
            let parts = bodies[0].chunks(MAX_ANSWER_PART).zip(bodies[1].chunks(MAX_ANSWER_PART));
            let last = bodies[0].len().div_ceil(MAX_ANSWER_PART) - 1;
            for (number, (part_one, part_two)) in parts.enumerate() {
                let flags = if number == last { Flags::ANSWER } else { Flags::MORE };
                out.extend(one.frame(flags, part_one));
                out.extend(two.frame(flags, part_two));
            }
            Act::Write(out)
        });
        let client = signer.client();
        let read = |from| {
            let client = client.clone();
            async move { client.read_journal(&ReadJournal { from, limit: 10 }).await }
        };
        let (one, two) = tokio::join!(read(1), read(2));
        assert_eq!((one.unwrap(), two.unwrap()), (slice(1), slice(2)));
    }

    #[tokio::test]
    async fn every_breach_of_the_protocol_is_named_and_ends_the_connection() {
        type Breach = fn(&Asked) -> Vec<u8>;
        let bend = |asked: &Asked, at: usize, to: u8| {
            let mut frame = asked.answer(&report(1));
            frame[at] = to;
            frame
        };
        let cases: [(Breach, ProtocolError); 6] = [
            (
                |asked| [&[2][..], &asked.answer(&report(1))[1..]].concat(),
                ProtocolError::Frame(FrameError::Version(2)),
            ),
            (|asked| asked.frame(Flags::REQUEST, &[]), ProtocolError::Frame(FrameError::Flags(0))),
            (
                |asked| {
                    let mut other = asked.clone();
                    other.header.sequence = 99;
                    other.answer(&report(1))
                },
                ProtocolError::UnknownSequence(99),
            ),
            (
                |asked| {
                    let mut other = asked.clone();
                    other.header.kind = Kind::Describe;
                    other.answer(&report(1))
                },
                ProtocolError::KindMismatch { asked: Kind::Health, answered: Kind::Describe },
            ),
            (
                |asked| asked.frame(Flags::MORE, &vec![0; MAX_ANSWER_PART]).repeat(5),
                ProtocolError::AnswerTooLong(Kind::Health),
            ),
            (
                |asked| asked.frame(Flags::ANSWER, &[0]),
                ProtocolError::Answer {
                    kind: Kind::Health,
                    why: WireError::UnknownValue("SignerState"),
                },
            ),
        ];
        for (breach, expected) in cases {
            let signer = StandIn::answer(breach);
            let client = signer.client();
            for connects in 1..=2 {
                let broken = client.health().await;
                assert_eq!(broken, Err(CallError::Protocol(expected)));
                // A body that does not decode is one answer; a bent frame ends the connection.
                if !matches!(expected, ProtocolError::Answer { .. }) {
                    assert_eq!(client.traffic().connects, connects);
                }
            }
        }
        let signer = StandIn::answer(move |asked| bend(asked, 3, 1));
        let reserved = ProtocolError::Frame(FrameError::Reserved);
        let broken = signer.client().health().await;
        assert_eq!(broken, Err(CallError::Protocol(reserved)));
    }

    #[tokio::test]
    async fn a_request_over_the_limit_of_its_kind_is_not_sent() {
        let signer = StandIn::answer(signed);
        let mut call = certificate(1);
        call.tbs = TbsCertificateDer::from_vec(vec![0; 128 * 1024]);
        let refused = signer.client().sign_certificate(&call).await;
        let expected = ProtocolError::RequestTooLong {
            kind: Kind::SignCertificate,
            length: call.to_wire().len(),
        };
        assert_eq!(refused, Err(CallError::Protocol(expected)));
        assert_eq!(signer.count(), 0);
    }

    #[tokio::test]
    async fn a_socket_that_the_client_was_not_given_is_not_guessed() {
        let client = SignerClient::connect(Sockets::default(), ClientOptions::default());
        let why = unavailable(client.unlock(&unlock()).await);
        assert_eq!(why, "this client has no admin socket");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_callers_share_few_writes_and_reads() {
        const CALLERS: u64 = 64;
        const ROUNDS: u64 = 50;
        let signer = StandIn::answer(signed);
        let client = signer.client();
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let call = certificate(u8::try_from(number).unwrap());
                    for _ in 0..ROUNDS {
                        let answer = client.sign_certificate(&call).await.unwrap();
                        assert_eq!(answer.signature.as_bytes(), &call.tbs.as_bytes()[..1]);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        let traffic = client.traffic();
        assert_eq!(traffic.connects, 1);
        assert_eq!((traffic.requests, traffic.answers), (CALLERS * ROUNDS, CALLERS * ROUNDS));
        assert!(traffic.writes * 4 < traffic.requests, "{traffic:?}");
        assert!(traffic.reads * 4 < traffic.answers, "{traffic:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn frames_stay_whole_when_the_socket_is_full() {
        let signer = StandIn::listen(|batch| {
            std::thread::sleep(Duration::from_millis(1));
            let seal = |asked: &Asked| {
                let call: Seal = asked.call();
                asked.answer(&Sealed(x509::sha256(&call.plaintext.0).to_vec()))
            };
            Act::Write(batch.iter().flat_map(seal).collect())
        });
        let client = signer.client();
        let callers: Vec<_> = (0..100_u8)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let plaintext = vec![number; 60_000 + usize::from(number)];
                    let digest = x509::sha256(&plaintext);
                    let call = Seal {
                        context: SealContext(vec![number]),
                        plaintext: Plaintext(Zeroizing::new(plaintext)),
                    };
                    assert_eq!(client.seal(&call).await.unwrap().0, digest);
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    }

    #[tokio::test]
    async fn no_more_than_the_limit_is_in_flight() {
        let deepest = Arc::new(Mutex::new(0));
        let held = Mutex::new(Vec::new());
        let seen = deepest.clone();
        let signer = StandIn::listen(move |batch| {
            let mut held = held.lock().unwrap();
            held.extend(batch);
            let mut deepest = seen.lock().unwrap();
            *deepest = held.len().max(*deepest);
            // One of four is answered, the others stay in flight.
            let done: Vec<Asked> =
                if held.len() >= 4 { held.drain(..1).collect() } else { Vec::new() };
            Act::Write(done.iter().flat_map(signed).collect())
        });
        let client = signer.client_with(ClientOptions {
            connections_per_socket: 1,
            in_flight_per_connection: 4,
            default_deadline: Duration::from_millis(300),
        });
        let askers: Vec<_> = (0..16_u8)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move { client.sign_certificate(&certificate(number)).await })
            })
            .collect();
        let mut answered = 0;
        for asker in askers {
            match asker.await.unwrap() {
                Ok(_) => answered += 1,
                Err(error) => assert_eq!(error, CallError::DeadlineExceeded),
            }
        }
        assert_eq!((*deepest.lock().unwrap(), answered), (4, 13));
    }
}
