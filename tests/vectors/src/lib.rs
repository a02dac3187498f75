//! Differential tests of DER parsing
