//! OCSP requests, which anybody on the network may send.
#![no_main]

use libfuzzer_sys::fuzz_target;
use x509::OcspRequest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = OcspRequest::parse(bytes) {
        assert!(!request.requests.is_empty() && request.requests.len() <= 16);
        assert!(request.nonce.as_ref().is_none_or(|nonce| (1..=128).contains(&nonce.len())));
    }
});
