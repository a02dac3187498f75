//! A ring of signer-kms in a directory of its own, and a fake of AWS KMS.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clouds::AwsCloud;
use kit::{Process, RawPeer};
use signer_proto::{
    Call, GenerateKey, KeyLabel, KeySpec, Purpose, Refusal, SignCaRequest, SignedCertificate,
    Warrant,
};
use x509::{CertificationRequestInfo, Csr, Extensions, PublicKey, SignatureScheme};

pub const REGION: &str = "eu-central-1";
pub const SCHEME: SignatureScheme = SignatureScheme::EcdsaP256Sha256;
const START: Duration = Duration::from_secs(60);

pub struct Place {
    dir: tempfile::TempDir,
    pub cloud: AwsCloud,
}

impl Place {
    /// Makes a ring.
    pub fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().expect("a directory"),
            cloud: AwsCloud::start(&[REGION]),
        };
        fs::write(place.at("credential"), [9; 32]).expect("a credential");
        private(&place.at("credential"));
        place.configure("");
        let mut init = place.program("init");
        init.arg("--dangerous-no-operators").arg("--unlock-credential").arg(place.at("credential"));
        let made = init.output().expect("signer-kms runs");
        assert!(made.status.success(), "{made:?}");
        place
    }

    /// Writes kms.toml: the service by its name, and more at the end.
    pub fn configure(&self, more: &str) {
        // A name, so that it is looked up.
        let text = self.cloud.config(more).replace("127.0.0.1", "localhost");
        fs::write(self.at("kms.toml"), text).expect("kms.toml");
        private(&self.at("kms.toml"));
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn program(&self, act: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signer-kms"));
        self.arguments(&mut command, act);
        command
    }

    pub fn arguments(&self, command: &mut Command, act: &str) {
        command.arg(act).arg("--ring").arg(self.at("ring"));
    }

    /// Gives a command what `serve` needs.
    pub fn serving(&self, command: &mut Command) {
        self.arguments(command, "serve");
        command.arg("--run").arg(self.at("run")).arg("--parent-pipe");
        command.arg("--unlock-credential").arg(self.at("credential"));
        command.arg("--driver-config").arg(self.at("kms.toml"));
    }

    /// Serves.
    pub fn serve(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signer-kms"));
        self.serving(&mut command);
        self.started(command)
    }

    /// Waits until it is ready.
    pub fn started(&self, command: Command) -> Process {
        let process = Process::start("signer-kms", command);
        assert!(process.has_said("ready", START), "{}", process.text());
        process
    }

    pub fn call<C: Call>(&self, socket: &str, call: &C) -> Result<C::Answer, Refusal> {
        let mut peer = RawPeer::connect(&self.at("run").join(format!("{socket}.sock")))
            .expect("the socket is there");
        peer.call(call).map_err(kit::Failure::refusal)
    }

    pub fn generate(&self, spec: KeySpec) -> Result<PublicKey, Refusal> {
        let made = self.call("admin", &generate(spec))?;
        let spki = made.spki.expect("an asymmetric key");
        Ok(PublicKey::parse(spki.as_bytes()).expect("a public key"))
    }

    /// Has a key sign its own CSR, the least that a key signs; verifies it.
    pub fn sign(&self, public: &PublicKey, name: &str) -> Result<SignedCertificate, Refusal> {
        let info = CertificationRequestInfo {
            subject: kit::name(name),
            public_key: public.clone(),
            extensions: Extensions::new(vec![]).expect("none"),
        };
        let info = info.encode().expect("a request encodes");
        let call = SignCaRequest { key: label(), info: info.clone(), warrant: Warrant::none() };
        let signed = self.call("admin", &call)?;
        let csr = Csr::assemble(&info, SCHEME, &signed.signature);
        let csr = Csr::parse(csr.as_bytes()).expect("a CSR");
        csr.verify_self_signature().expect("the signature is the key's");
        Ok(signed)
    }
}

pub fn label() -> KeyLabel {
    KeyLabel::new("issuing").expect("a label")
}

pub fn generate(spec: KeySpec) -> GenerateKey {
    let purpose = Purpose::CertAndCrl;
    GenerateKey { label: label(), purpose, spec, warrant: Warrant::none() }
}

fn private(path: &std::path::Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}
