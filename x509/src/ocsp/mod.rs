//! The Online Certificate Status Protocol (RFC 6960, RFC 5019, RFC 9654).

mod cert_id;
mod extensions;
mod request;
mod response;
mod response_data;

pub use cert_id::{CertId, CertIdHash};
pub use request::OcspRequest;
pub use response::{
    OcspBasicResponse, OcspErrorStatus, OcspResponse, assemble_ocsp_response, ocsp_error,
};
pub use response_data::{CertStatus, ResponseData, SingleResponse};
