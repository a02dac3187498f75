//! The build that shows that the attack suite can see: nothing is held against any policy.
//!
//! `make attack` makes it with `--cfg chancery_stub`, in a target directory of its own. It says
//! what it is when it starts, opens only rings that it made, and carries a mark for which
//! `cargo xtask links` looks in everything that ships. `cargo xtask tidy` knows every place that
//! asks [`STUBBED`].

/// Stands in every program of that build, and in no other.
#[cfg(chancery_stub)]
const MARK: Option<&str> = Some("CHANCERY-NOT-FOR-USE");
#[cfg(not(chancery_stub))]
const MARK: Option<&str> = None;

/// Tells whether this is that build.
pub const STUBBED: bool = MARK.is_some();

/// How the genesis of a ring of that build says who made it.
const MAKER: &str = "stub";

/// Gives what to print before anything else; nothing in a build that keeps its policy.
#[must_use]
pub fn banner() -> Option<String> {
    MARK.map(|mark| format!("{mark}: the policy checks of this program are stubbed"))
}

/// Gives the name under which a program makes rings.
#[must_use]
pub fn maker(program: &str) -> String {
    MARK.map_or_else(|| program.to_owned(), |mark| format!("{MAKER} {mark} {program}"))
}

/// Tells whether a ring made under this name may be opened: no build opens the other one's.
#[must_use]
pub fn may_open(made_by: &str) -> bool {
    (made_by.split(' ').next() == Some(MAKER)) == STUBBED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_build_opens_the_rings_of_the_other() {
        assert!(may_open(&maker("signer-file 0.1.0")));
        assert_eq!(may_open("signer-file 0.1.0"), !STUBBED);
        assert_eq!(may_open("stub CHANCERY-NOT-FOR-USE signer-file 0.1.0"), STUBBED);
        assert_eq!(banner().is_some(), STUBBED);
    }
}
