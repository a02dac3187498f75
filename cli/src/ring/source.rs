//! Another ring, as somebody who only reads sees it: by its sockets on this machine, or by the
//! API of its server.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use model::RingName;
use serde_json::Value;
use signer_client::SignerClient;
use signer_proto::{
    Digest, Event, InstanceId, Leaf, ProofKind, ReadCheckpoint, ReadJournal, ReadProof, Wire,
};

use crate::exit::Outcome;
use crate::https::Api;
use crate::options::Global;

/// Leaves that the API gives at a time.
const PAGE: u64 = 1_000;
/// Leaves that a courier carries at a time: the signer's own limit.
const BATCH: u64 = 4_096;
/// What a server calls its ring, or the first one of several.
const FIRST: &str = "default";

/// Where the other ring is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the other ring is")]
pub struct Other {
    // Ids of their own: the global options are called alike.
    /// Its data directory, or that of its sockets, on this machine
    #[arg(id = "from", long = "from", value_name = "DIR", required_unless_present = "from_url")]
    directory: Option<PathBuf>,
    /// The API of its server, as in https://ca.corp.example:8443
    #[arg(
        id = "from_url",
        long = "from-url",
        value_name = "URL",
        conflicts_with = "from",
        requires = "from_ca_file",
        requires = "from_token_file"
    )]
    url: Option<String>,
    /// The root certificate of that server
    #[arg(id = "from_ca_file", long = "from-ca-file", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A token of that server, of role auditor
    #[arg(id = "from_token_file", long = "from-token-file", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What that server calls the ring; default: its first one
    #[arg(id = "from_ring", long = "from-ring", value_name = "NAME", requires = "from_url")]
    ring: Option<RingName>,
}

impl Other {
    /// Opens the way to it.
    pub fn open(&self, global: &Global) -> Outcome<Source> {
        match (&self.directory, &self.url) {
            (Some(directory), _) => {
                let run = directory.join("run");
                let run = if run.is_dir() { run } else { directory.clone() };
                Ok(Source::Sockets(crate::admin::connect(&run)?))
            }
            (None, url) => {
                let there = Global {
                    url: url.clone(),
                    ca_file: self.ca_file.clone(),
                    token_file: self.token_file.clone(),
                    ..global.clone()
                };
                Ok(Source::Api(Api::open(&there)?, self.ring.clone()))
            }
        }
    }
}

/// The way to another ring. Nothing that comes from it is believed: the signer verifies it.
pub enum Source {
    /// Its admin.sock.
    Sockets(SignerClient),
    /// Its server, and what that calls it.
    Api(Api, Option<RingName>),
}

impl Source {
    /// Reads the genesis leaf.
    pub async fn genesis(&self) -> Outcome<Vec<u8>> {
        let first = self.leaves(0, 1).await?.into_iter().next();
        Ok(first.context("the other ring has no journal")?)
    }

    /// Reads which ring it is.
    pub async fn instance(&self) -> Outcome<InstanceId> {
        match Leaf::from_wire(&self.genesis().await?).map(|leaf| leaf.event) {
            Ok(Event::Genesis(genesis)) => Ok(genesis.instance),
            _ => Err(anyhow!("the other ring's journal begins with no genesis leaf").into()),
        }
    }

    /// Reads the newest checkpoint.
    pub async fn checkpoint(&self) -> Outcome<Vec<u8>> {
        match self {
            Self::Sockets(client) => {
                let least = client.health().await?.position;
                Ok(client.read_checkpoint(&ReadCheckpoint { least }).await?.newest.0)
            }
            Self::Api(api, ring) => {
                Ok(api.get(&format!("{}/checkpoint", log(ring))).await?.body.to_vec())
            }
        }
    }

    /// Reads so many leaves, or fewer, from a position on.
    pub async fn leaves(&self, from: u64, count: u64) -> Outcome<Vec<Vec<u8>>> {
        match self {
            Self::Sockets(client) => {
                let limit = u32::try_from(count.min(BATCH)).unwrap_or(u32::MAX);
                let slice = client.read_journal(&ReadJournal { from, limit }).await?;
                Ok(slice.leaves.0.into_iter().map(|leaf| leaf.0).collect())
            }
            Self::Api(api, ring) => {
                let limit = count.min(PAGE);
                let ring = ring.as_ref().map(|ring| format!("&ring={ring}")).unwrap_or_default();
                let path = format!("/api/v1/journal/entries?from={from}&limit={limit}{ring}");
                let answer = api.get(&path).await?.json()?;
                let entries = answer["entries"].as_array().cloned().unwrap_or_default();
                entries.iter().map(|entry| octets(&entry["leaf"])).collect()
            }
        }
    }

    /// Reads the proof that one tree is the beginning of another (RFC 9162 §2.1.4).
    pub async fn consistency(&self, old: u64, new: u64) -> Outcome<Vec<Digest>> {
        if old == new {
            return Ok(Vec::new());
        }
        match self {
            Self::Sockets(client) => {
                let ask = ReadProof { kind: ProofKind::Consistency, first: old, size: new };
                Ok(client.read_proof(&ask).await?.hashes.0)
            }
            Self::Api(api, ring) => {
                let path = format!("{}/proof/consistency?old={old}&new={new}", log(ring));
                let answer = api.get(&path).await?.json()?;
                let hashes = answer["hashes"].as_array().cloned().unwrap_or_default();
                hashes.iter().map(digest).collect()
            }
        }
    }
}

/// Where a server has the log of a ring.
fn log(ring: &Option<RingName>) -> String {
    let name = ring.as_ref().map_or(FIRST, RingName::as_str);
    format!("/.well-known/pki/log/{name}")
}

fn octets(value: &Value) -> Outcome<Vec<u8>> {
    let text = value.as_str().context("the other server's answer has no leaf")?;
    Ok(STANDARD.decode(text).context("the other server's answer is no base64")?)
}

fn digest(value: &Value) -> Outcome<Digest> {
    let octets = octets(value)?;
    let hash = octets.try_into().map_err(|_| anyhow!("the other server's proof has no hashes"))?;
    Ok(Digest(hash))
}
