//! Asking the core without a socket, for tests whose time goes into something else.

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use signer::listen::{Body, Peer, Request};
use signer_proto::{Call, Refusal, Rule, Socket, Wire};

use crate::Ring;
use crate::ring::uid;

/// An answer that may still be under way.
pub struct Pending<C: Call> {
    answer: Receiver<Result<Vec<u8>, Refusal>>,
    call: std::marker::PhantomData<C>,
}

impl<C: Call> Pending<C> {
    /// Waits for the answer. A core that ended without one counts as ending.
    ///
    /// # Errors
    /// [`Refusal`].
    ///
    /// # Panics
    /// If there is no answer in time, or one that is not canonical.
    pub fn wait(self) -> Result<C::Answer, Refusal> {
        match self.answer.recv_timeout(Duration::from_secs(30)) {
            Ok(Ok(octets)) => Ok(C::Answer::from_wire(&octets).expect("a canonical answer")),
            Ok(Err(refusal)) => Err(refusal),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(Refusal::new(Rule::ShuttingDown, "dropped without an answer"))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no answer in time"),
        }
    }
}

impl Ring {
    /// Asks on a socket that speaks the call, without the socket, and does not wait.
    ///
    /// # Panics
    /// If no socket speaks it.
    pub fn ask_inside<C: Call>(&self, call: &C) -> Pending<C> {
        let socket = Socket::ALL.iter().find(|socket| C::KIND.permitted_on(**socket));
        let received = Instant::now();
        let request = Request {
            peer: Peer { uid: uid(), gid: 0, pid: 1, socket: *socket.expect("a socket speaks it") },
            kind: C::KIND,
            body: Body::new(C::KIND, call.to_wire()),
            received,
            deadline: received + Duration::from_secs(20),
        };
        let (tell, answer) = mpsc::channel();
        let reply = Box::new(move |outcome| {
            // Whoever asked may have gone.
            let _ = tell.send(outcome);
        });
        self.dispatch().dispatch(request, reply);
        Pending { answer, call: std::marker::PhantomData }
    }
}
