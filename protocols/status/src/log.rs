//! The journal as a log: checkpoint, hash tiles and proofs; no entries, for names are in them.
//!
//! The layout is that of C2SP tlog-tiles below `/.well-known/pki/log/{log}/`, where the log is
//! the ring's name or its instance in hex, or `default`; cosigned checkpoints and proofs are ours
//! (docs/operate/log.md).

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ca::{LogError, LogProof};

use crate::StatusState;
use crate::problem::Problem;

const NOTE: &str = "text/plain; charset=utf-8";
const TILE: &str = "application/octet-stream";
const JSON: &str = "application/json";
/// What never changes: full tiles, and proofs about trees of a named size.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A tile that has not all its hashes never changes either, but is of use only for a while.
const FOR_A_WHILE: &str = "public, max-age=600";
const ONE_SECOND: &str = "public, max-age=1";

/// GET `checkpoint`: the newest one.
pub(crate) async fn checkpoint(
    State(state): State<StatusState>,
    Path(log): Path<String>,
) -> Result<Response, Problem> {
    let note = state.authority.log(&log).await?.checkpoint().await?;
    Ok(answer(NOTE, ONE_SECOND, note))
}

/// GET `checkpoint/cosigned`: the newest one that a witness cosigned.
pub(crate) async fn cosigned(
    State(state): State<StatusState>,
    Path(log): Path<String>,
) -> Result<Response, Problem> {
    let note = state.authority.log(&log).await?.cosigned_checkpoint().await?;
    Ok(answer(NOTE, ONE_SECOND, note))
}

/// POST `checkpoint`: a witness brings its cosignature, or anybody a checkpoint that he was given
/// once. Only a good signature by the log's key or a pinned witness has an effect.
pub(crate) async fn show(
    State(state): State<StatusState>,
    Path(log): Path<String>,
    note: Bytes,
) -> Result<Response, Problem> {
    let taken = state.authority.log(&log).await?.show_checkpoint(&note).await?;
    Ok(answer(NOTE, "no-store", format!("cosignatures kept: {taken}\n").into_bytes()))
}

/// GET `tile/{L}/{N}` and `tile/{L}/{N}.p/{W}`.
pub(crate) async fn tile(
    State(state): State<StatusState>,
    Path((log, place)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let tile = state.authority.log(&log).await?.tile(&format!("tile/{place}")).await?;
    let control = if tile.is_full { FOR_EVER } else { FOR_A_WHILE };
    Ok(answer(TILE, control, tile.content))
}

/// GET `proof/inclusion?index=..&size=..`.
pub(crate) async fn inclusion(
    State(state): State<StatusState>,
    Path(log): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let [index, size] = numbers(query.as_deref(), ["index", "size"])?;
    proof(&state, &log, LogProof::Inclusion { index, size }).await
}

/// GET `proof/consistency?old=..&new=..`.
pub(crate) async fn consistency(
    State(state): State<StatusState>,
    Path(log): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let [old, new] = numbers(query.as_deref(), ["old", "new"])?;
    proof(&state, &log, LogProof::Consistency { old, new }).await
}

async fn proof(state: &StatusState, log: &str, of: LogProof) -> Result<Response, Problem> {
    let (root, hashes) = state.authority.log(log).await?.proof(of).await?;
    let place = match of {
        LogProof::Inclusion { index, size } => format!(r#""index":{index},"size":{size}"#),
        LogProof::Consistency { old, new } => format!(r#""old":{old},"new":{new}"#),
    };
    let root = STANDARD.encode(root);
    let hashes: Vec<String> =
        hashes.iter().map(|hash| format!(r#""{}""#, STANDARD.encode(hash))).collect();
    let text = format!("{{{place},\"root\":\"{root}\",\"hashes\":[{}]}}\n", hashes.join(","));
    Ok(answer(JSON, FOR_EVER, text.into_bytes()))
}

/// Reads a query of two named numbers, in any order.
fn numbers(query: Option<&str>, names: [&str; 2]) -> Result<[u64; 2], Problem> {
    let pairs: Vec<_> = query.unwrap_or_default().split('&').map(|p| p.split_once('=')).collect();
    let number = |name: &str| {
        let found = pairs.iter().flatten().find(|(found, _)| *found == name);
        let number = found.and_then(|(_, number)| number.parse().ok());
        number.ok_or_else(|| Problem::Query(format!("{name} is no number, or not there\n")))
    };
    let [first, second] = names;
    let found = [number(first)?, number(second)?];
    match pairs.len() {
        2 => Ok(found),
        _ => Err(Problem::Query(format!("{first} and {second} are all that can be asked\n"))),
    }
}

fn answer(media_type: &'static str, control: &'static str, body: Vec<u8>) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(control)),
    ];
    (StatusCode::OK, headers, Body::from(body)).into_response()
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::NotThere => Self::NotFound,
            LogError::Note(_) => Self::Note(format!("{error}\n")),
            LogError::Unavailable(_) => {
                tracing::warn!(%error, "no log to serve");
                Self::Unavailable
            }
        }
    }
}
