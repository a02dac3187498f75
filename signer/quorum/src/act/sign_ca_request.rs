//! The CSR of a key of this ring is signed.

use signer_proto::{Action, Digest, Refusal, Rule, SignCaRequest};
use x509::{CertificationRequestInfo, sha256};

use super::{Facts, known};
use crate::proposal::Subject;

pub(super) fn subject(facts: &dyn Facts, call: &SignCaRequest) -> Result<Subject, Refusal> {
    let key = known(facts, &call.key)?;
    let info = CertificationRequestInfo::parse(call.info.as_bytes())
        .map_err(|error| Refusal::new(Rule::DerNotStrict, error.to_string()))?;
    Ok(Subject::new(Action::Request)
        .key(&key)
        .line("Request", Digest(sha256(call.info.as_bytes())))
        .words(format!("signs the certificate request of {}", info.subject)))
}
