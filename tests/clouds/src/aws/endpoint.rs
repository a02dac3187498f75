//! The endpoint of a region: who asks, what befalls the request, and in which form it is answered.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::{Fault, Region};
use crate::faults::Fate;

pub(super) async fn answer(
    State(region): State<Region>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation =
        target.and_then(|target| target.strip_prefix("TrentService.")).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let key = body["KeyId"].as_str().unwrap_or_default();
    region.faults.note_call(operation, key);
    let fate = region.faults.fate().await;
    if let Some(url) = region.faults.redirected() {
        return Redirect::temporary(&url).into_response();
    }
    let outcome = match (fate, region.check_signature(&headers)) {
        (Fate::Throttled, _) => Err(Fault("ThrottlingException", "Rate exceeded".to_owned())),
        (Fate::Failed, _) => Err(Fault("KMSInternalException", "a fault".to_owned())),
        (Fate::Served, Err(fault)) => Err(fault),
        (Fate::Served, Ok(())) => region.serve(operation, &body),
    };
    match outcome {
        Ok(value) => (StatusCode::OK, value.to_string()).into_response(),
        Err(Fault(code, message)) => {
            let status = if code == "KMSInternalException" { 500 } else { 400 };
            let status = StatusCode::from_u16(status).expect("a status");
            (status, json!({ "__type": code, "message": message }).to_string()).into_response()
        }
    }
}

impl Region {
    /// Signature Version 4, as far as it can be seen from outside: who, where, which service,
    /// which headers.
    fn check_signature(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        let refused = |why: &str| Fault("IncompleteSignatureException", why.to_owned());
        let given = header("authorization");
        let fields = given
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or_else(|| Fault("MissingAuthenticationToken", "no SigV4".to_owned()))?;
        let field = |name: &str| {
            let mut all = fields.split(", ").filter_map(|field| field.split_once('='));
            all.find(|(known, _)| *known == name).map(|(_, value)| value).unwrap_or_default()
        };
        let scope: Vec<_> = field("Credential").split('/').collect();
        match scope.as_slice() {
            [id, date, region, "kms", "aws4_request"]
                if *id == self.access_key_id
                    && *region == self.name
                    && header("x-amz-date").starts_with(date) =>
            {
                self.faults.note_credential(id);
            }
            _ => return Err(Fault("UnrecognizedClientException", "who is that?".to_owned())),
        }
        let signature = field("Signature");
        let signed = field("SignedHeaders");
        if signature.len() != 64 || !signed.contains("host") || !signed.contains("x-amz-target") {
            return Err(refused("the signature does not cover what it must"));
        }
        Ok(())
    }
}
