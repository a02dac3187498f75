//! Marks that a program for tests carries, and that nothing which ships may carry.

use std::path::Path;

use anyhow::{Context, Result};

/// The build whose policy checks are stubbed (signer/proto/src/stub.rs).
const MARKS: [&str; 1] = ["CHANCERY-NOT-FOR-USE"];

/// Returns the marks that a program carries.
pub fn found(path: &Path) -> Result<Vec<&'static str>> {
    let program = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(MARKS.into_iter().filter(|mark| holds(&program, mark.as_bytes())).collect())
}

fn holds(octets: &[u8], mark: &[u8]) -> bool {
    octets.windows(mark.len()).any(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_names_the_mark_and_is_found() {
        assert_eq!(found(&std::env::current_exe().unwrap()).unwrap(), MARKS);
        assert!(!holds(b"CHANCERY-NOT-FOR-US", b"CHANCERY-NOT-FOR-USE"));
        assert!(holds(b"\0CHANCERY-NOT-FOR-USE\0", b"CHANCERY-NOT-FOR-USE"));
    }
}
