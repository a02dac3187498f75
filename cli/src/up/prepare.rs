//! The steps of `up`: directories, signer, hierarchy, server.

use std::path::Path;

use anyhow::{Context as _, bail};
use ca::PublicUrls;
use ca::ceremony::BootstrapPlan;
use rustix::fs::{FlockOperation, flock};
use signer_proto::{KeyLabel, ReadPolicy};
use x509::Certificate;

use super::Up;
use super::child::{Recipe, Running, beside, write_private};
use super::identity::Identities;
use super::layout::Layout;
use super::server_config::{
    Bootstrap, Boundary, Database, Listen, Public, ServerConfig, Signer, Tls,
};
use crate::exit::Outcome;

/// What was not there before.
#[derive(Debug)]
pub struct Made {
    /// The ring.
    pub ring: bool,
}

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

/// Makes the directories and the unlock credential.
pub fn directories(layout: &Layout, identities: &Identities) -> anyhow::Result<Made> {
    let ring = !layout.ring().exists();
    let (signer, server) = (identities.signer(), identities.server());
    if identities.are_several() {
        if let Some(parent) = layout.data.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("make {}", parent.display()))?;
        }
        // Everybody may pass through; nobody but root may put something in.
        let root = super::identity::Account { uid: 0, gid: 0 };
        identities.make_dir(&layout.data, root, 0, 0o755)?;
        // The set-group-id bit gives the sockets the server's group.
        identities.make_dir(&layout.run(), signer, server.gid, 0o2750)?;
    } else {
        std::fs::create_dir_all(&layout.data)
            .with_context(|| format!("make {}", layout.data.display()))?;
        identities.give(&layout.data, signer, signer.gid, 0o700)?;
        identities.make_dir(&layout.run(), signer, signer.gid, 0o700)?;
    }
    identities.make_dir(&layout.server(), server, server.gid, 0o700)?;
    // The signer makes the ring as a whole beside its final name, so it owns the folder above.
    identities.make_dir(&layout.signer(), signer, signer.gid, 0o700)?;
    if !layout.unlock().exists() {
        if !ring {
            bail!(
                "{} is missing: the ring in {} opens only with the credential that it was made with; \
                 put it back from your back-up",
                layout.unlock().display(),
                layout.ring().display()
            );
        }
        write_private(&layout.unlock(), &random::<32>()?, 0o600)?;
        identities.give(&layout.unlock(), signer, signer.gid, 0o600)?;
    }
    Ok(Made { ring })
}

/// Lets one `up` at a time use a data directory.
pub fn lock(layout: &Layout) -> anyhow::Result<std::fs::File> {
    let path = layout.data.join("up.lock");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another `chancery up` uses {}", layout.data.display());
    }
    Ok(file)
}

/// Makes the ring if it is missing and starts the signer.
pub async fn signer(layout: &Layout, identities: &Identities) -> anyhow::Result<Running> {
    let program = beside("signer-file")?;
    let account = identities.signer();
    let recipe = |arguments: Vec<std::ffi::OsString>| Recipe {
        name: "signer-file",
        program: program.clone(),
        arguments,
        account,
        identities: *identities,
    };
    let ring = layout.ring();
    if !ring.exists() {
        let me = rustix::process::getuid().as_raw();
        let init = recipe(vec![
            "init".into(),
            "--ring".into(),
            ring.clone().into(),
            "--unlock-credential".into(),
            layout.unlock().into(),
            "--server-uid".into(),
            identities.server().uid.to_string().into(),
            "--admin-uid".into(),
            me.to_string().into(),
        ]);
        init.run_to_end().await?;
    }
    recipe(vec![
        "serve".into(),
        "--ring".into(),
        ring.into(),
        "--run".into(),
        layout.run().into(),
        "--unlock-credential".into(),
        layout.unlock().into(),
        "--parent-pipe".into(),
    ])
    .start()
    .await
}

/// Makes root, issuing CA and responder if they are missing, by admin.sock.
pub async fn hierarchy(up: &Up, layout: &Layout) -> Outcome<Root> {
    let admin = crate::admin::connect(&layout.run())?;
    let urls = PublicUrls::new(&up.public_base())
        .map_err(|error| crate::exit::Failure::Usage(format!("--public-url: {error}")))?;
    let plan = BootstrapPlan::new("Chancery", names(up), urls);
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
        first_domain: up
            .names
            .as_ref()
            .and_then(|names| names.dns.first().cloned()),
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
    names.push("localhost".to_owned());
    names.push(ipnet_of(up.https.ip()));
    names
}

fn ipnet_of(ip: std::net::IpAddr) -> String {
    let prefix = if ip.is_ipv4() { 32 } else { 128 };
    format!("{ip}/{prefix}")
}

/// Writes the server's configuration and starts it.
pub async fn server(up: &Up, layout: &Layout, identities: &Identities) -> anyhow::Result<Running> {
    let account = identities.server();
    let token = admin_token(&layout.admin_token())?;
    let text = |path: &Path| path.display().to_string();
    let config = ServerConfig {
        version: 1,
        listen: Listen {
            https: up.https.to_string(),
            http: up.http.to_string(),
        },
        database: Database {
            url: up
                .database
                .clone()
                .unwrap_or_else(|| format!("sqlite://{}", text(&layout.database()))),
        },
        signer: Signer {
            run: text(&layout.run()),
        },
        public: Public {
            url: up.public_base(),
        },
        tls: Tls {
            directory: text(&layout.server()),
            names: vec!["localhost".to_owned(), up.https.ip().to_string()],
        },
        bootstrap: Bootstrap {
            admin_token_sha256: hex::encode(x509::sha256(token.as_bytes())),
        },
        boundary: (!identities.are_several()).then(|| Boundary {
            keep_out: vec![text(&layout.signer()), text(&layout.unlock())],
        }),
    };
    let toml = toml::to_string(&config).context("write the server's configuration")?;
    // It may hold the database's password.
    write_private(&layout.server_config(), toml.as_bytes(), 0o600)?;
    identities.give(&layout.server_config(), account, account.gid, 0o600)?;
    Recipe {
        name: "chancery-server",
        program: beside("chancery-server")?,
        arguments: vec![
            "serve".into(),
            "--config".into(),
            layout.server_config().into(),
        ],
        account,
        identities: *identities,
    }
    .start()
    .await
}

/// Reads the first admin token, or makes it: 32 random octets that only its file holds.
fn admin_token(path: &Path) -> anyhow::Result<String> {
    use base64::Engine as _;
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let random = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random::<32>()?);
            let token = format!("chancery_{random}");
            write_private(path, format!("{token}\n").as_bytes(), 0o600)?;
            Ok(token)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Draws random octets from the kernel.
fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(bytes)
}
