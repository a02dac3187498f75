//! The server's own certificate: for a `tls` key of the ring.

use model::ProfileName;
use signer_proto::{KeyLabel, Purpose};
use x509::{GeneralName, PublicKey};

use crate::authority::Authority;
use crate::issue::{IssueError, Issued, Recording, Wanted};

/// The label of the server's TLS key where nobody chose another. No CA's key has it: names of
/// issuers have no dots.
pub const TLS_KEY: &str = "server.tls";

/// What the server's own certificate is to be.
#[derive(Debug)]
pub struct OwnWish<'a> {
    /// Under which profile.
    pub profile: &'a ProfileName,
    /// The `tls` key: see [`Authority::tls_key`].
    pub key: &'a PublicKey,
    /// The server's names and addresses.
    pub names: &'a [GeneralName],
}

impl Authority {
    /// Asks the first ring for the `tls` key of this label; none if it has none that is under a
    /// policy.
    pub async fn tls_key(&self, label: &KeyLabel) -> Result<Option<PublicKey>, IssueError> {
        let described = self.signer().describe().await?;
        let found = described.keys.0.iter().find(|key| key.label == *label);
        let found = found.filter(|key| key.purpose == Purpose::Tls && key.policy.is_some());
        let spki = found.and_then(|key| key.spki.as_ref());
        let parse = |spki: &x509::SpkiDer| PublicKey::parse(spki.as_bytes());
        let unreadable = |error| IssueError::State(format!("the key {label}: {error}"));
        spki.map(parse).transpose().map_err(unreadable)
    }

    /// Issues for the installation itself: by the newest issuing CA whose policy in the signer
    /// admits it. A new CA with narrow names must not cost the server its own certificate.
    ///
    /// There is no CSR: nothing signs one with a `tls` key, and operators vouched for it.
    pub async fn issue_for_itself(&self, wish: &OwnWish<'_>) -> Result<Issued, IssueError> {
        let profile = self.profile(wish.profile)?;
        let wanted = Wanted {
            key: wish.key,
            csr: None,
            subject: None,
            names: Some(wish.names),
            sid: None,
            validity: None,
            between: (None, None),
        };
        let mut refused = None;
        for issuer in self.issuers_for(&profile) {
            let recording = Recording {
                profile: wish.profile.clone(),
                requested_by: "system".to_owned(),
                idempotency: None,
                replaces: None,
                order: None,
                validations: Vec::new(),
                proof: None,
            };
            match self.issue_by(&issuer, &profile, &wanted, recording).await {
                // Another CA may do, of a ring whose signer is there.
                Err(
                    error @ (IssueError::Refused(_)
                    | IssueError::Evidence { .. }
                    | IssueError::SignerUnavailable(_)),
                ) => {
                    refused = refused.or(Some(error));
                }
                outcome => return outcome,
            }
        }
        Err(refused.unwrap_or_else(|| self.no_issuer(&profile)))
    }
}
