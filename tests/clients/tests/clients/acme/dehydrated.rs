//! dehydrated, in shell.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use kit::tool;

use super::web;
use super::world::World;

/// Runs the client with a configuration of its own.
fn command(world: &World, words: &[&str]) -> Command {
    let mut command = Command::new("dehydrated");
    command.arg("--config").arg(world.folder("dehydrated").join("config")).args(words);
    command
}

/// Registers, and issues for two names; gives the chain. curl gets more options.
pub fn issue(world: &World, directory: &str, curl: &str) -> PathBuf {
    let home = world.folder("dehydrated");
    let known = world.folder("dehydrated/known");
    web::serve(world.http, &known);
    let text = format!(
        "CA=\"{directory}\"\nBASEDIR=\"{}\"\nWELLKNOWN=\"{}\"\n\
         CURL_OPTS=\"--cacert {} {curl}\"\nKEY_ALGO=rsa\nCONTACT_EMAIL=a@corp.example\n",
        home.display(),
        known.display(),
        world.stack.root().display()
    );
    fs::write(home.join("config"), text).expect("written");
    fs::write(home.join("domains.txt"), "one.acme.test two.acme.test\n").expect("written");
    world.until_it_succeeds("dehydrated", || command(world, &["--register", "--accept-terms"]));
    world.until_it_succeeds("dehydrated", || command(world, &["--cron"]));
    home.join("certs/one.acme.test/fullchain.pem")
}

#[test]
fn dehydrated_registers_and_issues() {
    if tool("dehydrated").is_none() || tool("curl").is_none() {
        return;
    }
    let Some(world) = World::start() else {
        return;
    };
    let text = world.verify(&issue(&world, &world.directory(), ""));
    assert!(text.contains("DNS:one.acme.test") && text.contains("DNS:two.acme.test"), "{text}");
    let cert = world.folder("dehydrated").join("certs/one.acme.test/cert.pem");
    let cert = cert.to_str().expect("text");
    world.until_it_succeeds("dehydrated", || command(&world, &["--revoke", cert]));
    assert_eq!(world.status("one.acme.test").0, "revoked");
}
