//! What handlers take out of requests; each refuses with a problem.

mod accept;
mod json;
mod parts;

pub use accept::{Accepted, Representation};
pub use json::JsonBody;
pub use parts::{PathOf, QueryOf};
