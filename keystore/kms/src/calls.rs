//! Calls with their attempts: until they succeed, cannot succeed, or it is too late.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use keystore::{Approved, DriverError, KeyIdentity, Urgency};
use tokio::time::{sleep_until, timeout_at};
use x509::SignatureScheme;

use crate::backoff::Backoff;
use crate::cloud::{Call, CallError, Found, Place};
use crate::driver::{Core, check_form, standing_error};
use crate::key::{Key, Seat, Standing};

/// Before a deadline, so that the answer still reaches whoever asked.
const MARGIN: Duration = Duration::from_millis(20);

/// Why there is no signature from a place.
enum Failure {
    /// Another place, or another moment.
    Passing(CallError),
    /// No place and no moment changes it.
    Final(DriverError),
}

impl Core {
    /// Signs at the first place that does, until the request's deadline.
    ///
    /// A call that failed or took too long is made again, elsewhere or later: what it may have
    /// signed is lost with its answer, and the intent in the journal stands for it.
    pub(crate) async fn sign(
        &self,
        key: &Key,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Vec<u8>, DriverError> {
        let budget = Instant::now() + self.timing.call;
        let until = message.deadline().map_or(budget, |at| budget.min(at));
        let until = until.checked_sub(MARGIN).unwrap_or(until);
        let mut backoff = Backoff::new();
        let mut last = None;
        loop {
            let mut asked = false;
            for seat in key.open_seats() {
                asked = true;
                match self.sign_at(key, seat, (scheme, message), until).await {
                    Ok(signature) => {
                        seat.note_signed();
                        self.counts.signed.fetch_add(1, Ordering::Relaxed);
                        return Ok(signature);
                    }
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Passing(error)) => {
                        self.count(&error);
                        key.note_failure(seat, &error, Instant::now());
                        last = Some((seat.place.clone(), error));
                    }
                }
            }
            self.look.notify_one();
            if !asked {
                // All are down: whoever looks after them says when one is back.
                let told = format!("{}: {}", self.cloud.vendor(), key.told());
                return Err(DriverError::Unavailable(told));
            }
            let next = Instant::now() + backoff.next();
            if next >= until {
                return Err(match last {
                    Some((place, error)) => self.tell(&key.identity, &place, error),
                    None => DriverError::Unavailable("no time was left".to_owned()),
                });
            }
            sleep_until(next.into()).await;
        }
    }

    async fn sign_at(
        &self,
        key: &Key,
        seat: &Seat,
        (scheme, message): (SignatureScheme, Approved<'_>),
        until: Instant,
    ) -> Result<Vec<u8>, Failure> {
        let found = self.stand(key, seat, until).await?;
        check_form(&found, scheme).map_err(Failure::Final)?;
        self.token(message.urgency(), until).await.map_err(Failure::Final)?;
        let call = self.cloud.sign(&found, scheme, message);
        match self.attempt(call, until).await {
            Ok(signature) => Ok(signature),
            Err(error) if error.passes() => Err(Failure::Passing(error)),
            Err(error @ (CallError::Cannot(_) | CallError::TooLong(_))) => {
                Err(Failure::Final(self.tell(&key.identity, &seat.place, error)))
            }
            Err(error) => {
                // The key was disabled, or the permission taken away: the next place, if any.
                seat.note_absent(error.clone(), Instant::now());
                if key.seats.len() > 1 {
                    return Err(Failure::Passing(error));
                }
                Err(Failure::Final(self.tell(&key.identity, &seat.place, error)))
            }
        }
    }

    /// Returns the key as it is at a place, once it was held against the pinned public key.
    async fn stand(&self, key: &Key, seat: &Seat, until: Instant) -> Result<Arc<Found>, Failure> {
        let standing = match seat.standing() {
            Standing::Unknown | Standing::Absent(_) => self.look_at(key, seat, until).await?,
            known => known,
        };
        match standing {
            Standing::Good(found) => Ok(found),
            other if key.seats.len() > 1 => {
                let why = format!("{}: {}", seat.place, seat.told());
                drop(other);
                Err(Failure::Passing(CallError::Refused(why)))
            }
            other => Err(Failure::Final(standing_error(self, key, &seat.place, other))),
        }
    }

    async fn look_at(&self, key: &Key, seat: &Seat, until: Instant) -> Result<Standing, Failure> {
        let call = self.cloud.find(&seat.place, key.identity.spec);
        match self.attempt(call, until).await {
            Ok(found) => Ok(seat.note_found(found, &key.pinned, Instant::now())),
            Err(error) if error.passes() => Err(Failure::Passing(error)),
            Err(error) => {
                seat.note_absent(error.clone(), Instant::now());
                Ok(Standing::Absent(error))
            }
        }
    }

    /// Takes a token of the bucket, and waits for it no longer than there is time.
    async fn token(&self, urgency: Urgency, until: Instant) -> Result<(), DriverError> {
        loop {
            let now = Instant::now();
            let Err(wait) = self.bucket.take(urgency, now) else {
                return Ok(());
            };
            if now + wait >= until {
                let why = "the local limit below the account's quota is reached";
                return Err(DriverError::Overloaded(why.to_owned()));
            }
            sleep_until((now + wait).into()).await;
        }
    }

    /// Makes one attempt.
    pub(crate) async fn attempt<T>(
        &self,
        call: Call<'_, T>,
        until: Instant,
    ) -> Result<T, CallError> {
        in_time(call, until.min(Instant::now() + self.timing.attempt)).await
    }

    /// Makes a call again until it succeeds, `again` says no, or it is too late.
    async fn persist<'a, T>(
        &'a self,
        call: impl Fn() -> Call<'a, T>,
        again: impl Fn(&CallError) -> bool,
        until: Instant,
    ) -> Result<T, CallError> {
        self.persist_for(self.timing.attempt, call, again, until).await
    }

    /// The same with attempts that may take this long: to make an RSA key takes seconds.
    async fn persist_for<'a, T>(
        &'a self,
        attempt: Duration,
        call: impl Fn() -> Call<'a, T>,
        again: impl Fn(&CallError) -> bool,
        until: Instant,
    ) -> Result<T, CallError> {
        let mut backoff = Backoff::new();
        loop {
            let end = until.min(Instant::now() + attempt);
            let error = match in_time(call(), end).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            self.count(&error);
            let next = Instant::now() + backoff.next();
            if !again(&error) || next >= until {
                return Err(error);
            }
            sleep_until(next.into()).await;
        }
    }

    /// Looks a key up.
    pub(crate) async fn find(
        &self,
        key: &KeyIdentity,
        place: &Place,
        until: Instant,
    ) -> Result<Found, DriverError> {
        self.persist(|| self.cloud.find(place, key.spec), CallError::passes, until)
            .await
            .map_err(|error| self.tell(key, place, error))
    }

    /// Looks a key up that is to be adopted; says besides whether a copy may exist elsewhere.
    pub(crate) async fn examine(
        &self,
        key: &KeyIdentity,
        place: &Place,
        until: Instant,
    ) -> Result<(Found, bool), DriverError> {
        let unusable = |error: CallError| match error {
            CallError::Missing | CallError::Refused(_) => DriverError::LocationUnusable {
                location: place.to_string(),
                why: error.to_string(),
            },
            other => self.tell(key, place, other),
        };
        let found = self
            .persist(|| self.cloud.find(place, key.spec), CallError::passes, until)
            .await
            .map_err(unusable)?;
        let imported = self
            .persist(|| self.cloud.is_imported(&found.place), CallError::passes, until)
            .await
            .map_err(unusable)?;
        Ok((found, imported))
    }

    /// Makes a key and waits until it is there.
    pub(crate) async fn make(
        &self,
        key: &KeyIdentity,
        place: &Place,
    ) -> Result<Found, DriverError> {
        let until = Instant::now() + self.timing.making;
        let tell = |error| self.tell(key, place, error);
        // Who is throttled has made nothing. After any other failure a key may exist: then
        // another one is not made.
        let throttled = |error: &CallError| matches!(error, CallError::Throttled(_));
        self.persist_for(self.timing.making, || self.cloud.create(key), throttled, until)
            .await
            .map_err(tell)?;
        // What was just made is not known everywhere at once.
        let not_yet = |error: &CallError| error.passes() || *error == CallError::Missing;
        self.persist(|| self.cloud.find(place, key.spec), not_yet, until).await.map_err(tell)
    }

    /// Has a key destroyed at all its places.
    pub(crate) async fn destroy(
        &self,
        key: &KeyIdentity,
        places: &[Place],
    ) -> Result<(), DriverError> {
        let until = Instant::now() + self.timing.making;
        for place in places {
            self.persist(|| self.cloud.destroy(key, place), CallError::passes, until)
                .await
                .map_err(|error| self.tell(key, place, error))?;
        }
        Ok(())
    }

    fn count(&self, error: &CallError) {
        let count = match error {
            CallError::Throttled(_) => &self.counts.throttled,
            _ => &self.counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn in_time<T>(call: Call<'_, T>, end: Instant) -> Result<T, CallError> {
    match timeout_at(end.into(), call).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CallError::Transient("no answer in time".to_owned())),
    }
}
