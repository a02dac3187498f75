//! The operator's key that `chancery up` makes: an Ed25519 key in OpenSSH's own format, so that
//! `ssh-keygen -Y sign` takes it too.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::up::{random, write_private};

const ALGORITHM: &[u8] = b"ssh-ed25519";
const MAGIC: &[u8] = b"openssh-key-v1\0";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// An Ed25519 key of OpenSSH, without a passphrase.
pub struct OperatorKey {
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
    comment: String,
}

impl OperatorKey {
    /// Makes a key.
    pub fn generate(comment: &str) -> anyhow::Result<Self> {
        let seed = Zeroizing::new(random::<32>()?);
        Self::of(seed, comment.to_owned())
    }

    fn of(seed: Zeroizing<[u8; 32]>, comment: String) -> anyhow::Result<Self> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| anyhow!("no Ed25519 key"))?;
        Ok(Self { pair, seed, comment })
    }

    /// Reads the private key file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.with_context(|| format!("read the operator's key {}", path.display()))?;
        Self::parse(&text).with_context(|| {
            format!(
                "{} is no Ed25519 key that `chancery up` made; name yours with --operator-key",
                path.display()
            )
        })
    }

    /// Reads the text of a private key (PROTOCOL.key of OpenSSH), only as [`Self::to_text`]
    /// writes it.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let body: Zeroizing<String> = Zeroizing::new(
            body.context("it is no OpenSSH private key")?.split_whitespace().collect(),
        );
        let octets = STANDARD.decode(body.as_bytes()).map(Zeroizing::new).context("base64")?;
        let mut rest = octets.strip_prefix(MAGIC).context("it is no openssh-key-v1")?;
        if string(&mut rest)? != b"none" || string(&mut rest)? != b"none" {
            bail!("it is encrypted with a passphrase");
        }
        let _kdf_options = string(&mut rest)?;
        if number(&mut rest)? != 1 {
            bail!("it holds more than one key");
        }
        let _public = string(&mut rest)?;
        let mut secret = string(&mut rest)?;
        if number(&mut secret)? != number(&mut secret)? {
            bail!("its check numbers differ");
        }
        if string(&mut secret)? != ALGORITHM {
            bail!("it is no ssh-ed25519 key");
        }
        let _public = string(&mut secret)?;
        let pair = string(&mut secret)?;
        let comment = String::from_utf8_lossy(string(&mut secret)?).into_owned();
        let seed = pair.first_chunk::<32>().filter(|_| pair.len() == 64).context("its length")?;
        Self::of(Zeroizing::new(*seed), comment)
    }

    /// Writes the key beside its public half, `PATH.pub`, where neither is yet.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_private(path, self.to_text().as_bytes(), 0o600)?;
        write_private(&public_path(path), format!("{}\n", self.public_line()).as_bytes(), 0o644)
    }

    /// Returns the private key's text.
    fn to_text(&self) -> Zeroizing<String> {
        let mut secret = Zeroizing::new(Vec::new());
        // The same number twice tells a right passphrase from a wrong one; there is none here.
        secret.extend_from_slice(&[0x43, 0x68, 0x61, 0x6e, 0x43, 0x68, 0x61, 0x6e]);
        put(&mut secret, ALGORITHM);
        put(&mut secret, self.pair.public_key().as_ref());
        let both = [self.seed.as_slice(), self.pair.public_key().as_ref()].concat();
        put(&mut secret, &Zeroizing::new(both));
        put(&mut secret, self.comment.as_bytes());
        for padding in 1..=u8::try_from((8 - secret.len() % 8) % 8).unwrap_or(0) {
            secret.push(padding);
        }
        let mut all = Zeroizing::new(MAGIC.to_vec());
        put(&mut all, b"none");
        put(&mut all, b"none");
        put(&mut all, b"");
        all.extend_from_slice(&1u32.to_be_bytes());
        put(&mut all, &self.blob());
        put(&mut all, &secret);
        Zeroizing::new(format!("{BEGIN}\n{}{END}\n", wrapped(&all)))
    }

    /// Returns the public key in one line, as `authorized_keys` has it.
    pub fn public_line(&self) -> String {
        format!("ssh-ed25519 {} {}", STANDARD.encode(self.blob()), self.comment)
    }

    /// Returns the public key as OpenSSH encodes it.
    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        put(&mut blob, ALGORITHM);
        put(&mut blob, self.pair.public_key().as_ref());
        blob
    }

    /// Signs a message in a namespace (PROTOCOL.sshsig of OpenSSH); gives the armoured text.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        let mut signed = b"SSHSIG".to_vec();
        put(&mut signed, namespace.as_bytes());
        put(&mut signed, b"");
        put(&mut signed, b"sha512");
        put(&mut signed, digest(&SHA512, message).as_ref());
        let mut signature = Vec::new();
        put(&mut signature, ALGORITHM);
        put(&mut signature, self.pair.sign(&signed).as_ref());

        let mut all = b"SSHSIG".to_vec();
        all.extend_from_slice(&1u32.to_be_bytes());
        put(&mut all, &self.blob());
        put(&mut all, namespace.as_bytes());
        put(&mut all, b"");
        put(&mut all, b"sha512");
        put(&mut all, &signature);
        format!("-----BEGIN SSH SIGNATURE-----\n{}-----END SSH SIGNATURE-----\n", wrapped(&all))
    }
}

/// Returns where the public half of a private key file lies.
pub fn public_path(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Appends a string of RFC 4251 §5.
fn put(out: &mut Vec<u8>, octets: &[u8]) {
    let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(octets);
}

fn number(rest: &mut &[u8]) -> anyhow::Result<u32> {
    let (number, left) = rest.split_first_chunk::<4>().context("it is cut short")?;
    *rest = left;
    Ok(u32::from_be_bytes(*number))
}

fn string<'a>(rest: &mut &'a [u8]) -> anyhow::Result<&'a [u8]> {
    let length = usize::try_from(number(rest)?)?;
    let (octets, left) = rest.split_at_checked(length).context("it is cut short")?;
    *rest = left;
    Ok(octets)
}

/// Encodes in lines of 70 characters, as OpenSSH does.
fn wrapped(octets: &[u8]) -> String {
    let text = Zeroizing::new(STANDARD.encode(octets));
    let mut lines = String::new();
    for line in text.as_bytes().chunks(70) {
        lines.push_str(&String::from_utf8_lossy(line));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_signs_alike() {
        let key = OperatorKey::generate("operator of a test").expect("a key");
        let again = OperatorKey::parse(&key.to_text()).expect("read back");
        assert_eq!(key.public_line(), again.public_line());
        assert_eq!(key.sign("a", b"text"), again.sign("a", b"text"));
        assert_ne!(key.sign("a", b"text"), key.sign("b", b"text"));
    }

    #[test]
    fn refuses_what_is_no_such_key() {
        let key = OperatorKey::generate("x").expect("a key");
        let text = key.to_text();
        for bad in ["", "-----BEGIN OPENSSH PRIVATE KEY-----", &text[..text.len() / 2]] {
            assert!(OperatorKey::parse(bad).is_err());
        }
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let mut octets = STANDARD.decode(body).expect("base64");
        octets[19] ^= 1;
        let bent = format!("{BEGIN}\n{}{END}\n", wrapped(&octets));
        let why = OperatorKey::parse(&bent).map(|_| ()).expect_err("another cipher");
        assert_eq!(why.to_string(), "it is encrypted with a passphrase");
    }

    /// Stock OpenSSH reads the key, derives the same public half, and verifies the signature.
    #[test]
    fn openssh_takes_key_and_signature() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let dir = tempfile::tempdir().expect("a directory");
        let (private, key) = (dir.path().join("op"), OperatorKey::generate("me").expect("a key"));
        key.write(&private).expect("written");
        let derived = match Command::new("ssh-keygen").arg("-yf").arg(&private).output() {
            Ok(output) => output,
            Err(error) => {
                assert!(std::env::var_os("CHANCERY_NO_SKIP").is_none(), "ssh-keygen: {error}");
                println!("SKIPPED: ssh-keygen: it is not installed");
                return;
            }
        };
        assert_eq!(String::from_utf8_lossy(&derived.stdout).trim(), key.public_line());
        let (signature, allowed) = (dir.path().join("sig"), dir.path().join("allowed"));
        std::fs::write(&signature, key.sign("chancery/quorum/v1", b"do it\n")).expect("written");
        std::fs::write(&allowed, format!("me {}\n", key.public_line())).expect("written");
        let verdict = |message: &[u8]| {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-Y", "verify", "-I", "me", "-n", "chancery/quorum/v1", "-f"]);
            keygen.arg(&allowed).arg("-s").arg(&signature);
            keygen.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = keygen.spawn().expect("started");
            child.stdin.take().expect("stdin").write_all(message).expect("written");
            child.wait().expect("ended").success()
        };
        assert!(verdict(b"do it\n"));
        assert!(!verdict(b"do it not\n"));
    }
}
