//! Which unlock file is in force, as far as the journal says.

use signer_proto::{Digest, RotationStage, UnlockRotated};

use super::StateError;

/// What the leaves say of the unlock file.
#[derive(Debug, Default)]
pub(crate) struct UnlockLine {
    /// Known from the first rotation on.
    in_force: Option<Digest>,
    /// A rotation of which nobody wrote down what became of it.
    intended: Option<UnlockRotated>,
}

impl UnlockLine {
    /// Applies a leaf.
    pub(super) fn rotated(
        &mut self,
        position: u64,
        rotated: &UnlockRotated,
    ) -> Result<(), StateError> {
        let intended = self.intended.take().map(|intended| intended.unlock);
        let is_intended = intended == Some(rotated.unlock);
        let follows = match rotated.stage {
            RotationStage::Intended => intended.is_none(),
            RotationStage::Done | RotationStage::Abandoned => is_intended,
            RotationStage::Found => {
                let known = self.in_force.is_some() && self.in_force != Some(rotated.unlock);
                intended.is_none() && known
            }
        };
        if !follows {
            return Err(StateError::Rotation(position));
        }
        match rotated.stage {
            RotationStage::Intended => self.intended = Some(rotated.clone()),
            RotationStage::Done | RotationStage::Found => self.in_force = Some(rotated.unlock),
            RotationStage::Abandoned => {}
        }
        Ok(())
    }

    /// Returns what must be written down, given the unlock file that is there.
    pub(crate) fn settle(&self, found: &UnlockRotated) -> Option<UnlockRotated> {
        match (&self.intended, self.in_force) {
            (Some(intended), _) => {
                let is_done = intended.unlock == found.unlock;
                let stage = if is_done { RotationStage::Done } else { RotationStage::Abandoned };
                Some(UnlockRotated { stage, ..intended.clone() })
            }
            (None, Some(in_force)) if in_force != found.unlock => {
                Some(UnlockRotated { stage: RotationStage::Found, ..found.clone() })
            }
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use signer_proto::OpenedBy;

    use super::*;
    use RotationStage::{Abandoned, Done, Found, Intended};

    fn leaf(stage: RotationStage, file: u8) -> UnlockRotated {
        let opened_by = OpenedBy::Credential;
        UnlockRotated { stage, unlock: Digest([file; 32]), opened_by, needed: 0, shares: 0 }
    }

    /// The line after these leaves, or the first that does not follow.
    fn line(leaves: &[(RotationStage, u8)]) -> Result<UnlockLine, u64> {
        let mut line = UnlockLine::default();
        for (position, (stage, file)) in (0..).zip(leaves) {
            line.rotated(position, &leaf(*stage, *file)).map_err(|_| position)?;
        }
        Ok(line)
    }

    #[test]
    fn an_intention_is_settled_by_the_file_that_is_there() {
        let intended = line(&[(Intended, 1)]).unwrap();
        assert_eq!(intended.settle(&leaf(Found, 1)), Some(leaf(Done, 1)));
        assert_eq!(intended.settle(&leaf(Found, 9)), Some(leaf(Abandoned, 1)));
        let done = line(&[(Intended, 1), (Done, 1)]).unwrap();
        assert_eq!(done.settle(&leaf(Found, 1)), None);
        assert_eq!(done.settle(&leaf(Found, 9)), Some(leaf(Found, 9)));
        // Before the first rotation nobody knows which file is the right one.
        assert_eq!(UnlockLine::default().settle(&leaf(Found, 9)), None);
        let abandoned = line(&[(Intended, 1), (Abandoned, 1)]).unwrap();
        assert_eq!(abandoned.settle(&leaf(Found, 9)), None);
    }

    #[test]
    fn refuses_what_does_not_follow() {
        for (leaves, at) in [
            (&[(Done, 1)][..], 0),
            (&[(Abandoned, 1)], 0),
            (&[(Found, 1)], 0),
            (&[(Intended, 1), (Intended, 2)], 1),
            (&[(Intended, 1), (Done, 2)], 1),
            (&[(Intended, 1), (Abandoned, 2)], 1),
            (&[(Intended, 1), (Found, 2)], 1),
            (&[(Intended, 1), (Done, 1), (Done, 1)], 2),
            (&[(Intended, 1), (Done, 1), (Found, 1)], 2),
        ] {
            assert_eq!(line(leaves).err(), Some(at), "{leaves:?}");
        }
        let long =
            [(Intended, 1), (Done, 1), (Intended, 2), (Abandoned, 2), (Found, 3), (Intended, 4)];
        assert!(line(&long).is_ok());
    }
}
