//! The steps of `up` that make a CA: the signer, and its first hierarchy.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::PublicUrls;
use ca::ceremony::BootstrapPlan;
use signer_proto::{KeyLabel, ReadPolicy};
use x509::Certificate;

use super::Up;
use super::child::{Recipe, Running, beside, write_private};
use super::driver::DriverFamily;
use super::factor::Factor;
use super::identity::Identities;
use super::layout::Layout;
use crate::exit::Outcome;
use crate::operator::{OperatorKey, public_path};
use crate::options::{Global, read};

/// What the start screen says of the hierarchy.
#[derive(Debug)]
pub struct Root {
    /// The root's subject.
    pub subject: String,
    /// The issuing CA's subject.
    pub issuing: String,
    /// Whether any name may be certified.
    pub any_name: bool,
    /// A domain that may be certified, for the example.
    pub first_domain: Option<String>,
}

/// Makes the ring if it is missing and starts the signer. A ring that a passphrase opens is
/// locked then: [`Factor::open`].
pub async fn signer(
    up: &Up,
    layout: &Layout,
    identities: &Identities,
    (factor, family): (&Factor, DriverFamily),
) -> Outcome<Running> {
    let name = family.program();
    let program = beside(name)?;
    let account = identities.signer();
    let recipe = |arguments: Vec<std::ffi::OsString>| Recipe {
        name,
        program: program.clone(),
        arguments,
        account,
        identities: *identities,
    };
    let ring = layout.ring();
    if !ring.exists() {
        let (option, secret) = factor.for_new_ring(layout)?;
        let handed = up.shares.hand(layout, identities)?;
        let me = rustix::process::getuid().as_raw();
        let mut init: Vec<std::ffi::OsString> = vec![
            "init".into(),
            "--ring".into(),
            ring.clone().into(),
            "--server-uid".into(),
            identities.server().uid.to_string().into(),
            "--va-uid".into(),
            identities.validator().uid.to_string().into(),
            "--admin-uid".into(),
            me.to_string().into(),
        ];
        if let Some(option) = option {
            // By standard input: the signer's user need not be able to read the file.
            init.extend([option.into(), "-".into()]);
        }
        init.extend(handed.options.iter().cloned());
        if identities.are_several() {
            init.push("--server-gid".into());
            init.push(identities.server().gid.to_string().into());
        }
        for operator in operators(up, layout)? {
            init.push("--operator".into());
            init.push(operator.into());
        }
        init.push("--threshold".into());
        init.push(threshold(up).to_string().into());
        recipe(init).run_to_end(&secret).await?;
    }
    let mut serve: Vec<std::ffi::OsString> = vec![
        "serve".into(),
        "--ring".into(),
        ring.into(),
        "--run".into(),
        layout.run().into(),
        "--parent-pipe".into(),
    ];
    if family != DriverFamily::File {
        serve.push("--driver-config".into());
        serve.push(layout.driver_config().into());
    }
    if *factor == Factor::Credential {
        serve.push("--unlock-credential".into());
        serve.push(layout.unlock().into());
    }
    Ok(recipe(serve).start().await?)
}

/// Lists files with the operators' public keys of a new ring, such that the signer's user can read
/// them. Where nobody is named, it makes the key of one.
fn operators(up: &Up, layout: &Layout) -> Outcome<Vec<PathBuf>> {
    if up.operators.is_empty() {
        let path = layout.operator_key();
        let key = match path.exists() {
            // Made for a ring that did not come to be.
            true => OperatorKey::read(&path)?,
            false => {
                let key = OperatorKey::generate("chancery up")?;
                key.write(&path)?;
                key
            }
        };
        write_private(&public_path(&path), format!("{}\n", key.public_line()).as_bytes(), 0o644)?;
        return Ok(vec![public_path(&path)]);
    }
    let copied = |(number, file): (usize, &PathBuf)| {
        let text = read(file, "--operator")?;
        let copy = layout.data.join(format!("operator-{number}.pub"));
        write_private(&copy, text.as_bytes(), 0o644)?;
        Ok(copy)
    };
    (1..).zip(&up.operators).map(copied).collect()
}

/// Chooses how many of the operators must approve.
fn threshold(up: &Up) -> usize {
    match (up.threshold, up.operators.len()) {
        (Some(threshold), _) => threshold.into(),
        (None, 0) => 1,
        (None, operators @ 1..=2) => operators,
        (None, operators) => operators - 1,
    }
}

/// Makes root, issuing CA and responder if they are missing, by admin.sock.
pub async fn hierarchy(up: &Up, global: &Global) -> Outcome<Root> {
    let layout = global.layout()?;
    let admin = crate::operator::operator_in(global, None)?;
    let urls = PublicUrls::new(&up.public_base())
        .map_err(|error| crate::exit::Failure::Usage(format!("--public-url: {error}")))?;
    let plan = BootstrapPlan {
        server_names: server_names(up),
        ..BootstrapPlan::new("Chancery", names(up), urls)
    };
    let done = ca::ceremony::bootstrap(&admin, &plan, super::now()?)
        .await
        .map_err(crate::admin::failure)?;
    let root = Certificate::parse(done.root.as_bytes()).context("read the root back")?;
    let issuing =
        Certificate::parse(done.issuing.as_bytes()).context("read the issuing CA back")?;
    let pem = root.to_pem();
    write_private(&layout.root_pem(), pem.as_bytes(), 0o644)?;
    let policy = admin
        .read_policy(&ReadPolicy {
            key: KeyLabel::new(plan.issuing.name.as_str()).context("the issuing key's label")?,
        })
        .await?;
    Ok(Root {
        subject: root.tbs().subject.to_string(),
        issuing: issuing.tbs().subject.to_string(),
        any_name: crate::policy::admits_any_name(&policy.text.0),
        first_domain: up.names.as_ref().and_then(|names| names.dns.first().cloned()),
    })
}

/// Lists what may be certified. The server's own certificate comes from the same CA, so its
/// names are always in.
fn names(up: &Up) -> Vec<String> {
    let Some(scope) = &up.names else {
        return Vec::new();
    };
    let mut names = scope.dns.clone();
    names.extend(scope.ip.iter().cloned());
    names.extend(up.own_names().iter().map(|name| scope_of(name)));
    names
}

/// Lists what the server's TLS key is for. Who pins what may be certified pins this too.
fn server_names(up: &Up) -> Vec<String> {
    match up.names {
        Some(_) => up.own_names().iter().map(|name| name.to_ascii_lowercase()).collect(),
        None => Vec::new(),
    }
}

/// Writes a name or address as policies have it.
fn scope_of(name: &str) -> String {
    match name.parse::<std::net::IpAddr>() {
        Ok(ip) if ip.is_ipv4() => format!("{ip}/32"),
        Ok(ip) => format!("{ip}/128"),
        Err(_) => name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_policies_in_lower_case_and_addresses_as_networks() {
        for (name, expected) in [
            ("PKI.corp.example", "pki.corp.example"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(scope_of(name), expected);
        }
    }
}
