//! Parts of lists.

use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list; what comes in between repeats and hides nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give it as `cursor` to go on; null at the end.
    pub next: Option<String>,
}
