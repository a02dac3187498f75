//! Foreign clients against the real stack
