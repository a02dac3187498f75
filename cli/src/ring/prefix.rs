//! The first octet of serials, which tells apart what a ring minted before and after a loss.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;
use signer_client::SignerClient;
use signer_proto::{Event, Leaf, ReadJournal, Wire};

use crate::exit::{Failure, Outcome};
use crate::up::random;

/// Leaves that are read at a time.
const READ: u32 = 4_096;

/// A serial prefix: 01 to 7f, so that the serial is neither negative nor begins with zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix(pub u8);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 2 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("it is no octet of two hexadecimal digits");
        }
        let octet = u8::from_str_radix(text, 16).ok();
        let octet = octet.filter(|octet| (0x01..=0x7f).contains(octet));
        octet.map(Self).ok_or("it is not within 01 to 7f")
    }
}

impl Prefix {
    /// Takes the one that was named, or draws one that the journal does not know.
    pub async fn choose(named: Option<Self>, admin: &SignerClient) -> Outcome<Self> {
        let used = used(admin).await?;
        if let Some(named) = named {
            return match used.contains(&named.0) {
                true => Err(Failure::Usage(format!("--serial-prefix: {named} was used before"))),
                false => Ok(named),
            };
        }
        let free: Vec<u8> = (1..=0x7f).filter(|octet| !used.contains(octet)).collect();
        let [draw] = random::<1>()?;
        let drawn = free.get(usize::from(draw) % free.len().max(1));
        drawn.copied().map(Self).ok_or_else(|| Failure::Refused("no prefix is left".into()))
    }
}

/// Lists the prefixes that a journal tells of.
async fn used(admin: &SignerClient) -> Outcome<Vec<u8>> {
    let mut used = Vec::new();
    let mut position = 0;
    loop {
        let slice = admin.read_journal(&ReadJournal { from: position, limit: READ }).await?;
        if slice.leaves.0.is_empty() {
            return Ok(used);
        }
        for leaf in slice.leaves.0 {
            let read = Leaf::from_wire(&leaf.0)
                .with_context(|| format!("the journal's leaf at {position}"))?;
            match read.event {
                Event::Genesis(genesis) => used.push(genesis.serial_prefix),
                Event::GapAccepted(gap) => used.push(gap.serial_prefix),
                Event::Promoted(promoted) => used.push(promoted.serial_prefix),
                _ => {}
            }
            position += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_an_octet_that_begins_a_positive_serial() {
        for (text, expected) in [("01", Some(1)), ("7f", Some(0x7f)), ("5C", Some(0x5c))] {
            assert_eq!(text.parse::<Prefix>().ok().map(|prefix| prefix.0), expected);
        }
        for text in ["00", "80", "ff", "1", "001", "+1", "zz", ""] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
