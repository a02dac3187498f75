//! Keys in PKCS#11 tokens.
//!
//! A vendor's module is foreign code. It is loaded into a process of its own, the helper
//! `p11-module`, and that half of this crate is [`module`]. The signer's half is [`Pkcs11Driver`]:
//! it speaks to helpers over socket pairs ([`wire`]), with a deadline on every call, and has a
//! helper that hangs or dies started again by the forker ([`forker`]), which was made before the
//! signer's sandbox closed.
//!
//! A helper serves one token. So a module that hangs over one of two mirrored tokens does not
//! take the other one with it.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod config;
mod descriptors;
mod driver;
pub mod forker;
mod frame;
mod mechanism;
#[cfg(feature = "module")]
pub mod module;
mod uri;
mod wire;

pub use config::{Config, ConfigError, ModuleConfig, Source, TokenConfig};
pub use driver::{Forker, Pkcs11Driver, Rates, TokenRates};
pub use uri::{Uri, UriError};
