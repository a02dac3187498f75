//! What GnuTLS makes of it.

use std::process::Command;

use kit::{Openssl, Stack, run, tool};

use crate::issued::Issued;
use crate::lifecycle::OCSP_LIMIT;

#[test]
fn certtool_verifies_the_path() {
    let Some(certtool) = tool("certtool") else {
        return;
    };
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    for (n, key) in ["ec/ec_paramgen_curve:P-256", "rsa:2048", "ed25519"].iter().enumerate() {
        let csr = openssl.request(&format!("key{n}"), key, "www.corp.example");
        let answer = stack.issue("tls-server", &csr);
        let issued = Issued::write(&openssl, &format!("key{n}"), &answer);
        let path = [openssl.read(&issued.leaf), openssl.read(&issued.between)].concat();
        let path = openssl.write("path.pem", path);
        let mut command = Command::new(&certtool);
        command.args(["--verify", "--verify-profile", "medium"]);
        command.args(["--verify-hostname", "www.corp.example"]);
        command.arg("--load-ca-certificate").arg(stack.root()).arg("--infile").arg(path);
        let (good, text) = run(&mut command);
        assert!(good && text.contains("The certificate is trusted."), "{key}: {text}");
    }
}

#[test]
fn certtool_reads_the_crl() {
    let Some(certtool) = tool("certtool") else {
        return;
    };
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    issued.revoke(&stack, "superseded");
    stack.eventually("the CRL has the serial", crate::lifecycle::CRL_LIMIT, || {
        issued.is_listed(&openssl)
    });
    openssl.must(&["crl", "-inform", "DER", "-in", "now.crl", "-out", "now.pem"]);
    let mut command = Command::new(&certtool);
    command.args(["--verify-crl", "--infile"]).arg(openssl.path("now.pem"));
    command.arg("--load-ca-certificate").arg(openssl.path(&issued.between));
    let (good, text) = run(&mut command);
    assert!(good && text.contains("Verified"), "{text}");
    let mut command = Command::new(&certtool);
    command.args(["--crl-info", "--infile"]).arg(openssl.path("now.pem"));
    let (good, text) = run(&mut command);
    assert!(good && text.to_lowercase().contains(&issued.serial), "{text}");
}

#[test]
fn ocsptool_asks_and_verifies() {
    let Some(ocsptool) = tool("ocsptool") else {
        return;
    };
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let url = issued.ocsp_url(&openssl);
    let ask = || {
        let mut command = Command::new(&ocsptool);
        command.arg(format!("--ask={url}"));
        command.arg("--load-cert").arg(openssl.path(&issued.leaf));
        command.arg("--load-issuer").arg(openssl.path(&issued.between));
        run(&mut command)
    };
    let (good, text) = ask();
    assert!(good && text.contains("Certificate Status: good"), "{text}");
    issued.revoke(&stack, "cessationOfOperation");
    stack.eventually("ocsptool sees it revoked", OCSP_LIMIT, || {
        ask().1.contains("Certificate Status: revoked")
    });
}
