//! `chancery policy`: what the signer's keys may sign. It goes by admin.sock.

use std::path::PathBuf;

use ca::ceremony::Operator;
use ca::hierarchy::NameScope;
use clap::Subcommand;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{KeyLabel, PolicyInForce, PolicyText, ReadPolicy, SetPolicy, Warrant};

use crate::exit::{Failure, Outcome};
use crate::options::{Global, read};
use crate::output;
use crate::up::{Layout, settings};

/// What the signer's keys may sign.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Print the policy in force for a key
    Show {
        /// The key's label: an issuer's name, or ISSUER.ocsp
        key: KeyLabel,
    },
    /// Put a file's text in force for a key
    Set {
        /// The key's label
        key: KeyLabel,
        /// The TOML text: docs/KEY-POLICY.md
        #[arg(long)]
        file: PathBuf,
    },
    /// Pin the names that an issuing key may certify; everything else stays. The server's own
    /// names, for its certificate, stay in if they are
    Names {
        /// The key's label
        key: KeyLabel,
        /// Domains and networks, as in corp.example,10.0.0.0/8; or any
        #[arg(long, value_parser = |text: &str| NameScope::parse(text))]
        names: NameScope,
    },
}

impl Policy {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let admin = crate::operator::operator(global)?;
        match self {
            Self::Show { key } => {
                let policy = in_force(&admin, &key).await?;
                if global.json {
                    return output::json(&json!({
                        "key": key.as_str(),
                        "version": policy.reference.version,
                        "digest": policy.reference.digest.to_string(),
                        "text": policy.text.0,
                    }));
                }
                output::text(&policy.text.0)
            }
            Self::Set { key, file } => {
                let text = read(&file, "--file")?;
                set(global, &admin, key, text).await
            }
            Self::Names { key, names } => {
                let policy = in_force(&admin, &key).await?;
                let own = own_names(&global.layout()?)?;
                let (text, kept) = with_names(&policy.text.0, names, &own)?;
                if !kept.is_empty() {
                    eprintln!(
                        "chancery: {} stay in, for the server's own certificate; `chancery policy \
                         set` can leave them out",
                        kept.join(", ")
                    );
                }
                set(global, &admin, key, text).await
            }
        }
    }
}

async fn in_force(admin: &SignerClient, key: &KeyLabel) -> Outcome<PolicyInForce> {
    Ok(admin.read_policy(&ReadPolicy { key: key.clone() }).await?)
}

async fn set(global: &Global, admin: &Operator, key: KeyLabel, text: String) -> Outcome {
    let described = admin.describe().await?;
    let previous = described
        .keys
        .0
        .iter()
        .find(|described| described.label == key)
        .ok_or_else(|| Failure::NotFound(format!("the ring has no key `{key}`")))?
        .policy
        .map(|policy| policy.digest);
    let call =
        SetPolicy { key: key.clone(), previous, text: PolicyText(text), warrant: Warrant::none() };
    let act = format!("putting a policy in force for `{key}`");
    let (_, reference) =
        admin.act(call).await.map_err(|error| crate::admin::not_done(&act, error))?;
    let answer = json!({
        "key": key.as_str(),
        "version": reference.version,
        "digest": reference.digest.to_string(),
    });
    if global.json {
        return output::json(&answer);
    }
    output::fields(&answer, &["key", "version", "digest"])
}

/// Says whether a policy's text admits any DNS name.
pub fn admits_any_name(text: &str) -> bool {
    let names = |policy: &toml::Table| {
        let dns = policy.get("certificates")?.get("names")?.get("dns")?;
        Some(dns.as_array()?.iter().any(|name| name.as_str() == Some("any")))
    };
    text.parse().ok().as_ref().and_then(names).unwrap_or(false)
}

/// Reads the names of the server's own certificate; none if no server was ever started here.
fn own_names(layout: &Layout) -> Outcome<NameScope> {
    let names = settings(&layout.server_config(), "tls", "names")?;
    Ok(NameScope::parse(&names.join(",")).unwrap_or_default())
}

/// Puts other names into a policy's text, and those of `own` that it admits now. Gives the text and
/// what was kept of `own`.
fn with_names(text: &str, mut names: NameScope, own: &NameScope) -> Outcome<(String, Vec<String>)> {
    let broken =
        |why: String| Failure::Refused(format!("the policy in force is not understood: {why}"));
    let mut policy: toml::Table =
        text.parse().map_err(|error: toml::de::Error| broken(error.to_string()))?;
    let scope = policy
        .get_mut("certificates")
        .and_then(|section| section.get_mut("names"))
        .and_then(toml::Value::as_table_mut)
        .ok_or_else(|| {
            Failure::Refused("only the keys of issuing CAs certify names: this is none".into())
        })?;
    let mut kept = Vec::new();
    for (field, list, own) in [
        ("dns", &mut names.dns, &own.dns),
        ("ip", &mut names.ip, &own.ip),
        ("email", &mut names.email, &Vec::new()),
        ("uri", &mut names.uri, &Vec::new()),
        ("upn", &mut names.upn, &Vec::new()),
    ] {
        let now = scope.get(field).and_then(toml::Value::as_array);
        let is_in = |name: &String| {
            let mut now = now.into_iter().flatten().filter_map(toml::Value::as_str);
            now.any(|admitted| admitted == "any" || admitted == name)
        };
        for name in own.iter().filter(|name| is_in(name)) {
            if !list.contains(name) && !list.iter().any(|wanted| wanted == "any") {
                list.push(name.clone());
                kept.push(name.clone());
            }
        }
        scope.insert(field.to_owned(), list.clone().into());
    }
    let text = toml::to_string(&policy).map_err(|error| broken(error.to_string()))?;
    Ok((text, kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version = 1\n[certificates]\nhold = true\n[certificates.names]\ndns = [\"any\"]\nip = [\"127.0.0.1/32\"]\nwildcard = true\n";

    fn list(text: &str, field: &str) -> Vec<String> {
        let policy: toml::Table = text.parse().expect("TOML");
        let list = policy["certificates"]["names"][field].as_array();
        let texts = list.expect("a list").iter().filter_map(toml::Value::as_str);
        texts.map(str::to_owned).collect()
    }

    #[test]
    fn names_are_replaced_and_the_rest_stays() {
        let names = NameScope::parse("corp.example").expect("a scope");
        let (text, kept) = with_names(TEXT, names, &NameScope::default()).expect("a policy");
        assert_eq!(list(&text, "dns"), ["corp.example"]);
        assert!(list(&text, "ip").is_empty() && kept.is_empty());
        let policy: toml::Table = text.parse().expect("TOML");
        let certificates = &policy["certificates"];
        assert_eq!(certificates["names"]["wildcard"].as_bool(), Some(true));
        assert_eq!(certificates["hold"].as_bool(), Some(true));
    }

    #[test]
    fn the_servers_own_names_stay_in_if_they_are() {
        let own = NameScope::parse("localhost,127.0.0.1,10.0.0.1").expect("a scope");
        let names = || NameScope::parse("corp.example").expect("a scope");
        let (text, kept) = with_names(TEXT, names(), &own).expect("a policy");
        assert_eq!(list(&text, "dns"), ["corp.example", "localhost"]);
        assert_eq!(list(&text, "ip"), ["127.0.0.1/32"]);
        assert_eq!(kept, ["localhost", "127.0.0.1/32"]);
        let narrow = TEXT.replace("any", "corp.example");
        let (text, _) = with_names(&narrow, names(), &own).expect("a policy");
        assert_eq!(list(&text, "dns"), ["corp.example"]);
        let (_, kept) = with_names(TEXT, NameScope::any(), &own).expect("a policy");
        assert!(kept.is_empty());
    }

    #[test]
    fn a_root_has_no_names() {
        let names = NameScope::parse("corp.example").expect("a scope");
        let refused = with_names("version = 1\n", names, &NameScope::default());
        assert_eq!(refused.map_err(|failure| failure.code()), Err(3));
    }
}
