//! Keys that are in a token already.

use keystore::{Adopt, AdoptSource, Adopted, DriverError, KeyIdentity};
use x509::{PublicKey, SpkiDer};

use super::Pkcs11Driver;
use super::keys::Place;
use crate::uri::Uri;

impl Adopt for Pkcs11Driver {
    fn adopt(
        &self,
        key: &KeyIdentity,
        source: AdoptSource<'_>,
        pinned: &SpkiDer,
    ) -> Result<Adopted, DriverError> {
        let AdoptSource::Location(location) = source else {
            let why = "a token takes no private key that exists elsewhere: name one that is in it";
            return Err(DriverError::ImportRefused(why.to_owned()));
        };
        if self.keys.known(key)?.is_some() {
            return Err(DriverError::KeyExists(key.id.to_string()));
        }
        let text = location.as_str();
        let unusable =
            |why: String| DriverError::LocationUnusable { location: text.to_owned(), why };
        let uri: Uri =
            text.parse().map_err(|error: crate::UriError| unusable(error.to_string()))?;
        if !uri.names_a_key() {
            return Err(unusable("it names no key: `id` or `object` is missing".to_owned()));
        }
        let token = self.config.tokens.iter().position(|token| token.uri.same_token(&uri));
        let token = token.ok_or_else(|| unusable("the token is not in pkcs11.toml".to_owned()))?;
        let place = Place::new(token, &uri, &key.id.0);
        let facts = self.look(key, &place).map_err(|error| match error {
            DriverError::KeyMissing(_) => unusable("the token has no such private key".to_owned()),
            other => other,
        })?;
        if facts.spki != pinned.as_bytes() {
            return Err(DriverError::PublicKeyDiffers { location: text.to_owned() });
        }
        let public = PublicKey::parse(&facts.spki)
            .map_err(|_| unusable("its public key does not parse".to_owned()))?;
        if Some(public.kind()) != key.spec.kind() {
            return Err(DriverError::SpecUnsupported(key.spec));
        }
        Ok(Adopted { spec: key.spec, could_have_left: !facts.kept })
    }
}
