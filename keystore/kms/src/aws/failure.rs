//! What went wrong, in our words.

use std::error::Error;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use crate::causes::causes;
use crate::cloud::CallError;

/// Sorts an error of the SDK. Its text never holds a credential: it names the host, the code and
/// the service's words.
pub(super) fn failure<E, R>(error: SdkError<E, R>) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + 'static,
{
    let SdkError::ServiceError(service) = &error else {
        // No answer, or none that can be read: the SDK found no credential, no host, no
        // connection, or the answer was cut off.
        return CallError::Transient(causes(&error));
    };
    let code = service.err().code().unwrap_or_default();
    let told = service.err().message().unwrap_or_default();
    let text = if told.is_empty() { code.to_owned() } else { format!("{code}: {told}") };
    match code {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown" => CallError::Throttled(text),
        "DependencyTimeoutException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ExpiredTokenException"
        | "RequestExpired" => CallError::Transient(text),
        "NotFoundException" => CallError::Missing,
        "AlreadyExistsException" => CallError::Exists,
        // A gateway in between knows no codes.
        "" => CallError::Transient(causes(&error)),
        _ => CallError::Refused(text),
    }
}
