//! RFC 8555 §7.4, RFC 8738, RFC 9773 §5: orders.

use serde_json::{Value, json};

use super::table::{FORBIDDEN, MALFORMED, MISSING, REJECTED, Table};
use crate::bench::order_of;

/// RFC 8555 §7.4, RFC 8738, RFC 9773 §5: orders.
pub(super) async fn orders(table: &mut Table<'_>) {
    let world = table.world;
    let one =
        |kind: &str, value: &str| json!({ "identifiers": [{ "type": kind, "value": value }] });
    let with = |name: &str, value: Value| {
        let mut order = order_of(&["a.corp.example"]);
        order[name] = value;
        order
    };
    let at = |seconds: i64| json!(world.bench.authority.now().plus_seconds(seconds).to_string());
    table.wants("no identifiers (§7.4)", MALFORMED, json!({ "identifiers": [] })).await;
    table.wants("no member identifiers (§7.4)", MALFORMED, json!({})).await;
    table
        .wants(
            "an identifier without value",
            MALFORMED,
            json!({ "identifiers": [{ "type": "dns" }] }),
        )
        .await;
    table
        .wants(
            "identifiers that are texts",
            MALFORMED,
            json!({ "identifiers": ["a.corp.example"] }),
        )
        .await;
    let many: Vec<String> = (0..101).map(|n| format!("h{n}.corp.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    table.wants("too many identifiers", MALFORMED, order_of(&many)).await;
    table
        .wants("an identifier twice", MALFORMED, order_of(&["a.corp.example", "A.corp.example"]))
        .await;
    table
        .wants(
            "a type that is not certified (§7.4)",
            ("unsupportedIdentifier", 400),
            one("email", "a@corp.example"),
        )
        .await;
    for (name, kind, value) in [
        ("a name with an empty label", "dns", "a..example"),
        ("a name with a trailing dot", "dns", "a.corp.example."),
        ("a name with a space", "dns", "a b.example"),
        ("a name with an underscore", "dns", "_a.corp.example"),
        ("a name in Unicode (§7.1.4)", "dns", "b\u{fc}cher.example"),
        ("a name that is an address (RFC 8738 §3)", "dns", "10.0.0.1"),
        ("a wildcard in the middle (§7.1.3)", "dns", "a.*.example"),
        ("two wildcards (§7.1.3)", "dns", "*.*.example"),
        ("a wildcard for all (§7.1.3)", "dns", "*"),
        ("an empty name", "dns", ""),
        ("an address that is a name (RFC 8738 §3)", "ip", "a.corp.example"),
        ("a network (RFC 8738 §3)", "ip", "10.0.0.0/8"),
        ("an address with leading zeros (RFC 8738 §3)", "ip", "10.0.0.01"),
        ("an address that is not canonical (RFC 8738 §3)", "ip", "FD00::1"),
        ("an IPv4 address in IPv6 clothes (RFC 8738 §3)", "ip", "::ffff:10.0.0.1"),
        ("an address in brackets (RFC 8738 §3)", "ip", "[fd00::1]"),
    ] {
        table.wants(name, MALFORMED, one(kind, value)).await;
    }
    let mixed = json!({ "identifiers": [{ "type": "dns", "value": "a..b" }, { "type": "x", "value": "y" }] });
    table.wants("several faults (§6.7.1)", ("compound", 400), mixed).await;
    let web = "/acme/profile/web/new-order";
    table
        .at(
            "a name that the profile does not admit (§7.4)",
            REJECTED,
            web,
            Some(order_of(&["a.other.example"])),
        )
        .await;
    table
        .at(
            "an address that the profile does not admit",
            REJECTED,
            web,
            Some(order_of(&["10.0.0.1"])),
        )
        .await;
    table
        .at(
            "a wildcard by http-01 alone (§8.3)",
            REJECTED,
            web,
            Some(order_of(&["*.corp.example"])),
        )
        .await;
    table
        .at(
            "a profile's newOrder that is not there",
            MISSING,
            "/acme/profile/x/new-order",
            Some(order_of(&["a.corp.example"])),
        )
        .await;
    table
        .wants("notBefore that is no time (§7.4)", MALFORMED, with("notBefore", json!("tomorrow")))
        .await;
    table.wants("notBefore in the future", MALFORMED, with("notBefore", at(86_400))).await;
    table.wants("notBefore far back", MALFORMED, with("notBefore", at(-86_400))).await;
    table.wants("notAfter that is over", MALFORMED, with("notAfter", at(-1))).await;
    table
        .wants("notAfter beyond the profile (§7.4)", MALFORMED, with("notAfter", at(91 * 86_400)))
        .await;
    let mut inverted = with("notBefore", at(60));
    inverted["notAfter"] = at(30);
    table.wants("notAfter before notBefore", MALFORMED, inverted).await;
    table
        .wants("a profile that is not there", ("invalidProfile", 400), with("profile", json!("x")))
        .await;
    table
        .wants(
            "a profile that ACME does not offer",
            ("invalidProfile", 400),
            with("profile", json!("tls-server")),
        )
        .await;
    table
        .wants("a profile of no name", ("invalidProfile", 400), with("profile", json!("A/B")))
        .await;
    table.wants("a profile that is a number", MALFORMED, with("profile", json!(7))).await;
    table
        .wants(
            "replaces that is no identifier (RFC 9773 §5)",
            MALFORMED,
            with("replaces", json!("x")),
        )
        .await;
    table
        .wants(
            "replaces of a certificate that is not there (RFC 9773 §5)",
            MALFORMED,
            with("replaces", json!("AAAA.AQ")),
        )
        .await;
    table
        .wants(
            "replaces of another's certificate (RFC 9773 §5)",
            FORBIDDEN,
            with("replaces", json!(world.bobs_ari)),
        )
        .await;
    table
        .wants(
            "replaces of what was replaced (RFC 9773 §5)",
            ("alreadyReplaced", 409),
            with("replaces", json!(world.replaced)),
        )
        .await;
    let mut strange = order_of(&["z.corp.example"]);
    strange["replaces"] = json!(world.ari);
    table.wants("replaces without a name in common (RFC 9773 §5)", MALFORMED, strange).await;
}
