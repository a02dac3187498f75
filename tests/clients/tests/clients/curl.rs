//! curl at the API and at the status endpoints.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::{Openssl, Stack, http_get, run, tool};

use crate::issued::Issued;

/// curl with the root and the first token.
struct Curl {
    program: PathBuf,
    root: PathBuf,
    token: PathBuf,
}

impl Curl {
    fn find(stack: &Stack) -> Option<Self> {
        let program = tool("curl")?;
        let token = std::fs::read_to_string(stack.data().join("admin.token")).unwrap();
        let header = stack.dir().join("header");
        std::fs::write(&header, format!("Authorization: Bearer {}", token.trim())).unwrap();
        Some(Self { program, root: stack.root(), token: header })
    }

    fn bare(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.args(["-sS", "--cacert"]).arg(&self.root).args(arguments);
        run(&mut command)
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let header = format!("@{}", self.token.display());
        let (good, text) = self.bare(&[&["-H", &header], arguments].concat());
        assert!(good, "{text}");
        text
    }
}

#[test]
fn curl_issues_over_tls_1_3_and_nothing_less() {
    let stack = Stack::start();
    let Some(curl) = Curl::find(&stack) else {
        return;
    };
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let csr = openssl.request("www", "ec/ec_paramgen_curve:P-256", "www.corp.example");
    let order = serde_json::json!({ "profile": "tls-server", "csr": csr }).to_string();
    let order = format!("@{}", openssl.write("order.json", order).display());
    let url = format!("{}/api/v1/certificates", stack.https());
    let json = "Content-Type: application/json";
    let text = curl.ask(&["--tlsv1.3", "-f", "-H", json, "-d", &order, &url]);
    assert!(text.contains("BEGIN CERTIFICATE"), "{text}");
    let (good, text) = curl.bare(&["--tls-max", "1.2", &url]);
    assert!(!good, "TLS 1.2 is spoken: {text}");
    let (good, text) = curl.bare(&["-o", "/dev/null", "-w", "%{http_code}", &url]);
    assert!(good && text == "401", "{text}");
}

#[test]
fn curl_retries_an_order_without_a_second_certificate() {
    let stack = Stack::start();
    let Some(curl) = Curl::find(&stack) else {
        return;
    };
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let csr = openssl.request("www", "ec/ec_paramgen_curve:P-256", "www.corp.example");
    let order = serde_json::json!({ "profile": "tls-server", "csr": csr }).to_string();
    let order = format!("@{}", openssl.write("order.json", order).display());
    let url = format!("{}/api/v1/certificates", stack.https());
    let (json, key) = ("Content-Type: application/json", "Idempotency-Key: order-1");
    let ask = || curl.ask(&["-f", "-H", json, "-H", key, "-d", &order, &url]);
    let serial = |text: &str| {
        let answer: serde_json::Value = serde_json::from_str(text).unwrap();
        answer["serial"].as_str().unwrap().to_owned()
    };
    let first = serial(&ask());
    assert_eq!(serial(&ask()), first);
    let of_profile = stack.api().list("/api/v1/certificates?name=www.corp.example");
    assert_eq!(of_profile.len(), 1);
}

#[test]
fn the_crl_is_cached_by_its_tag() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let url = issued.crl_url(&openssl);
    let first = http_get(&url, &[]);
    let tag = first.header("etag").expect("a tag").to_owned();
    assert!(first.header("cache-control").is_some_and(|value| value.contains("max-age")));
    assert!(first.header("last-modified").is_some() && first.header("expires").is_some());
    let again = http_get(&url, &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    issued.revoke(&stack, "superseded");
    stack.eventually("a new CRL has a new tag", crate::lifecycle::CRL_LIMIT, || {
        http_get(&url, &[("if-none-match", &tag)]).status == 200
    });
}

#[test]
fn ocsp_by_get_is_answered_with_the_headers_of_rfc_5019() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    openssl.must(&[
        "ocsp",
        "-issuer",
        &issued.between,
        "-cert",
        &issued.leaf,
        "-no_nonce",
        "-reqout",
        "q.der",
    ]);
    let request = std::fs::read(openssl.path("q.der")).unwrap();
    let encoded = STANDARD.encode(request).replace('/', "%2F").replace('+', "%2B");
    let encoded = encoded.replace('=', "%3D");
    let response = http_get(&format!("{}/{encoded}", issued.ocsp_url(&openssl)), &[]);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/ocsp-response"));
    assert!(response.header("cache-control").is_some_and(|value| value.contains("max-age")));
    openssl.write("r.der", &response.body);
    let text = openssl.must(&[
        "ocsp",
        "-respin",
        "r.der",
        "-issuer",
        &issued.between,
        "-cert",
        &issued.leaf,
        "-CAfile",
        &issued.root,
        "-verify_other",
        &issued.between,
        "-no_nonce",
    ]);
    assert!(kit::has_ocsp_status(&text, ": good"), "{text}");
}

#[test]
fn the_places_that_a_certificate_names_are_there() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let text = openssl.must(&["x509", "-in", &issued.leaf, "-noout", "-text"]);
    let (_, url) = text.split_once("CA Issuers - URI:").expect("caIssuers");
    let response = http_get(url.split_whitespace().next().unwrap(), &[]);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/pkix-cert"));
    openssl.write("ca.cer", &response.body);
    let der = openssl.must(&["x509", "-inform", "DER", "-in", "ca.cer"]);
    assert_eq!(der.trim(), openssl.must(&["x509", "-in", &issued.between]).trim());
    let metrics = stack.api().get("/metrics").text();
    assert!(metrics.contains("chancery_ca_expiry_seconds"), "{metrics}");
}

#[test]
fn curl_speaks_http_2_and_http_1_1() {
    let stack = Stack::start();
    let Some(curl) = Curl::find(&stack) else {
        return;
    };
    let url = format!("{}/acme/directory", stack.https());
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let (good, text) = curl.bare(&[option, "-f", "-w", "\n%{http_version}", &url]);
        assert!(good && text.contains("newNonce"), "{text}");
        assert_eq!(text.lines().last(), Some(version), "{text}");
    }
}
