//! dehydrated, in shell.

use std::fs;
use std::process::Command;

use kit::tool;

use super::web;
use super::world::World;

#[test]
fn dehydrated_registers_and_issues() {
    let Some(program) = tool("dehydrated") else {
        return;
    };
    if tool("curl").is_none() {
        return;
    }
    let Some(world) = World::start() else {
        return;
    };
    let home = world.folder("dehydrated");
    let known = world.folder("dehydrated/known");
    web::serve(world.http, &known);
    let config = home.join("config");
    let text = format!(
        "CA=\"{}\"\nBASEDIR=\"{}\"\nWELLKNOWN=\"{}\"\nCURL_OPTS=\"--cacert {}\"\nKEY_ALGO=rsa\n\
         CONTACT_EMAIL=a@corp.example\n",
        world.directory(),
        home.display(),
        known.display(),
        world.stack.root().display()
    );
    fs::write(&config, text).expect("written");
    fs::write(home.join("domains.txt"), "one.acme.test two.acme.test\n").expect("written");
    let command = |words: &'static [&'static str]| {
        let mut command = Command::new(&program);
        command.arg("--config").arg(&config).args(words);
        command
    };
    world.until_it_succeeds("dehydrated", || command(&["--register", "--accept-terms"]));
    world.until_it_succeeds("dehydrated", || command(&["--cron"]));
    let text = world.verify(&home.join("certs/one.acme.test/fullchain.pem"));
    assert!(text.contains("DNS:one.acme.test") && text.contains("DNS:two.acme.test"), "{text}");
    let cert = home.join("certs/one.acme.test/cert.pem");
    world.until_it_succeeds("dehydrated", || {
        let mut command = command(&["--revoke"]);
        command.arg(&cert);
        command
    });
    assert_eq!(world.status("one.acme.test").0, "revoked");
}
