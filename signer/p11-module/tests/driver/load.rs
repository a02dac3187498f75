//! Signing from several threads while something happens.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keystore::{DriverError, KeyIdentity};
use keystore_pkcs11::Pkcs11Driver;
use x509::PublicKey;

/// What became of the signatures.
#[derive(Debug)]
pub struct Outcome {
    pub signed: usize,
    /// Typed, and worth a retry.
    #[expect(dead_code, reason = "shown in the output")]
    pub refused: usize,
    /// The longest time in which nobody got a signature.
    pub longest_gap: Duration,
}

const THREADS: u32 = 6;

/// Signs before, while and for a while after `event`, and checks each answer.
///
/// # Panics
/// If any answer is wrong, or an error that is not retryable.
pub fn under_load(
    driver: &Pkcs11Driver,
    (key, public): (&KeyIdentity, &PublicKey),
    after: Duration,
    event: impl FnOnce(),
) -> Outcome {
    let stop = AtomicBool::new(false);
    let successes = Mutex::new(vec![Instant::now()]);
    let refused = Mutex::new(0);
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let (stop, successes, refused) = (&stop, &successes, &refused);
            scope.spawn(move || {
                let mut number = 0_u32;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    let message = [worker.to_be_bytes(), number.to_be_bytes()].concat();
                    match super::sign(driver, key, &message) {
                        Ok(signature) => {
                            let scheme = super::scheme(key.spec);
                            assert_eq!(public.verify(scheme, &message, &signature), Ok(()));
                            successes.lock().expect("no panic").push(Instant::now());
                        }
                        Err(DriverError::Unavailable(_) | DriverError::Overloaded(_)) => {
                            *refused.lock().expect("no panic") += 1;
                            // What a client does with a retryable error.
                            thread::sleep(Duration::from_millis(20));
                        }
                        Err(error) => panic!("not retryable: {error:?}"),
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(200));
        event();
        thread::sleep(after);
        stop.store(true, Ordering::SeqCst);
    });
    let ended = Instant::now();
    let mut successes = successes.into_inner().expect("no panic");
    let signed = successes.len() - 1;
    successes.push(ended);
    successes.sort();
    let gaps = successes.windows(2).map(|pair| pair[1] - pair[0]);
    let refused = refused.into_inner().expect("no panic");
    Outcome { signed, refused, longest_gap: gaps.max().unwrap_or_default() }
}
