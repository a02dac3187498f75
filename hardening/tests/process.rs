//! Locks down real processes: every test starts this program again in a role of one thread.
//!
//! The runner is its own because libtest runs tests in threads, and the measures want none.

#[path = "process/closed.rs"]
mod closed;
#[path = "process/locked.rs"]
mod locked;
#[path = "process/sealed.rs"]
mod sealed;

use std::process::{Command, ExitCode};

/// Names the role in which the child starts.
const ROLE: &str = "HARDENING_TEST_ROLE";
/// The directory that the parent made for the child.
const PLACE: &str = "HARDENING_TEST_PLACE";

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let tests: Vec<Test> = [locked::TESTS, closed::TESTS, sealed::TESTS].concat();
    if let Ok(role) = std::env::var(ROLE) {
        let roles = [locked::ROLES, closed::ROLES, sealed::ROLES].concat();
        match roles.iter().find(|(name, _)| *name == role) {
            Some((_, run)) => run(),
            None => panic!("no role {role}"),
        }
        return ExitCode::SUCCESS;
    }
    run_tests(&tests)
}

/// Speaks as much of libtest's command line as cargo and nextest use.
fn run_tests(tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| {
        let value_of_format = "terse";
        let mut names = filters.iter().filter(|f| **f != value_of_format).peekable();
        names.peek().is_none()
            || names.any(|f| if has("--exact") { name == *f } else { name.contains(*f) })
    };
    let chosen = tests.iter().filter(|(name, _)| !has("--ignored") && wanted(name));
    if has("--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let ok = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        if ok { passed += 1 } else { failed += 1 }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// This program again, to run one role.
fn child(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
    command.env(ROLE, role);
    command
}

/// Runs a child and fails the test, with what the child said, unless it ends well.
fn expect_success(mut command: Command) {
    let output = command.output().expect("the program starts again");
    assert!(
        output.status.success(),
        "{}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
