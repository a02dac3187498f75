//! Caddy, by tls-alpn-01.

use std::fs;
use std::process::Command;

use kit::Process;

use super::world::{World, foreign};

#[test]
fn caddy_serves_a_certificate_that_it_got_by_tls_alpn_01() {
    let Some(program) = foreign("caddy") else {
        return;
    };
    let Some(world) = World::start() else {
        return;
    };
    let home = world.folder("caddy");
    let config = home.join("Caddyfile");
    let text = format!(
        "{{\n admin off\n http_port {}\n https_port {}\n storage file_system {}\n}}\n\
         caddy.acme.test {{\n tls {{\n issuer acme {{\n dir {}\n trusted_roots {}\n \
         disable_http_challenge\n }}\n }}\n respond \"here\"\n}}\n",
        world.http,
        world.tls,
        home.join("storage").display(),
        world.directory(),
        world.stack.root().display()
    );
    fs::write(&config, text).expect("written");
    let mut command = Command::new(program);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config);
    command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("XDG_DATA_HOME", &home);
    let caddy = Process::start("caddy", command);
    world.await_tls("caddy.acme.test");
    drop(caddy);
}
