//! Headers: whatever reads encodes back to the same octets, and keeps the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signer_proto::{HEADER, Header, MAX_DEADLINE_MS};

fuzz_target!(|bytes: [u8; HEADER]| {
    if let Ok(header) = Header::decode_request(bytes) {
        assert_eq!(header.encode(), bytes);
        assert!(header.length <= header.kind.request_limit());
        assert!((1..=MAX_DEADLINE_MS).contains(&header.deadline_ms));
    }
    if let Ok(header) = Header::decode_answer(bytes) {
        assert_eq!(header.encode(), bytes);
    }
});
