//! What people put to a certificate, made by the real ssh-keygen and openssl: docs/guides/evidence.md

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::{Api, Openssl, Stack, run, tool};
use serde_json::{Value, json};
use signer_proto::{Event, Leaf, Rule, Wire};
use x509::Certificate;

const P256: &str = "ec/ec_paramgen_curve:P-256";
const NAMESPACE: &str = "chancery/officer/v1";

/// A stack whose issuing key demands evidence, and the people who make it.
struct Office {
    stack: Stack,
    /// One connection for all that is looked up: each handshake has its leaf.
    api: RefCell<Api>,
    openssl: Openssl,
    keygen: PathBuf,
}

impl Office {
    /// `evidence` is the policy's list; alice and bob are officers, mallory is none.
    fn demanding(evidence: &str, max_backdate: &str) -> Option<Self> {
        let keygen = tool("ssh-keygen")?;
        let stack = Stack::start();
        let openssl = Openssl::find(&stack.dir().join("people"))?;
        let office = Self { api: RefCell::new(stack.api()), stack, openssl, keygen };
        for name in ["alice", "bob", "mallory"] {
            let kind = if name == "bob" { "ecdsa" } else { "ed25519" };
            office.keygen(&["-q", "-t", kind, "-N", "", "-C", name, "-f", name]);
        }
        let line = |name: &str| office.openssl.read(&format!("{name}.pub")).trim().to_owned();
        let officers = format!("\n[officers]\nkeys = [{:?}, {:?}]\n", line("alice"), line("bob"));
        let text = office.stack.must(&["policy", "show", "issuing"]);
        let demanded = format!("evidence = {evidence}\nvalidation_max_age = \"1h\"");
        let text = text
            .replace("proof_of_possession = false", &demanded)
            .replace("max_backdate = \"49h\"", &format!("max_backdate = {max_backdate:?}"));
        assert!(text.contains(&demanded) && text.contains(max_backdate), "{text}");
        office.set_policy(&(text + &officers));
        let demanded: Value = serde_json::from_str(evidence).expect("a list in TOML and JSON");
        office.drafts_until(|answer| answer["demands"] == demanded);
        Some(office)
    }

    fn set_policy(&self, text: &str) {
        self.openssl.write("policy.toml", text);
        let file = self.path("policy.toml");
        self.stack.must(&["policy", "set", "issuing", "--file", &file]);
    }

    /// Waits until the server has read a new policy: it follows the journal. A draft is nothing to
    /// the journal and nothing to the inventory.
    fn drafts_until(&self, holds: impl Fn(&Value) -> bool) {
        let csr = self.openssl.request("poll", P256, "poll.corp.example");
        let order = json!({ "profile": "tls-server", "csr": csr });
        let mut api = self.api.borrow_mut();
        self.stack.eventually("the server knows the policy", Duration::from_secs(10), || {
            holds(&api.post("/api/v1/certificates/draft", &order).json())
        });
    }

    fn path(&self, file: &str) -> String {
        self.openssl.path(file).display().to_string()
    }

    fn keygen(&self, arguments: &[&str]) {
        let mut command = Command::new(&self.keygen);
        let (good, text) = run(command.args(arguments).current_dir(self.openssl.path("")));
        assert!(good, "ssh-keygen {arguments:?}: {text}");
    }

    /// Drafts for a host, with a new key of its name, and returns the draft.
    fn draft(&self, host: &str) -> Value {
        self.openssl.request(host, P256, &format!("{host}.corp.example"));
        let (csr, out) = (self.path(&format!("{host}.csr")), self.path(&format!("{host}.json")));
        self.stack.must(&[
            "cert",
            "draft",
            "--profile",
            "tls-server",
            "--csr",
            &csr,
            "--out",
            &out,
        ]);
        serde_json::from_str(&self.openssl.read(&format!("{host}.json"))).expect("JSON")
    }

    /// Lets somebody sign the summary of a draft as the guide says, and returns the file.
    fn sign(&self, who: &str, host: &str, namespace: &str) -> String {
        let summary = self.stack.must(&["cert", "summary", &self.path(&format!("{host}.json"))]);
        // ssh-keygen does not write over a signature that is there.
        let text = format!("{host}.{who}.{}.txt", namespace.replace('/', "-"));
        self.openssl.write(&text, summary);
        self.keygen(&["-q", "-Y", "sign", "-n", namespace, "-f", who, &text]);
        self.path(&format!("{text}.sig"))
    }

    /// Issues a draft with signatures.
    fn issue(&self, host: &str, signatures: &[&str]) -> Output {
        let draft = self.path(&format!("{host}.json"));
        let mut words = vec!["cert", "issue", "--json", "--draft", &draft];
        words.extend(signatures.iter().flat_map(|file| ["--officer-signature", file]));
        self.stack.chancery(&words)
    }

    /// Issues a draft that alice signed.
    fn issued(&self, host: &str) -> Value {
        self.draft(host);
        good(&self.issue(host, &[&self.sign("alice", host, NAMESPACE)]))
    }

    /// The journal's leaves from a position on.
    fn journal(&self, from: u64) -> Vec<Event> {
        let path = format!("/api/v1/journal/entries?limit=1000&from={from}");
        let page = self.api.borrow_mut().get(&path).json();
        let entries = page["entries"].as_array().expect("entries").iter();
        let event = |entry: &Value| {
            let leaf = STANDARD.decode(entry["leaf"].as_str().expect("a leaf")).expect("base64");
            Leaf::from_wire(&leaf).expect("a leaf").event
        };
        let events: Vec<Event> = entries.map(event).collect();
        assert!(events.len() < 1000, "the journal is longer than a page");
        events
    }

    /// The kinds of evidence of the certificates that were signed since.
    fn evidence(&self, from: u64) -> Vec<Vec<u8>> {
        let kinds = |event| match event {
            Event::CertificateSigned(signed) => {
                Some(signed.evidence.0.iter().map(|record| record.kind).collect())
            }
            _ => None,
        };
        self.journal(from).into_iter().filter_map(kinds).collect()
    }

    fn size(&self) -> u64 {
        self.journal(0).len() as u64
    }

    fn inventory(&self) -> usize {
        self.api.borrow_mut().list("/api/v1/certificates").len()
    }

    /// Holds that an act is refused by a rule, that the journal has nothing new but this refusal,
    /// if it was the signer that refused, and the inventory nothing at all.
    fn refused(&self, rule: &str, by_signer: bool, act: impl FnOnce(&Self) -> Output) -> String {
        let (size, inventory) = (self.size(), self.inventory());
        let output = act(self);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{rule}: {said}");
        assert!(said.trim_end().ends_with(&format!("[{rule}]")), "{rule}: {said}");
        let refusals = || {
            let rule_of = |event| match event {
                // A server that did not read the newest policy yet, and then asks again.
                Event::Refused(refused) if refused.rule == Rule::PolicyDigestUnknown => None,
                Event::Refused(refused) => Some(refused.rule.as_str()),
                // What the server's jobs and the follower do meanwhile.
                Event::CrlSigned(_)
                | Event::OcspSigned(_)
                | Event::AuditAnchored(_)
                | Event::HandshakesSigned(_) => None,
                other => Some(other.name()),
            };
            self.journal(size).into_iter().filter_map(rule_of).collect::<Vec<_>>()
        };
        let expected: &[&str] = if by_signer { &[rule] } else { &[] };
        if by_signer {
            self.stack.eventually("the refusal is journaled", Duration::from_secs(5), || {
                !refusals().is_empty()
            });
        }
        assert_eq!(refusals(), expected, "{said}");
        assert_eq!(self.inventory(), inventory, "{said}");
        said
    }
}

fn good(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

#[test]
fn what_an_officer_signed_is_what_is_issued() {
    let Some(office) = Office::demanding(r#"[["possession", "officer"]]"#, "49h") else { return };
    let from = office.size();
    let draft = office.draft("www");
    assert_eq!(draft["demands"], json!([["possession", "officer"]]));
    assert_eq!(text(&draft, "namespace"), NAMESPACE);
    assert!(office.evidence(from).is_empty(), "a draft is signed by nobody");
    let summary = office.stack.must(&["cert", "summary", &office.path("www.json")]);
    assert_eq!(summary, text(&draft, "summary"));
    for line in [
        "Name: DNS www.corp.example".to_owned(),
        format!("Serial: {}", text(&draft, "serial")),
        format!("Not after: {}", text(&draft, "not_after")),
    ] {
        assert!(summary.lines().any(|found| found == line), "{line}: {summary}");
    }
    let signature = office.sign("alice", "www", NAMESPACE);
    let issued = good(&office.issue("www", &[&signature]));
    let certificate = Certificate::from_pem(text(&issued, "certificate")).expect("strict");
    assert_eq!(STANDARD.encode(certificate.tbs_der().as_bytes()), text(&draft, "tbs"));
    assert_eq!(office.evidence(from), [[1, 5]]);
    let leaf = crate::issued::Issued::write(&office.openssl, "www", &issued);
    let (verified, said) = leaf.verify(&office.openssl, &["-purpose", "sslserver"]);
    assert!(verified, "{said}");
    // A draft gives one certificate, whoever asks how often, by whatever signature.
    let bob = office.sign("bob", "www", NAMESPACE);
    for signatures in [&[signature.as_str()][..], &[&bob], &[]] {
        let again = good(&office.issue("www", signatures));
        assert_eq!(text(&again, "id"), text(&issued, "id"));
    }
    // Two officers put their names to one, because the policy wants two, and the journal has both.
    let policy = office.stack.must(&["policy", "show", "issuing"]);
    office.set_policy(&format!("{policy}threshold = 2\n"));
    office.draft("two");
    let [alice, bob] = ["alice", "bob"].map(|who| office.sign(who, "two", NAMESPACE));
    for short in [&[&alice][..], &[&alice, &alice]] {
        let short: Vec<&str> = short.iter().map(|file| file.as_str()).collect();
        let said = office.refused("evidence-missing", true, |o| o.issue("two", &short));
        assert!(said.contains("2 officers must sign"), "{said}");
        std::thread::sleep(Duration::from_millis(1_100));
    }
    good(&office.issue("two", &[&alice, &bob]));
    assert_eq!(office.evidence(from), [vec![1, 5], vec![1, 5, 5]]);
}

#[test]
fn refuses_signatures_that_do_not_stand_for_the_certificate() {
    let Some(office) = Office::demanding(r#"[["officer"], ["renewal"]]"#, "49h") else { return };
    office.draft("www");
    office.draft("other");
    let stranger = office.sign("mallory", "www", NAMESPACE);
    let other = office.sign("alice", "other", NAMESPACE);
    let elsewhere = office.sign("alice", "www", "chancery/quorum/v1");
    let honest = office.sign("alice", "www", NAMESPACE);
    office.openssl.write("no.sig", "hello\n");
    let none = office.path("no.sig");
    for file in [&stranger, &other, &elsewhere, &none] {
        let said = office.refused("officer-refused", true, |o| o.issue("www", &[file]));
        assert!(said.contains("`chancery cert summary DRAFT`"), "{said}");
        // One bad signature beside a good one is bad as well.
        office.refused("officer-refused", true, |o| o.issue("www", &[&honest, file]));
        // Refusals by one rule are one leaf a second.
        std::thread::sleep(Duration::from_millis(1_100));
    }
    let said = office.refused("evidence-missing", true, |o| o.issue("www", &[]));
    for needed in ["the policy demands officer, or renewal", "cert issue --draft", "cert renew"] {
        assert!(said.contains(needed), "{needed}: {said}");
    }
    std::thread::sleep(Duration::from_millis(1_100));
    let csr = office.path("www.csr");
    let plain = ["cert", "issue", "--profile", "tls-server", "--csr", &csr];
    office.refused("evidence-missing", true, |o| o.stack.chancery(&plain));
    good(&office.issue("www", &[&honest]));
}

#[test]
fn refuses_drafts_that_did_not_come_back_as_they_went() {
    let Some(office) = Office::demanding(r#"[["officer"]]"#, "49h") else { return };
    let draft = office.draft("www");
    let signature = office.sign("alice", "www", NAMESPACE);
    let sealed = text(&draft, "draft");
    let bent = |at: usize| {
        let mut bent = sealed.as_bytes().to_vec();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bent).expect("ASCII")
    };
    let unknown = "A".repeat(sealed.len());
    let cut = sealed[..sealed.len() / 2].to_owned();
    for (nth, other) in
        [bent(0), bent(sealed.len() / 2), unknown, cut, String::new(), "!".to_owned()]
            .into_iter()
            .enumerate()
    {
        let mut altered = draft.clone();
        altered["draft"] = json!(other);
        office.openssl.write("altered.json", altered.to_string());
        // The signer tells nobody why it does not open, and writes no leaf of its own of a draft:
        // what it refuses to unseal it journals as that.
        let size = office.size();
        let output = office.issue("altered", &[&signature]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{nth}: {said}");
        assert!(said.trim_end().ends_with("[draft-altered]"), "{nth}: {said}");
        assert!(said.contains("`chancery cert draft` makes a new one"), "{said}");
        assert!(office.evidence(size).is_empty());
    }
    let named = office.api.borrow_mut().list("/api/v1/certificates?name=www.corp.example");
    assert_eq!(named.len(), 0);
    // A text that says less than the certificate is not handed to an officer.
    let mut altered = draft.clone();
    let shorter = text(&draft, "summary").replace("Name: DNS www.corp.example\n", "");
    altered["summary"] = json!(shorter);
    office.openssl.write("altered.json", altered.to_string());
    let output = office.stack.chancery(&["cert", "summary", &office.path("altered.json")]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
    good(&office.issue("www", &[&signature]));
}

#[test]
fn refuses_drafts_that_are_no_longer_good() {
    // The profile sets a certificate back by an hour: that leaves two seconds.
    let Some(office) = Office::demanding(r#"[["officer"]]"#, "3602s") else { return };
    office.draft("www");
    let signature = office.sign("alice", "www", NAMESPACE);
    std::thread::sleep(Duration::from_secs(3));
    let said = office.refused("draft-expired", false, |o| o.issue("www", &[&signature]));
    assert!(said.contains("`chancery cert draft` makes a new one"), "{said}");

    let policy = office.stack.must(&["policy", "show", "issuing"]);
    office.set_policy(&policy.replace("3602s", "3600s"));
    office.drafts_until(|answer| answer["rule"] == "draft-without-time");
    let csr = office.path("www.csr");
    let draft = ["cert", "draft", "--profile", "tls-server", "--csr", &csr];
    let said = office.refused("draft-without-time", false, |o| o.stack.chancery(&draft));
    assert!(said.contains("raise max_backdate"), "{said}");
    office.set_policy(&policy.replace("3602s", "49h"));
    office.drafts_until(|answer| answer["rule"].is_null());
    // What the draft was made by is another now.
    let body = office.stack.must(&["profile", "show", "tls-server"]);
    office.openssl.write("mine.toml", &body);
    let file = office.path("mine.toml");
    office.stack.must(&["profile", "create", "mine", "--file", &file]);
    let (csr, out) = (office.path("www.csr"), office.path("mine.json"));
    office.stack.must(&["cert", "draft", "--profile", "mine", "--csr", &csr, "--out", &out]);
    let signature = office.sign("alice", "mine", NAMESPACE);
    office.openssl.write("mine.toml", format!("{body}\n# narrower\n"));
    office.stack.must(&["profile", "update", "mine", "--file", &file]);
    let said = office.refused("draft-outdated", false, |o| o.issue("mine", &[&signature]));
    assert!(said.contains("the profile `mine` was changed since"), "{said}");
    office.issued("fresh");
}

/// Writes what the old key signs, lets openssl sign it, and returns the file of the signature.
fn proof(office: &Office, key: &str, csr: &str, sign: &[&str]) -> String {
    let (csr, message) = (office.path(&format!("{csr}.csr")), office.path("message"));
    office.stack.must(&["cert", "renewal-message", "--csr", &csr, "--out", &message]);
    let key = format!("{key}.key");
    let file = if sign[0] == "dgst" { &["message"][..] } else { &["-in", "message"] };
    let (by, out) = (if sign[0] == "dgst" { "-sign" } else { "-inkey" }, ["-out", "proof"]);
    office.openssl.must(&[sign, &[by, &key], &out, file].concat());
    office.path("proof")
}

#[test]
fn the_old_key_renews_and_no_other() {
    let Some(office) = Office::demanding(r#"[["renewal"], ["officer"]]"#, "49h") else { return };
    let dgst: &[&str] = &["dgst", "-sha256"];
    for (host, kind, sign) in [
        ("ec", P256, dgst),
        ("p384", "ec/ec_paramgen_curve:P-384", &["dgst", "-sha384"]),
        ("rsa", "rsa:2048", dgst),
        (
            "pss",
            "rsa:2048",
            &[
                "dgst",
                "-sha256",
                "-sigopt",
                "rsa_padding_mode:pss",
                "-sigopt",
                "rsa_pss_saltlen:32",
            ],
        ),
        ("ed", "ed25519", &["pkeyutl", "-sign", "-rawin"]),
    ] {
        let name = format!("{host}.corp.example");
        office.openssl.request(host, kind, &name);
        let (csr, out) =
            (office.path(&format!("{host}.csr")), office.path(&format!("{host}.json")));
        let words = ["cert", "draft", "--profile", "tls-server", "--csr", &csr, "--out", &out];
        office.stack.must(&words);
        let old = good(&office.issue(host, &[&office.sign("alice", host, NAMESPACE)]));
        let from = office.size();
        let next = format!("{host}-next");
        office.openssl.request(&next, P256, &name);
        let csr = office.path(&format!("{next}.csr"));
        let proof = proof(&office, host, &next, sign);
        let renew = ["cert", "renew", text(&old, "serial"), "--csr", &csr, "--json"];
        let renewed = good(&office.stack.chancery(&[&renew[..], &["--proof", &proof]].concat()));
        assert_eq!(renewed["replaces"], old["id"]);
        assert_eq!(office.evidence(from), [[3]], "{host}");
    }
    let old = office.issued("www");
    let serial = text(&old, "serial").to_owned();
    office.openssl.request("next", P256, "www.corp.example");
    let csr = office.path("next.csr");
    let renew = ["cert", "renew", &serial, "--csr", &csr];
    let said = office.refused("evidence-missing", true, |o| o.stack.chancery(&renew));
    assert!(said.contains("`chancery cert renewal-message`"), "{said}");
    for (key, over) in [("next", "next"), ("ec", "next"), ("www", "www")] {
        let proof = proof(&office, key, over, dgst);
        let with = [&renew[..], &["--proof", &proof]].concat();
        let said = office.refused("renewal-proof", false, |o| o.stack.chancery(&with));
        assert!(said.contains("renewal-message --csr FILE"), "{said}");
    }
    let proof = proof(&office, "www", "next", dgst);
    let with = [&renew[..], &["--proof", &proof]].concat();
    // Names that are not the old one's stay what they were: only the key is taken from the CSR.
    office.stack.must(&["cert", "revoke", &serial]);
    office.refused("state", false, |o| o.stack.chancery(&with));
}

#[test]
fn a_drafted_renewal_has_both_signatures() {
    let Some(office) = Office::demanding(r#"[["officer"]]"#, "49h") else { return };
    let old = office.issued("www");
    let serial = text(&old, "serial").to_owned();
    let policy = office.stack.must(&["policy", "show", "issuing"]);
    let demand = |set: &str| policy.replace("[[\"officer\"]]", set);
    office.set_policy(&demand("[[\"officer\", \"renewal\"]]"));
    office.openssl.request("next", P256, "www.corp.example");
    let (csr, out) = (office.path("next.csr"), office.path("next.json"));
    let draft = ["cert", "draft", "--renews", &serial, "--csr", &csr, "--out", &out];
    office.stack.must(&draft);
    let signature = office.sign("bob", "next", NAMESPACE);
    let said = office.refused("evidence-missing", true, |o| o.issue("next", &[&signature]));
    assert!(said.contains("the policy demands officer and renewal"), "{said}");
    let from = office.size();
    let proof = proof(&office, "www", "next", &["dgst", "-sha256"]);
    let issue = ["cert", "issue", "--draft", &out, "--officer-signature", &signature, "--json"];
    let issued = good(&office.stack.chancery(&[&issue[..], &["--proof", &proof]].concat()));
    assert_eq!(issued["replaces"], old["id"]);
    assert_eq!(office.evidence(from), [[3, 5]]);
}
