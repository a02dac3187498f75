//! From the text to the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signer_proto::{Digest, KeyLabel};
use toml::{Table, Value};

use super::section::{Faults, Section, number, text, texts};
use super::{Config, ModuleConfig, Source, TokenConfig};
use crate::uri::Uri;

/// With a mirror, two of these and the way to a verified signature are well within three seconds.
const TIMEOUT_MS: i64 = 2_000;
const SESSIONS: u16 = 4;
/// As many descriptors as one message carries, and more than any HSM does best with.
const MOST_SESSIONS: i64 = 64;

/// Reads the text.
pub(super) fn read(text: &str, path: &Path) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            faults.add("", format_args!("not TOML: {}", error.message()));
            return Err(faults);
        }
    };
    let mut root = Section::new("", table);
    root.required("version", &mut faults, |value| match value {
        Value::Integer(1) => Ok(()),
        _ => Err("this program knows version 1".to_owned()),
    });
    let timeout = root
        .optional("timeout_ms", &mut faults, |value| number(value, 100, 30_000))
        .unwrap_or(TIMEOUT_MS);
    let modules = modules(&mut root, &mut faults);
    let tokens = tokens(&mut root, &modules, &mut faults);
    let default_token = default_token(&mut root, &tokens, &mut faults);
    let keys = keys(&mut root, &tokens, &mut faults);
    root.end(&mut faults);
    if !faults.0.is_empty() {
        return Err(faults);
    }
    Ok(Config {
        path: path.to_owned(),
        source: Source::OwnUser,
        timeout: Duration::from_millis(timeout.unsigned_abs()),
        modules,
        tokens,
        default_token,
        keys,
    })
}

fn modules(root: &mut Section, faults: &mut Faults) -> Vec<ModuleConfig> {
    let mut modules: Vec<ModuleConfig> = Vec::new();
    for mut section in root.tables("module", faults) {
        let name = section.required("name", faults, name).unwrap_or_default();
        if modules.iter().any(|module| module.name == name) {
            faults.add(&section.at("name"), "stands twice");
        }
        let path = section.required("path", faults, absolute).unwrap_or_default();
        let sha256 = section.optional("sha256", faults, digest);
        let environment = section.optional("environment", faults, table).unwrap_or_default();
        let environment = environment_of(&section.at("environment"), environment, faults);
        let readable = section.optional("readable", faults, paths).unwrap_or_default();
        let writable = section.optional("writable", faults, paths).unwrap_or_default();
        let network_ports = section.optional("network_ports", faults, ports).unwrap_or_default();
        let sockets = section.optional("sockets", faults, paths).unwrap_or_default();
        section.end(faults);
        modules.push(ModuleConfig {
            name,
            path,
            sha256,
            environment,
            readable,
            writable,
            network_ports,
            sockets,
        });
    }
    modules
}

fn tokens(root: &mut Section, modules: &[ModuleConfig], faults: &mut Faults) -> Vec<TokenConfig> {
    let mut tokens: Vec<TokenConfig> = Vec::new();
    for mut section in root.tables("token", faults) {
        let name = section.required("name", faults, name).unwrap_or_default();
        if tokens.iter().any(|token| token.name == name) {
            faults.add(&section.at("name"), "stands twice");
        }
        let module = section.required("module", faults, |value| {
            let wanted = text(value)?;
            let found = modules.iter().position(|module| module.name == wanted);
            found.ok_or_else(|| format!("there is no module {wanted}"))
        });
        let uri = section.required("uri", faults, |value| {
            let uri = uri(&text(value)?)?;
            if uri.names_a_key() {
                return Err("names a token, and no key in it".to_owned());
            }
            Ok(uri)
        });
        if let Some(uri) = &uri
            && tokens.iter().any(|token| token.uri.same_token(uri))
        {
            faults.add(&section.at("uri"), "stands twice");
        }
        let pin_file = section.optional("pin_file", faults, absolute);
        let sessions = section.optional("sessions", faults, |value| {
            number(value, 1, MOST_SESSIONS).map(|n| u16::try_from(n).unwrap_or(SESSIONS))
        });
        section.end(faults);
        // A token with a fault is of no use but to the faults of others.
        if let Some(uri) = uri {
            let sessions = sessions.unwrap_or(SESSIONS);
            tokens.push(TokenConfig { name, module: module.unwrap_or(0), uri, pin_file, sessions });
        }
    }
    tokens
}

fn default_token(root: &mut Section, tokens: &[TokenConfig], faults: &mut Faults) -> usize {
    let given = root.optional("default_token", faults, |value| {
        let wanted = text(value)?;
        let found = tokens.iter().position(|token| token.name == wanted);
        found.ok_or_else(|| format!("there is no token {wanted}"))
    });
    if given.is_none() && tokens.is_empty() {
        faults.add("token", "there is none");
    }
    given.unwrap_or(0)
}

type Keys = BTreeMap<String, Vec<(usize, Uri)>>;

fn keys(root: &mut Section, tokens: &[TokenConfig], faults: &mut Faults) -> Keys {
    let mut keys = Keys::new();
    for (label, mut section) in root.named("key", faults) {
        if KeyLabel::new(&label).is_err() {
            faults.add(&section.path, "is no key's label");
            continue;
        }
        let uris = section.required("uris", faults, |value| places(value, tokens));
        section.end(faults);
        keys.insert(label, uris.unwrap_or_default());
    }
    keys
}

fn places(value: Value, tokens: &[TokenConfig]) -> Result<Vec<(usize, Uri)>, String> {
    let mut places: Vec<(usize, Uri)> = Vec::new();
    for text in texts(value)? {
        let uri = uri(&text)?;
        let found = tokens.iter().position(|token| token.uri.same_token(&uri));
        let token =
            found.ok_or_else(|| format!("`{text}`: no token here has this label and serial"))?;
        if places.iter().any(|(other, _)| *other == token) {
            return Err(format!("`{text}`: its token stands twice"));
        }
        places.push((token, uri));
    }
    if places.is_empty() { Err("is empty".to_owned()) } else { Ok(places) }
}

fn uri(text: &str) -> Result<Uri, String> {
    text.parse().map_err(|error: crate::UriError| format!("is not taken: {error}"))
}

fn name(value: Value) -> Result<String, String> {
    let name = text(value)?;
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
    if name.len() <= 32 && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err("is 1 to 32 of a-z 0-9 - _ .".to_owned())
    }
}

fn absolute(value: Value) -> Result<PathBuf, String> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() { Ok(path) } else { Err("is an absolute path".to_owned()) }
}

fn paths(value: Value) -> Result<Vec<PathBuf>, String> {
    texts(value)?.into_iter().map(|text| absolute(Value::String(text))).collect()
}

fn ports(value: Value) -> Result<Vec<u16>, String> {
    let Value::Array(list) = value else {
        return Err("is a list of TCP ports".to_owned());
    };
    let port = |value| number(value, 1, 65_535).map(|port| u16::try_from(port).unwrap_or(0));
    list.into_iter().map(port).collect()
}

fn digest(value: Value) -> Result<[u8; 32], String> {
    let digest = text(value)?.parse::<Digest>();
    digest.map(|digest| digest.0).map_err(|_| "is 64 lower-case hexadecimal digits".to_owned())
}

fn table(value: Value) -> Result<Table, String> {
    match value {
        Value::Table(table) => Ok(table),
        other => Err(format!("is a table, not a {}", other.type_str())),
    }
}

fn environment_of(path: &str, table: Table, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in table {
        let at = format!("{path}.{name}");
        let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        if !plain || matches!(name.as_str(), "LD_PRELOAD" | "LD_AUDIT") {
            faults.add(&at, "is no name that is handed on");
            continue;
        }
        match value {
            Value::String(text) if !text.contains('\0') => {
                environment.insert(name, text);
            }
            _ => faults.add(&at, "is a text"),
        }
    }
    environment
}
