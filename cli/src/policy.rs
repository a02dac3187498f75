//! `chancery policy`: what the signer's keys may sign. It goes by admin.sock.

use std::path::PathBuf;

use ca::hierarchy::NameScope;
use clap::Subcommand;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{Approvals, KeyLabel, PolicyInForce, PolicyText, ReadPolicy, SetPolicy};

use crate::exit::{Failure, Outcome};
use crate::options::{Global, read};
use crate::output;

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
    /// Pin the names that an issuing key may certify; everything else stays
    Names {
        /// The key's label
        key: KeyLabel,
        /// Domains and networks, as in corp.example,10.0.0.0/8. The server renews its own
        /// certificate from this CA: keep its names in, or give it another
        #[arg(long, value_parser = |text: &str| NameScope::parse(text))]
        names: NameScope,
    },
}

impl Policy {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let admin = crate::admin::connect(&global.layout()?.run())?;
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
                let text = with_names(&policy.text.0, &names)?;
                set(global, &admin, key, text).await
            }
        }
    }
}

async fn in_force(admin: &SignerClient, key: &KeyLabel) -> Outcome<PolicyInForce> {
    Ok(admin.read_policy(&ReadPolicy { key: key.clone() }).await?)
}

async fn set(global: &Global, admin: &SignerClient, key: KeyLabel, text: String) -> Outcome {
    let described = admin.describe().await?;
    let previous = described
        .keys
        .0
        .iter()
        .find(|described| described.label == key)
        .ok_or_else(|| Failure::NotFound(format!("the ring has no key `{key}`")))?
        .policy
        .map(|policy| policy.digest);
    let reference = admin
        .set_policy(&SetPolicy {
            key: key.clone(),
            previous,
            text: PolicyText(text),
            approvals: Approvals(vec![]),
        })
        .await?;
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
        Some(
            dns.as_array()?
                .iter()
                .any(|name| name.as_str() == Some("any")),
        )
    };
    text.parse().ok().as_ref().and_then(names).unwrap_or(false)
}

/// Puts other names into a policy's text.
fn with_names(text: &str, names: &NameScope) -> Outcome<String> {
    let broken =
        |why: String| Failure::Refused(format!("the policy in force is not understood: {why}"));
    let mut policy: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| broken(error.to_string()))?;
    let scope = policy
        .get_mut("certificates")
        .and_then(|section| section.get_mut("names"))
        .and_then(toml::Value::as_table_mut)
        .ok_or_else(|| {
            broken("it has no [certificates.names]: only issuing keys have names".into())
        })?;
    for (field, list) in [
        ("dns", &names.dns),
        ("ip", &names.ip),
        ("email", &names.email),
        ("uri", &names.uri),
        ("upn", &names.upn),
    ] {
        scope.insert(field.to_owned(), list.clone().into());
    }
    toml::to_string(&policy).map_err(|error| broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_the_rest_stays() {
        let text = "version = 1\n[certificates]\nhold = true\n[certificates.names]\ndns = [\"any\"]\nwildcard = true\n";
        let names = NameScope::parse("corp.example").expect("a scope");
        let policy: toml::Table = with_names(text, &names)
            .expect("a policy")
            .parse()
            .expect("TOML");
        assert_eq!(
            policy["certificates"]["names"]["dns"][0].as_str(),
            Some("corp.example")
        );
        assert_eq!(
            policy["certificates"]["names"]["ip"]
                .as_array()
                .map(Vec::len),
            Some(0)
        );
        assert_eq!(
            policy["certificates"]["names"]["wildcard"].as_bool(),
            Some(true)
        );
        assert_eq!(policy["certificates"]["hold"].as_bool(), Some(true));
    }

    #[test]
    fn a_root_has_no_names() {
        let names = NameScope::parse("corp.example").expect("a scope");
        assert_eq!(
            with_names("version = 1\n", &names).map_err(|f| f.code()),
            Err(3)
        );
    }
}
