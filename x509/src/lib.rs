//! Strict DER in and out, signature verification and key-strength checks
