//! RFC 7512: the URIs of tokens and keys.
//!
//! Taken strictly and in part: what names a token (`token`, `serial`, `manufacturer`, `model`) and
//! a key in it (`object`, `id`, `type`). Slots are places and not tokens, so that every attribute of
//! a slot is refused; so is the query component, for neither a module nor a PIN comes from a URI.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// Why a text is no URI that is taken. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UriError {
    /// It does not begin as it must.
    #[error("it does not begin with `pkcs11:`")]
    Scheme,
    /// It has a query component.
    #[error("`?{0}` is refused: modules and PINs are named in the configuration alone")]
    Query(String),
    /// It names a slot.
    #[error("`{0}` is refused: a slot's number or name says nothing of the token in it")]
    Slot(String),
    /// It names the library.
    #[error("`{0}` is refused: the module is named in the configuration alone")]
    Library(String),
    /// An attribute that RFC 7512 §2.3 does not have.
    #[error("`{0}` is no attribute of a token or a key")]
    Attribute(String),
    /// An attribute stands twice (RFC 7512 §2.3).
    #[error("`{0}` stands twice")]
    Twice(&'static str),
    /// A part without `=`, or without a name.
    #[error("`{0}` is no attribute with a value")]
    NoValue(String),
    /// An octet that must be percent-encoded, or a percent sign without two digits.
    #[error("the value of `{0}` is not encoded as RFC 7512 §2.3 demands")]
    Encoding(&'static str),
    /// Text that is no UTF-8, is empty, or has a NUL in it.
    #[error("the value of `{0}` is no text")]
    Text(&'static str),
    /// More octets than PKCS#11 has room for.
    #[error("the value of `{0}` is longer than {1} octets")]
    TooLong(&'static str, usize),
    /// `type` is not `private`.
    #[error("`type` is `private`, or left out")]
    Type,
    /// An attribute that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

/// A token, and a key in it if `object` or `id` are given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uri {
    /// The token's label, without the blanks that pad it.
    pub token: String,
    /// The token's serial number, without the blanks that pad it.
    pub serial: String,
    /// The token's manufacturer, if it is given.
    pub manufacturer: Option<String>,
    /// The token's model, if it is given.
    pub model: Option<String>,
    /// The key's CKA_LABEL.
    pub object: Option<String>,
    /// The key's CKA_ID.
    pub id: Option<Vec<u8>>,
}

/// What is read before it is known to be complete.
#[derive(Default)]
struct Parts {
    token: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    kind: Option<String>,
}

/// The widths of CK_TOKEN_INFO's fields, and limits of our own for a key's.
const TOKEN: usize = 32;
const SERIAL: usize = 16;
const MANUFACTURER: usize = 32;
const MODEL: usize = 16;
const OBJECT: usize = 256;
const ID: usize = 64;

impl Uri {
    /// Tells whether both name the same token.
    #[must_use]
    pub fn same_token(&self, other: &Self) -> bool {
        (&self.token, &self.serial) == (&other.token, &other.serial)
    }

    /// Tells whether it names a key, not a token alone.
    #[must_use]
    pub fn names_a_key(&self) -> bool {
        self.object.is_some() || self.id.is_some()
    }

    /// Names a key in this token.
    #[must_use]
    pub fn key(&self, id: &[u8]) -> Self {
        Self { id: Some(id.to_vec()), object: None, ..self.clone() }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(UriError::Scheme)?;
        if let Some((_, query)) = rest.split_once('?') {
            // The value may be a PIN.
            let name = query.split('=').next().unwrap_or_default();
            return Err(UriError::Query(name.to_owned()));
        }
        let mut parts = Parts::default();
        for part in rest.split(';') {
            parts.take(part)?;
        }
        parts.finish()
    }
}

impl Parts {
    fn take(&mut self, part: &str) -> Result<(), UriError> {
        let (name, value) =
            part.split_once('=').ok_or_else(|| UriError::NoValue(part.to_owned()))?;
        match name {
            "token" => once(&mut self.token, "token", text("token", value, TOKEN)?),
            "serial" => once(&mut self.serial, "serial", text("serial", value, SERIAL)?),
            "manufacturer" => {
                let value = text("manufacturer", value, MANUFACTURER)?;
                once(&mut self.manufacturer, "manufacturer", value)
            }
            "model" => once(&mut self.model, "model", text("model", value, MODEL)?),
            "object" => once(&mut self.object, "object", text("object", value, OBJECT)?),
            "type" => once(&mut self.kind, "type", text("type", value, OBJECT)?),
            "id" => {
                let octets = decode("id", value)?;
                if octets.is_empty() {
                    return Err(UriError::Text("id"));
                }
                if octets.len() > ID {
                    return Err(UriError::TooLong("id", ID));
                }
                once(&mut self.id, "id", octets)
            }
            other if other.starts_with("slot-") => Err(UriError::Slot(other.to_owned())),
            other if other.starts_with("library-") => Err(UriError::Library(other.to_owned())),
            other => Err(UriError::Attribute(other.to_owned())),
        }
    }

    fn finish(self) -> Result<Uri, UriError> {
        if self.kind.is_some_and(|kind| kind != "private") {
            return Err(UriError::Type);
        }
        Ok(Uri {
            token: self.token.ok_or(UriError::Missing("token"))?,
            serial: self.serial.ok_or(UriError::Missing("serial"))?,
            manufacturer: self.manufacturer,
            model: self.model,
            object: self.object,
            id: self.id,
        })
    }
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(UriError::Twice(name)),
    }
}

fn text(name: &'static str, value: &str, limit: usize) -> Result<String, UriError> {
    let octets = decode(name, value)?;
    if octets.len() > limit {
        return Err(UriError::TooLong(name, limit));
    }
    match String::from_utf8(octets) {
        Ok(text) if !text.is_empty() && !text.contains('\0') => Ok(text),
        _ => Err(UriError::Text(name)),
    }
}

/// RFC 7512 §2.3, `pk11-pchar`: what may stand for itself in the path component.
fn stands_for_itself(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=&".contains(&octet)
}

fn decode(name: &'static str, value: &str) -> Result<Vec<u8>, UriError> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let (high, low) = (digit(rest.next()), digit(rest.next()));
            let both = high.zip(low).ok_or(UriError::Encoding(name))?;
            octets.push(u8::try_from(both.0 << 4 | both.1).unwrap_or(0));
        } else if stands_for_itself(octet) {
            octets.push(octet);
        } else {
            return Err(UriError::Encoding(name));
        }
    }
    Ok(octets)
}

impl fmt::Display for Uri {
    /// One form of each: in this order, `id` in hexadecimal throughout.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkcs11:token={};serial={}", Encoded(&self.token), Encoded(&self.serial))?;
        if let Some(manufacturer) = &self.manufacturer {
            write!(f, ";manufacturer={}", Encoded(manufacturer))?;
        }
        if let Some(model) = &self.model {
            write!(f, ";model={}", Encoded(model))?;
        }
        if let Some(object) = &self.object {
            write!(f, ";object={}", Encoded(object))?;
        }
        if let Some(id) = &self.id {
            f.write_str(";id=")?;
            id.iter().try_for_each(|octet| write!(f, "%{octet:02X}"))?;
        }
        Ok(())
    }
}

struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|octet| {
            if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                write!(f, "{}", char::from(octet))
            } else {
                write!(f, "%{octet:02X}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_token_and_a_key_and_writes_them_in_one_form() {
        for (text, written) in [
            ("pkcs11:token=ca;serial=1", "pkcs11:token=ca;serial=1"),
            ("pkcs11:serial=1;token=ca", "pkcs11:token=ca;serial=1"),
            (
                "pkcs11:token=The%20CA;serial=a1b2;id=%01%fe;type=private",
                "pkcs11:token=The%20CA;serial=a1b2;id=%01%FE",
            ),
            (
                "pkcs11:token=c%c3%a4;serial=1;object=iss(1)&x;id=ab;model=m;manufacturer=SoftHSM%20project",
                "pkcs11:token=c%C3%A4;serial=1;manufacturer=SoftHSM%20project;model=m;object=iss%281%29%26x;id=%61%62",
            ),
        ] {
            let uri: Uri = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(uri.to_string(), written);
            assert_eq!(written.parse(), Ok(uri), "{written}");
        }
    }

    #[test]
    fn refuses_what_is_no_uri_of_a_token() {
        let too_long = format!("pkcs11:token={};serial=1", "x".repeat(33));
        for (text, error) in [
            ("pkcs12:token=a;serial=1", UriError::Scheme),
            ("PKCS11:token=a;serial=1", UriError::Scheme),
            ("", UriError::Scheme),
            ("pkcs11:", UriError::NoValue(String::new())),
            ("pkcs11:token=a", UriError::Missing("serial")),
            ("pkcs11:serial=1", UriError::Missing("token")),
            ("pkcs11:token=a;serial=1;", UriError::NoValue(String::new())),
            ("pkcs11:token=a;serial=1;token=b", UriError::Twice("token")),
            ("pkcs11:token=a;serial=1;slot-id=0", UriError::Slot("slot-id".into())),
            ("pkcs11:slot-description=x", UriError::Slot("slot-description".into())),
            ("pkcs11:library-version=3", UriError::Library("library-version".into())),
            ("pkcs11:token=a;serial=1;x-pin=1", UriError::Attribute("x-pin".into())),
            ("pkcs11:token=a;serial=1?pin-value=1234", UriError::Query("pin-value".into())),
            ("pkcs11:token=a;serial=1?module-path=/x", UriError::Query("module-path".into())),
            ("pkcs11:token=a b;serial=1", UriError::Encoding("token")),
            ("pkcs11:token=a%2;serial=1", UriError::Encoding("token")),
            ("pkcs11:token=a%zz;serial=1", UriError::Encoding("token")),
            ("pkcs11:token=%ff;serial=1", UriError::Text("token")),
            ("pkcs11:token=;serial=1", UriError::Text("token")),
            ("pkcs11:token=a%00;serial=1", UriError::Text("token")),
            ("pkcs11:token=a;serial=1;id=", UriError::Text("id")),
            ("pkcs11:token=a;serial=1;type=cert", UriError::Type),
            (&too_long, UriError::TooLong("token", 32)),
        ] {
            assert_eq!(text.parse::<Uri>(), Err(error), "{text}");
        }
    }

    #[test]
    fn an_error_never_shows_a_pin() {
        let error = "pkcs11:token=a;serial=1?pin-value=7391".parse::<Uri>().unwrap_err();
        assert!(!error.to_string().contains("7391"), "{error}");
    }
}
