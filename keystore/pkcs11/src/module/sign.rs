//! Signing and decrypting.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::dsa::{HedgeType, SignAdditionalContext};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism as Foreign, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use keystore::DigestAlgorithm;

use super::error::of;
use super::lane::Failure;
use crate::mechanism::Mechanism;
use crate::wire::FaultKind;

/// Signs what the driver prepared.
pub(super) fn sign(
    session: &Session,
    key: ObjectHandle,
    how: Mechanism,
    data: &[u8],
) -> Result<Vec<u8>, Failure> {
    Ok(session.sign(&mechanism(how), key, data)?)
}

fn mechanism(how: Mechanism) -> Foreign<'static> {
    match how {
        Mechanism::RsaPkcs1 => Foreign::RsaPkcs,
        Mechanism::RsaPss(hash) => Foreign::RsaPkcsPss(pss(hash)),
        Mechanism::Ecdsa => Foreign::Ecdsa,
        Mechanism::EdDsa => Foreign::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)),
        Mechanism::MlDsa => Foreign::MlDsa(SignAdditionalContext::new(HedgeType::Preferred, None)),
    }
}

/// RFC 4055 §3.1, as our schemes are: MGF1 with the same hash, a salt as long as the digest.
fn pss(hash: DigestAlgorithm) -> PkcsPssParams {
    let (hash_alg, mgf, length) = match hash {
        DigestAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32),
        DigestAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384, 48),
        DigestAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 64),
    };
    PkcsPssParams { hash_alg, mgf, s_len: Ulong::new(length) }
}

/// Decrypts RSAES-PKCS1-v1_5.
///
/// Bad padding has a return value of its own, and SoftHSM says CKR_GENERAL_ERROR all the same: were
/// that taken for a failing device, whoever sends a bent ciphertext could have the module
/// initialised again. A session that still answers tells the two apart.
pub(super) fn decrypt(
    session: &Session,
    key: ObjectHandle,
    data: &[u8],
) -> Result<Vec<u8>, Failure> {
    match session.decrypt(&Foreign::RsaPkcs, key, data) {
        Ok(plaintext) => Ok(plaintext),
        Err(Error::Pkcs11(RvError::GeneralError | RvError::FunctionFailed, Function::Decrypt))
            if session.get_session_info().is_ok() =>
        {
            Err(of(FaultKind::Ciphertext, "the token does not decrypt it").into())
        }
        Err(error) => Err(error.into()),
    }
}
