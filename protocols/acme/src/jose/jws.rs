//! A JWS in flattened JSON serialisation (RFC 7515 §7.2.2) under the rules of RFC 8555 §6.2.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::decode;
use crate::problem::Problem;

/// Is a JWS whose signature is not yet verified.
#[derive(Debug)]
pub(crate) struct Jws {
    /// The protected header.
    pub(crate) header: Header,
    /// The payload, decoded.
    pub(crate) payload: Vec<u8>,
    /// The signature, decoded.
    pub(crate) signature: Vec<u8>,
    signed: Vec<u8>,
}

/// Is a protected header: what is not named here counts for nothing (RFC 7515 §4).
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    /// The algorithm.
    pub(crate) alg: String,
    /// The anti-replay nonce.
    pub(crate) nonce: Option<String>,
    /// The URL that the request is sent to.
    pub(crate) url: Option<String>,
    /// The key itself.
    pub(crate) jwk: Option<Value>,
    /// The key by the account's URL.
    pub(crate) kid: Option<String>,
    crit: Option<Value>,
    b64: Option<Value>,
}

#[derive(Deserialize)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
    header: Option<Value>,
    signatures: Option<Value>,
}

impl Jws {
    /// Reads a JWS.
    pub(crate) fn read(octets: &[u8]) -> Result<Self, Problem> {
        let malformed = |why: String| Problem::malformed(why);
        let flat: Flattened = object(octets)
            .map_err(|error| malformed(format!("not a JWS in flattened JSON: {error}")))?;
        if flat.header.is_some() {
            return Err(malformed("a JWS has no unprotected header (RFC 8555 §6.2)".into()));
        }
        if flat.signatures.is_some() {
            return Err(malformed("a JWS has one signature (RFC 8555 §6.2)".into()));
        }
        let protected = decode("the protected header", &flat.protected)?;
        let header: Header = object(&protected)
            .map_err(|error| malformed(format!("the protected header is unusable: {error}")))?;
        // RFC 7515 §4.1.11, RFC 7797: no extension is understood here.
        if header.crit.is_some() || header.b64.is_some() {
            return Err(malformed("the protected header has `crit` or `b64`".into()));
        }
        if header.jwk.is_some() == header.kid.is_some() {
            return Err(malformed("a JWS has `jwk` or `kid`, and not both (RFC 8555 §6.2)".into()));
        }
        Ok(Self {
            header,
            payload: decode("the payload", &flat.payload)?,
            signature: decode("the signature", &flat.signature)?,
            signed: [flat.protected.as_bytes(), b".", flat.payload.as_bytes()].concat(),
        })
    }

    /// Reads a JWS that stands inside another's payload.
    pub(crate) fn read_inner(value: &Value) -> Result<Self, Problem> {
        let octets = serde_json::to_vec(value)
            .map_err(|error| Problem::malformed(format!("not JSON: {error}")))?;
        Self::read(&octets)
    }

    /// Gives what is signed (RFC 7515 §5.1).
    pub(crate) fn signed(&self) -> &[u8] {
        &self.signed
    }
}

/// Reads a JSON object; serde would take an array for a struct, too.
pub(crate) fn object<T: DeserializeOwned>(octets: &[u8]) -> Result<T, String> {
    if octets.trim_ascii_start().first() != Some(&b'{') {
        return Err("not an object".to_owned());
    }
    serde_json::from_slice(octets).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn with(protected: &str, rest: &str) -> Result<Jws, String> {
        let protected = URL_SAFE_NO_PAD.encode(protected);
        let text = format!(r#"{{"protected":"{protected}"{rest}}}"#);
        Jws::read(text.as_bytes()).map_err(|problem| problem.detail().to_owned())
    }

    const REST: &str = r#","payload":"e30","signature":"AAAA""#;
    const KID: &str = r#"{"alg":"ES256","kid":"k","url":"u","nonce":"n"}"#;

    #[test]
    fn reads_what_a_client_sends() {
        let jws = with(KID, REST).expect("a JWS");
        assert_eq!(jws.payload, b"{}");
        assert_eq!(jws.signature, [0, 0, 0]);
        assert!(jws.signed().ends_with(b".e30"));
        assert_eq!(jws.header.kid.as_deref(), Some("k"));
        // Members that nobody knows are passed over.
        assert!(with(KID, r#","payload":"","signature":"","more":1"#).is_ok());
    }

    #[test]
    fn refuses_other_forms() {
        for (protected, rest, why) in [
            (KID, r#","payload":"e30""#, "signature"),
            (KID, r#","payload":"e30","signature":"AAAA","header":{}"#, "unprotected"),
            (KID, r#","payload":"e30","signature":"AAAA","signatures":[]"#, "one signature"),
            (KID, r#","payload":"e30=","signature":"AAAA""#, "payload"),
            (KID, r#","payload":"e30","signature":"AA+A""#, "signature"),
            (r#"{"alg":"ES256","url":"u"}"#, REST, "`jwk` or `kid`"),
            (r#"{"alg":"ES256","kid":"k","jwk":{}}"#, REST, "`jwk` or `kid`"),
            (r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#, REST, "crit"),
            (r#"{"alg":"ES256","kid":"k","b64":false}"#, REST, "b64"),
            (r#"{"kid":"k"}"#, REST, "alg"),
            (r#"{"alg":"ES256","alg":"none","kid":"k"}"#, REST, "duplicate"),
            (r#"[]"#, REST, "unusable"),
            (r#"{"alg":"#, REST, "unusable"),
        ] {
            let told = with(protected, rest).expect_err("it is refused");
            assert!(told.contains(why), "{protected} {rest}: {told}");
        }
        for text in ["", "[]", "e30.e30.AAAA", r#"{"payload":"","signatures":[]}"#] {
            assert!(Jws::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
