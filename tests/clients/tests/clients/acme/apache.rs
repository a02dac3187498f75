//! Apache httpd with mod_md, by tls-alpn-01 and a graceful restart.

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::{Process, tool};

use super::world::World;

const MODULES: &str = "/usr/lib/apache2/modules";

#[test]
fn apache_serves_a_certificate_that_mod_md_got() {
    let Some(program) = tool("apache2") else {
        return;
    };
    if !Path::new(MODULES).join("mod_md.so").is_file() {
        return kit::skip("mod_md", "not with this apache2");
    }
    let Some(world) = World::start() else {
        return;
    };
    let home = world.folder("apache");
    let config = home.join("httpd.conf");
    let modules: String = [
        ("mpm_event", "mod_mpm_event"),
        ("authz_core", "mod_authz_core"),
        ("unixd", "mod_unixd"),
        ("socache_shmcb", "mod_socache_shmcb"),
        ("ssl", "mod_ssl"),
        ("watchdog", "mod_watchdog"),
        ("md", "mod_md"),
    ]
    .iter()
    .filter(|(_, file)| Path::new(MODULES).join(format!("{file}.so")).is_file())
    .map(|(name, file)| format!("LoadModule {name}_module {MODULES}/{file}.so\n"))
    .collect();
    let text = format!(
        "{modules}ServerName md.acme.test\nPidFile {home}/pid\nErrorLog {home}/error.log\n\
         User www-data\nGroup www-data\nDefaultRuntimeDir {home}\nMutex posixsem\n\
         Listen 127.0.0.1:{tls} https\n\
         MDStoreDir {home}/md\nMDCertificateAuthority {directory}\nMDCACertificateFile {root}\n\
         MDCertificateAgreement accepted\nMDContactEmail a@corp.example\n\
         MDPortMap http:- https:{tls}\nMDCAChallenges tls-alpn-01\nMDRetryDelay 1s\n\
         Protocols http/1.1 acme-tls/1\nMDomain md.acme.test\n\
         <VirtualHost *:{tls}>\nServerName md.acme.test\nSSLEngine on\nProtocols http/1.1 acme-tls/1\n\
         </VirtualHost>\n",
        home = home.display(),
        tls = world.tls,
        directory = world.directory(),
        root = world.stack.root().display(),
    );
    fs::write(&config, text).expect("written");
    let mut command = Command::new(&program);
    command.arg("-DFOREGROUND").arg("-f").arg(&config);
    let apache = Process::start("apache2", command);
    let staged = home.join("md/staging/md.acme.test/pubcert.pem");
    let live = home.join("md/domains/md.acme.test/pubcert.pem");
    world.eventually("mod_md has a certificate", || staged.is_file() || live.is_file());
    world.eventually("mod_md is done", || {
        // It activates what is staged at a graceful restart.
        let restart = Command::new(&program).args(["-k", "graceful", "-f"]).arg(&config).output();
        let _ = restart.expect("apache2 starts");
        std::thread::sleep(std::time::Duration::from_millis(500));
        live.is_file()
    });
    world.verify(&live);
    world.await_tls("md.acme.test");
    drop(apache);
}
