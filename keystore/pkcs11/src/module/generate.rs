//! Making keys that never leave the token, and destroying them.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, MlDsaParameterSetType, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use signer_proto::KeySpec;

use super::attributes::Past;
use super::error::of;
use super::lane::Failure;
use super::public;
use super::token::Opened;
use crate::wire::{FaultKind, KeyFacts, Locator, NewKey};

const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
/// RFC 8410 §3; and its name, as PKCS#11 3.0 §6.3.5 has it.
const ED25519: [&[u8]; 2] = [b"\x06\x03\x2b\x65\x70", b"\x13\x0cedwards25519"];
const F4: [u8; 3] = [1, 0, 1];

/// How a kind of key is made.
pub(super) struct Making {
    pub(super) mechanism: Mechanism<'static>,
    /// What the public half's template says of it; alternatives where tokens differ.
    pub(super) kinds: Vec<Vec<Attribute>>,
    /// What the private half may be used with.
    allowed: Vec<MechanismType>,
}

/// Tells how a kind of key is made.
pub(super) fn making(spec: KeySpec, opened: &Opened) -> Result<Making, Failure> {
    let rsa = |bits| {
        let size = Attribute::ModulusBits(Ulong::new(bits));
        vec![vec![size, Attribute::PublicExponent(F4.to_vec())]]
    };
    let curve = |params: &[u8]| vec![Attribute::EcParams(params.to_vec())];
    let set = |set: MlDsaParameterSetType| vec![vec![Attribute::ParameterSet(set.into())]];
    // The scheme is policy's, and both paddings are RSA's.
    let both = vec![MechanismType::RSA_PKCS, MechanismType::RSA_PKCS_PSS];
    let (kind, kinds, allowed) = match spec {
        KeySpec::Rsa2048 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa(2048), both),
        KeySpec::Rsa3072 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa(3072), both),
        KeySpec::Rsa4096 => (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa(4096), both),
        KeySpec::P256 | KeySpec::P384 | KeySpec::P521 => {
            let params = match spec {
                KeySpec::P256 => P256,
                KeySpec::P384 => P384,
                _ => P521,
            };
            let allowed = vec![MechanismType::ECDSA];
            (MechanismType::ECC_KEY_PAIR_GEN, vec![curve(params)], allowed)
        }
        KeySpec::Ed25519 => {
            let kinds = ED25519.map(curve).to_vec();
            (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, kinds, vec![MechanismType::EDDSA])
        }
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
            let kinds = set(match spec {
                KeySpec::MlDsa44 => MlDsaParameterSetType::ML_DSA_44,
                KeySpec::MlDsa65 => MlDsaParameterSetType::ML_DSA_65,
                _ => MlDsaParameterSetType::ML_DSA_87,
            });
            (MechanismType::ML_DSA_KEY_PAIR_GEN, kinds, vec![MechanismType::ML_DSA])
        }
        KeySpec::HmacSha256 | KeySpec::Aes256 => return Err(unsupported(spec)),
    };
    if !opened.mechanisms.contains(&kind) {
        return Err(unsupported(spec));
    }
    let mechanism = match kind {
        MechanismType::RSA_PKCS_KEY_PAIR_GEN => Mechanism::RsaPkcsKeyPairGen,
        MechanismType::ECC_KEY_PAIR_GEN => Mechanism::EccKeyPairGen,
        MechanismType::ECC_EDWARDS_KEY_PAIR_GEN => Mechanism::EccEdwardsKeyPairGen,
        _ => Mechanism::MlDsaKeyPairGen,
    };
    Ok(Making { mechanism, kinds, allowed })
}

fn unsupported(spec: KeySpec) -> Failure {
    of(FaultKind::Unsupported, format!("the token makes no {spec} keys")).into()
}

/// Makes a key, reads back what the token made of the template, and destroys it again if it could
/// ever leave.
pub(super) fn generate(
    session: &Session,
    opened: &Opened,
    wanted: &NewKey,
) -> Result<KeyFacts, Failure> {
    let making = making(wanted.spec, opened)?;
    if public::is_taken(session, &wanted.id)? {
        return Err(of(FaultKind::KeyExists, "the token has an object with this id").into());
    }
    let (public, private) = make(session, &making, wanted)?;
    let past = Past::read(session, private);
    match past {
        Ok(past) if past.kept() => {}
        Ok(past) => {
            remove(session, [public, private])?;
            let why = format!("the token made the key otherwise than asked: {}", past.words());
            return Err(of(FaultKind::Extractable, why).into());
        }
        Err(failure) => {
            remove(session, [public, private])?;
            return Err(failure);
        }
    }
    public::look(session, private)
}

fn remove(session: &Session, halves: [ObjectHandle; 2]) -> Result<(), Failure> {
    for half in halves {
        session.destroy_object(half)?;
    }
    Ok(())
}

/// What tokens do not all take, from what is given up first; what matters is read back afterwards.
const STRICTNESS: [Strict; 4] = [
    Strict { mechanisms: true, copyable: true, modifiable: true },
    Strict { mechanisms: true, copyable: false, modifiable: true },
    Strict { mechanisms: false, copyable: false, modifiable: true },
    Strict { mechanisms: false, copyable: false, modifiable: false },
];

#[derive(Clone, Copy)]
struct Strict {
    mechanisms: bool,
    copyable: bool,
    modifiable: bool,
}

fn make(
    session: &Session,
    making: &Making,
    wanted: &NewKey,
) -> Result<(ObjectHandle, ObjectHandle), Failure> {
    let mut last = None;
    for strict in STRICTNESS {
        for kind in &making.kinds {
            let mut public = public_template(wanted);
            public.extend(kind.iter().cloned());
            let private = private_template(wanted, making, strict);
            match session.generate_key_pair(&making.mechanism, &public, &private) {
                Ok(pair) => return Ok(pair),
                Err(error) if is_about_the_template(&error) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Err(last.map_or_else(|| unsupported(wanted.spec), Failure::from))
}

fn is_about_the_template(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::TemplateInconsistent
                | RvError::TemplateIncomplete
                | RvError::AttributeTypeInvalid
                | RvError::AttributeValueInvalid
                | RvError::AttributeReadOnly
                | RvError::CurveNotSupported
                | RvError::DomainParamsInvalid
                | RvError::ArgumentsBad
                | RvError::GeneralError
                | RvError::FunctionFailed,
            _
        )
    )
}

fn public_template(wanted: &NewKey) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Id(wanted.id.clone()),
        Attribute::Label(wanted.label.clone().into_bytes()),
    ];
    if matches!(wanted.spec, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096) {
        template.extend([Attribute::Encrypt(wanted.decrypts), Attribute::Wrap(false)]);
    }
    template
}

fn private_template(wanted: &NewKey, making: &Making, strict: Strict) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Derive(false),
        Attribute::Id(wanted.id.clone()),
        Attribute::Label(wanted.label.clone().into_bytes()),
    ];
    if matches!(wanted.spec, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096) {
        template.extend([Attribute::Decrypt(wanted.decrypts), Attribute::Unwrap(false)]);
    }
    if strict.mechanisms {
        template.push(Attribute::AllowedMechanisms(making.allowed.clone()));
    }
    if strict.copyable {
        template.push(Attribute::Copyable(false));
    }
    if strict.modifiable {
        template.push(Attribute::Modifiable(false));
    }
    template
}

/// Destroys both halves; what is not there is destroyed already.
pub(super) fn destroy(session: &Session, at: &Locator) -> Result<(), Failure> {
    for half in public::halves(session, at)? {
        session.destroy_object(half)?;
    }
    Ok(())
}
