//! The log: one line an event on standard error, as text or as JSON.
//!
//! No line holds a token, a header of a request, a CSR or a body.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging; RUST_LOG goes before the configured filter. A second call changes nothing.
pub fn start(log: &Log) {
    let configured = || EnvFilter::new(&log.filter);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| configured());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // An error says that somebody else logs already, as tests do.
    let _ = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
}
