//! What takes time and depends on nothing that comes later: done by threads, in any order.

mod certificates;
mod crl;
mod evidence;
mod pool;

use std::sync::Arc;

use signer_proto::{AuthoritySigned, CertificateSigned, CrlSigned, RequestSigned};
use x509::{Serial, Signature, SignatureScheme, UnixTime};

use crate::fault::{FaultKind, Wrong};
use crate::fold::{Change, CrlLine, Signer};

pub(crate) use evidence::{Renewals, Validations};
pub(crate) use pool::Pool;

/// What the fold read of a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) serial: Serial,
    pub(crate) not_after: UnixTime,
    /// The position of the leaf.
    pub(crate) position: u64,
    /// The time of the leaf.
    pub(crate) at: UnixTime,
}

/// What a certificate's evidence points to.
#[derive(Debug, Clone)]
pub(crate) struct Pointed {
    /// All validations, if its names were validated.
    pub(crate) validations: Option<Validations>,
    /// Takes its names.
    pub(crate) renewals: Arc<Renewals>,
}

/// What a CRL is built over.
#[derive(Debug)]
pub(crate) struct CrlGround {
    pub(crate) changes: Arc<Vec<Change>>,
    /// How many of them the CRL covers.
    pub(crate) covered: usize,
    pub(crate) previous: Option<CrlLine>,
}

/// Something to check.
#[derive(Debug)]
pub(crate) enum Check {
    /// A certificate against policy and key.
    Certificate { signer: Signer, subject: Subject, pointed: Pointed, signed: CertificateSigned },
    /// A CA certificate against policy and key.
    Authority { signer: Signer, subject: Subject, signed: AuthoritySigned },
    /// The CSR of a CA key.
    Request { signer: Signer, signed: RequestSigned },
    /// A CRL, built again.
    Crl { signer: Signer, ground: CrlGround, signed: CrlSigned },
}

impl Check {
    /// Says what is wrong, if anything is.
    pub(crate) fn run(&self) -> Result<(), Wrong> {
        match self {
            Self::Certificate { signer, subject, pointed, signed } => {
                certificates::certificate(signer, (subject, pointed), signed)
            }
            Self::Authority { signer, subject, signed } => {
                certificates::authority(signer, subject, signed)
            }
            Self::Request { signer, signed } => certificates::request(signer, signed),
            Self::Crl { signer, ground, signed } => crl::crl(signer, ground, signed),
        }
    }
}

fn verify(
    signer: &Signer,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &Signature,
) -> Result<(), Wrong> {
    signer
        .public
        .verify(scheme, message, signature)
        .map_err(|error| Wrong(FaultKind::Signature, format!("{}: {error}", signer.label)))
}

/// A signature is by the one algorithm that was admitted.
fn same_scheme(leaf: SignatureScheme, admitted: SignatureScheme) -> Result<(), Wrong> {
    if leaf == admitted {
        return Ok(());
    }
    Wrong::because(FaultKind::Signature, format!("by {leaf}, admitted was {admitted}"))
}
