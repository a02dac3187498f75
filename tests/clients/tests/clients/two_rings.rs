//! A root in one installation, an issuing CA in another: a file goes each way.

use std::time::Duration;

use kit::{Openssl, Stack};

use crate::issued::Issued;

#[test]
fn the_root_of_one_installation_signs_the_issuing_ca_of_another() {
    let (above, below) = (Stack::start(), Stack::start());
    let Some(openssl) = Openssl::find(&below.dir().join("openssl")) else {
        return;
    };
    holds(&above, &below, &openssl);
}

/// Makes the issuing CA below, has the root above sign it, and issues with it.
pub fn holds(above: &Stack, below: &Stack, openssl: &Openssl) {
    let path = |name: &str| openssl.path(name).display().to_string();
    let (csr, signed) = (path("branch.csr"), path("branch.pem"));
    below.must(&[
        "ca",
        "create",
        "branch",
        "--kind",
        "issuing",
        "--subject",
        "CN=Branch CA,O=Corp",
    ]);
    below.must(&["ca", "csr", "branch", "--out", &csr]);
    let sign = |parent: &str| {
        let fixed = ["ca", "sign-request", "--csr", &csr, "--out", &signed];
        let more = ["--parent", parent, "--constraints", "corp.example"];
        above.chancery(&[&fixed[..], &more].concat())
    };
    let by_issuing = sign("issuing");
    assert_eq!(by_issuing.status.code(), Some(3), "an issuing CA signs no CA");
    let by_root = sign("root");
    assert!(by_root.status.success(), "{by_root:?}");
    below.must(&["ca", "import", "branch", "--certificate", &signed]);

    // It is the newest issuing CA of the installation below.
    let issued = Issued::new(below, openssl, "www");
    let root = openssl.read(&issued.root);
    let above_root = std::fs::read_to_string(above.data().join("root.pem"));
    assert_eq!(root.trim(), above_root.expect("the root").trim());
    let (good, text) = issued.verify(openssl, &["-verify_hostname", "www.corp.example"]);
    assert!(good, "{text}");

    // In the installation above it is a certificate like others, and no issuer.
    let issuers = above.api().get("/api/v1/issuers").json();
    assert_eq!(issuers["items"].as_array().map(Vec::len), Some(2));
    above.eventually("it is in the inventory", Duration::from_secs(10), || {
        let listed = above.must(&["cert", "list", "--profile", "sub-ca"]);
        listed.contains("Branch CA")
    });
}
