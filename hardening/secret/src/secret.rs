//! A secret in the arena.

use core::fmt;
use core::ops::{Deref, DerefMut};

use zeroize::Zeroize as _;

use crate::arena::{self, Place};

/// Why a secret is not kept. Nobody's fault but ours: the arena is made for few, short secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for a secret of {0} octets")]
pub struct NoRoom(pub usize);

/// Octets that are in no dump and no swap, as far as [`crate::kind`] says, and are overwritten when
/// this is dropped.
pub struct Secret(Place);

impl Secret {
    /// Takes room for `length` octets, all zero.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn zeroed(length: usize) -> Result<Self, NoRoom> {
        arena::take(length).map(Self).ok_or(NoRoom(length))
    }

    /// Copies octets in; the caller wipes the original.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn copy_of(octets: &[u8]) -> Result<Self, NoRoom> {
        let mut secret = Self::zeroed(octets.len())?;
        for (to, from) in secret.iter_mut().zip(octets) {
            *to = *from;
        }
        Ok(secret)
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.octets()
    }
}

impl DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.octets_mut()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.octets_mut().zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_keep_apart_and_their_place_is_wiped() {
        let mut one = Secret::zeroed(32).unwrap();
        let two = Secret::copy_of(&[7; 100]).unwrap();
        one.fill(9);
        assert_eq!((&*one, &*two), (&[9; 32][..], &[7; 100][..]));
        assert_eq!(format!("{one:?}"), "Secret(32 octets)");
        drop(one);
        // First fit: the same place again, and nothing of the one before.
        assert_eq!(*Secret::zeroed(64).unwrap(), [0; 64]);
        assert_eq!(*two, [7; 100]);
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        assert_eq!(Secret::zeroed(1 << 20).unwrap_err(), NoRoom(1 << 20));
        assert_eq!(Secret::copy_of(&[]).unwrap().len(), 0);
    }

    #[test]
    fn threads_take_and_give_back_at_once() {
        std::thread::scope(|scope| {
            for octet in 1_u8..=8 {
                scope.spawn(move || {
                    for length in 0..200 {
                        let secret = Secret::copy_of(&vec![octet; length]).unwrap();
                        assert!(secret.iter().all(|found| *found == octet));
                    }
                });
            }
        });
    }
}
