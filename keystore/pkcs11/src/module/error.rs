//! What a module's return value means for the ladder.

use cryptoki::error::{Error, RvError};

use crate::wire::{Fault, FaultKind};

/// What went wrong in a call of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The session, or what it knew: another one may do.
    Session,
    /// The login is gone.
    Login,
    /// It is what it is.
    Final(FaultKind),
}

/// Tells what to do about an error.
pub(super) fn trouble(error: &Error) -> Trouble {
    let Error::Pkcs11(value, _) = error else {
        return Trouble::Final(match error {
            Error::NotSupported | Error::NullFunctionPointer => FaultKind::Unsupported,
            _ => FaultKind::Device,
        });
    };
    match value {
        RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::OperationActive
        | RvError::OperationNotInitialized
        | RvError::ObjectHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::KeyChanged
        | RvError::FunctionCanceled => Trouble::Session,
        RvError::UserNotLoggedIn => Trouble::Login,
        RvError::SessionCount | RvError::SessionParallelNotSupported => {
            Trouble::Final(FaultKind::Sessions)
        }
        RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinExpired
        | RvError::PinLocked
        | RvError::PinTooWeak
        | RvError::UserPinNotInitialized => Trouble::Final(FaultKind::Pin),
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::FunctionNotSupported
        | RvError::CurveNotSupported
        | RvError::DomainParamsInvalid
        | RvError::KeySizeRange => Trouble::Final(FaultKind::Unsupported),
        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange => {
            Trouble::Final(FaultKind::Ciphertext)
        }
        RvError::KeyFunctionNotPermitted
        | RvError::KeyTypeInconsistent
        | RvError::DataInvalid
        | RvError::DataLenRange
        | RvError::ArgumentsBad
        | RvError::AttributeReadOnly
        | RvError::AttributeTypeInvalid
        | RvError::AttributeValueInvalid
        | RvError::TemplateIncomplete
        | RvError::TemplateInconsistent
        | RvError::ActionProhibited
        | RvError::SessionReadOnly
        | RvError::TokenWriteProtected => Trouble::Final(FaultKind::Refused),
        // CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_GENERAL_ERROR and what vendors define:
        // the module is initialised again, and after that started again.
        _ => Trouble::Final(FaultKind::Device),
    }
}

/// Tells an error that nothing is left to be tried against.
pub(super) fn fault(error: &Error) -> Fault {
    let kind = match trouble(error) {
        Trouble::Session | Trouble::Login => FaultKind::Device,
        Trouble::Final(kind) => kind,
    };
    Fault { kind, why: error.to_string() }
}

pub(super) fn of(kind: FaultKind, why: impl Into<String>) -> Fault {
    Fault { kind, why: why.into() }
}
