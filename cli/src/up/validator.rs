//! The validation authority as `up` starts it.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context as _, bail};
use toml::{Table, Value};

use super::Up;
use super::child::{Recipe, Running, beside, write_private};
use super::identity::Identities;
use super::layout::Layout;
use crate::exit::{Failure, Outcome};
use crate::options::read;

/// The program's name.
pub const PROGRAM: &str = "chancery-va";

/// Writes va.toml and starts the validation authority; none where it is not installed: nobody has
/// to have what connects to applicants.
pub async fn validator(
    up: &Up,
    layout: &Layout,
    identities: &Identities,
) -> Outcome<Option<Running>> {
    let Ok(program) = beside(PROGRAM) else {
        eprintln!("chancery: {PROGRAM} is not installed: ACME challenges cannot be validated");
        return Ok(None);
    };
    let account = identities.validator();
    let config = config(up, layout, identities)?;
    let text =
        toml::to_string(&config).context("write the validation authority's configuration")?;
    write_private(&layout.va_config(), text.as_bytes(), 0o600)?;
    identities.give(&layout.va_config(), account, account.gid, 0o600)?;
    let recipe = Recipe {
        name: PROGRAM,
        program,
        arguments: vec![
            "serve".into(),
            "--config".into(),
            layout.va_config().into(),
            "--parent-pipe".into(),
        ],
        account,
        identities: *identities,
    };
    Ok(Some(recipe.start().await?))
}

/// Puts va.toml together: what `up` knows, and what stands in `--va-config`.
fn config(up: &Up, layout: &Layout, identities: &Identities) -> Outcome<Table> {
    let me = rustix::process::getuid().as_raw();
    let mut uids = vec![Value::from(i64::from(identities.server().uid))];
    if me != identities.server().uid {
        // For `chancery doctor`.
        uids.push(i64::from(me).into());
    }
    let mut listen = Table::new();
    listen.insert("socket".into(), layout.va_socket().display().to_string().into());
    listen.insert("server_uids".into(), uids.into());
    let mut signer = Table::new();
    signer.insert("run".into(), layout.run().display().to_string().into());
    let mut config = match &up.va_config {
        Some(file) => settings(&read(file, "--va-config")?)
            .map_err(|error| Failure::Usage(format!("--va-config: {error:#}")))?,
        None => Table::new(),
    };
    config.insert("version".into(), 1.into());
    config.insert("listen".into(), listen.into());
    config.insert("signer".into(), signer.into());
    // Records for CAs of other rings go to their signers; a file may name more.
    let rings = config.entry("rings").or_insert_with(|| Table::new().into());
    if let Some(rings) = rings.as_table_mut() {
        for (name, run) in crate::rings::listed(&layout.server_config())?.into_iter().skip(1) {
            let run = Value::from(run.display().to_string());
            rings.entry(name).or_insert(run);
        }
    }
    let connect = config.entry("connect").or_insert_with(|| Table::new().into());
    if let Some(connect) = connect.as_table_mut() {
        refuse(connect, &own(up)?);
    }
    Ok(config)
}

/// Reads more settings; what `up` says itself is not among them.
fn settings(text: &str) -> anyhow::Result<Table> {
    let table: Table = text.parse().context("no TOML")?;
    for ours in ["listen", "signer"] {
        if table.contains_key(ours) {
            bail!("`up` says what {ours} is: leave it out");
        }
    }
    if table.get("version").is_none_or(|version| version.as_integer() != Some(1)) {
        bail!("version is 1");
    }
    Ok(table)
}

/// Adds to what nobody is connected to; a list of another form is left to the program to refuse.
fn refuse(connect: &mut Table, own: &[SocketAddr]) {
    let list = connect.entry("refuse").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.extend(own.iter().map(|endpoint| Value::from(endpoint.to_string())));
    }
}

/// Lists our own listeners and the database.
fn own(up: &Up) -> Outcome<Vec<SocketAddr>> {
    let mut own = vec![up.https, up.http];
    own.extend(up.enrolment_tls12);
    if let Some(url) = up.database()? {
        own.extend(database(&url));
    }
    Ok(own)
}

/// Resolves the host of a database's URL; none for files and local sockets.
fn database(url: &str) -> Vec<SocketAddr> {
    let Some((_, rest)) =
        url.split_once("://").filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return Vec::new();
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() {
        return Vec::new();
    }
    let has_port = host.rsplit(']').next().is_some_and(|behind| behind.contains(':'));
    let host = if has_port { host.to_owned() } else { format!("{host}:5432") };
    // A host that has no address now is not refused: nobody could have connected to it.
    host.to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_databases_address_is_taken_out_of_its_url() {
        for (url, expected) in [
            ("postgres://chancery:se%40cret@10.0.0.9/chancery", &["10.0.0.9:5432"][..]),
            ("postgresql://10.0.0.9:5433", &["10.0.0.9:5433"]),
            ("postgres://[fd00::9]/chancery", &["[fd00::9]:5432"]),
            ("postgres://[fd00::9]:5433/chancery", &["[fd00::9]:5433"]),
            ("postgres:///chancery?host=/run/postgresql", &[]),
            ("sqlite:///var/lib/chancery/chancery.db", &[]),
        ] {
            let found: Vec<_> = database(url).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn more_settings_are_taken_but_not_those_of_up() {
        let mut more = settings("version = 1\nconnect.refuse = [\"10.9.0.0/16\"]\n").expect("good");
        let connect = more["connect"].as_table_mut().expect("a table");
        refuse(connect, &["127.0.0.1:8443".parse().expect("an address")]);
        let expected = Value::from(vec!["10.9.0.0/16", "127.0.0.1:8443"]);
        assert_eq!(connect["refuse"], expected);
        for text in [
            "",
            "version = 2",
            "version = 1\nlisten.socket = \"/x\"",
            "version = 1\nsigner.run = \"/x\"",
            "x",
        ] {
            assert!(settings(text).is_err(), "{text}");
        }
    }
}
