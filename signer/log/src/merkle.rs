//! The Merkle tree hash of RFC 9162 §2.1.1.

use signer_proto::Digest;
use x509::sha256;

/// Returns MTH over the entries in order; that of no entry is SHA-256 of nothing.
pub fn root<T: AsRef<[u8]>>(entries: impl IntoIterator<Item = T>) -> Digest {
    // Complete subtrees from the largest to the smallest, as (leaves, hash).
    let mut peaks: Vec<(u64, [u8; 32])> = Vec::new();
    for entry in entries {
        let mut top = (1, leaf(entry.as_ref()));
        while let Some((size, left)) = peaks.pop_if(|(size, _)| *size == top.0) {
            top = (size * 2, node(&left, &top.1));
        }
        peaks.push(top);
    }
    let folded =
        peaks.into_iter().map(|(_, hash)| hash).rev().reduce(|right, left| node(&left, &right));
    Digest(folded.unwrap_or_else(|| sha256(&[])))
}

fn leaf(entry: &[u8]) -> [u8; 32] {
    let mut input = Vec::with_capacity(1 + entry.len());
    input.push(0);
    input.extend_from_slice(entry);
    sha256(&input)
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut input = Vec::with_capacity(65);
    input.push(1);
    input.extend_from_slice(left);
    input.extend_from_slice(right);
    sha256(&input)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 9162 §2.1.1, word for word.
    fn by_definition(entries: &[Vec<u8>]) -> [u8; 32] {
        match entries {
            [] => sha256(&[]),
            [one] => leaf(one),
            many => {
                let mut k = 1;
                while k * 2 < many.len() {
                    k *= 2;
                }
                node(&by_definition(&many[..k]), &by_definition(&many[k..]))
            }
        }
    }

    #[test]
    fn equals_the_definition_for_every_small_size() {
        let entries: Vec<Vec<u8>> = (0..70u8).map(|n| vec![n; usize::from(n)]).collect();
        for n in 0..entries.len() {
            assert_eq!(root(&entries[..n]).0, by_definition(&entries[..n]), "{n}");
        }
    }

    #[test]
    fn equals_the_known_root_of_certificate_transparency() {
        // The test vectors that every CT implementation carries: eight fixed entries.
        let entries = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let entries: Vec<Vec<u8>> = entries.iter().map(|e| hex::decode(e).unwrap()).collect();
        assert_eq!(
            root(&entries).to_string(),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }
}
