//! POST newAccount (RFC 8555 §7.3).

use axum::extract::{FromRequest as _, Path, Request, State};
use model::{AcmeErrorKind, ProfileName};

use super::profile_of_path;
use crate::flow::account::{NewAccount, Registration, create, existing};
use crate::problem::Problem;
use crate::resource::{Answer, account};
use crate::state::AcmeState;
use crate::verified::{Body, SelfSigned};

/// Registers under the default profile.
pub(crate) async fn of_default(
    State(state): State<AcmeState>,
    request: Request,
) -> Result<Answer, Problem> {
    let profile = state.settings.default_profile.clone();
    register(&state, &profile, request).await
}

/// Registers under a profile.
pub(crate) async fn of_profile(
    State(state): State<AcmeState>,
    Path(profile): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let profile = profile_of_path(&state, &profile)?;
    register(&state, &profile, request).await
}

async fn register(
    state: &AcmeState,
    profile: &ProfileName,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = SelfSigned::<Body<NewAccount>>::from_request(request, state).await?;
    let SelfSigned { key, payload: Body(wanted), base, url, applicant } = asked;
    if let Some(there) = existing(state, &key).await? {
        return Ok(Answer::ok(account(&there, &base)).at(base.account(there.id)));
    }
    if wanted.only_return_existing {
        let why = "this key has no account";
        return Err(Problem::new(AcmeErrorKind::AccountDoesNotExist, why));
    }
    let from = Registration { key: &key, url: &url, profile, applicant };
    let made = create(state, &from, wanted).await?;
    let answer = Answer::created(account(&made, &base), base.account(made.id));
    Ok(match &state.settings.terms {
        Some(terms) => answer.link(terms, "terms-of-service"),
        None => answer,
    })
}
