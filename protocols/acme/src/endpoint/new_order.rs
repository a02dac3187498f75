//! POST newOrder (RFC 8555 §7.4).

use axum::extract::{FromRequest as _, Path, Request, State};
use model::{AcmeErrorKind, ProfileName};

use super::profile_of_path;
use crate::flow::orders::{NewOrder, create};
use crate::problem::Problem;
use crate::resource::{Answer, order};
use crate::state::AcmeState;
use crate::verified::{Body, Verified};

/// Orders under the default profile, or the one that the order names.
pub(crate) async fn of_default(
    State(state): State<AcmeState>,
    request: Request,
) -> Result<Answer, Problem> {
    let profile = state.settings.default_profile.clone();
    place(&state, profile, request).await
}

/// Orders under a profile.
pub(crate) async fn of_profile(
    State(state): State<AcmeState>,
    Path(profile): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let profile = profile_of_path(&state, &profile)?;
    place(&state, profile, request).await
}

async fn place(
    state: &AcmeState,
    profile: ProfileName,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Body<NewOrder>>::from_request(request, state).await?;
    let Body(wanted) = &asked.payload;
    let profile = match &wanted.profile {
        None => profile,
        Some(named) => ProfileName::new(named.as_str()).map_err(|_| {
            let why = "there is no such profile in the directory";
            Problem::new(AcmeErrorKind::InvalidProfile, why)
        })?,
    };
    let made = create(state, &asked.account.account, &profile, wanted).await?;
    let body = order(&made, &asked.base, wanted.replaces.as_deref());
    Ok(Answer::created(body, asked.base.order(made.content.id)))
}
