//! The raw library and the raw disk, one act at a time: what everything is a ratio of.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use x509::{PublicKey, Signature, SignatureScheme};

use crate::report::{Measured, Row, Times, count, time};

/// How long each is measured.
const SPAN: Duration = Duration::from_secs(2);
/// The octets of a message, about those of a TBSCertificate, and of a record.
pub const MESSAGE: usize = 1_500;

/// A P-256 key in this process.
pub struct Pair {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl Pair {
    /// Generates one.
    pub fn generate() -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let spki = pair.public_key().as_der()?;
        let public = PublicKey::parse(spki.as_ref())?;
        Ok(Self { pair, public })
    }

    /// Returns the public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Signature> {
        let signature = self.pair.sign(&SystemRandom::new(), message)?;
        Ok(Signature::from_vec(signature.as_ref().to_vec()))
    }

    /// Returns the key as a PKCS#8 file has it.
    pub fn to_pkcs8(&self) -> anyhow::Result<Vec<u8>> {
        Ok(self.pair.to_pkcs8v1()?.as_ref().to_vec())
    }

    /// Verifies.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> anyhow::Result<()> {
        Ok(self.public.verify(SignatureScheme::EcdsaP256Sha256, message, signature)?)
    }
}

/// Median times of the raw acts: what other programs on the machine do moves means.
#[derive(Clone, Copy)]
pub struct Raw {
    /// A P-256 signature.
    pub sign: Duration,
    /// Its verification.
    pub verify: Duration,
    /// A record written and synced.
    pub sync: Duration,
}

impl Raw {
    /// Measures all of them.
    pub fn measure(disk: &Path) -> anyhow::Result<Self> {
        let (pair, message) = (Pair::generate()?, vec![7; MESSAGE]);
        let signature = pair.sign(&message)?;
        Ok(Self {
            sign: median(|| pair.sign(&message).map(drop))?,
            verify: median(|| pair.verify(&message, &signature))?,
            sync: sync(disk)?,
        })
    }

    /// Returns a signature and its verification together.
    pub fn signed(&self) -> Duration {
        self.sign + self.verify
    }

    /// Writes a duration as a multiple of one signature with its verification.
    pub fn signatures(&self, duration: Duration) -> String {
        let ratio = duration.as_secs_f64() / self.signed().as_secs_f64();
        format!("{ratio:.2} × (sign + verify)")
    }

    /// Writes the raw rows.
    pub fn rows(&self) -> Vec<Row> {
        let row = |path: &str, each: Duration| {
            let value = format!("{} ({}/s)", time(each), count(1.0 / each.as_secs_f64()));
            let measured = Measured { value, ratio: "1".to_owned(), kept: None };
            Row::new(path, "", Ok(measured))
        };
        vec![
            row("raw: P-256 signature over 1.5 KB, one core", self.sign),
            row("raw: P-256 verification over 1.5 KB, one core", self.verify),
            row("raw: 1.5 KB appended and fdatasync, one at a time", self.sync),
        ]
    }
}

/// Measures appended records, each synced before the next.
fn sync(disk: &Path) -> anyhow::Result<Duration> {
    let directory = crate::process::directory(disk)?;
    let mut file = File::create(directory.path().join("records"))?;
    median(|| {
        file.write_all(&[7; MESSAGE])?;
        Ok(file.sync_data()?)
    })
}

fn median(mut act: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    for _ in 0..20 {
        act()?;
    }
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < SPAN {
        let act_began = Instant::now();
        act()?;
        times.push(act_began.elapsed());
    }
    Ok(Times::new(times).median())
}
