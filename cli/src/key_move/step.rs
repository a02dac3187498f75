//! The steps of a move, in their order.

use super::view::View;

/// A step. Each is found done, or can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The server knows that there is to be a CA.
    Wish,
    /// Its key is there, under the policy of the old one's.
    Key,
    /// It has its certificate.
    Sign,
    /// Relying parties find its status.
    Serve,
    /// No profile names the old CA.
    Profiles,
    /// The old CA issues no more.
    Drain,
    /// The old key could not if it was asked.
    Close,
    /// Nothing of the old CA is valid.
    Retire,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is done.
    Done,
    /// It is to be done.
    ToDo,
    /// Nobody can do anything for it now.
    Waits(String),
    /// Who could tell does not answer.
    Unknown(String),
}

impl Step {
    /// All, in their order.
    pub const ALL: [Self; 8] = [
        Self::Wish,
        Self::Key,
        Self::Sign,
        Self::Serve,
        Self::Profiles,
        Self::Drain,
        Self::Close,
        Self::Retire,
    ];

    /// Says what it does.
    pub fn words(self, view: &View<'_>) -> String {
        let (old, new, ring) = (view.old_name(), &view.name, &view.to);
        match self {
            Self::Wish => format!("ask the server for the CA {new}, {}", view.subject),
            Self::Key => format!(
                "make its key, {}, in the ring {ring}, under the policy of {old}'s key",
                view.key
            ),
            Self::Sign => match view.parent_name() {
                Some(parent) => format!("have {parent} sign its certificate"),
                None => format!("have the CSR of {new} signed elsewhere, and take it in"),
            },
            Self::Serve => format!("wait for the CRL and the OCSP responder of {new}"),
            Self::Profiles => match view.profiles.as_slice() {
                [] => format!("let no profile name {old}"),
                names => format!("let the profiles {} name {new}", names.join(", ")),
            },
            Self::Drain => format!("stop {old} from issuing; its CRL and OCSP go on"),
            Self::Close => format!(
                "narrow the policy of {old}'s key: it signs its responder's certificates, CRLs and \
                 revocations only"
            ),
            Self::Retire => {
                format!("the server retires {old} by itself when its last certificate has expired")
            }
        }
    }
}
