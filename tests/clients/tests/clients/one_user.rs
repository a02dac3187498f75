//! One user for everything: it works, and says what it does not do.

use std::time::Duration;

use kit::{Database, Openssl, Stack};

use crate::issued::Issued;

/// A uid that nobody here has.
const SOMEBODY: u32 = 48_613;

#[test]
fn one_user_is_told_that_the_boundary_is_not_enforced() {
    let stack = if rustix::process::getuid().is_root() {
        Stack::start_as(SOMEBODY, Database::Sqlite, &[])
    } else {
        Stack::start()
    };
    stack.eventually("the screen says so", Duration::from_secs(5), || {
        stack.screen().contains("ONE UID: the boundary is not enforced")
    });
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let (good, text) = Issued::new(&stack, &openssl, "www").verify(&openssl, &[]);
    assert!(good, "{text}");
}

#[test]
fn several_users_are_named_on_the_screen() {
    if !rustix::process::getuid().is_root() {
        kit::skip("root", "several users need it");
        return;
    }
    let stack = Stack::start();
    stack.eventually("the screen names them", Duration::from_secs(5), || {
        stack.screen().contains("users      signer ")
    });
    assert!(!stack.screen().contains("ONE UID"), "{}", stack.screen());
}
