//! The whole stack with keys in the fakes of both clouds, and what of their credentials the server
//! has: nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use clouds::{AwsCloud, GoogleCloud};
use kit::{Database, Openssl, Stack};
use tempfile::TempDir;

use crate::sandbox::memory::copies;
use crate::{lifecycle, two_rings};

const REGION: &str = "eu-central-1";

/// A folder with what a signer is told of a fake: kms.toml, and a credential that it alone may read.
pub struct Given(TempDir);

impl Given {
    fn new(credential: &str, config: impl Fn(&Path) -> String) -> Self {
        let given = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        };
        mode(given.path(), 0o755);
        let (file, toml) = (given.path().join("credential"), given.path().join("kms.toml"));
        fs::write(&file, credential).expect("a file");
        mode(&file, 0o600);
        fs::write(&toml, config(&file)).expect("kms.toml");
        mode(&toml, 0o644);
        if kit::uid() == 0 {
            let signer = Some(kit::signer_user(None));
            chown(&file, signer, signer).expect("root gives files away");
        }
        Self(given)
    }

    /// Makes one for a fake of AWS.
    pub fn of_aws(cloud: &AwsCloud) -> Self {
        let credential = fs::read_to_string(cloud.credentials_file()).expect("a credential");
        Self::new(&credential, |file| cloud.config_with(file, ""))
    }

    /// Returns the path of kms.toml.
    pub fn config(&self) -> String {
        self.0.path().join("kms.toml").display().to_string()
    }
}

/// A running stack whose keys are in a fake, and what its signer is told.
pub struct InCloud {
    pub stack: Stack,
    _given: Given,
}

impl InCloud {
    fn start(given: Given) -> Self {
        let arguments = ["--driver", "kms", "--driver-config", &given.config()];
        Self { stack: Stack::start_with(Database::Sqlite, &arguments), _given: given }
    }
}

/// Starts a stack over a fake of AWS.
pub fn over_aws(cloud: &AwsCloud) -> InCloud {
    InCloud::start(Given::of_aws(cloud))
}

#[test]
fn openssl_agrees_with_every_key_in_aws() {
    let cloud = AwsCloud::start(&[REGION]);
    let InCloud { stack, _given } = over_aws(&cloud);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    lifecycle::holds(&stack, &openssl);
    assert!(cloud.faults(REGION).calls("Sign", "") > 3);
}

#[test]
fn openssl_agrees_with_every_key_in_google() {
    let cloud = GoogleCloud::start();
    let InCloud { stack, _given } = InCloud::start(Given::new("{}", |_| cloud.config("")));
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    lifecycle::holds(&stack, &openssl);
    assert!(cloud.faults().calls("asymmetricSign", "") > 3);
}

#[test]
fn a_root_in_a_file_ring_signs_an_issuing_ca_in_aws() {
    let cloud = AwsCloud::start(&[REGION]);
    let InCloud { stack: below, _given } = over_aws(&cloud);
    let above = Stack::start_with(Database::Sqlite, &["--driver", "file"]);
    let Some(openssl) = Openssl::find(&below.dir().join("openssl")) else { return };
    two_rings::holds(&above, &below, &openssl);
}

#[test]
fn the_server_has_no_cloud_credential_in_its_memory_or_on_its_disk() {
    if kit::uid() != 0 {
        return kit::skip("root", "the server is not dumpable: only root reads its memory");
    }
    let secret = "canary-secret-access-key-7f3a9c41";
    let cloud = AwsCloud::with_secret(&[REGION], secret);
    searched(&over_aws(&cloud).stack, &[secret.as_bytes()]);

    let google = GoogleCloud::start();
    let (account, canaries) = service_account();
    let given = Given::new(&account, |file| {
        google.config_with(&format!("credentials_file = {:?}\n", file.display().to_string()), "")
    });
    let InCloud { stack, _given } = InCloud::start(given);
    let shown = google.faults().credentials();
    assert!(shown.keys().all(|shown| shown.starts_with("Bearer ")), "{shown:?}");
    let token = |shown: &String| shown.as_bytes()["Bearer ".len()..].to_vec();
    let tokens: Vec<_> = shown.keys().map(token).collect();
    let all: Vec<&[u8]> = canaries.iter().chain(&tokens).map(Vec::as_slice).collect();
    searched(&stack, &all);
}

/// Works with a stack, and looks for secrets where they must not be; and where they must, so that
/// it is known that they would be found.
fn searched(stack: &Stack, canaries: &[&[u8]]) {
    if let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) {
        lifecycle::holds(stack, &openssl);
    }
    let signer = process(stack, "signer-kms");
    let server = process(stack, "chancery-server");
    let found = canaries.iter().filter(|canary| copies(signer, canary) > 0).count();
    assert!(found > 0, "the signer has at least one of them");
    for canary in canaries {
        assert_eq!(copies(server, canary), 0, "in the server's memory");
        let mut files = Vec::new();
        below(&stack.data(), &mut files);
        assert!(files.len() > 5, "the data directory has files");
        for file in files {
            let octets = fs::read(&file).expect("root reads everything");
            let has = octets.windows(canary.len()).any(|window| window == *canary);
            assert!(!has, "in {}", file.display());
        }
    }
}

/// Finds the process of a stack that runs a program.
fn process(stack: &Stack, program: &str) -> i32 {
    let data = stack.data().display().to_string();
    let all = fs::read_dir("/proc").expect("/proc").flatten();
    let runs = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut arguments = line.split('\0');
        arguments.next().is_some_and(|first| first.ends_with(program)) && line.contains(&data)
    };
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.into_iter().find(runs).unwrap_or_else(|| panic!("no {program} runs"))
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("root reads everything").flatten() {
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            below(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

/// A service account with a fresh key: what it signs with needs no server of tokens.
fn service_account() -> (String, Vec<Vec<u8>>) {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = pair.as_der().expect("PKCS#8").as_ref().to_vec();
    let pem = x509::pem::encode("PRIVATE KEY", &der);
    let id = "canary-key-id-51d0c3b2";
    let account = serde_json::json!({
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": id,
        "private_key": pem,
        "client_email": "signer@tests.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    let line = pem.lines().nth(5).expect("a line of the key").as_bytes().to_vec();
    (account.to_string(), vec![id.as_bytes().to_vec(), line, der[200..260].to_vec()])
}
