//! What holds for every scheme.

use std::thread;

use signer_proto::KeySpec;
use x509::{PublicKey, SignatureScheme};

use super::bench::{sign, specs};
use super::{Bench, Checked, Skip};
use crate::{DriverError, KeyDriver, KeyIdentity};

/// How many sign at a time, and how often each.
const WORKERS: u8 = 8;
const ROUNDS: u8 = 12;

/// Nothing, one octet, around the blocks of every hash, around what services take at once, a
/// megabyte. What is longer than the subject's limit is refused, and the key goes on.
pub(super) fn signs_messages_of_any_length(bench: &mut Bench, scheme: SignatureScheme) -> Checked {
    let (key, public) = generate_for(bench, 0, scheme)?;
    let driver = bench.driver();
    let longest = bench.subject.longest(scheme).unwrap_or(usize::MAX);
    for length in [0, 1, 63, 64, 127, 128, 129, 4095, 4096, 4097, 70_000, 1 << 20] {
        let message = vec![0xa5; length];
        let signed = sign(&*driver, &key, scheme, &message);
        if length > longest {
            let named =
                matches!(signed, Err(DriverError::MessageTooLong { most }) if most == longest);
            assert!(named, "{length}: {signed:?}");
            continue;
        }
        let signature = signed.expect("signs");
        assert_eq!(public.verify(scheme, &message, &signature), Ok(()), "{length}");
    }
    sign(&*driver, &key, scheme, b"abc").expect("signs after all this");
    Ok(())
}

/// By the same key, without having been asked for its public key first.
pub(super) fn signs_after_a_restart(bench: &mut Bench, scheme: SignatureScheme) -> Checked {
    let (key, public) = generate_for(bench, 0, scheme)?;
    let driver = bench.restart();
    let signature = sign(&*driver, &key, scheme, b"abc").expect("signs");
    assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()));
    Ok(())
}

/// Threads sign with two keys that a restart left unloaded; every signature is the right key's,
/// over the right message.
pub(super) fn keeps_keys_apart_under_load(bench: &mut Bench, scheme: SignatureScheme) -> Checked {
    let one = generate_for(bench, 0, scheme)?;
    let two = generate_for(bench, 1, scheme)?;
    let driver = bench.restart();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (driver, one, two) = (&*driver, &one, &two);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (mine, other) =
                        if (worker + round) % 2 == 0 { (one, two) } else { (two, one) };
                    sign_once(driver, mine, other, (scheme, &[worker, round]));
                }
            });
        }
    });
    Ok(())
}

fn sign_once(
    driver: &dyn KeyDriver,
    (key, public): &(KeyIdentity, PublicKey),
    (_, other): &(KeyIdentity, PublicKey),
    (scheme, message): (SignatureScheme, &[u8]),
) {
    let signature = sign(driver, key, scheme, message).expect("signs");
    assert_eq!(public.verify(scheme, message, &signature), Ok(()));
    assert!(other.verify(scheme, message, &signature).is_err());
}

/// A nonce that is drawn twice gives an ECDSA key away: two signatures over one message have
/// different first halves, and so have those over two messages. PSS salts differ too. The other
/// schemes need no randomness, or take it as they like.
pub(super) fn never_signs_twice_alike_where_it_must_not(
    bench: &mut Bench,
    scheme: SignatureScheme,
) -> Checked {
    let (key, public) = generate_for(bench, 0, scheme)?;
    let is_ecdsa = scheme.as_str().starts_with("ecdsa");
    if !is_ecdsa && !scheme.as_str().starts_with("rsa-pss") {
        return Err(Skip(format!("{scheme} may sign one message alike each time")));
    }
    let driver = bench.driver();
    let mut seen = Vec::new();
    for message in [&b"abc"[..], b"abc", b"abd", b"abd"] {
        let signature = sign(&*driver, &key, scheme, message).expect("signs");
        assert_eq!(public.verify(scheme, message, &signature), Ok(()));
        // The r of an ECDSA signature stands before its s (RFC 3279 §2.2.3).
        let octets = signature.as_bytes();
        let first = if is_ecdsa { octets.get(..octets.len() / 2) } else { Some(octets) };
        let first = first.expect("a signature has halves").to_vec();
        assert!(!seen.contains(&first), "a nonce was used twice");
        seen.push(first);
    }
    Ok(())
}

/// Generates a key for the scheme: the smallest of its kind that the subject has.
fn generate_for(
    bench: &mut Bench,
    number: u8,
    scheme: SignatureScheme,
) -> Result<(KeyIdentity, PublicKey), Skip> {
    if let Some(why) = bench.subject.lacks_scheme(scheme) {
        return Err(Skip(format!("{scheme}: {why}")));
    }
    let fits = |spec: &KeySpec| spec.kind().is_some_and(|kind| scheme.fits(kind));
    let mut fitting: Vec<KeySpec> = specs().filter(fits).collect();
    fitting.sort_by_key(|spec| bench.has(*spec).is_err());
    let spec = fitting.first().copied().expect("every matched scheme has a kind of key");
    bench.generate(number, spec)
}
