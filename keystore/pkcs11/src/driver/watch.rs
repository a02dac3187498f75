//! The thread of a token: climbs the ladder, and looks whether the token is still there.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::forking::GONE;
use super::link::{Link, LinkError};
use super::token::{Rung, Standing, Token};
use crate::wire::{Answer, Card, FaultKind, PinStamp, Request};

/// How often a token that works is asked whether it is there: a device that ends idle sessions
/// (YubiHSM 2: after 30 s) does not get to it.
const BEAT: Duration = Duration::from_secs(2);
/// How often the PIN's file is looked at, while the PIN is refused.
const LOOK: Duration = Duration::from_secs(2);
/// A module that finds its devices over a network takes its time.
const OPEN: Duration = Duration::from_secs(15);
/// The pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Starts the thread; it ends with the driver.
pub(super) fn start(token: Arc<Token>) -> std::io::Result<()> {
    let named = thread::Builder::new().name(format!("token {}", token.number));
    named.stack_size(256 * 1024).spawn(move || Watch { token, risen: Instant::now() }.run())?;
    Ok(())
}

struct Watch {
    token: Arc<Token>,
    /// When the present trouble began.
    risen: Instant,
}

/// What there is to do.
enum Task {
    Beat(Arc<Link>),
    Climb(Option<Arc<Link>>, Rung, u32),
    LookAtPin(Option<Arc<Link>>, Option<PinStamp>),
    End,
}

impl Watch {
    fn run(mut self) {
        loop {
            match self.next() {
                Task::Beat(link) => self.beat(&link),
                Task::Climb(link, rung, failures) => self.climb(link, rung, failures),
                Task::LookAtPin(link, stamp) => self.look_at_pin(link, stamp),
                Task::End => return,
            }
        }
    }

    /// Waits for what there is to do.
    fn next(&mut self) -> Task {
        let mut standing = self.token.standing();
        let mut due = Instant::now() + BEAT;
        let mut waited = false;
        loop {
            match &*standing {
                Standing::Ended => return Task::End,
                Standing::Rising { link, rung, .. } => {
                    self.risen = Instant::now();
                    return Task::Climb(link.clone(), *rung, 0);
                }
                Standing::Ready(link) if Instant::now() >= due => {
                    return Task::Beat(Arc::clone(link));
                }
                Standing::Absent { link, failures, .. } => {
                    if !waited {
                        due = Instant::now() + pause(*failures);
                    } else if Instant::now() >= due {
                        return Task::Climb(link.clone(), Rung::Reinitialise, *failures);
                    }
                }
                Standing::Stuck { link, stamp, .. } => {
                    if !waited {
                        due = Instant::now() + LOOK;
                    } else if Instant::now() >= due {
                        return Task::LookAtPin(link.clone(), *stamp);
                    }
                }
                Standing::Ready(_) => {}
            }
            waited = true;
            let left = due.saturating_duration_since(Instant::now());
            standing = self.token.wait(standing, left.max(Duration::from_millis(1)));
        }
    }

    fn beat(&self, link: &Arc<Link>) {
        match link.control(&Request::Beat, self.token.timeout) {
            Ok(Answer::Done) => self.token.keys.check(&self.token, link),
            Ok(Answer::Fault(fault)) => self.token.trouble(link, Rung::Reinitialise, &fault.why),
            Ok(_) => self.token.trouble(link, Rung::Restart, "the answer is to something else"),
            Err(LinkError::Broken(why)) => self.token.trouble(link, Rung::Restart, &why),
            Err(LinkError::Busy) => {}
        }
    }

    /// Climbs from the rung that is given to the end of the ladder.
    fn climb(&mut self, link: Option<Arc<Link>>, rung: Rung, failures: u32) {
        let mut last = None;
        let mut link = link.filter(|link| !link.is_broken() || rung == Rung::Restart);
        if rung == Rung::Reinitialise
            && let Some(link) = &link
        {
            match link.control(&Request::Reinitialise, OPEN) {
                Ok(Answer::Opened(card)) => return self.arrive(link, card),
                Ok(Answer::Fault(fault)) if fault.kind == FaultKind::Pin => {
                    return self.stick(Some(Arc::clone(link)), fault.why);
                }
                Ok(Answer::Fault(fault)) => last = Some(fault.why),
                Ok(_) | Err(LinkError::Busy) => {}
                Err(LinkError::Broken(why)) => last = Some(why),
            }
        }
        // A token that is not there comes back without another process; every fourth time it is
        // another one all the same, for modules that find devices only when they are loaded.
        let same = link.as_ref().is_some_and(|link| !link.is_broken());
        if rung == Rung::Reinitialise && same && !failures.is_multiple_of(4) {
            return self.fail(link.take(), last, failures);
        }
        if let Some(old) = link.take() {
            self.token.forker.end(old.id());
        }
        self.restart(failures);
    }

    fn restart(&mut self, failures: u32) {
        let token = &self.token;
        let link = match Link::start(&token.forker, &token.config.name, token.timeout) {
            Ok(link) => Arc::new(link),
            Err(_) if token.forker.is_gone() => {
                return self.fail(None, Some(GONE.to_owned()), failures);
            }
            Err(error) => {
                let why = format!("the module's process does not start: {error}");
                return self.fail(None, Some(why), failures);
            }
        };
        match link.control(&Request::Open, OPEN) {
            Ok(Answer::Opened(card)) => self.arrive(&link, card),
            Ok(Answer::Fault(fault)) if fault.kind == FaultKind::Pin => {
                self.stick(Some(link), fault.why);
            }
            Ok(Answer::Fault(fault)) => self.fail(Some(link), Some(fault.why), failures),
            Ok(_) | Err(LinkError::Busy) => self.fail(Some(link), None, failures),
            Err(LinkError::Broken(why)) => {
                token.forker.end(link.id());
                self.fail(None, Some(why), failures);
            }
        }
    }

    /// The token is there: its keys are held against what is pinned before anybody uses them.
    fn arrive(&self, link: &Arc<Link>, card: Card) {
        if let Some(most) = card.sessions {
            link.keep(most as usize);
        }
        link.renew();
        self.token.keys.check(&self.token, link);
        if link.is_broken() {
            let why = "the module's process went while keys were looked at".to_owned();
            return self.fail(Some(Arc::clone(link)), Some(why), 0);
        }
        let name = &self.token.config.name;
        let took = self.risen.elapsed().as_millis();
        eprintln!("pkcs11: token {name}: there, after {took} ms, {} sessions", link.count());
        self.token.stand(Standing::Ready(Arc::clone(link)));
    }

    fn fail(&self, link: Option<Arc<Link>>, why: Option<String>, failures: u32) {
        let why = why.unwrap_or_else(|| "it does not answer as it should".to_owned());
        if failures == 0 {
            eprintln!("pkcs11: token {}: not there: {why}", self.token.config.name);
        }
        self.token.stand(Standing::Absent { link, why, failures: failures.saturating_add(1) });
    }

    fn stick(&self, link: Option<Arc<Link>>, why: String) {
        let name = &self.token.config.name;
        eprintln!("pkcs11: token {name}: the PIN is refused, and not tried again: {why}");
        let stamp = link.as_ref().and_then(|link| self.stamps(link)).map(|(read, _)| read);
        self.token.stand(Standing::Stuck { link, why, stamp });
    }

    /// Asks what the PIN's file looked like when the helper read it, and looks like now.
    fn stamps(&self, link: &Link) -> Option<(PinStamp, PinStamp)> {
        match link.control(&Request::Stamps, self.token.timeout) {
            Ok(Answer::Stamps { read, now }) => Some((read, now)),
            _ => None,
        }
    }

    /// With another PIN there is another process, which reads it. A process that only looks at the
    /// file does not log in.
    fn look_at_pin(&self, link: Option<Arc<Link>>, refused: Option<PinStamp>) {
        let token = &self.token;
        let (mut link, mut stamps) = (link, None);
        if let Some(asked) = &link {
            stamps = self.stamps(asked);
        }
        if stamps.is_none() {
            if let Some(old) = link.take() {
                token.forker.end(old.id());
            }
            let started = Link::start(&token.forker, &token.config.name, token.timeout);
            link = started.ok().map(Arc::new);
            stamps = link.as_ref().and_then(|link| self.stamps(link));
        }
        let mut standing = token.standing();
        let Standing::Stuck { link: kept, stamp, .. } = &mut *standing else { return };
        *kept = link.clone();
        let Some((read, now)) = stamps else { return };
        // A helper that died before it was asked leaves the next one's PIN as the refused one.
        let refused = *stamp.get_or_insert(refused.unwrap_or(read));
        if now != refused {
            let why = "its PIN's file changed".to_owned();
            *standing = Standing::Rising { link, rung: Rung::Restart, why };
        }
    }
}

fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(5));
    doubled.min(LONGEST_PAUSE)
}
