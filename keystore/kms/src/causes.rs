//! An error with its causes, for the operator.

use std::error::Error;

/// The longest text that is told of an error.
const MOST: usize = 300;

/// Writes the chain of causes in one line. A cause that repeats what stands above it is left out.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.chars().take(MOST).collect()
}
