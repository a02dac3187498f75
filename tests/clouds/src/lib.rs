//! Small fakes of two cloud key services, written from their public API descriptions.
//!
//! They really sign, hold to the limits that the services document, count what is asked, and
//! throttle, fail, hang, go away, lie and bend bits when a test says so.
//!
//! - AWS KMS: the API reference (`TrentService`, JSON 1.1).
//! - Google Cloud KMS: the REST reference, version 1.

mod aws;
mod faults;
mod google;
mod material;
mod server;

pub use aws::AwsCloud;
pub use faults::Faults;
pub use google::GoogleCloud;
