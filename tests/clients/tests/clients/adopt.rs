//! A CA of `openssl ca`, adopted: what openssl makes of its old certificates from then on.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use clouds::AwsCloud;
use kit::{Database, Openssl, Stack, Tokens, has_ocsp_status, http_get, program, run};
use serde_json::Value;

use crate::kms::over_aws;

const PASSPHRASE: &str = "canary-of-the-old-passphrase-77aa";

/// As the CA database of `openssl ca` is configured everywhere.
const CONFIG: &str = "\
[ca]
default_ca = old
[old]
database = index.txt
new_certs_dir = newcerts
serial = serial
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = no
crl_extensions = crl_ext
x509_extensions = leaf
copy_extensions = copy
[any]
commonName = supplied
[crl_ext]
authorityKeyIdentifier = keyid:always
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[req]
distinguished_name = dn
[dn]
";

/// A CA of openssl's with four certificates: one good, two revoked, one on hold.
struct OldCa(Openssl);

impl OldCa {
    /// Makes it; `key` is what `-newkey` takes.
    fn make(folder: &Path, key: &[&str]) -> Option<Self> {
        let openssl = Openssl::find(folder)?;
        std::fs::create_dir_all(folder.join("newcerts")).expect("a folder");
        for (file, content) in
            [("ca.cnf", CONFIG), ("index.txt", ""), ("serial", "1000\n"), ("crlnumber", "2a\n")]
        {
            openssl.write(file, content);
        }
        let pass = openssl.write("pass", format!("{PASSPHRASE}\n"));
        std::fs::set_permissions(pass, Permissions::from_mode(0o600)).expect("its mode");
        let fixed = ["req", "-x509", "-config", "ca.cnf", "-extensions", "root", "-nodes"];
        let files = ["-subj", "/O=Old/CN=Old CA", "-days", "3650", "-keyout", "ca.key"];
        openssl.must(&[&fixed[..], key, &files, &["-out", "ca.pem"]].concat());
        let pass = format!("pass:{PASSPHRASE}");
        let pkcs8 = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "ca.key", "-out", "ca.p8"];
        openssl.must(&[&pkcs8[..], &["-passout", &pass]].concat());
        let old = Self(openssl);
        for name in ["good", "superseded", "compromised", "held"] {
            old.issue(name);
        }
        old.revoke("superseded", &["-crl_reason", "superseded"]);
        old.revoke("compromised", &["-crl_compromise", "20240102030405Z"]);
        old.revoke("held", &["-crl_reason", "certificateHold"]);
        old.0.must(&["ca", "-config", "ca.cnf", "-gencrl", "-out", "last.crl"]);
        Some(old)
    }

    fn issue(&self, name: &str) {
        self.0.request(name, "ec/ec_paramgen_curve:P-256", &format!("{name}.corp.example"));
        let (csr, pem) = (format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={name}.corp.example");
        let fixed = ["ca", "-config", "ca.cnf", "-batch", "-notext", "-subj", &subject];
        self.0.must(&[&fixed[..], &["-in", &csr, "-out", &pem]].concat());
    }

    fn revoke(&self, name: &str, options: &[&str]) {
        let pem = format!("{name}.pem");
        self.0.must(&[&["ca", "-config", "ca.cnf", "-revoke", &pem][..], options].concat());
    }

    fn path(&self, name: &str) -> String {
        self.0.path(name).display().to_string()
    }

    /// The words of `chancery ca adopt` with everything that openssl keeps of the CA but its key.
    fn adopt(&self, name: &str, key: &[String]) -> Vec<String> {
        let files = [
            ("--certificate", "ca.pem"),
            ("--inventory", "index.txt"),
            ("--inventory", "newcerts"),
            ("--crl", "last.crl"),
        ];
        let files = files.map(|(option, file)| [option.to_owned(), self.path(file)]).concat();
        let words = ["ca", "adopt", name].map(str::to_owned);
        [&words[..], &files, key, &["--json".to_owned()]].concat()
    }

    /// The words for the key in an encrypted file.
    fn encrypted(&self) -> Vec<String> {
        let files = [("--pkcs8", "ca.p8"), ("--passphrase-file", "pass")];
        files.map(|(option, file)| [option.to_owned(), self.path(file)]).concat()
    }

    fn serial(&self, name: &str) -> String {
        let pem = format!("{name}.pem");
        let text = self.0.must(&["x509", "-noout", "-serial", "-in", &pem]);
        text.trim().trim_start_matches("serial=").to_ascii_lowercase()
    }

    /// Asks the responder of the adopted CA, by openssl.
    fn ocsp(&self, stack: &Stack, leaf: &str) -> String {
        let url = format!("{}/.well-known/pki/ocsp/old", stack.http());
        let ask = ["ocsp", "-issuer", "ca.pem", "-cert", leaf, "-url", &url, "-CAfile", "ca.pem"];
        self.0.ask(&ask).1
    }

    /// Fetches the CRL of the adopted CA, has openssl verify it, and returns it as text.
    fn crl(&self, stack: &Stack) -> Option<String> {
        let url = format!("{}/.well-known/pki/crl/old.crl", stack.http());
        let response = http_get(&url, &[]);
        if response.status != 200 {
            return None;
        }
        self.0.write("now.crl", &response.body);
        let pem = ["crl", "-inform", "DER", "-in", "now.crl", "-out", "now.crl.pem"];
        self.0.must(&pem);
        let read = ["crl", "-in", "now.crl.pem", "-noout", "-text", "-CAfile", "ca.pem"];
        let text = self.0.must(&read);
        assert!(text.contains("verify OK"), "{text}");
        Some(text)
    }

    /// Asks `openssl verify` about a certificate, with the CRL that was fetched last.
    fn verify(&self, leaf: &str) -> (bool, String) {
        let trust = ["verify", "-x509_strict", "-CAfile", "ca.pem"];
        self.0.ask(&[&trust[..], &["-crl_check", "-CRLfile", "now.crl.pem", leaf]].concat())
    }
}

/// A stack with keys in files, whatever the other tests run over.
fn files() -> Stack {
    Stack::start_with(Database::Sqlite, &["--driver", "file"])
}

fn must(stack: &Stack, words: &[String]) -> String {
    stack.must(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_old_certificates_of_an_openssl_ca_are_right_at_once_and_it_goes_on() {
    let stack = files();
    let Some(old) = OldCa::make(&stack.dir().join("old"), &["-newkey", "rsa:2048"]) else {
        return;
    };
    let words = old.adopt("old", &old.encrypted());
    let dry = json(&must(&stack, &[&words[..], &["--dry-run".to_owned()]].concat()));
    assert_eq!(
        (&dry["certificates"], &dry["revoked"], &dry["held"]),
        (&4.into(), &2.into(), &1.into())
    );
    assert_eq!((&dry["crl_numbers_above"], &dry["with_certificate"]), (&42.into(), &4.into()));
    assert!(!stack.must(&["ca", "list"]).contains("old"), "a dry run does nothing");

    let done = json(&must(&stack, &words));
    assert_eq!((&done["imported"], &done["resumed"]), (&true.into(), &false.into()), "{done}");
    assert_eq!(done["certificates_stored"], 4);
    agrees_about_the_old(&stack, &old);
    goes_on(&stack, &old);
    is_in_order(&stack, &old);

    // Run again, it finds everything done.
    let again = json(&must(&stack, &words));
    assert_eq!((&again["resumed"], &again["certificates_stored"]), (&true.into(), &0.into()));
}

#[test]
fn a_ca_whose_key_is_in_a_token_is_adopted_by_its_uri() {
    let Some(tokens) = Tokens::soft(&["old"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let Some(old) = OldCa::make(folder.path(), &curve) else { return };
    tokens.import_file("old", Path::new(&old.path("ca.key")), &[0x0a, 0x1d]);
    tokens.give_to(kit::signer_user(None));
    let config = tokens.config().display().to_string();
    let driver = ["--driver", "pkcs11", "--driver-config", &config];
    let stack = Stack::start_with(Database::Sqlite, &driver);

    let key = |id: &str| ["--key".to_owned(), format!("{};id={id}", tokens.uri("old"))];
    let missing = old.adopt("old", &key("%0A%1E"));
    let words: Vec<&str> = missing.iter().map(String::as_str).collect();
    let refused = stack.chancery(&words);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{text}");
    assert!(text.contains("the token has no such private key"), "{text}");

    let words = old.adopt("old", &key("%0A%1D"));
    let done = json(&must(&stack, &words));
    // It came into the token from a file: somebody may still have that.
    assert_eq!((&done["imported"], &done["certificates_stored"]), (&true.into(), &4.into()));
    agrees_about_the_old(&stack, &old);
    goes_on(&stack, &old);
    is_in_order(&stack, &old);
}

#[test]
fn a_ca_whose_key_is_in_aws_is_adopted_by_its_arn() {
    let folder = tempfile::tempdir().expect("a folder");
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let Some(old) = OldCa::make(folder.path(), &curve) else { return };
    let pkcs8 = ["pkcs8", "-topk8", "-nocrypt", "-in", "ca.key", "-outform", "DER", "-out"];
    old.0.must(&[&pkcs8[..], &["ca.der"]].concat());
    let cloud = AwsCloud::start(&["eu-central-1"]);
    let arn = cloud.import(&std::fs::read(old.path("ca.der")).expect("the key"));
    let over = over_aws(&cloud);
    let stack = &over.stack;
    let key = |arn: &str| ["--key".to_owned(), arn.to_owned()];

    // Of nobody, and of another key: nothing is taken over.
    let other = cloud.make("ECC_NIST_P256", "AWS_KMS");
    let nobody = arn.replace("key/0", "key/f");
    for (wrong, told) in [(&nobody, "there is no such key"), (&other, "another public key")] {
        let words = old.adopt("old", &key(wrong));
        let refused = stack.chancery(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains(told), "{wrong}: {text}");
        assert!(!stack.must(&["ca", "list"]).contains("old"));
    }

    let done = json(&must(stack, &old.adopt("old", &key(&arn))));
    // It came into the account from a file: somebody may still have that.
    assert_eq!((&done["imported"], &done["certificates_stored"]), (&true.into(), &4.into()));
    agrees_about_the_old(stack, &old);
    goes_on(stack, &old);
    is_in_order(stack, &old);
    assert!(cloud.faults("eu-central-1").calls("Sign", &arn) > 2);
}

/// openssl agrees about each old certificate, by CRL and by OCSP.
fn agrees_about_the_old(stack: &Stack, old: &OldCa) {
    stack.eventually("the CRL of the adopted CA", Duration::from_secs(15), || {
        old.crl(stack).is_some()
    });
    let crl = old.crl(stack).expect("a CRL");
    let number = crl.split("X509v3 CRL Number:").nth(1).expect("a number").trim_start();
    let number: String = number.chars().take_while(char::is_ascii_digit).collect();
    assert!(number.parse::<u64>().expect("a number") > 42, "{crl}");
    for what in ["Superseded", "Certificate Hold", "Invalidity Date", "Jan  2 03:04:05 2024"] {
        assert!(crl.contains(what), "{what}: {crl}");
    }
    assert!(old.verify("good.pem").0, "{:?}", old.verify("good.pem"));
    for name in ["superseded", "compromised", "held"] {
        assert!(crl.to_ascii_lowercase().contains(&old.serial(name)), "{name}: {crl}");
        let (good, text) = old.verify(&format!("{name}.pem"));
        assert!(!good && text.contains("certificate revoked"), "{text}");
    }
    stack.eventually("the responder of the adopted CA", Duration::from_secs(40), || {
        has_ocsp_status(&old.ocsp(stack, "good.pem"), ": good")
    });
    for (name, reason) in [
        ("superseded", "superseded"),
        ("compromised", "keyCompromise"),
        ("held", "certificateHold"),
    ] {
        let text = old.ocsp(stack, &format!("{name}.pem"));
        assert!(has_ocsp_status(&text, ": revoked") && text.contains(reason), "{text}");
        assert!(text.contains("Response verify OK"), "{text}");
    }
}

/// A new certificate is issued, and an old one is revoked by its serial number.
fn goes_on(stack: &Stack, old: &OldCa) {
    let profile = stack.must(&["profile", "show", "tls-server"]);
    let profile = profile.replace("version = 1\n", "version = 1\nissuer = \"old\"\n");
    let file = old.0.write("by-old.toml", profile).display().to_string();
    stack.must(&["profile", "create", "by-old", "--file", &file]);
    let csr = old.0.request("new", "ec/ec_paramgen_curve:P-256", "new.corp.example");
    let issued = stack.issue("by-old", &csr);
    old.0.write("new.pem", issued["certificate"].as_str().expect("a certificate"));
    let (good, text) = old.verify("new.pem");
    assert!(good, "{text}");
    assert!(has_ocsp_status(&old.ocsp(stack, "new.pem"), ": good"));

    let serial = old.serial("good");
    let shown = json(&stack.must(&["cert", "show", &serial, "--json"]));
    assert_eq!(shown["profile"], "adopted");
    let pem = shown["certificate"].as_str().expect("the folder had it");
    old.0.write("shown.pem", pem);
    let text = |file: &str| old.0.must(&["x509", "-in", file, "-noout", "-fingerprint"]);
    assert_eq!(text("shown.pem"), text("good.pem"));
    stack.must(&["cert", "revoke", &serial, "--reason", "keyCompromise"]);
    stack.eventually("OCSP tells it", Duration::from_secs(5), || {
        has_ocsp_status(&old.ocsp(stack, "good.pem"), ": revoked")
    });
    stack.eventually("the CRL tells it", Duration::from_secs(10), || {
        old.crl(stack).is_some_and(|crl| crl.to_ascii_lowercase().contains(&serial))
    });
    assert!(!old.verify("good.pem").0);
}

/// Inventory, journal and both verifiers agree, and nobody kept the passphrase.
fn is_in_order(stack: &Stack, old: &OldCa) {
    stack.must(&["inspect", &old.path("good.pem")]);
    std::thread::sleep(Duration::from_secs(2));
    stack.must(&["reconcile"]);
    let ring = stack.ring().display().to_string();
    for program in [program("signer-verify"), Path::new("python3").to_owned()] {
        let mut command = std::process::Command::new(&program);
        if program.ends_with("python3") {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/verify_journal.py");
            command.arg(script);
        }
        let (good, text) = run(command.args(["--ring", &ring]));
        assert!(good && text.contains("PASS"), "{}: {text}", program.display());
    }
    let mut grep = std::process::Command::new("grep");
    let (found, text) = run(grep.args(["-rlF", PASSPHRASE]).arg(stack.data()));
    assert!(!found, "the passphrase is in {text}");
}

#[test]
fn serials_alone_are_enough_to_adopt_a_ca_and_what_is_not_here_is_said() {
    let stack = files();
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let Some(old) = OldCa::make(&stack.dir().join("old"), &curve) else { return };
    let mut csv = "serial,not_after,revoked_at,reason\n".to_owned();
    for name in ["good", "superseded", "compromised", "held"] {
        csv.push_str(&format!("{},2030-01-01T00:00:00Z,,\n", old.serial(name)));
    }
    old.0.write("all.csv", csv);
    // The CRL says what is revoked of it.
    let words = ["ca", "adopt", "old", "--json"].map(str::to_owned);
    let files = [("--certificate", "ca.pem"), ("--inventory", "all.csv"), ("--crl", "last.crl")];
    let files = files.map(|(option, file)| [option.to_owned(), old.path(file)]).concat();
    let words = [&words[..], &files, &old.encrypted()].concat();
    let done = json(&must(&stack, &words));
    assert_eq!((&done["revoked"], &done["with_certificate"]), (&2.into(), &0.into()), "{done}");
    agrees_about_the_old(&stack, &old);
    let shown = json(&stack.must(&["cert", "show", &old.serial("good"), "--json"]));
    assert_eq!((&shown["certificate"], &shown["not_before"]), (&Value::Null, &Value::Null));
    let id = shown["id"].as_str().expect("an id");
    let response = stack.api().get(&format!("/api/v1/certificates/{id}"));
    assert_eq!(response.status, 200, "{}", response.text());
    let renewed =
        stack.api().post(&format!("/api/v1/certificates/{id}/renew"), &serde_json::json!({}));
    assert_eq!(renewed.status, 409, "{}", renewed.text());
    std::thread::sleep(Duration::from_secs(2));
    stack.must(&["reconcile"]);
}

#[test]
fn every_fault_of_the_files_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(old) = OldCa::make(folder.path(), &["-newkey", "rsa:2048"]) else { return };
    // A certificate of another CA, a line that is cut, a CRL of something that nobody issued, a
    // key in the clear.
    old.0.must(&[
        "req",
        "-x509",
        "-config",
        "ca.cnf",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "x.key",
        "-subj",
        "/CN=Stranger",
        "-out",
        "newcerts/x.pem",
    ]);
    let index = old.0.read("index.txt");
    let cut: Vec<&str> = index.lines().filter(|line| !line.contains("superseded")).collect();
    old.0.write("index.txt", format!("{}\nV\tsoon\t\t07\n", cut.join("\n")));
    std::fs::remove_file(old.0.path("newcerts/1001.pem")).expect("a file");
    let mut words = old.adopt("old", &old.encrypted());
    words.push("--dry-run".to_owned());
    let key = words.iter().position(|word| word == "--pkcs8").expect("the key");
    words[key + 1] = old.path("ca.key");
    let output = std::process::Command::new(program("chancery")).args(&words).output();
    let output = output.expect("chancery runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for what in [
        "index.txt:4: 4 columns",
        "newcerts/x.pem: CN=Stranger was not issued by CN=Old CA,O=Old",
        "last.crl: it revokes 1001, which is in no inventory",
        "ca.key: ",
        "openssl pkcs8 -topk8 -v2 aes-256-cbc",
    ] {
        assert!(text.contains(what), "{what}: {text}");
    }
}
