//! The server as `up` starts it: its configuration and its first token.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Up;
use super::child::{Recipe, Running, beside, write_private};
use super::factor::Factor;
use super::identity::Identities;
use super::layout::Layout;
use super::server_config::{
    Bootstrap, Boundary, Database, Listen, Public, ServerConfig, Signer, Tls, Va, setting, settings,
};
use crate::exit::Outcome;

/// Writes the server's configuration and starts it.
pub async fn server(
    up: &Up,
    layout: &Layout,
    identities: &Identities,
    factor: &Factor,
) -> Outcome<Running> {
    let account = identities.server();
    let token = admin_token(&layout.admin_token())?;
    let text = |path: &Path| path.display().to_string();
    let boundary = match identities.are_several() {
        true => None,
        false => Some(kept_out(layout, factor)?),
    };
    let config = ServerConfig {
        version: 1,
        listen: Listen {
            https: up.https.to_string(),
            http: up.http.to_string(),
            enrolment_tls12: up.enrolment_tls12.map(|address| address.to_string()),
        },
        database: Database {
            url: up.database()?.unwrap_or_else(|| format!("sqlite://{}", text(&layout.database()))),
        },
        signer: Signer {
            name: setting(&layout.server_config(), "signer", "name")?,
            run: text(&layout.run()),
        },
        ring: crate::rings::beside(&layout.server_config())?,
        public: Public { url: up.public_base() },
        tls: Tls { directory: text(&layout.server()), names: up.own_names() },
        acme: up.acme()?,
        bootstrap: Bootstrap { admin_token_sha256: hex::encode(x509::sha256(token.as_bytes())) },
        va: beside(super::validator::PROGRAM)
            .is_ok()
            .then(|| Va { socket: text(&layout.va_socket()) }),
        boundary: boundary.map(|keep_out| Boundary { keep_out }),
    };
    let toml = toml::to_string(&config).context("write the server's configuration")?;
    // It may hold the database's password.
    write_private(&layout.server_config(), toml.as_bytes(), 0o600)?;
    identities.give(&layout.server_config(), account, account.gid, 0o600)?;
    let recipe = Recipe {
        name: "chancery-server",
        program: beside("chancery-server")?,
        arguments: vec![
            "serve".into(),
            "--config".into(),
            layout.server_config().into(),
            "--parent-pipe".into(),
        ],
        account,
        identities: *identities,
    };
    Ok(recipe.start().await?)
}

/// Lists what the server keeps itself out of: what `up` knows of, and what somebody added, as for
/// rings beside the first.
fn kept_out(layout: &Layout, factor: &Factor) -> anyhow::Result<Vec<String>> {
    let mut paths: Vec<String> =
        keep_out(layout, factor).iter().map(|path| path.display().to_string()).collect();
    for path in settings(&layout.server_config(), "boundary", "keep_out")? {
        if !paths.contains(&path) && Path::new(&path).exists() {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Lists what opens the ring, and the ring itself.
fn keep_out(layout: &Layout, factor: &Factor) -> Vec<PathBuf> {
    let mut paths = vec![layout.signer()];
    match factor {
        Factor::Credential => paths.push(layout.unlock()),
        Factor::Passphrase(_) => paths.extend(factor.file().map(Path::to_owned)),
        Factor::Shares(_) => {}
    }
    paths
}

/// Reads the first admin token, or makes it: 32 random octets that only its file holds.
fn admin_token(path: &Path) -> anyhow::Result<String> {
    use base64::Engine as _;
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let random =
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(super::random::<32>()?);
            let token = format!("chancery_{random}");
            write_private(path, format!("{token}\n").as_bytes(), 0o600)?;
            Ok(token)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}
