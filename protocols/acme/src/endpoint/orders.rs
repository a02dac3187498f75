//! POST-as-GET orders (RFC 8555 §7.1.2.1): an account's orders, page by page.

use axum::extract::{FromRequest as _, Path, Request, State};
use serde_json::json;
use store::acme::orders;

use crate::problem::Problem;
use crate::resource::Answer;
use crate::state::AcmeState;
use crate::verified::{Nothing, Verified};

/// Orders of a page.
const PAGE: u16 = 50;

/// Lists the URLs of the orders of the account that asks, newest first.
pub(crate) async fn list(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Nothing>::from_request(request, &state).await?;
    let known = &asked.account.account;
    if id != known.id.to_string() {
        return Err(Problem::unauthorized("the account is another's"));
    }
    let cursor = match asked.uri.query() {
        None => None,
        Some(query) => {
            let cursor = query.strip_prefix("cursor=").and_then(|text| text.parse().ok());
            Some(cursor.ok_or_else(|| Problem::malformed("not a cursor of this list"))?)
        }
    };
    let mut found = orders::list(state.store(), known.id, cursor, PAGE + 1).await?;
    let more = found.len() > PAGE.into();
    found.truncate(PAGE.into());
    let urls: Vec<String> = found.iter().map(|id| asked.base.order(*id)).collect();
    let answer = Answer::ok(json!({ "orders": urls }));
    Ok(match found.last() {
        Some(last) if more => answer.link(&asked.base.orders(known.id, Some(*last)), "next"),
        _ => answer,
    })
}
