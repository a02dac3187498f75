//! Benchmarks against the raw library in the same run
