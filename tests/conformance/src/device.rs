//! A device under test, whatever reaches it.

use std::fmt::Write as _;
use std::sync::Arc;

use keystore::conformance::{Foreign, ForeignSource, Subject};
use keystore::{KeyDriver, KeyIdentity, KeyLocation};
use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::SignatureScheme;

use crate::remapped::Remapped;

/// Starts a driver over the same device.
pub(crate) type Start = Box<dyn Fn() -> anyhow::Result<Arc<dyn KeyDriver>> + Send + Sync>;

/// What a device does not have.
#[derive(Clone, Default)]
pub(crate) struct Lacks {
    /// Algorithms of keys, and why.
    pub(crate) specs: Vec<(KeySpec, String)>,
    /// Schemes that keys which it has could sign by, and why they do not.
    pub(crate) schemes: Vec<(SignatureScheme, String)>,
}

/// A device that is there.
pub(crate) struct Device {
    name: &'static str,
    driver: Arc<dyn KeyDriver>,
    start: Arc<Start>,
    lacks: Lacks,
}

impl Device {
    /// Starts the driver that all cases begin with.
    pub(crate) fn open(
        name: &'static str,
        start: Start,
        lacks: impl FnOnce(&dyn KeyDriver) -> Lacks,
    ) -> anyhow::Result<Self> {
        let driver = start()?;
        let lacks = lacks(driver.as_ref());
        Ok(Self { name, driver, start: Arc::new(start), lacks })
    }

    /// Tells what is tested.
    pub(crate) fn header(&self) -> String {
        let mut text = format!("conformance {}\n\n", env!("CARGO_PKG_VERSION"));
        for line in self.driver.report() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}: {}: {}", line.subject, line.name, line.value);
        }
        text.push('\n');
        text
    }

    /// Gives a subject over identities that no other case has.
    pub(crate) fn subject(&self) -> Box<dyn Subject> {
        Box::new(Over {
            name: self.name,
            driver: Some(Arc::new(Remapped::new(Arc::clone(&self.driver)))),
            start: Arc::clone(&self.start),
            lacks: self.lacks.clone(),
            foreign: 0,
        })
    }
}

struct Over {
    name: &'static str,
    driver: Option<Arc<Remapped>>,
    start: Arc<Start>,
    lacks: Lacks,
    /// How many keys were made to be adopted.
    foreign: u8,
}

impl Subject for Over {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        let driver: Arc<Remapped> = Arc::clone(self.driver.as_ref().expect("it runs"));
        driver
    }

    /// Another driver, over the same keys.
    fn restart(&mut self) {
        let old = self.driver.take().expect("it runs");
        let fresh = (self.start)().expect("it starts again");
        self.driver = Some(Arc::new(old.over(fresh)));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        why(&self.lacks.specs, spec)
    }

    fn lacks_scheme(&self, scheme: SignatureScheme) -> Option<String> {
        why(&self.lacks.schemes, scheme)
    }

    /// A key under an identity of its own, which the driver is not told of again: from then on it is
    /// one that is in the device, where the driver said that it is.
    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        if let Some(why) = self.lacks(spec) {
            return Err(why);
        }
        self.foreign += 1;
        let label = format!("foreign-{}", self.foreign);
        let key = KeyIdentity {
            id: KeyId([0xf0 + self.foreign; 16]),
            label: KeyLabel::new(&label).map_err(|error| error.to_string())?,
            purpose: Purpose::CertAndCrl,
            spec,
        };
        let driver = self.driver();
        let public = driver.generate(&key).map_err(|error| error.to_string())?;
        let mut lines = driver.report().into_iter();
        let line = lines.find(|line| line.subject.ends_with(&label));
        let location = line.and_then(|line| KeyLocation::new(&line.name));
        let location = location.ok_or("the driver does not say where it made the key")?;
        Ok(Foreign { source: ForeignSource::Location(location), public, could_have_left: false })
    }
}

fn why<T: PartialEq>(lacks: &[(T, String)], wanted: T) -> Option<String> {
    lacks.iter().find(|(lacking, _)| *lacking == wanted).map(|(_, why)| why.clone())
}
