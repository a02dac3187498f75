//! Inclusion and consistency proofs of RFC 9162 §2.1.3 and §2.1.4: making and verifying them.

use thiserror::Error;

use crate::merkle::{Hash, empty_root, fold, node_hash};

/// Where the hashes of complete subtrees come from: memory, tiles, a file.
pub trait Nodes {
    /// Why a hash is not there.
    type Error;

    /// Returns the hash over the `2^level` leaves from `index * 2^level` on. Only asked for
    /// subtrees that are complete in the tree at hand.
    ///
    /// # Errors
    /// What the source says.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

impl<N: Nodes + ?Sized> Nodes for &N {
    type Error = N::Error;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        (**self).node(level, index)
    }
}

/// Why there is no proof, or why one does not hold. The fault of whoever asked or sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// There is no such leaf or tree.
    #[error("{0} is not in a tree of {1} leaves")]
    Outside(u64, u64),
    /// The proof has too few or too many hashes for its place.
    #[error("the proof has not the length that its place demands")]
    Length,
    /// The proof leads to another root.
    #[error("the proof does not lead to the root")]
    Root,
}

/// Why a proof could not be made.
#[derive(Debug, Error)]
pub enum MakeError<E> {
    /// The question is none.
    #[error(transparent)]
    Asked(#[from] ProofError),
    /// The source of hashes failed.
    #[error("a hash of the tree is not there")]
    Nodes(#[source] E),
}

/// Returns the root of the tree of the first `size` leaves.
///
/// # Errors
/// What the source of hashes says.
pub fn root_at<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range(nodes, 0, size) }
}

/// Returns the roots of the complete subtrees of the first `size` leaves, largest first.
///
/// # Errors
/// What the source of hashes says.
pub fn peaks_at<N: Nodes>(nodes: &N, size: u64) -> Result<Vec<Hash>, N::Error> {
    peaks(nodes, 0, size)
}

/// Returns the inclusion proof of the leaf at `index` in the tree of `size` leaves (RFC 9162
/// §2.1.3.1), lowest hash first.
///
/// # Errors
/// [`MakeError`].
pub fn inclusion<N: Nodes>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, MakeError<N::Error>> {
    if index >= size {
        return Err(ProofError::Outside(index, size).into());
    }
    let (mut from, mut to) = (0, size);
    let mut proof = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        let sibling;
        (sibling, from, to) = if index < middle {
            ((middle, to), from, middle)
        } else {
            ((from, middle), middle, to)
        };
        proof.push(range(nodes, sibling.0, sibling.1).map_err(MakeError::Nodes)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Returns the proof that the tree of `old` leaves is the beginning of that of `new` leaves
/// (RFC 9162 §2.1.4.1), lowest hash first. It is empty for `old` 0 and for equal sizes.
///
/// # Errors
/// [`MakeError`].
pub fn consistency<N: Nodes>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, MakeError<N::Error>> {
    if old > new {
        return Err(ProofError::Outside(old, new).into());
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    // SUBPROOF(m, D[from:to], whole) of the RFC, `old` being m + from.
    let (mut from, mut to, mut whole) = (0, new, true);
    let mut proof = Vec::new();
    while old < to {
        let middle = from + split(to - from);
        let sibling;
        (sibling, from, to, whole) = if old <= middle {
            ((middle, to), from, middle, whole)
        } else {
            ((from, middle), middle, to, false)
        };
        proof.push(range(nodes, sibling.0, sibling.1).map_err(MakeError::Nodes)?);
    }
    if !whole {
        proof.push(range(nodes, from, to).map_err(MakeError::Nodes)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Verifies that `leaf` (a leaf hash) stands at `index` in the tree of `size` leaves with this
/// root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    leaf: &Hash,
    (index, size): (u64, u64),
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if root_by_inclusion(leaf, (index, size), proof)? == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Returns the root that an inclusion proof leads to.
///
/// # Errors
/// [`ProofError::Outside`] or [`ProofError::Length`].
pub fn root_by_inclusion(
    leaf: &Hash,
    (index, size): (u64, u64),
    proof: &[Hash],
) -> Result<Hash, ProofError> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last);
    let outside = ProofError::Outside(index, size);
    let (mut at, mut last) = (index, last.take().ok_or(outside)?);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // A node at the right edge without a sibling moves up as it is.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 { Ok(hash) } else { Err(ProofError::Length) }
}

/// Verifies that the tree of `old` leaves with the root `old_root` is the beginning of the tree
/// of `new` leaves with the root `new_root` (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside(old, new));
    }
    if old == 0 || old == new {
        let told = if old == 0 { empty_root() } else { *new_root };
        return match proof.is_empty() {
            true if *old_root == told && (new != 0 || *new_root == told) => Ok(()),
            true => Err(ProofError::Root),
            false => Err(ProofError::Length),
        };
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // An old tree that is one complete subtree is its own first hash.
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let first = first.ok_or(ProofError::Length)?;
    let (mut of_old, mut of_new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at & 1 == 1 || at == last {
            of_old = node_hash(sibling, &of_old);
            of_new = node_hash(sibling, &of_new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        Err(ProofError::Length)
    } else if of_old == *old_root && of_new == *new_root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Returns the largest power of two below `count`, which is at least two.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Returns MTH over the leaves from `from` to before `to`, which are a subtree as the RFC splits
/// them: `from` is a multiple of a power of two that is not below their number.
fn range<N: Nodes>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    Ok(fold(&peaks(nodes, from, to)?).unwrap_or_else(empty_root))
}

fn peaks<N: Nodes>(nodes: &N, mut from: u64, to: u64) -> Result<Vec<Hash>, N::Error> {
    let mut found = Vec::new();
    while from < to {
        let level = (to - from).ilog2();
        found.push(nodes.node(level, from >> level)?);
        from += 1 << level;
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::merkle::tests::{by_definition, leaves};

    /// All leaf hashes in memory.
    pub(crate) struct Memory(pub(crate) Vec<Hash>);

    impl Nodes for Memory {
        type Error = Infallible;

        fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
            let width = 1usize << level;
            let from = usize::try_from(index).unwrap() * width;
            Ok(by_definition(&self.0[from..from + width]))
        }
    }

    /// PATH(m, D_n) of RFC 9162 §2.1.3.1, word for word.
    fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = usize::try_from(split(leaves.len() as u64)).unwrap();
        let (left, right) = leaves.split_at(k);
        let (mut proof, other) =
            if m < k { (path(m, left), right) } else { (path(m - k, right), left) };
        proof.push(by_definition(other));
        proof
    }

    /// SUBPROOF(m, D_n, b) of RFC 9162 §2.1.4.1, word for word.
    fn subproof(m: usize, leaves: &[Hash], b: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if b { Vec::new() } else { vec![by_definition(leaves)] };
        }
        let k = usize::try_from(split(leaves.len() as u64)).unwrap();
        let (left, right) = leaves.split_at(k);
        let (mut proof, other) = if m <= k {
            (subproof(m, left, b), right)
        } else {
            (subproof(m - k, right, false), left)
        };
        proof.push(by_definition(other));
        proof
    }

    /// Every proof that differs from a good one in one hash, or in its length.
    fn bent(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut out = vec![[proof, &[[7; 32]]].concat(), [&[[7; 32]], proof].concat()];
        for at in 0..proof.len() {
            let mut one = proof.to_vec();
            one[at][31] ^= 1;
            out.push(one);
            let mut less = proof.to_vec();
            less.remove(at);
            out.push(less);
            let mut swapped = proof.to_vec();
            swapped.swap(at, (at + 1) % proof.len());
            if swapped != proof {
                out.push(swapped);
            }
        }
        out
    }

    #[test]
    fn inclusion_equals_the_definition_and_verifies_for_every_place() {
        let memory = Memory(leaves(70));
        for size in 1..=70usize {
            let tree = &memory.0[..size];
            let root = by_definition(tree);
            assert_eq!(root_at(&memory, size as u64), Ok(root));
            for index in 0..size {
                let place = (index as u64, size as u64);
                let proof = inclusion(&memory, place.0, place.1).unwrap();
                assert_eq!(proof, path(index, tree), "{place:?}");
                assert_eq!(verify_inclusion(&tree[index], place, &proof, &root), Ok(()));
                for other in (0..size as u64).filter(|other| *other != place.0) {
                    let moved = (other, place.1);
                    assert!(verify_inclusion(&tree[index], moved, &proof, &root).is_err());
                }
            }
        }
        assert_eq!(root_at(&memory, 0), Ok(empty_root()));
    }

    #[test]
    fn consistency_equals_the_definition_and_verifies_for_every_pair() {
        let memory = Memory(leaves(70));
        for new in 1..=70usize {
            let new_root = by_definition(&memory.0[..new]);
            for old in 0..=new {
                let old_root = by_definition(&memory.0[..old]);
                let (from, to) = ((old as u64, &old_root), (new as u64, &new_root));
                let proof = consistency(&memory, from.0, to.0).unwrap();
                if old > 0 {
                    assert_eq!(proof, subproof(old, &memory.0[..new], true), "{old} {new}");
                }
                assert_eq!(verify_consistency(from, to, &proof), Ok(()), "{old} {new}");
                let other = [9; 32];
                assert!(verify_consistency((from.0, &other), to, &proof).is_err());
                if old > 0 {
                    assert!(verify_consistency(from, (to.0, &other), &proof).is_err());
                }
            }
        }
    }

    #[test]
    fn refuses_bent_proofs() {
        let memory = Memory(leaves(40));
        for size in 1..=40usize {
            let root = by_definition(&memory.0[..size]);
            for index in 0..size {
                let place = (index as u64, size as u64);
                let proof = inclusion(&memory, place.0, place.1).unwrap();
                for bad in bent(&proof) {
                    let verdict = verify_inclusion(&memory.0[index], place, &bad, &root);
                    assert!(verdict.is_err(), "{place:?}");
                }
            }
            for old in 1..size {
                let old_root = by_definition(&memory.0[..old]);
                let (from, to) = ((old as u64, &old_root), (size as u64, &root));
                let proof = consistency(&memory, from.0, to.0).unwrap();
                for bad in bent(&proof) {
                    assert!(verify_consistency(from, to, &bad).is_err(), "{old} {size}");
                }
            }
        }
    }

    #[test]
    fn a_fork_has_no_proof() {
        let honest = Memory(leaves(40));
        let mut forked = Memory(leaves(40));
        forked.0[20] = [3; 32];
        let old_root = by_definition(&honest.0[..30]);
        let new_root = by_definition(&forked.0);
        let proof = consistency(&forked, 30, 40).unwrap();
        let verdict = verify_consistency((30, &old_root), (40, &new_root), &proof);
        assert_eq!(verdict, Err(ProofError::Root));
    }

    #[test]
    fn asks_outside_the_tree_are_refused() {
        let memory = Memory(leaves(5));
        let outside = |index, size| Err(ProofError::Outside(index, size));
        for (index, size) in [(5, 5), (0, 0), (u64::MAX, 5)] {
            assert!(matches!(
                inclusion(&memory, index, size),
                Err(MakeError::Asked(ProofError::Outside(..)))
            ));
            let verdict = verify_inclusion(&[0; 32], (index, size), &[], &[0; 32]);
            assert_eq!(verdict, outside(index, size));
        }
        assert!(matches!(consistency(&memory, 6, 5), Err(MakeError::Asked(_))));
        let verdict = verify_consistency((6, &[0; 32]), (5, &[0; 32]), &[]);
        assert_eq!(verdict, outside(6, 5));
        // Sizes at the far end of u64 neither loop nor overflow.
        let far = verify_inclusion(&[0; 32], (u64::MAX - 1, u64::MAX), &[[0; 32]; 64], &[0; 32]);
        assert!(far.is_err());
        let far = verify_consistency((1, &[0; 32]), (u64::MAX, &[0; 32]), &[[0; 32]; 64]);
        assert!(far.is_err());
    }
}
