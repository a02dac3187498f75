//! What operators approve about rings beside each other.

use std::path::Path;

use serde_json::json;
use signer_proto::{
    AcceptGap, CrlFloor, CrlFloors, Description, Digest, Follow, KeyLabel, KeyState, LeafBytes,
    Promote, Purpose, Reason, SignerState, Warrant,
};

use super::checkpoint;
use super::prefix::Prefix;
use super::source::Other;
use crate::admin::not_done;
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::Global;
use crate::output;

/// Reads `KEY=NUMBER`.
pub fn floor(text: &str) -> Result<CrlFloor, String> {
    let (key, number) = text.split_once('=').ok_or("it is no KEY=NUMBER")?;
    let key = KeyLabel::new(key).map_err(|_| format!("`{key}` is no key's label"))?;
    let number = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    Ok(CrlFloor { key, number })
}

/// Goes on without the end of the journal.
pub async fn accept_gap(
    global: &Global,
    seen: &Path,
    crls: Vec<CrlFloor>,
    named: Option<Prefix>,
) -> Outcome {
    let admin = operator(global)?;
    let (_, checkpoint) = checkpoint::from_file(seen)?;
    if admin.health().await?.state != SignerState::RolledBack {
        return Err(Failure::Refused(format!(
            "nobody showed the signer that its journal lost its end: `chancery ring \
             show-checkpoint {}` does, if it did",
            seen.display()
        )));
    }
    all_floors(&admin.describe().await?, &crls)?;
    let call = AcceptGap {
        seen_size: checkpoint.size,
        seen_root: Digest(checkpoint.root),
        serial_prefix: Prefix::choose(named, &admin).await?.0,
        crl_floors: CrlFloors(crls),
        warrant: Warrant::none(),
    };
    let act = "accepting that the journal's end is lost";
    let (_, described) = admin.act(call).await.map_err(|error| not_done(act, error))?;
    told(
        global,
        &described,
        "what was signed and revoked in the lost leaves is unknown to this ring from now on",
    )
}

/// Wants a number for every key that signs CRLs: a forgotten one would go on with numbers that
/// relying parties saw already, and refuse what is new.
fn all_floors(described: &Description, crls: &[CrlFloor]) -> Outcome {
    let signs_crls = |purpose| matches!(purpose, Purpose::CertAndCrl | Purpose::CaCertAndCrl);
    let missing = described.keys.0.iter().filter(|key| {
        signs_crls(key.purpose)
            && !matches!(key.state, KeyState::Destroyed | KeyState::PreActive)
            && !crls.iter().any(|floor| floor.key == key.label)
    });
    let missing: Vec<String> = missing
        .map(|key| format!("--crl {}=N (N is {} or more)", key.label, key.crl_number))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "the highest CRL number that anybody saw is missing (`openssl crl -noout -crlnumber` tells \
         it of a CRL): {}",
        missing.join(", ")
    )))
}

/// Makes this standby the active ring.
pub async fn promote(global: &Global, fence: String, named: Option<Prefix>) -> Outcome {
    if fence.len() > 512 {
        return Err(Failure::Usage("--fence: more than 512 octets".into()));
    }
    let admin = operator(global)?;
    let call = Promote {
        serial_prefix: Prefix::choose(named, &admin).await?.0,
        fence: Reason(fence),
        warrant: Warrant::none(),
    };
    let act = "promoting the standby";
    let (_, described) = admin.act(call).await.map_err(|error| not_done(act, error))?;
    told(global, &described, "this ring is the active one; it is locked until it is unlocked")
}

fn told(global: &Global, described: &Description, what: &str) -> Outcome {
    let prefix = Prefix(described.serial_prefix).to_string();
    if global.json {
        return output::json(&json!({
            "instance": described.instance.to_string(),
            "serial_prefix": prefix,
        }));
    }
    output::text(&format!("{what}; serials begin with {prefix}"))
}

/// Takes up another ring.
pub async fn follow(global: &Global, other: &Other, genesis: Option<Digest>) -> Outcome {
    let admin = operator(global)?;
    let leaf = other.open(global)?.genesis().await?;
    let found = Digest(x509::sha256(&leaf));
    if let Some(expected) = genesis.filter(|expected| *expected != found) {
        return Err(Failure::Refused(format!(
            "--genesis: the other ring's is {found}, not {expected}"
        )));
    }
    let call = Follow { genesis: LeafBytes(leaf), warrant: Warrant::none() };
    let act = "following the other ring";
    let (_, ring) = admin.act(call).await.map_err(|error| not_done(act, error))?;
    if global.json {
        return output::json(&json!({
            "instance": ring.instance.to_string(),
            "genesis": found.to_string(),
            "leaves": ring.size,
        }));
    }
    output::text(&format!(
        "{} is followed from now on (genesis {found}); `chancery ring courier` brings its leaves",
        ring.instance
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_read() {
        let read = floor("issuing=417").expect("it is one");
        assert_eq!((read.key.as_str(), read.number), ("issuing", 417));
        for text in ["issuing", "=1", "issuing=", "issuing=-1", "Issuing=1", "a=b=1"] {
            assert!(floor(text).is_err(), "{text}");
        }
    }
}
