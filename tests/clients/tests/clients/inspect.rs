//! `chancery inspect` over certificates of ours, of others, and forged ones.

use kit::{Openssl, Stack};
use serde_json::Value;

use crate::issued::Issued;

fn inspect(stack: &Stack, openssl: &Openssl, file: &str) -> (Option<i32>, Value) {
    let path = openssl.path(file);
    let path = path.to_str().expect("UTF-8");
    let output = stack.chancery(&["inspect", "--json", path]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let facts = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{told}"));
    (output.status.code(), facts)
}

#[test]
fn a_certificate_of_ours_is_told_from_a_forged_and_a_foreign_one() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    let (code, facts) = inspect(&stack, &openssl, &issued.leaf);
    assert_eq!((code, &facts["verdict"]), (Some(0), &"issued-here".into()), "{facts}");
    assert_eq!((&facts["serial_tag"], &facts["signed_by"]), (&"minted".into(), &"issuing".into()));
    assert_eq!((&facts["equals_journal"], &facts["status"]), (&true.into(), &"good".into()));
    stack.must(&["cert", "revoke", &issued.id, "--reason", "keyCompromise"]);
    let (_, facts) = inspect(&stack, &openssl, &issued.leaf);
    assert!(facts["status"].as_str().is_some_and(|s| s.starts_with("revoked since")), "{facts}");
    let (code, facts) = inspect(&stack, &openssl, &issued.root);
    assert_eq!((code, &facts["signed_by"]), (Some(0), &"root".into()), "{facts}");

    // The names of our issuing CA and its serial number, and somebody's own key.
    let made = |name: &str, subject: &str| {
        let file = format!("{name}.pem");
        openssl.must(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &file,
            "-days",
            "30",
            "-subj",
            subject,
            "-set_serial",
            &format!("0x{}", issued.serial.replace(':', "")),
        ]);
        file
    };
    let forged = made("forged", "/O=Chancery/CN=Chancery Issuing CA");
    let (code, facts) = inspect(&stack, &openssl, &forged);
    assert_eq!((code, &facts["verdict"]), (Some(6), &"forged".into()), "{facts}");
    assert_eq!(facts["signed_by"], Value::Null);
    let foreign = made("foreign", "/CN=Somebody else");
    let (code, facts) = inspect(&stack, &openssl, &foreign);
    assert_eq!((code, &facts["verdict"]), (Some(5), &"foreign".into()), "{facts}");
}
