//! Shares of an unlock key: their commitments, and which of them are taken.
//!
//! Each share's commitment stands in the unlock file, so that a wrong one is told at once and by
//! itself. It helps nobody else: a share is 32 octets that look random, and HMAC-SHA256 under them
//! tells as little about them as an encryption would.

use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use keystore::{Share, ShareOffer, UnlockError};
use signer_proto::Digest;

use crate::factor::{SALT, Stretch};
use crate::share_file;
use crate::share_text::{self, SHOWN};
use crate::unlock_file::Header;

/// Octets of a commitment.
pub(crate) const COMMITMENT: usize = 32;
/// The folder of the sets of shares inside the ring's.
pub(crate) const SHARES: &str = "shares";
/// Separates commitments from any other use of a share.
const INFO: &[u8] = b"chancery/share/v1";

/// What a share is bound to besides its number.
#[derive(Clone, Copy)]
pub(crate) struct Set {
    pub(crate) genesis: Digest,
    pub(crate) salt: [u8; SALT],
}

impl Set {
    /// Names the set's folder inside [`SHARES`]. Every set has its own, so that a rotation never
    /// touches the shares in force.
    pub(crate) fn folder(&self) -> String {
        self.salt.iter().take(SHOWN).map(|octet| format!("{octet:02x}")).collect()
    }

    /// Returns HMAC-SHA256 under the share of `"chancery/share/v1" | genesis | salt | number`.
    pub(crate) fn commit(&self, share: &Share) -> [u8; COMMITMENT] {
        let tag = hmac::sign(&key(share), &self.committed(share.index));
        let mut commitment = [0; COMMITMENT];
        for (to, from) in commitment.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        commitment
    }

    /// Compares in constant time.
    fn holds(&self, share: &Share, commitment: &[u8]) -> bool {
        hmac::verify(&key(share), &self.committed(share.index), commitment).is_ok()
    }

    fn committed(&self, index: u8) -> Vec<u8> {
        [INFO, &self.genesis.0, &self.salt, &[index]].concat()
    }
}

fn key(share: &Share) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &share.secret)
}

/// Reads what a custodian gives and holds it against the commitment in the unlock file.
pub(crate) fn admit(
    ring: &Path,
    header: &Header,
    offer: &ShareOffer,
) -> Result<Share, UnlockError> {
    if !matches!(header.stretch, Stretch::Shares { .. }) {
        return Err(header.stretch.other_kind());
    }
    let set = Set { genesis: header.genesis, salt: header.salt };
    let share = match offer {
        ShareOffer::Text(text) => {
            let told = share_text::read(text)?;
            if !set.genesis.0.starts_with(&told.genesis) {
                return Err(UnlockError::WrongShare("it is another ring's"));
            }
            if !set.salt.starts_with(&told.set) {
                let why = "it is of another set: the unlock key was rotated since, or not yet";
                return Err(UnlockError::WrongShare(why));
            }
            told.share
        }
        ShareOffer::Passphrase { index, passphrase } => {
            let file = share_file::read(&folder(ring, &set), *index)?;
            share_file::open(&file, &set, *index, passphrase)?
        }
    };
    let place = usize::from(share.index).checked_sub(1);
    match place.and_then(|place| header.commitments.get(place)) {
        Some(commitment) if set.holds(&share, commitment) => Ok(share),
        Some(_) => Err(UnlockError::WrongShare("it is not the one that was given out")),
        None => Err(UnlockError::WrongShare("there is none of this number")),
    }
}

/// Returns where a set's shares lie.
pub(crate) fn folder(ring: &Path, set: &Set) -> PathBuf {
    ring.join(SHARES).join(set.folder())
}
