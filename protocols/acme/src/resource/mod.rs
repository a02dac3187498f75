//! Resources as clients see them (RFC 8555 §7.1).

mod account;
mod authorization;
mod order;

use axum::http::header::{CONTENT_TYPE, LINK, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub(crate) use account::account;
pub(crate) use authorization::{authorization, challenge};
pub(crate) use order::order;

/// Is a JSON answer with the headers that ACME wants.
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
    location: Option<String>,
    links: Vec<String>,
    retry_after: Option<u32>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, location: None, links: Vec::new(), retry_after: None }
    }

    pub(crate) fn created(body: Value, location: String) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), ..Self::ok(body) }
    }

    pub(crate) fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    pub(crate) fn link(mut self, url: &str, relation: &str) -> Self {
        self.links.push(format!("<{url}>;rel=\"{relation}\""));
        self
    }

    pub(crate) fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body).expect("a JSON value is JSON");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(location) = self.location.and_then(|at| HeaderValue::try_from(at).ok()) {
            headers.insert(LOCATION, location);
        }
        for link in self.links.into_iter().filter_map(|link| HeaderValue::try_from(link).ok()) {
            headers.append(LINK, link);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
