//! A token by itself: its module in a process of its own, without anything of ours, signing with the
//! key that the signer signs with. A key of a session would be another thing to the token: SoftHSM
//! keeps what a token has in files and looks at them each time.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;
use keystore_pkcs11::Config;
use signer_proto::{KeyLabel, KeySpec};

use crate::load::Spent;
use crate::process;

/// The first argument of the process.
pub const ACT: &str = "token-alone";
/// How long a round is.
const ROUND: Duration = Duration::from_secs(3);

/// The process, and how it is told to sign for a round.
pub struct Alone {
    child: Child,
    orders: ChildStdin,
    counts: Lines<BufReader<ChildStdout>>,
}

impl Alone {
    /// Starts it for the one token of a configuration.
    pub fn start(config: &Path, spec: KeySpec, issuing: &KeyLabel) -> anyhow::Result<Self> {
        let read = Config::read(config)?;
        let module = read.modules.first().context("a module")?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ACT)
            .arg(config)
            .args([spec.as_str(), issuing.as_str()])
            .envs(&module.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().context("a pipe")?;
        let counts = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let mut alone = Self { child, orders, counts };
        // The first round finds keys and fills caches.
        alone.sign()?;
        Ok(alone)
    }

    /// Signs with all sessions for a round.
    pub fn sign(&mut self) -> anyhow::Result<Spent> {
        let before = process::cpu(self.child.id())?;
        writeln!(self.orders)?;
        let line = self.counts.next().context("the process that has the token alone ended")??;
        let (acts, wall) = line.split_once(' ').context("two numbers")?;
        Ok(Spent {
            acts: acts.parse()?,
            wall: Duration::from_secs_f64(wall.parse()?),
            cpu: process::cpu(self.child.id())? - before,
        })
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the process: a round for each line that it is given.
pub fn serve(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut next = || arguments.next().context("configuration, algorithm, label");
    let (config, spec, issuing) = (next()?, next()?, next()?);
    let config = Config::read(Path::new(&config))?;
    let token = config.tokens.first().context("a token")?;
    let module = config.modules.first().context("a module")?;
    let context = Pkcs11::new(&module.path)?;
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slots = context.get_slots_with_token()?.into_iter();
    let mut labelled = slots.filter(|slot| {
        let info = context.get_token_info(*slot);
        info.is_ok_and(|info| info.label().trim_end() == token.uri.token)
    });
    let slot = labelled.next().context("the token")?;
    let pin = std::fs::read(token.pin_file.as_ref().context("a PIN")?)?;
    let sessions = (0..token.sessions).map(|_| context.open_ro_session(slot));
    let mut sessions = sessions.collect::<Result<Vec<Session>, _>>()?;
    let first = sessions.first().context("a session")?;
    first.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.trim_ascii().to_vec())))?;
    let key = find(first, &issuing)?;
    let spec = KeySpec::ALL.iter().copied().find(|known| known.as_str() == spec);
    let spec = spec.context("an algorithm")?;
    for line in std::io::stdin().lines() {
        line?;
        let begun = Instant::now();
        let count = round(&mut sessions, key, spec)?;
        println!("{count} {}", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

fn find(session: &Session, issuing: &str) -> anyhow::Result<ObjectHandle> {
    for key in session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])? {
        let attributes = session.get_attributes(key, &[cryptoki::object::AttributeType::Label])?;
        let Some(Attribute::Label(label)) = attributes.into_iter().next() else { continue };
        // As the driver calls it: what it is for follows.
        if label.starts_with(format!("{issuing}/").as_bytes()) {
            return Ok(key);
        }
    }
    anyhow::bail!("the token has no key {issuing}")
}

/// All sessions at once, each as fast as it can.
fn round(sessions: &mut [Session], key: ObjectHandle, spec: KeySpec) -> anyhow::Result<usize> {
    let end = Instant::now() + ROUND;
    let sign = move |session: &mut Session| {
        let (mechanism, length) = match spec {
            KeySpec::Rsa3072 => (Mechanism::RsaPkcs, 51),
            KeySpec::P256 => (Mechanism::Ecdsa, 32),
            KeySpec::P384 => (Mechanism::Ecdsa, 48),
            other => anyhow::bail!("nothing is measured with {other}"),
        };
        let mut count = 0;
        while Instant::now() < end {
            session.sign(&mechanism, key, &vec![0x5a; length])?;
            count += 1;
        }
        anyhow::Ok(count)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> =
            sessions.iter_mut().map(|session| scope.spawn(move || sign(session))).collect();
        running.into_iter().map(|one| one.join().map_err(|_| anyhow::anyhow!("a panic"))?).sum()
    })
}
