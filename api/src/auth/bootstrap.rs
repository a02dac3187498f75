//! The first token.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use model::{ApiToken, Id, Role};
use store::{Store, StoreError, tokens};

use super::secret::NoRandomness;
use super::{TokenSecret, Tokens};
use crate::config::Bootstrap;

/// Says why there is no first token.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file cannot be written.
    #[error("cannot write the first token to {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sees to it that the first admin token is there.
///
/// A token that somebody made is taken by its digest, unless it is known, revoked or not. A file is
/// written only while there is no token at all: the file first, so that a crash in between leaves a
/// file that the next start writes again.
///
/// # Errors
/// [`BootstrapError`].
pub async fn bootstrap(
    how: &Bootstrap,
    tokens: &Tokens,
    store: &Store,
) -> Result<(), BootstrapError> {
    let sha256 = match how {
        Bootstrap::Sha256(sha256) => {
            if tokens::find_by_sha256(store, sha256).await?.is_some() {
                return Ok(());
            }
            *sha256
        }
        Bootstrap::File(path) => {
            if !tokens::list(store).await?.is_empty() {
                return Ok(());
            }
            let secret = TokenSecret::draw()?;
            write(path, secret.reveal())
                .map_err(|source| BootstrapError::File { path: path.clone(), source })?;
            secret.sha256()
        }
    };
    let token = ApiToken {
        id: Id::generate(tokens.clock()),
        name: "first-admin".to_owned(),
        sha256,
        role: Role::Admin,
        created_at: tokens.now(),
        expires_at: None,
        revoked_at: None,
    };
    match tokens.create(token, "system").await {
        // Another server of the same database was faster.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes in place: the folder may be one where the server may make nothing.
fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let mut file: File =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(token.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing;

    async fn all(store: &Store) -> Vec<ApiToken> {
        tokens::list(store).await.expect("tokens")
    }

    #[tokio::test]
    async fn a_known_digest_is_taken_once_and_stays_revoked() {
        let (store, tokens) = testing::tokens().await;
        let how = Bootstrap::Sha256([7; 32]);
        bootstrap(&how, &tokens, &store).await.expect("a token");
        bootstrap(&how, &tokens, &store).await.expect("the same token");
        let [first] = &all(&store).await[..] else {
            panic!("not one token");
        };
        assert_eq!((first.role, first.sha256), (Role::Admin, [7; 32]));
        let other = testing::token(Role::Admin, 9);
        tokens.create(other, "t").await.expect("another");
        tokens.revoke(first.id, "t").await.expect("revoked");
        bootstrap(&how, &tokens, &store).await.expect("nothing");
        let again = tokens::find_by_sha256(&store, &[7; 32]).await.expect("found");
        assert!(again.is_some_and(|token| token.revoked_at.is_some()));
    }

    #[tokio::test]
    async fn a_file_is_written_while_there_is_no_token() {
        let (store, tokens) = testing::tokens().await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("admin.token");
        let how = Bootstrap::File(path.clone());
        bootstrap(&how, &tokens, &store).await.expect("a token");
        let text = std::fs::read_to_string(&path).expect("the file");
        let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let header = format!("Bearer {}", text.trim());
        let found = tokens.authenticate(Some(header.as_bytes())).await;
        assert_eq!(found.expect("good").role, Role::Admin);
        bootstrap(&how, &tokens, &store).await.expect("nothing");
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
        assert_eq!(all(&store).await.len(), 1);
    }
}
