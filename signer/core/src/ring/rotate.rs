//! Rotates the unlock key of a ring that no signer has open.
//!
//! The order, which a kill at any point leaves with the old factor or the new one, never with
//! neither: leaf *intended*; shares into a folder of their own; the new unlock file beside the old
//! one, synced; rename; the directory synced; leaf *done*; what is left of the old one removed. A
//! start that finds an intention looks which file is there and writes down what became of it.

use std::sync::Arc;

use keystore::{
    NewFactor, Opener, Rotator, ShareOffer, UnlockError, UnlockFactor, UnlockKind, Vault,
};
use signer_proto::{OpenedBy, Refusal, RotationStage, UnlockAttempt, UnlockRotated};
use thiserror::Error;
use zeroize::Zeroizing;

use super::open::{Environment, HeldRing, OpenError, Start};
use crate::keeper::Keeper;

/// What opens the ring until now.
pub enum OldFactor {
    /// A passphrase's or a credential's octets; the unlock file says which.
    Single(Zeroizing<Vec<u8>>),
    /// As many shares as are needed.
    Shares(Vec<ShareOffer>),
}

/// Why the unlock key was not rotated. But for [`RotateError::Settle`] the old factor opens the
/// ring as before.
#[derive(Debug, Error)]
pub enum RotateError {
    /// The ring does not open.
    #[error("the ring does not open")]
    Open(#[from] OpenError),
    /// The old factor does not open it, or the new one cannot be used.
    #[error("the unlock key was not rotated")]
    Factor(#[source] UnlockError),
    /// The journal does not take it.
    #[error("the rotation cannot be written into the journal")]
    Journal(#[source] Refusal),
    /// The new unlock file is perhaps not in place: the next start looks, and writes down what is.
    #[error("the new unlock file may or may not be in place: try which factor opens the ring")]
    Settle(#[source] UnlockError),
}

/// Puts another factor in the place of the one that opens the ring, and returns what opens it now.
///
/// Nobody waits after a wrong factor: whoever runs this reads the ring's files and may try offline.
/// It is journaled all the same.
///
/// # Errors
/// [`RotateError`].
pub fn rotate_unlock(
    ring: HeldRing,
    vault: (Arc<dyn Vault>, &dyn Rotator),
    environment: Environment,
    start: &Start,
    (old, new): (OldFactor, &NewFactor),
) -> Result<UnlockKind, RotateError> {
    let (vault, rotator) = vault;
    let signer = ring.replay(vault, environment)?.start(start)?;
    let outcome = rotate(signer.keeper(), rotator, old, new);
    signer.shutdown();
    outcome
}

fn rotate(
    keeper: &Arc<Keeper>,
    rotator: &dyn Rotator,
    old: OldFactor,
    new: &NewFactor,
) -> Result<UnlockKind, RotateError> {
    let (genesis, _) = keeper.house_keys().map_err(RotateError::Journal)?;
    let prepared = factor(keeper, old).and_then(|old| rotator.prepare(&old, new, genesis));
    let rotation = prepared.map_err(|error| wrong(keeper, error))?;
    let opener = rotation.opener();
    let intended = leaf(RotationStage::Intended, opener);
    keeper.write_and_wait(intended).map_err(RotateError::Journal)?;
    rotation.publish().map_err(RotateError::Settle)?;
    keeper.write_and_wait(leaf(RotationStage::Done, opener)).map_err(RotateError::Journal)?;
    Ok(opener.kind)
}

fn factor(keeper: &Keeper, old: OldFactor) -> Result<UnlockFactor, UnlockError> {
    let offers = match old {
        OldFactor::Single(octets) => return keeper.factor_of(octets),
        OldFactor::Shares(offers) => offers,
    };
    let genesis = keeper.genesis()?;
    let admit = |offer| keeper.vault.admit_share(offer, genesis);
    Ok(UnlockFactor::Shares(offers.iter().map(admit).collect::<Result<_, _>>()?))
}

fn wrong(keeper: &Arc<Keeper>, error: UnlockError) -> RotateError {
    if matches!(error, UnlockError::WrongFactor | UnlockError::WrongShare(_)) {
        let failed = UnlockAttempt { opened: false, failed: 1 };
        if let Err(refusal) = keeper.write_and_wait(failed) {
            return RotateError::Journal(refusal);
        }
    }
    RotateError::Factor(error)
}

/// Writes down what became of a rotation that was interrupted, or that the unlock file is another
/// one than the journal knows.
pub(super) fn settle(keeper: &Arc<Keeper>, found: Opener) -> Result<(), Refusal> {
    let found = leaf(RotationStage::Found, found);
    let news = keeper.live().state.unlock_line().settle(&found);
    news.map_or(Ok(()), |news| keeper.write_and_wait(news).map(|_| ()))
}

fn leaf(stage: RotationStage, opener: Opener) -> UnlockRotated {
    let (opened_by, needed, shares) = match opener.kind {
        UnlockKind::Passphrase => (OpenedBy::Passphrase, 0, 0),
        UnlockKind::Credential => (OpenedBy::Credential, 0, 0),
        UnlockKind::Shares { threshold, count } => (OpenedBy::Shares, threshold, count),
    };
    UnlockRotated { stage, unlock: opener.file, opened_by, needed, shares }
}
