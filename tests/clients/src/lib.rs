//! Foreign clients against the real stack: everything is in `tests/`.
