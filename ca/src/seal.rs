//! Small secrets of the server's, sealed by the signer: what lies in the database is of no use
//! without it.

use signer_proto::{Plaintext, Seal, SealContext, Sealed, Unseal};

use crate::authority::Authority;
use crate::issue::IssueError;
use crate::rings::Ring;

/// A secret in the clear. It is wiped when dropped and never shown.
pub struct Secret(Plaintext);

impl Secret {
    /// Returns the octets.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0.0
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self(Plaintext(octets.to_vec().into()))
    }
}

impl Authority {
    /// Has the first ring seal a secret of at most 64 KiB for a place; elsewhere it does not open.
    pub async fn seal(&self, place: &str, secret: Secret) -> Result<Vec<u8>, IssueError> {
        let first = self.0.rings.first().ok_or_else(no_ring)?;
        self.seal_by(first, place, secret).await
    }

    /// Has one ring seal it.
    pub(crate) async fn seal_by(
        &self,
        ring: &Ring,
        place: &str,
        secret: Secret,
    ) -> Result<Vec<u8>, IssueError> {
        let call = Seal { context: SealContext(place.into()), plaintext: secret.0 };
        Ok(ring.signer.seal(&call).await?.0)
    }

    /// Opens what [`Self::seal`] gave, here or at a server that shares a ring with this one.
    pub async fn unseal(&self, place: &str, sealed: Vec<u8>) -> Result<Secret, IssueError> {
        let call = Unseal { context: SealContext(place.into()), sealed: Sealed(sealed) };
        let mut failed = None;
        for ring in &self.0.rings {
            match ring.signer.unseal(&call).await {
                Ok(secret) => return Ok(Secret(secret)),
                // A ring that is away may be the one that sealed it: that is told, and not that
                // another one did not.
                Err(error) => match (failed.take(), IssueError::from(error)) {
                    (Some(away @ IssueError::SignerUnavailable(_)), _) => failed = Some(away),
                    (_, error) => failed = Some(error),
                },
            }
        }
        Err(failed.unwrap_or_else(no_ring))
    }
}

fn no_ring() -> IssueError {
    IssueError::SignerUnavailable("there is no ring".to_owned())
}
