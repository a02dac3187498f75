//! What every driver must do, over SoftHSM2 and over kryoptic, each behind the module that can take
//! the token away.

use std::sync::Arc;
use std::time::Duration;

use keystore::conformance::{Foreign, ForeignSource, Subject};
use keystore::{KeyDriver, KeyLocation};
use keystore_pkcs11::Pkcs11Driver;
use kit::Tokens;
use signer_proto::KeySpec;

struct InToken {
    name: &'static str,
    tokens: Tokens,
    has_ml_dsa: bool,
    driver: Option<Arc<Pkcs11Driver>>,
    imported: u8,
}

impl InToken {
    fn softhsm2() -> Option<Self> {
        Tokens::faulty(&["one"]).map(|tokens| Self::over("softhsm2", tokens, false))
    }

    fn kryoptic() -> Option<Self> {
        Tokens::faulty_kryoptic(&["one"]).map(|tokens| Self::over("kryoptic", tokens, true))
    }

    fn over(name: &'static str, tokens: Tokens, has_ml_dsa: bool) -> Self {
        let driver = Some(super::start(&tokens));
        Self { name, tokens, has_ml_dsa, driver, imported: 0 }
    }
}

impl Subject for InToken {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        let driver: Arc<Pkcs11Driver> = Arc::clone(self.driver.as_ref().expect("it runs"));
        driver
    }

    fn restart(&mut self) {
        self.driver = None;
        self.driver = Some(super::begin(&self.tokens));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        let is_ml_dsa = matches!(spec, KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87);
        (is_ml_dsa && !self.has_ml_dsa).then(|| "SoftHSM 2.6 has no ML-DSA".to_owned())
    }

    fn take_away(&mut self) -> Result<(), String> {
        self.tokens.order("one", "gone");
        Ok(())
    }

    fn bring_back(&mut self) {
        self.tokens.order("one", "");
        let driver = self.driver.as_ref().expect("it runs");
        let back = driver.await_tokens(Duration::from_secs(20));
        assert!(back, "{:?}", driver.health());
    }

    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        if spec != KeySpec::P256 {
            return Err("keys of this kind are not imported here".to_owned());
        }
        self.imported += 1;
        let id = [0xf0, self.imported];
        let public = self.tokens.import(&["one"], &id);
        let uri = format!("{};id=%F0%{:02X}", self.tokens.uri("one"), self.imported);
        let location = KeyLocation::new(&uri).ok_or("no location")?;
        let source = ForeignSource::Location(location);
        Ok(Foreign { source, public, could_have_left: true })
    }
}

keystore::driver_conformance!(softhsm2, InToken::softhsm2());
keystore::driver_conformance!(kryoptic, InToken::kryoptic());
