//! A CA certificate is signed.

use signer_proto::{Action, Digest, Refusal, Rule, SignAuthority};
use x509::{TbsCertificate, sha256};

use super::{Facts, known};
use crate::proposal::Subject;

pub(super) fn subject(facts: &dyn Facts, call: &SignAuthority) -> Result<Subject, Refusal> {
    let key = known(facts, &call.key)?;
    let tbs = TbsCertificate::parse(call.tbs.as_bytes())
        .map_err(|error| Refusal::new(Rule::DerNotStrict, error.to_string()))?;
    // A key that signs, or ever signed, its own certificate is a root.
    let own = tbs.public_key == key.public;
    let action = if own || key.root { Action::Root } else { Action::SubCa };
    Ok(Subject::new(action)
        .key(&key)
        .line("Policy", call.policy)
        .line("Certificate", Digest(sha256(call.tbs.as_bytes())))
        .line("Certificate's key", Digest(tbs.public_key.spki_sha256()))
        .words(format!("signs the CA certificate of {}", tbs.subject))
        .words(format!("issued by {}{}", tbs.issuer, if own { ", by its own key" } else { "" }))
        .words(format!("valid from {} to {}", tbs.not_before, tbs.not_after))
        .words(format!("serial {}", tbs.serial)))
}
