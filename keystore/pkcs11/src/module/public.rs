//! Finding keys, and their public halves.

use cryptoki::error::Error;
use cryptoki::object::{
    Attribute, AttributeType, KeyType, MlDsaParameterSetType, ObjectClass, ObjectHandle,
    ParameterSetType,
};
use cryptoki::session::Session;

use super::attributes::Past;
use super::error::of;
use super::lane::Failure;
use crate::wire::{FaultKind, KeyFacts, Locator};

fn template(class: ObjectClass, at: &Locator) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
    template.extend(at.id.clone().map(Attribute::Id));
    template.extend(at.label.clone().map(|label| Attribute::Label(label.into_bytes())));
    template
}

/// Finds the one private key that is called so.
pub(super) fn find_private(session: &Session, at: &Locator) -> Result<ObjectHandle, Failure> {
    if at.id.is_none() && at.label.is_none() {
        return Err(of(FaultKind::Refused, "no key is named").into());
    }
    let found = session.find_objects(&template(ObjectClass::PRIVATE_KEY, at))?;
    match found.as_slice() {
        [key] => Ok(*key),
        [] => Err(of(FaultKind::KeyMissing, "the token has no such private key").into()),
        more => {
            let why = format!("{} private keys of the token are called so", more.len());
            Err(of(FaultKind::Refused, why).into())
        }
    }
}

/// Tells whether anything is called so.
pub(super) fn is_taken(session: &Session, id: &[u8]) -> Result<bool, Failure> {
    let found = session.find_objects(&[Attribute::Id(id.to_vec())])?;
    Ok(!found.is_empty())
}

/// Finds what belongs to a key: objects with its CKA_ID, of both classes.
pub(super) fn halves(session: &Session, at: &Locator) -> Result<Vec<ObjectHandle>, Failure> {
    let mut found = session.find_objects(&template(ObjectClass::PRIVATE_KEY, at))?;
    found.extend(session.find_objects(&template(ObjectClass::PUBLIC_KEY, at))?);
    Ok(found)
}

/// Reads a key's public half and its past.
pub(super) fn look(session: &Session, private: ObjectHandle) -> Result<KeyFacts, Failure> {
    let about = [AttributeType::KeyType, AttributeType::Label, AttributeType::Id];
    let (mut kind, mut label, mut id) = (None, String::new(), Vec::new());
    for attribute in session.get_attributes(private, &about)? {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::Label(octets) => label = String::from_utf8_lossy(&octets).into_owned(),
            Attribute::Id(octets) => id = octets,
            _ => {}
        }
    }
    let kind = kind.ok_or_else(|| of(FaultKind::Refused, "the token does not tell its type"))?;
    let public = find_public(session, &id)?;
    let past = Past::read(session, private)?;
    let spki = spki(session, kind, private, public)?;
    Ok(KeyFacts { spki, label, kept: past.kept(), attributes: past.words() })
}

fn find_public(session: &Session, id: &[u8]) -> Result<Option<ObjectHandle>, Failure> {
    if id.is_empty() {
        return Ok(None);
    }
    let at = Locator { id: Some(id.to_vec()), label: None };
    let found = session.find_objects(&template(ObjectClass::PUBLIC_KEY, &at))?;
    Ok(found.first().copied())
}

/// Encodes the SubjectPublicKeyInfo from whatever the token tells of either half.
fn spki(
    session: &Session,
    kind: KeyType,
    private: ObjectHandle,
    public: Option<ObjectHandle>,
) -> Result<Vec<u8>, Failure> {
    let halves: Vec<_> = public.into_iter().chain([private]).collect();
    for half in &halves {
        if let Some(spki) = from_fields(session, kind, *half)? {
            return Ok(spki);
        }
    }
    // PKCS#11 3.0 §4.8: CKA_PUBLIC_KEY_INFO of either half.
    for half in halves {
        let read = read(session, half, &[AttributeType::PublicKeyInfo])?;
        if let Some(Attribute::PublicKeyInfo(octets)) = read.into_iter().next()
            && !octets.is_empty()
        {
            return Ok(octets);
        }
    }
    Err(of(FaultKind::Refused, "the token does not tell the public key").into())
}

/// An attribute that the object does not have is left out, in whichever way the module says so.
fn read(
    session: &Session,
    half: ObjectHandle,
    wanted: &[AttributeType],
) -> Result<Vec<Attribute>, Failure> {
    use cryptoki::error::RvError;
    match session.get_attributes(half, wanted) {
        Ok(found) => Ok(found),
        Err(Error::Pkcs11(
            RvError::AttributeTypeInvalid | RvError::AttributeSensitive | RvError::ArgumentsBad,
            _,
        )) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn from_fields(
    session: &Session,
    kind: KeyType,
    half: ObjectHandle,
) -> Result<Option<Vec<u8>>, Failure> {
    let fields: &[AttributeType] = match kind {
        KeyType::RSA => &[AttributeType::Modulus, AttributeType::PublicExponent],
        KeyType::EC | KeyType::EC_EDWARDS => &[AttributeType::EcParams, AttributeType::EcPoint],
        KeyType::ML_DSA => &[AttributeType::ParameterSet, AttributeType::Value],
        _ => return Err(of(FaultKind::Unsupported, "keys of this type do not sign here").into()),
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut set = None;
    for attribute in read(session, half, fields)? {
        match attribute {
            Attribute::Modulus(octets) | Attribute::EcParams(octets) => first = octets,
            Attribute::PublicExponent(octets)
            | Attribute::EcPoint(octets)
            | Attribute::Value(octets) => second = octets,
            Attribute::ParameterSet(found) => set = Some(found),
            _ => {}
        }
    }
    if second.is_empty() || first.is_empty() && set.is_none() {
        return Ok(None);
    }
    Ok(match kind {
        KeyType::RSA => Some(rsa(&first, &second)),
        KeyType::EC => Some(ec(&first, &second)),
        KeyType::EC_EDWARDS => Some(ed25519(&second)),
        _ => set.and_then(|set| ml_dsa(set, &second)),
    })
}

const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const ML_DSA: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03";

/// RFC 8017 §A.1.1.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut key = integer(modulus);
    key.extend(integer(exponent));
    spki_of(RSA_ENCRYPTION, &value(0x30, &key))
}

/// RFC 5480 §2. The parameters are the DER of the curve's name already.
fn ec(curve: &[u8], point: &[u8]) -> Vec<u8> {
    spki_of(&[EC_PUBLIC_KEY, curve].concat(), bare(point, 0x04))
}

/// RFC 8410 §4.
fn ed25519(point: &[u8]) -> Vec<u8> {
    let point = if point.len() == 32 { point } else { bare(point, 0) };
    spki_of(ED25519, point)
}

/// RFC 9881 §4.
fn ml_dsa(set: ParameterSetType, key: &[u8]) -> Option<Vec<u8>> {
    let set = MlDsaParameterSetType::from(set);
    let last = match set {
        MlDsaParameterSetType::ML_DSA_44 => 17,
        MlDsaParameterSetType::ML_DSA_65 => 18,
        MlDsaParameterSetType::ML_DSA_87 => 19,
        _ => return None,
    };
    Some(spki_of(&[ML_DSA, &[last]].concat(), key))
}

/// PKCS#11 has CKA_EC_POINT as an OCTET STRING around the point; some modules leave the point bare,
/// which then begins with `first`.
fn bare(point: &[u8], first: u8) -> &[u8] {
    let inner = match point {
        [0x04, 0x81, length, rest @ ..] if rest.len() == usize::from(*length) => rest,
        [0x04, length @ ..=0x7f, rest @ ..] if rest.len() == usize::from(*length) => rest,
        _ => return point,
    };
    // A bare uncompressed point begins with 4, too, and is no OCTET STRING by its length but by
    // chance; then what is inside would not begin as a point does.
    if first == 0 || inner.first() == Some(&first) { inner } else { point }
}

fn spki_of(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let mut content = value(0x30, algorithm);
    content.extend(value(0x03, &[&[0], key].concat()));
    value(0x30, &content)
}

/// A non-negative INTEGER in its shortest form.
fn integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let significant = octets.get(start..).unwrap_or_default();
    let pad = significant.first().is_none_or(|first| first & 0x80 != 0);
    let content = if pad { [&[0], significant].concat() } else { significant.to_vec() };
    value(0x02, &content)
}

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let start = length.iter().position(|octet| *octet != 0).unwrap_or(7);
    let significant = length.get(start..).unwrap_or_default();
    let mut der = vec![tag];
    if content.len() >= 0x80 {
        der.push(0x80 | u8::try_from(significant.len()).unwrap_or(0));
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509::{KeyKind, PublicKey};

    const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    /// The base point of P-256 (FIPS 186-4 §D.1.2.3).
    const G: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                     4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    #[test]
    fn a_point_is_taken_wrapped_and_bare() {
        let point = hex::decode(G).unwrap();
        let wrapped = value(0x04, &point);
        for given in [&point, &wrapped] {
            let key = PublicKey::parse(&ec(P256, given)).unwrap();
            assert_eq!(key.kind(), KeyKind::P256);
            assert_eq!(key.subject_public_key(), point);
        }
    }

    #[test]
    fn numbers_and_raw_keys_become_strict_spkis() {
        let modulus = [&[0xc3][..], &[0x5a; 254], &[0x01]].concat();
        let key = PublicKey::parse(&rsa(&modulus, &[0, 1, 0, 1])).unwrap();
        assert_eq!(key.kind(), KeyKind::Rsa2048);
        let raw = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let raw = raw.unwrap();
        for given in [raw.clone(), value(0x04, &raw)] {
            assert_eq!(PublicKey::parse(&ed25519(&given)).unwrap().kind(), KeyKind::Ed25519);
        }
    }

    /// The tokens of each CI run have no such keys.
    #[test]
    fn ml_dsa_keys_become_strict_spkis() {
        for (set, length, kind) in [
            (MlDsaParameterSetType::ML_DSA_44, 1312, KeyKind::MlDsa44),
            (MlDsaParameterSetType::ML_DSA_65, 1952, KeyKind::MlDsa65),
            (MlDsaParameterSetType::ML_DSA_87, 2592, KeyKind::MlDsa87),
        ] {
            let raw = vec![0x5a; length];
            let key = PublicKey::parse(&ml_dsa(set.into(), &raw).unwrap()).unwrap();
            assert_eq!(key.kind(), kind);
            assert_eq!(key.subject_public_key(), raw);
            assert!(PublicKey::parse(&ml_dsa(set.into(), &raw[1..]).unwrap()).is_err());
        }
    }
}
