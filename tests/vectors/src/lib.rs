//! Differential tests of DER parsing

pub mod tlv;
