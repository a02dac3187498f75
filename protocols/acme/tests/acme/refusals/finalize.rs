//! RFC 8555 §7.4: finalizing.

use kit::SubjectKey;
use serde_json::json;
use x509::{Extension, ExtensionValue, GeneralName, Name};

use super::table::{CSR, MALFORMED, MISSING, NOT_READY, Table};
use super::world::text;
use crate::bench::{csr, san};
use crate::client::b64;

/// RFC 8555 §7.4: finalize.
pub(super) async fn csrs(table: &mut Table<'_>) {
    let world = table.world;
    let key = SubjectKey::new();
    let good = csr(&key, &["a.corp.example"]);
    let payload = |der: &[u8]| Some(json!({ "csr": b64(der) }));
    let ready = text(&world.ready.1["finalize"]);
    for (name, url) in [
        ("finalizing a pending order (§7.4)", text(&world.pending["finalize"])),
        ("finalizing a failed order (§7.4)", text(&world.invalid.1["finalize"])),
        ("finalizing a finished order (§7.4)", text(&world.valid["finalize"])),
        ("finalizing an order that is over (§7.4)", text(&world.expired.0["finalize"])),
    ] {
        table.at(name, NOT_READY, &url, payload(good.as_bytes())).await;
    }
    table
        .at(
            "finalizing another's order",
            MISSING,
            &text(&world.bobs.1["finalize"]),
            payload(good.as_bytes()),
        )
        .await;
    table.at("finalizing without CSR (§7.4)", MALFORMED, &ready, Some(json!({}))).await;
    table.at("finalizing by POST-as-GET", MALFORMED, &ready, None).await;
    table
        .at(
            "a CSR in PEM (§7.4)",
            MALFORMED,
            &ready,
            Some(json!({ "csr": "-----BEGIN CERTIFICATE REQUEST-----" })),
        )
        .await;
    table
        .at(
            "a padded CSR (§6.1)",
            MALFORMED,
            &ready,
            Some(json!({ "csr": format!("{}=", b64(good.as_bytes())) })),
        )
        .await;
    table.at("an empty CSR", CSR, &ready, payload(b"")).await;
    table.at("a CSR that is no DER", CSR, &ready, payload(b"CSR")).await;
    table
        .at("a CSR with more after it", CSR, &ready, payload(&[good.as_bytes(), &[0]].concat()))
        .await;
    let mut broken = good.as_bytes().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    table.at("a CSR whose signature does not verify", CSR, &ready, payload(&broken)).await;
    let of = |names: &[&str]| payload(csr(&key, names).as_bytes());
    table
        .at("a CSR with a name more (§7.4)", CSR, &ready, of(&["a.corp.example", "b.corp.example"]))
        .await;
    table
        .at(
            "a CSR with a name less (§7.4)",
            CSR,
            &text(&world.double["finalize"]),
            of(&["a.corp.example"]),
        )
        .await;
    table.at("a CSR with another name (§7.4)", CSR, &ready, of(&["b.corp.example"])).await;
    table.at("a CSR with a wildcard (§7.4)", CSR, &ready, of(&["*.corp.example"])).await;
    table
        .at("a CSR with an address more (§7.4)", CSR, &ready, of(&["a.corp.example", "10.0.0.1"]))
        .await;
    table
        .at(
            "a CSR without names (§7.4)",
            CSR,
            &ready,
            payload(key.request(&Name::empty(), vec![]).as_bytes()),
        )
        .await;
    let subject = Name::parse_rfc4514("CN=b.corp.example").expect("a name");
    let named = key.request(&subject, vec![san(&["a.corp.example"])]);
    table.at("a CSR with another common name (§7.4)", CSR, &ready, payload(named.as_bytes())).await;
    let subject = Name::parse_rfc4514("CN=A machine").expect("a name");
    let named = key.request(&subject, vec![san(&["a.corp.example"])]);
    table
        .at(
            "a CSR with a common name that is no name (§7.4)",
            CSR,
            &ready,
            payload(named.as_bytes()),
        )
        .await;
    let names = vec![
        GeneralName::Dns("a.corp.example".into()),
        GeneralName::Email("a@corp.example".into()),
    ];
    let mail = Extension { critical: false, value: ExtensionValue::SubjectAltName(names) };
    table
        .at(
            "a CSR with a mailbox (§7.4)",
            CSR,
            &ready,
            payload(key.request(&Name::empty(), vec![mail]).as_bytes()),
        )
        .await;
    let authority = Extension {
        critical: true,
        value: ExtensionValue::BasicConstraints(x509::BasicConstraints {
            ca: true,
            path_len: None,
        }),
    };
    let asked = key.request(&Name::empty(), vec![san(&["a.corp.example"]), authority]);
    table.at("a CSR that asks to be a CA", CSR, &ready, payload(asked.as_bytes())).await;
    let usage = Extension {
        critical: false,
        value: ExtensionValue::ExtendedKeyUsage(vec![x509::oids::EKU_CODE_SIGNING]),
    };
    let asked = key.request(&Name::empty(), vec![san(&["a.corp.example"]), usage]);
    table.at("a CSR that asks to sign code", CSR, &ready, payload(asked.as_bytes())).await;
}
