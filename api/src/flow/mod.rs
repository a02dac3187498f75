//! What routes have done that no other crate has a verb for.

pub mod detached;
pub mod profiles;
pub mod refusal;
