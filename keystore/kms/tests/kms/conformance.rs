//! The suite of all drivers, over each cloud, and over moto where it is installed.

use std::sync::Arc;

use clouds::{AwsCloud, GoogleCloud};
use keystore::conformance::{Foreign, ForeignSource, Subject};
use keystore::{KeyDriver, KeyLocation};
use keystore_kms::KmsDriver;
use signer_proto::KeySpec;
use x509::{SignatureScheme, SpkiDer};

use crate::given;

/// Enough for a suite that signs as fast as it can.
pub const QUOTA: &str =
    "[quota]\nper_second = 100000\nburst = 10000\nreserved = 100\n[timeouts]\ncall_ms = 20000\n";
const HOME: &str = "eu-central-1";
/// The suite's keys are a CA's, which signs CRLs.
pub const ED25519: &str = "refused for a CA: a CRL outgrows what the service signs with it";

pub fn foreign(name: &str, public: SpkiDer) -> Foreign {
    let location = KeyLocation::new(name).expect("a location");
    Foreign { source: ForeignSource::Location(location), public, could_have_left: false }
}

struct OverAws {
    cloud: AwsCloud,
    driver: Arc<KmsDriver>,
}

impl OverAws {
    fn new() -> Self {
        let cloud = AwsCloud::start(&[HOME]);
        let driver = Arc::new(given::driver(&cloud.config(QUOTA)));
        Self { cloud, driver }
    }
}

impl Subject for OverAws {
    fn name(&self) -> String {
        "AWS KMS (fake)".to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        Arc::clone(&self.driver) as Arc<dyn KeyDriver>
    }

    fn restart(&mut self) {
        self.driver = Arc::new(given::driver(&self.cloud.config(QUOTA)));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        (spec == KeySpec::Ed25519).then(|| ED25519.to_owned())
    }

    fn take_away(&mut self) -> Result<(), String> {
        self.cloud.faults(HOME).go_down(true);
        Ok(())
    }

    fn bring_back(&mut self) {
        self.cloud.faults(HOME).go_down(false);
    }

    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        let words = match spec {
            KeySpec::P256 => "ECC_NIST_P256",
            other => return Err(format!("no {other} is made beside the driver")),
        };
        let arn = self.cloud.make(words, "AWS_KMS");
        Ok(foreign(&arn, self.cloud.public_key(&arn)))
    }
}

keystore::driver_conformance!(over_aws, Some(OverAws::new()));

struct OverGoogle {
    cloud: GoogleCloud,
    driver: Arc<KmsDriver>,
    made: u32,
}

impl OverGoogle {
    fn new() -> Self {
        let cloud = GoogleCloud::start();
        let driver = Arc::new(given::driver(&cloud.config(QUOTA)));
        Self { cloud, driver, made: 0 }
    }
}

impl Subject for OverGoogle {
    fn name(&self) -> String {
        "Google Cloud KMS (fake)".to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        Arc::clone(&self.driver) as Arc<dyn KeyDriver>
    }

    fn restart(&mut self) {
        self.driver = Arc::new(given::driver(&self.cloud.config(QUOTA)));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        match spec {
            KeySpec::Ed25519 => Some(ED25519.to_owned()),
            KeySpec::P521 => Some("Google Cloud KMS has none".to_owned()),
            _ => None,
        }
    }

    fn lacks_scheme(&self, scheme: SignatureScheme) -> Option<String> {
        use SignatureScheme as S;
        let other = [
            S::RsaPkcs1Sha384,
            S::RsaPkcs1Sha512,
            S::RsaPssSha256,
            S::RsaPssSha384,
            S::RsaPssSha512,
        ];
        let why = "each RSA key is made for one scheme, rsa-pkcs1-sha256 unless configured";
        other.contains(&scheme).then(|| why.to_owned())
    }

    fn take_away(&mut self) -> Result<(), String> {
        self.cloud.faults().go_down(true);
        Ok(())
    }

    fn bring_back(&mut self) {
        self.cloud.faults().go_down(false);
    }

    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        let algorithm = match spec {
            KeySpec::P256 => "EC_SIGN_P256_SHA256",
            other => return Err(format!("no {other} is made beside the driver")),
        };
        self.made += 1;
        let name = self.cloud.make(&format!("foreign-{}", self.made), algorithm, false);
        Ok(foreign(&name, self.cloud.public_key(&name)))
    }
}

keystore::driver_conformance!(over_google, Some(OverGoogle::new()));
