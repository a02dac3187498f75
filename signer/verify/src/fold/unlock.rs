//! Rotations of the unlock key.

use signer_proto::{RotationStage, UnlockRotated};

use super::Fold;
use crate::fault::{FaultKind, Wrong};

impl Fold {
    /// An intention is settled by what became of it, and nothing is settled that was not intended.
    pub(super) fn unlock_rotated(&mut self, rotated: &UnlockRotated) -> Result<(), Wrong> {
        let intended = self.rotating.take();
        let known = match rotated.stage {
            RotationStage::Intended => intended.is_none(),
            RotationStage::Done | RotationStage::Abandoned => intended == Some(rotated.unlock),
            RotationStage::Found => {
                intended.is_none() && self.unlock.is_some_and(|before| before != rotated.unlock)
            }
        };
        if !known {
            let why = format!("{} of unlock file {}", rotated.stage, rotated.unlock);
            return Wrong::because(FaultKind::Rotation, why);
        }
        match rotated.stage {
            RotationStage::Intended => self.rotating = Some(rotated.unlock),
            RotationStage::Done | RotationStage::Found => self.unlock = Some(rotated.unlock),
            RotationStage::Abandoned => {}
        }
        Ok(())
    }
}
