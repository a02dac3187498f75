//! Journals that the real core writes, and what an attacker makes of them.

mod gallery;
mod segments;

pub use gallery::{Gallery, gallery};
pub use segments::{read_leaves, write_segments};
