//! Measuring: signatures by keys of the session, which end with it. No key of a ring signs here.

use std::time::{Duration, Instant};

use cryptoki::object::{Attribute, ObjectHandle};
use signer_proto::KeySpec;

use super::error::of;
use super::generate::making;
use super::lane::{Failure, Held};
use super::sign;
use super::token::Opened;
use crate::mechanism::Mechanism;
use crate::wire::FaultKind;

/// What is signed: as long as a digest, and for RSA as long as a DigestInfo.
const SAMPLE: [u8; 51] = [0x5a; 51];

/// Makes the session's key, or returns the one that is there.
pub(super) fn key(
    held: &mut Held,
    opened: &Opened,
    spec: KeySpec,
) -> Result<ObjectHandle, Failure> {
    if let Some(key) = held.trials.get(&spec) {
        return Ok(*key);
    }
    let making = making(spec, opened)?;
    let kind = making.kinds.into_iter().next().unwrap_or_default();
    let mut public = vec![Attribute::Token(false), Attribute::Verify(true)];
    public.extend(kind);
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let pair = held.session.generate_key_pair(&making.mechanism, &public, &private)?;
    held.trials.insert(spec, pair.1);
    Ok(pair.1)
}

/// Signs once.
pub(super) fn one(held: &mut Held, opened: &Opened, spec: KeySpec) -> Result<(), Failure> {
    let key = key(held, opened, spec)?;
    let (how, length) = match spec {
        KeySpec::P256 => (Mechanism::Ecdsa, 32),
        KeySpec::P384 => (Mechanism::Ecdsa, 48),
        KeySpec::P521 => (Mechanism::Ecdsa, 51),
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => (Mechanism::RsaPkcs1, 51),
        KeySpec::Ed25519 => (Mechanism::EdDsa, 32),
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => (Mechanism::MlDsa, 32),
        KeySpec::HmacSha256 | KeySpec::Aes256 => {
            return Err(of(FaultKind::Unsupported, "nothing is signed with it").into());
        }
    };
    let data = SAMPLE.get(..length).unwrap_or_default();
    sign::sign(&held.session, key, how, data).map(drop)
}

/// Signs for a while, and counts.
pub(super) fn many(
    held: &mut Held,
    opened: &Opened,
    spec: KeySpec,
    millis: u32,
) -> Result<u64, Failure> {
    let end = Instant::now() + Duration::from_millis(u64::from(millis));
    let mut count = 0;
    while Instant::now() < end {
        one(held, opened, spec)?;
        count += 1;
    }
    Ok(count)
}
