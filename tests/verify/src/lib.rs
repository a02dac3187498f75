//! Journals that the real core writes, and what an attacker makes of them.

mod dice;
mod eventful;
mod gallery;
mod mutate;
mod segments;
mod thief;

pub use dice::Dice;
pub use eventful::eventful;
pub use gallery::{Gallery, gallery};
pub use mutate::{Mutation, mutate};
pub use segments::{publish, read_leaves, write_segments};
pub use thief::Thief;
