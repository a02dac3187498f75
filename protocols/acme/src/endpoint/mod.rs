//! The endpoints, one a file (RFC 8555 §7.1, RFC 9773 §4).

pub(crate) mod account;
pub(crate) mod authorization;
pub(crate) mod certificate;
pub(crate) mod challenge;
pub(crate) mod directory;
pub(crate) mod finalize;
pub(crate) mod key_change;
pub(crate) mod new_account;
pub(crate) mod new_nonce;
pub(crate) mod new_order;
pub(crate) mod order;
pub(crate) mod orders;
pub(crate) mod renewal_info;
pub(crate) mod revoke_cert;

use model::ProfileName;

use crate::flow::orders::offered;
use crate::problem::Problem;
use crate::state::AcmeState;

/// Takes a profile out of a path; one that ACME does not offer is not there.
fn profile_of_path(state: &AcmeState, text: &str) -> Result<ProfileName, Problem> {
    let name = ProfileName::new(text).ok().filter(|name| offered(state, name).is_some());
    name.ok_or_else(|| Problem::not_found("profile"))
}
