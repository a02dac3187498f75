//! One of the two processes is gone.

use std::time::Duration;

use kit::{Database, Openssl, Stack, has_ocsp_status, http_get};

use crate::issued::Issued;

#[test]
fn without_the_signer_orders_wait_and_the_server_mends_itself() {
    let mut stack = Stack::start_apart(Database::Sqlite, &[]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    stack.eventually("OCSP says good", Duration::from_secs(5), || {
        has_ocsp_status(&issued.ocsp(&openssl, &["-no_nonce"]), ": good")
    });
    let mut api = stack.api();
    assert_eq!(api.get("/healthz").status, 200);
    stack.kill_signer();

    // The signer has the server's TLS key: nobody new comes in by HTTPS, who is in stays, and who
    // was there before comes back with the session's ticket.
    assert!(stack.api().try_ask("GET", "/healthz", &[], None).is_err());
    let mut back = api.with_token("");
    assert_eq!(back.get("/readyz").status, 503);
    let csr = openssl.request("late", "ec/ec_paramgen_curve:P-256", "late.corp.example");
    let response = api.order("tls-server", &csr);
    assert_eq!(response.status, 503, "{}", response.text());
    assert_eq!(response.rule(), "signer-unavailable");
    let seconds: u64 = response.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(api.get("/readyz").status, 503);
    assert_eq!(api.get("/healthz").status, 200);
    let probe = |path: &str| http_get(&format!("{}{path}", stack.http()), &[]).status;
    assert_eq!((probe("/healthz"), probe("/readyz")), (200, 503));
    // What needs no key goes on.
    assert!(!api.list("/api/v1/certificates").is_empty());
    assert_eq!(http_get(&issued.crl_url(&openssl), &[]).status, 200);
    let cached = issued.ocsp(&openssl, &["-no_nonce"]);
    assert!(has_ocsp_status(&cached, ": good"), "{cached}");
    // An OCSP client is told to try later, not lied to.
    let fresh = issued.ocsp(&openssl, &[]);
    assert!(!fresh.contains(": good"), "{fresh}");

    stack.start_signer();
    stack.eventually("the server finds the signer again", Duration::from_secs(10), || {
        api.get("/readyz").status == 200
    });
    let answer = api.order("tls-server", &csr);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (good, text) = Issued::write(&openssl, "late", &answer.json()).verify(&openssl, &[]);
    assert!(good, "{text}");
    let fresh = issued.ocsp(&openssl, &[]);
    assert!(has_ocsp_status(&fresh, ": good"), "{fresh}");
}

#[test]
fn up_starts_again_what_died() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let before = Issued::new(&stack, &openssl, "before");
    for program in [stack.signer_program(), "chancery-server"] {
        let pid = pid_of(&stack, program).expect("it runs");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        stack.eventually("it was started again", Duration::from_secs(20), || {
            let again = pid_of(&stack, program);
            let mut api = stack.api();
            let ready = api.try_ask("GET", "/readyz", &[], None);
            again.is_some_and(|again| again != pid) && ready.is_ok_and(|r| r.status == 200)
        });
    }
    let after = Issued::new(&stack, &openssl, "after");
    let serials: Vec<String> = stack
        .api()
        .list("/api/v1/certificates")
        .iter()
        .map(|item| item["serial"].as_str().unwrap().to_owned())
        .collect();
    for issued in [&before, &after] {
        assert_eq!(serials.iter().filter(|serial| **serial == issued.serial).count(), 1);
    }
}

/// Finds the process of a program that works on this stack's data.
pub fn pid_of(stack: &Stack, program: &str) -> Option<rustix::process::Pid> {
    let data = stack.data().display().to_string();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        let mut words = command.split('\0');
        let is_it = words.next().is_some_and(|first| first.ends_with(program));
        if is_it && words.any(|word| word.starts_with(&data)) {
            return rustix::process::Pid::from_raw(pid);
        }
    }
    None
}
