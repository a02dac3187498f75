//! What a command ends with: documented in docs/operate/cli.md.

/// Why a command did not do what it should. The variant decides the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Anything that is nobody's request: a file that cannot be read, a broken answer.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// The server or the signer understood and said no.
    #[error("{0}")]
    Refused(String),
    /// The server or the signer does not answer now.
    #[error("{0}")]
    Unavailable(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// `doctor`, `reconcile` or `inspect` found something.
    #[error("{0}")]
    Findings(String),
    /// Operators have yet to approve.
    #[error("{0}")]
    Waiting(String),
}

impl Failure {
    /// Returns the exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::Unavailable(_) => 4,
            Self::NotFound(_) => 5,
            Self::Findings(_) => 6,
            Self::Waiting(_) => 7,
        }
    }
}

/// What every command returns.
pub type Outcome<T = ()> = Result<T, Failure>;

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<signer_client::CallError> for Failure {
    fn from(error: signer_client::CallError) -> Self {
        use signer_proto::{Blame, Rule};
        match &error {
            signer_client::CallError::Refused(refusal) if refusal.rule == Rule::KeyUnknown => {
                Self::NotFound(format!("the signer: {refusal}"))
            }
            signer_client::CallError::Refused(refusal) => match refusal.rule.blame() {
                Blame::Unavailable => Self::Unavailable(format!("the signer: {refusal}")),
                _ => Self::Refused(format!("the signer: {refusal}")),
            },
            signer_client::CallError::Protocol(_) => {
                Self::Other(anyhow::Error::new(error).context("the signer"))
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
