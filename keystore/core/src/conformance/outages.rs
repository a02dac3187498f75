//! What the driver reaches its keys by goes away and comes back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::bench::{identity, sign};
use super::{Bench, Checked, Skip};
use crate::DriverError;

/// How long a driver may take to refuse: the longest deadline of a call.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take until it signs again.
const RECOVERY: Duration = Duration::from_secs(30);

fn take_away(bench: &mut Bench) -> Checked {
    bench.subject.take_away().map_err(Skip)
}

/// It signs again by itself, without a restart.
pub(super) fn goes_on_after_an_outage(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (key, public) = bench.generate(0, spec)?;
    let scheme = bench.any_scheme(spec);
    let driver = bench.driver();
    sign(&*driver, &key, scheme, b"before").expect("signs");
    take_away(bench)?;
    expect_away(&*driver, &key, scheme);
    bench.subject.bring_back();
    let back = Instant::now();
    let signature = loop {
        match sign(&*driver, &key, scheme, b"after") {
            Ok(signature) => break signature,
            Err(error) => expect_retryable(&error),
        }
        assert!(back.elapsed() < RECOVERY, "it does not come back");
        thread::sleep(Duration::from_millis(20));
    };
    eprintln!("{}: signs again {:?} after it came back", bench.name(), back.elapsed());
    assert_eq!(public.verify(scheme, b"after", &signature), Ok(()));
    driver.health().expect("it is well again");
    Ok(())
}

/// Every verb, by an error that says that it may be asked again.
pub(super) fn refuses_in_time_while_it_is_away(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (key, _) = bench.generate(0, spec)?;
    let scheme = bench.any_scheme(spec);
    let driver = bench.driver();
    take_away(bench)?;
    let begun = Instant::now();
    expect_away(&*driver, &key, scheme);
    expect_retryable(&driver.generate(&identity(1, spec)).expect_err("nothing is made"));
    expect_retryable(&driver.health().expect_err("it is not well"));
    assert!(begun.elapsed() < 3 * DEADLINE, "{:?}", begun.elapsed());
    bench.subject.bring_back();
    Ok(())
}

/// A driver that is started during an outage signs when it is over.
pub(super) fn starts_while_it_is_away(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (key, public) = bench.generate(0, spec)?;
    let scheme = bench.any_scheme(spec);
    take_away(bench)?;
    let driver = bench.restart();
    expect_away(&*driver, &key, scheme);
    bench.subject.bring_back();
    let back = Instant::now();
    while let Err(error) = sign(&*driver, &key, scheme, b"abc") {
        expect_retryable(&error);
        assert!(back.elapsed() < RECOVERY, "it does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(&driver.public_key(&key).expect("it is there"), public.spki());
    Ok(())
}

/// Threads sign on through an outage: what is released verifies, what is not is retryable, and all
/// of them go on afterwards.
pub(super) fn loses_nothing_over_an_outage_under_load(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (key, public) = bench.generate(0, spec)?;
    let scheme = bench.any_scheme(spec);
    let driver = bench.driver();
    let (ending, signed, refused) =
        (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let outcome = thread::scope(|scope| {
        let workers = (0_u8..4).map(|worker| {
            let (driver, key, public) = (&driver, &key, &public);
            let (ending, signed, refused) = (&ending, &signed, &refused);
            scope.spawn(move || {
                let mut last = false;
                for round in 0_u32.. {
                    let message = [&[worker][..], &round.to_be_bytes()].concat();
                    last = match sign(&**driver, key, scheme, &message) {
                        Ok(signature) => {
                            assert_eq!(public.verify(scheme, &message, &signature), Ok(()));
                            signed.fetch_add(1, Ordering::Relaxed);
                            true
                        }
                        Err(error) => {
                            expect_retryable(&error);
                            refused.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                            false
                        }
                    };
                    if ending.load(Ordering::Acquire) && last {
                        break;
                    }
                }
                assert!(last, "it signs again");
            })
        });
        let workers: Vec<_> = workers.collect();
        thread::sleep(Duration::from_millis(150));
        let taken = take_away(bench);
        if taken.is_ok() {
            thread::sleep(Duration::from_millis(400));
            bench.subject.bring_back();
        }
        ending.store(true, Ordering::Release);
        workers.into_iter().for_each(|worker| worker.join().expect("no wrong signature"));
        taken
    });
    outcome?;
    let (signed, refused) = (signed.into_inner(), refused.into_inner());
    eprintln!("{}: {signed} signatures, {refused} refusals over an outage", bench.name());
    assert!(signed > 0);
    Ok(())
}

fn expect_away(
    driver: &dyn crate::KeyDriver,
    key: &crate::KeyIdentity,
    scheme: x509::SignatureScheme,
) {
    let begun = Instant::now();
    let error = sign(driver, key, scheme, b"away").expect_err("nothing can sign");
    expect_retryable(&error);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
}

fn expect_retryable(error: &DriverError) {
    let named = matches!(error, DriverError::Unavailable(_) | DriverError::Overloaded(_));
    assert!(named, "{error:?}");
}
