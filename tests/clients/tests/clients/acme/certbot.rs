//! certbot: Debian's, and the newest of PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{run, tool};
use serde_json::json;

use super::world::{TRIES, World};

/// certbot with folders of its own.
pub(super) struct Certbot<'w> {
    world: &'w World,
    program: PathBuf,
    home: PathBuf,
}

impl<'w> Certbot<'w> {
    pub(super) fn new(world: &'w World, program: &Path, home: &str) -> Self {
        Self { world, program: program.to_owned(), home: world.folder(home) }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--non-interactive");
        if words.first() == Some(&"renew") {
            command.arg("--no-random-sleep-on-renew");
        }
        for (option, name) in
            [("--config-dir", "config"), ("--work-dir", "work"), ("--logs-dir", "logs")]
        {
            command.arg(option).arg(self.home.join(name));
        }
        command.env("REQUESTS_CA_BUNDLE", self.world.stack.root()).env("HOME", &self.home);
        command
    }

    /// Lets it forget until when it is not to ask for advice about a certificate.
    fn forget_advice(&self, name: &str) {
        let file = self.home.join(format!("config/renewal/{name}.conf"));
        let text = std::fs::read_to_string(&file).expect("it keeps how the name is renewed");
        let kept = text.lines().filter(|line| !line.trim_start().starts_with("ari_retry_after"));
        std::fs::write(&file, kept.map(|line| format!("{line}\n")).collect::<String>())
            .expect("written");
    }

    fn must(&self, words: &[&str]) -> String {
        self.world.until_it_succeeds("certbot", || self.command(words))
    }

    /// Words of an order, and those by which it is sent to a directory by a new account.
    fn order<'a>(words: &[&'a str], directory: &'a str) -> Vec<&'a str> {
        let account = ["--server", directory, "--agree-tos", "-m", "admin@corp.example"];
        [&["certonly"], words, &account].concat()
    }

    /// The command that orders, and answers http-01 by a web server of its own.
    fn alone(&self, wish: &[&str], directory: &str) -> Command {
        let port = self.world.http.to_string();
        let fixed = ["--standalone", "--http-01-port", &port, "--http-01-address", "127.0.0.1"];
        self.command(&Self::order(&[&fixed[..], wish].concat(), directory))
    }

    fn must_alone(&self, wish: &[&str], directory: &str) {
        self.world.until_it_succeeds("certbot", || self.alone(wish, directory));
    }

    fn revoke(&self, which: &[&str], reason: &str) {
        let directory = self.world.directory();
        let how = ["--reason", reason, "--no-delete-after-revoke", "--server", &directory];
        self.must(&[&["revoke"], which, &how].concat());
    }

    fn live(&self, name: &str, file: &str) -> PathBuf {
        self.home.join("config/live").join(name).join(file)
    }

    pub(super) fn standalone(&self, name: &str) -> PathBuf {
        self.must_alone(&["-d", name], &self.world.directory());
        self.live(name, "fullchain.pem")
    }

    /// A wildcard by a hook that writes the record.
    fn wildcard(&self, base: &str) -> PathBuf {
        let records = self.world.records.display();
        let hook = self.home.join("hook.sh");
        let text = format!(
            "#!/bin/sh\necho \"$CERTBOT_VALIDATION\" >> {records}/_acme-challenge.\"$CERTBOT_DOMAIN\"\n"
        );
        std::fs::write(&hook, text).expect("written");
        let hook = format!("sh {}", hook.display());
        let (directory, name) = (self.world.directory(), format!("*.{base}"));
        let manual = ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", &hook];
        let wish = ["-d", &name, "--cert-name", base];
        self.must(&Self::order(&[&manual[..], &wish].concat(), &directory));
        self.live(base, "fullchain.pem")
    }
}

#[test]
fn certbot_of_debian_issues_revokes_and_leaves() {
    let Some(program) = tool("certbot") else {
        return;
    };
    let Some(world) = World::start() else {
        return;
    };
    let certbot = Certbot::new(&world, &program, "certbot");
    let chain = certbot.standalone("www.acme.test");
    assert!(world.verify(&chain).contains("DNS:www.acme.test"));
    let chain = certbot.wildcard("wild.acme.test");
    assert!(world.verify(&chain).contains("DNS:*.wild.acme.test"));

    // By the account's key, and by the certificate's own.
    certbot.revoke(&["--cert-name", "www.acme.test"], "superseded");
    assert_eq!(world.status("www.acme.test").0, "revoked");
    let (cert, key) =
        (certbot.live("wild.acme.test", "cert.pem"), certbot.live("wild.acme.test", "privkey.pem"));
    let (cert, key) = (cert.to_str().expect("text"), key.to_str().expect("text"));
    certbot.revoke(&["--cert-path", cert, "--key-path", key], "keycompromise");
    assert_eq!(world.status("*.wild.acme.test").0, "revoked");
    certbot.must(&["unregister", "--server", &world.directory()]);

    // Bound to an external account.
    let (kid, secret) = world.external();
    let bound = Certbot::new(&world, &program, "bound");
    let directory = format!("{}/acme/profile/bound/directory", world.stack.https());
    let external = ["-d", "a.team.test", "--eab-kid", &kid, "--eab-hmac-key", &secret];
    bound.must_alone(&external, &directory);
    world.verify(&bound.live("a.team.test", "fullchain.pem"));
    let (good, text) = run(&mut bound.alone(&["-d", "a.other.test"], &directory));
    assert!(!good, "a name that the external account is not for was certified: {text}");
    assert_eq!(world.status("a.other.test").1, 0);
}

#[test]
fn certbot_of_pypi_renews_by_the_servers_advice_and_certifies_an_address() {
    let Some(program) = super::world::foreign("certbot") else {
        return;
    };
    let Some(world) = World::start() else {
        return;
    };
    let certbot = Certbot::new(&world, &program, "certbot5");
    world.verify(&certbot.standalone("ari.acme.test"));
    // A plan moves the window to now. certbot asks once and then not before Retry-After, so the
    // first `renew` has to come after the plan.
    let plan = json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" });
    let made = world.stack.api().post("/api/v1/acme/renewal-plans", &plan);
    assert_eq!(made.status, 201, "{}", made.text());
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let mut told = String::new();
    for _ in 0..TRIES {
        told = run(&mut certbot.command(&["renew"])).1;
        if world.status("ari.acme.test").1 == 2 {
            break;
        }
        // A refused nonce spoiled it, and the next time the server's advice would not be asked for.
        certbot.forget_advice("ari.acme.test");
    }
    assert_eq!(world.status("ari.acme.test").1, 2, "not renewed: {told}");
    world.verify(&certbot.live("ari.acme.test", "fullchain.pem"));

    // An address, by http-01 (RFC 8738), and a profile by its name.
    let name = ["--ip-address", "127.0.0.1", "--cert-name", "address"];
    let wish = [&name[..], &["--required-profile", "acme"]].concat();
    certbot.must_alone(&wish, &world.directory());
    let text = world.verify(&certbot.live("address", "fullchain.pem"));
    assert!(text.contains("IP Address:127.0.0.1"), "{text}");
}
