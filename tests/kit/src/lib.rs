//! Starts the real stack for tests
