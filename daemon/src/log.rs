//! The log: one line an event on standard error, as text or as JSON.

use tracing_subscriber::EnvFilter;

use crate::section::{Faults, Section};

/// How a process logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of the lines.
    pub format: LogFormat,
    /// What is logged, in the form of RUST_LOG, which goes before it.
    pub filter: String,
}

/// The form of the log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Log {
    /// Takes the table `log`; a missing one logs `info` as text.
    pub fn take(mut section: Section, faults: &mut Faults) -> Self {
        let format = section.parsed("format", faults, |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("is text or json, not {other}")),
        });
        let filter = section
            .parsed("filter", faults, |text| EnvFilter::try_new(text).map(|_| text.to_owned()));
        section.end(faults);
        Self {
            format: format.unwrap_or(LogFormat::Text),
            filter: filter.unwrap_or_else(|| "info".to_owned()),
        }
    }

    /// Starts logging; RUST_LOG goes before the configured filter. A second call changes nothing.
    pub fn start(&self) {
        let configured = || EnvFilter::new(&self.filter);
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| configured());
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_target(false);
        // An error says that somebody else logs already, as tests do.
        let _ = match self.format {
            LogFormat::Text => lines.with_ansi(false).try_init(),
            LogFormat::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .try_init(),
        };
    }
}
