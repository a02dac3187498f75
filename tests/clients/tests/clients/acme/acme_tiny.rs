//! acme-tiny: a CSR of openssl's with an empty subject.

use std::fs;
use std::process::Command;

use kit::tool;

use super::web;
use super::world::World;

#[test]
fn acme_tiny_issues_for_a_csr_without_subject() {
    let Some(program) = tool("acme-tiny") else {
        return;
    };
    let Some(world) = World::start() else {
        return;
    };
    let known = world.folder("known");
    web::serve(world.http, &known);
    world.openssl.must(&["genrsa", "-traditional", "-out", "account.key", "2048"]);
    world.openssl.request("tiny", "ec/ec_paramgen_curve:P-256", "tiny.acme.test");
    let directory = world.directory();
    let chain = world.until_it_succeeds("acme-tiny", || {
        let mut command = Command::new(&program);
        command.arg("--account-key").arg(world.openssl.path("account.key"));
        command.arg("--csr").arg(world.openssl.path("tiny.csr"));
        command.arg("--acme-dir").arg(&known).args(["--directory-url", &directory]);
        command.args(["--disable-check", "--quiet"]).env("SSL_CERT_FILE", world.stack.root());
        command
    });
    let path = world.openssl.path("tiny.pem");
    fs::write(&path, chain).expect("written");
    assert!(world.verify(&path).contains("DNS:tiny.acme.test"));
}
