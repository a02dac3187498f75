//! What went wrong, in our words.

use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;

use crate::causes::causes;
use crate::cloud::CallError;

/// Sorts an error of the SDK. Its text never holds a credential.
pub(super) fn failure(error: Error) -> CallError {
    let Some(status) = error.status() else {
        return match error.http_status_code() {
            Some(429) => CallError::Throttled("HTTP 429".to_owned()),
            Some(404) => CallError::Missing,
            Some(code @ (400..=403 | 405..=407 | 409..=428)) => {
                CallError::Refused(format!("HTTP {code}"))
            }
            // No answer, or none that can be read: no token, no host, no connection.
            _ => CallError::Transient(causes(&error)),
        };
    };
    let text = format!("{:?}: {}", status.code, status.message);
    match status.code {
        Code::ResourceExhausted => CallError::Throttled(text),
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unknown
        | Code::Aborted
        | Code::Cancelled
        | Code::Unauthenticated => CallError::Transient(text),
        // "perform a limited number of retries" ("Data integrity guidelines").
        Code::InvalidArgument if status.message.to_ascii_lowercase().contains("crc32c") => {
            CallError::Transient(text)
        }
        Code::NotFound => CallError::Missing,
        Code::AlreadyExists => CallError::Exists,
        _ => CallError::Refused(text),
    }
}
