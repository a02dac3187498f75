//! A new certificate for a CA's key: same subject, same key, later end.

use signer_client::SignerClient;
use x509::{Certificate, CertificateDer, UnixTime};

use super::CeremonyError;
use super::execute::Parent;
use super::ring::{Key, Ring, label};
use crate::hierarchy::{self, CaWish};
use crate::profile::Seconds;
use crate::urls::PublicUrls;

/// What is renewed.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The label of its key.
    pub key_label: String,
    /// Its certificate as it is.
    pub certificate: CertificateDer,
    /// The CA of ours above it; none for a root.
    pub parent: Option<Parent>,
    /// From now to the new end.
    pub validity: Seconds,
}

/// Has a new certificate signed for a CA's key and moves its policy's end along.
pub async fn renew(
    client: &SignerClient,
    renewal: &Renewal,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    let ring = Ring(client);
    let name = label(&renewal.key_label)?;
    let found = ring.key(&name).await?;
    let mut key = found.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    let held =
        Certificate::parse(renewal.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let tbs = held.tbs();
    if tbs.public_key != key.public_key {
        return Err(CeremonyError::OtherKey {
            label: name.to_string(),
            what: "not the one in the certificate".into(),
        });
    }
    let wish = CaWish {
        subject: tbs.subject.clone(),
        public_key: key.public_key.clone(),
        validity: renewal.validity,
        path_len: tbs
            .extensions
            .basic_constraints()
            .and_then(|bc| bc.path_len),
        constraints: tbs.extensions.name_constraints().cloned(),
        crl_url: renewal.parent.as_ref().map(|parent| urls.crl(&parent.name)),
        parent_url: renewal
            .parent
            .as_ref()
            .map(|parent| urls.ca_certificate(&parent.name)),
    };
    let Some(parent) = &renewal.parent else {
        // The policy goes first: no certificate outlives what it says.
        let not_after = now.plus_seconds(renewal.validity.0 - 1);
        move_end(&ring, &mut key, not_after).await?;
        let serial = ring.serial(&key).await?;
        let tbs = hierarchy::root(&wish, serial, key.scheme, now)?;
        return ring.sign(&key, &tbs).await;
    };
    let above =
        Certificate::parse(parent.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let parent_label = label(&parent.key_label)?;
    let signer = ring.key(&parent_label).await?;
    let signer = signer.ok_or_else(|| CeremonyError::NoKey(parent.key_label.clone()))?;
    let serial = ring.serial(&signer).await?;
    let tbs = hierarchy::subordinate(&wish, &above, serial, signer.scheme, now)?;
    let certificate = ring.sign(&signer, &tbs).await?;
    move_end(&ring, &mut key, tbs.not_after).await?;
    Ok(certificate)
}

/// Changes nothing of the policy but the issuer's end: what an operator narrowed stays narrow.
async fn move_end(ring: &Ring<'_>, key: &mut Key, end: UnixTime) -> Result<(), CeremonyError> {
    let text = ring.policy_text(key).await?;
    let moved = with_end(&text, end).ok_or_else(|| CeremonyError::Policy(key.label.to_string()))?;
    ring.set_policy(key, moved).await
}

fn with_end(text: &str, end: UnixTime) -> Option<String> {
    let is_end = |line: &str| {
        let field = line.split('=').next().unwrap_or_default();
        field.trim() == "issuer_not_after"
    };
    if text.lines().filter(|line| is_end(line)).count() != 1 {
        return None;
    }
    let lines = text.lines().map(|line| {
        if is_end(line) {
            format!("issuer_not_after = \"{end}\"\n")
        } else {
            format!("{line}\n")
        }
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_moves() {
        let text = "version = 1\nissuer_not_after = \"2030-01-01T00:00:00Z\"\n# mine\n";
        let moved = with_end(text, UnixTime(0)).expect("one end");
        assert_eq!(
            moved,
            "version = 1\nissuer_not_after = \"1970-01-01T00:00:00Z\"\n# mine\n"
        );
        assert_eq!(with_end("version = 1\n", UnixTime(0)), None);
    }
}
