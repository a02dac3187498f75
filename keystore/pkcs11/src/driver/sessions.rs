//! Whose turn it is at which session of a helper.
//!
//! A session has two lines: while the module signs what came over one of them, the next request lies
//! ready in the other, and the session goes on with it at once. Without that it would stand still
//! until one thread here had woken and another one there.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::wire::LINES;

struct Session {
    /// Lines without a request.
    free: Vec<UnixStream>,
    /// Requests that were sent and are not answered.
    asked: usize,
    /// The request that is under way has the session for itself.
    alone: bool,
    /// The number of the next request.
    next: u64,
    /// How many requests were answered.
    answered: u64,
    /// When the session began with the request that it is at.
    begun: Instant,
}

/// The sessions of one helper.
pub(super) struct Sessions {
    all: Vec<Session>,
    /// As many as are wanted.
    most: usize,
    /// How many callers wait for a line.
    pub(super) waiting: usize,
    /// How many of them want a session for themselves.
    pub(super) waiting_alone: usize,
}

/// A line to a session, until its request is answered.
pub(super) struct Turn {
    pub(super) line: UnixStream,
    session: usize,
    number: u64,
}

impl Sessions {
    pub(super) fn new(lines: Vec<[UnixStream; LINES]>) -> Self {
        let begun = Instant::now();
        let session = |lines: [UnixStream; LINES]| Session {
            free: lines.into(),
            asked: 0,
            alone: false,
            next: 0,
            answered: 0,
            begun,
        };
        let all: Vec<_> = lines.into_iter().map(session).collect();
        Self { most: all.len(), waiting: 0, waiting_alone: 0, all }
    }

    /// Takes a line to a session that does nothing; else, unless the request wants a session for
    /// itself, to one that has no next request yet. While somebody waits for a session of his own,
    /// no session gets a next request, and the first that does nothing is his.
    pub(super) fn begin(&mut self, alone: bool) -> Option<Turn> {
        let idle = |session: &Session| session.asked == 0 && !session.free.is_empty();
        let next = |session: &Session| !session.alone && !session.free.is_empty();
        let kept = if alone { 0 } else { self.waiting_alone };
        let mut found = (0..).zip(&self.all).filter(|(_, session)| idle(session)).skip(kept);
        let mut at = found.next().map(|(at, _)| at);
        if at.is_none() && !alone && self.waiting_alone == 0 {
            at = self.all.iter().position(next);
        }
        let at = at?;
        let session = self.all.get_mut(at)?;
        let line = session.free.pop()?;
        if session.asked == 0 {
            session.begun = Instant::now();
            session.alone = alone;
        }
        session.asked += 1;
        let number = session.next;
        session.next += 1;
        Some(Turn { line, session: at, number })
    }

    /// Says until when the answer must have come, as things are: a request has `time` from when the
    /// one before it was answered.
    pub(super) fn until(&self, turn: &Turn, time: Duration) -> Instant {
        let Some(session) = self.all.get(turn.session) else { return Instant::now() };
        let before = u32::from(session.answered < turn.number);
        session.begun + time + time * before
    }

    /// Gives the line of an answered request back.
    pub(super) fn end(&mut self, turn: Turn) {
        let spare = self.count() > self.most;
        let Some(session) = self.all.get_mut(turn.session) else { return };
        session.free.push(turn.line);
        session.asked -= 1;
        session.alone = false;
        session.answered += 1;
        session.begun = Instant::now();
        if spare && session.asked == 0 {
            session.free.clear();
        }
    }

    /// Leaves no more than this: those that are idle end now, others when they are.
    pub(super) fn keep(&mut self, most: usize) {
        self.most = most;
        let mut spare = self.count().saturating_sub(most);
        for session in self.all.iter_mut().filter(|session| session.asked == 0).rev() {
            if spare > 0 && !session.free.is_empty() {
                session.free.clear();
                spare -= 1;
            }
        }
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.open().count()
    }

    /// Tells whether each has its next request, or will have it as soon as who waits has woken.
    pub(super) fn is_full(&self) -> bool {
        self.waiting > 0 || self.all.iter().all(|session| session.alone || session.free.is_empty())
    }

    fn open(&self) -> impl Iterator<Item = &Session> {
        self.all.iter().filter(|session| session.asked > 0 || !session.free.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sessions(count: usize) -> Sessions {
        let pair = || UnixStream::pair().unwrap().0;
        Sessions::new((0..count).map(|_| [pair(), pair()]).collect())
    }

    #[test]
    fn idle_sessions_come_first_and_each_has_one_more_request() {
        let mut sessions = sessions(2);
        let turns: Vec<Turn> = (0..4).map(|_| sessions.begin(false).unwrap()).collect();
        let asked: Vec<usize> = turns.iter().map(|turn| turn.session).collect();
        assert_eq!(asked, [0, 1, 0, 1]);
        assert!(sessions.is_full());
        assert!(sessions.begin(false).is_none());
        turns.into_iter().for_each(|turn| sessions.end(turn));
        assert!(!sessions.is_full());
        sessions.waiting = 1;
        assert!(sessions.is_full(), "somebody is about to take a line");
        assert_eq!(sessions.begin(false).map(|turn| turn.session), Some(0));
    }

    #[test]
    fn what_takes_long_has_its_session_for_itself() {
        let mut sessions = sessions(2);
        let short = sessions.begin(false).unwrap();
        let long = sessions.begin(true).unwrap();
        assert_eq!((short.session, long.session), (0, 1));
        assert!(sessions.begin(true).is_none(), "no session is idle");
        let next = sessions.begin(false).unwrap();
        assert_eq!(next.session, 0);
        assert!(sessions.is_full());
        assert!(sessions.begin(false).is_none(), "nothing waits behind what takes long");
        sessions.end(long);
        assert_eq!(sessions.begin(false).map(|turn| turn.session), Some(1));
    }

    #[test]
    fn who_wants_a_session_alone_gets_one_under_load() {
        let mut sessions = sessions(2);
        let mut busy: Vec<Turn> = (0..4).map(|_| sessions.begin(false).unwrap()).collect();
        sessions.waiting_alone = 1;
        // The line that becomes free is nobody's next, and the session that becomes idle is kept.
        sessions.end(busy.remove(0));
        assert!(sessions.begin(false).is_none());
        assert!(sessions.begin(true).is_none());
        sessions.end(busy.remove(1));
        assert!(sessions.begin(false).is_none());
        let long = sessions.begin(true).unwrap();
        sessions.waiting_alone = 0;
        assert_eq!(long.session, 0);
        sessions.end(busy.remove(0));
        assert_eq!(sessions.begin(false).map(|turn| turn.session), Some(1));
    }

    #[test]
    fn a_request_has_its_time_from_when_the_one_before_it_was_answered() {
        let mut sessions = sessions(1);
        let first = sessions.begin(false).unwrap();
        let second = sessions.begin(false).unwrap();
        let begun = sessions.all[0].begun;
        assert_eq!(sessions.until(&first, SECOND), begun + SECOND);
        assert_eq!(sessions.until(&second, SECOND), begun + 2 * SECOND);
        sessions.end(first);
        let later = sessions.all[0].begun;
        assert!(later >= begun);
        assert_eq!(sessions.until(&second, SECOND), later + SECOND);
        let third = sessions.begin(false).unwrap();
        assert_eq!(sessions.until(&third, SECOND), later + 2 * SECOND);
        sessions.end(second);
        assert_eq!(sessions.until(&third, SECOND), sessions.all[0].begun + SECOND);
    }

    #[test]
    fn sessions_that_are_not_kept_end_once_they_are_idle() {
        let mut sessions = sessions(3);
        let (one, other) = (sessions.begin(false).unwrap(), sessions.begin(false).unwrap());
        sessions.keep(2);
        assert_eq!(sessions.count(), 2);
        sessions.keep(1);
        assert_eq!(sessions.count(), 2, "both are busy");
        sessions.end(one);
        assert_eq!(sessions.count(), 1);
        assert_eq!(sessions.begin(false).map(|turn| turn.session), Some(1));
        assert!(sessions.begin(false).is_none());
        sessions.end(other);
        assert_eq!(sessions.count(), 1);
    }
}
