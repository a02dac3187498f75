//! The data directory: what lies in it, whose it is, and that one `up` at a time uses it.

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};

use super::child::write_private;
use super::factor::Factor;
use super::identity::{Account, Identities};
use super::layout::Layout;
use super::ring_file::RingFile;

/// What was not there before.
#[derive(Debug)]
pub struct Made {
    /// The ring.
    pub ring: bool,
}

/// Makes the directories and the unlock credential.
pub fn directories(
    layout: &Layout,
    identities: &Identities,
    factor: &Factor,
) -> anyhow::Result<Made> {
    let ring = RingFile::read(&layout.ring())?;
    let is_new = ring.is_none();
    if let Some(ring) = ring {
        ring.check_admits(identities)?;
        if ring.admit_validator(identities)? {
            eprintln!("chancery: ring.toml admits the validation authority from now on");
            let signer = identities.signer();
            identities.give(&layout.ring().join("ring.toml"), signer, signer.gid, 0o600)?;
        }
    }
    let ring = is_new;
    let (signer, server) = (identities.signer(), identities.server());
    if identities.are_several() {
        if let Some(parent) = layout.data.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("make {}", parent.display()))?;
        }
        identities.check_reach(&layout.data)?;
        // Everybody may pass through; nobody but root may put something in.
        identities.make_dir(&layout.data, Account { uid: 0, gid: 0 }, 0, 0o755)?;
        // The set-group-id bit lets the signer, who is not in the server's group, give it the
        // sockets; admin.sock keeps the signer's own.
        identities.make_dir(&layout.run(), signer, server.gid, 0o2750)?;
    } else {
        std::fs::create_dir_all(&layout.data)
            .with_context(|| format!("make {}", layout.data.display()))?;
        identities.give(&layout.data, signer, signer.gid, 0o700)?;
        identities.make_dir(&layout.run(), signer, signer.gid, 0o700)?;
    }
    identities.make_dir(&layout.server(), server, server.gid, 0o700)?;
    // The server passes through to the socket.
    let validator = identities.validator();
    let mode = if identities.are_several() { 0o750 } else { 0o700 };
    identities.make_dir(&layout.va(), validator, validator.gid, mode)?;
    // The signer makes the ring as a whole beside its final name, so it owns the folder above.
    identities.make_dir(&layout.signer(), signer, signer.gid, 0o700)?;
    if *factor == Factor::Credential {
        credential(layout, identities, ring)?;
    }
    Ok(Made { ring })
}

/// Makes the credential of a ring that is not there yet.
fn credential(layout: &Layout, identities: &Identities, is_new: bool) -> anyhow::Result<()> {
    let path = layout.unlock();
    if !path.exists() {
        if !is_new {
            bail!(
                "{} is missing: the ring in {} opens only with the credential that it was made with; \
                 put it back from your back-up",
                path.display(),
                layout.ring().display()
            );
        }
        write_private(&path, &super::random::<32>()?, 0o600)?;
    }
    let signer = identities.signer();
    identities.give(&path, signer, signer.gid, 0o600)
}

/// Gives a data directory that was copied back to the users who work in it.
pub fn hand_over(layout: &Layout, identities: &Identities) -> anyhow::Result<()> {
    identities.give_tree(&layout.signer(), identities.signer())?;
    if layout.server().exists() {
        identities.give_tree(&layout.server(), identities.server())?;
    }
    if layout.unlock().exists() {
        identities.give_tree(&layout.unlock(), identities.signer())?;
    }
    Ok(())
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
