//! Which ring keeps the record of a validation: the one that is to sign. A signer believes its own
//! journal and no other (docs/KEY-POLICY.md).

use ca::profile::Profile;
use model::{AcmeAccount, AcmeIdentifier, Id, Proof};
use store::acme::authorizations;

use super::orders::offered;
use crate::problem::Problem;
use crate::state::AcmeState;

/// Names the ring that is to sign for a profile, as the validation authority knows it; none: the
/// first one.
pub(crate) fn of_profile(state: &AcmeState, profile: &Profile) -> Result<Option<String>, Problem> {
    let ring = state.authority.ring_for(profile)?;
    Ok(ring.map(|ring| ring.to_string()))
}

/// Tells whether the record of an earlier validation is where the signer for a profile looks.
pub(crate) async fn has_record(
    state: &AcmeState,
    profile: &Profile,
    (account, identifier): (Id<AcmeAccount>, &AcmeIdentifier),
    proof: &Proof,
) -> Result<bool, Problem> {
    let (Some(record), true) = (proof.record, state.authority.ring_names().nth(1).is_some()) else {
        return Ok(true);
    };
    let then =
        authorizations::profile_of_record(state.store(), account, identifier, record).await?;
    let Some((then, _)) = then.and_then(|name| offered(state, &name)) else {
        // Nobody knows any more where it is.
        return Ok(false);
    };
    Ok(of_profile(state, &then)? == of_profile(state, profile)?)
}
