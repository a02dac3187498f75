//! An image of the signer's memory, taken by root after it was unlocked.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use kit::Stack;

use super::{Confined, prepared};

/// Counts the copies of some octets in all of a process's memory that root can read.
pub fn copies(id: i32, octets: &[u8]) -> usize {
    let memory = File::open(format!("/proc/{id}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let (mut copies, mut read) = (0, 0_u64);
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (number(start), number(end));
        if !rest.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let mut image = vec![0; usize::try_from(end - start).unwrap()];
        // Page by page: one that cannot be read hides none beside it.
        for (page, chunk) in (0_u64..).zip(image.chunks_mut(4096)) {
            if let Ok(count) = memory.read_at(chunk, start + page * 4096) {
                read += count as u64;
            }
        }
        copies += image.windows(octets.len()).filter(|window| *window == octets).count();
    }
    assert!(read > 1 << 20, "{read} octets were read");
    copies
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

/// The ring's secrets, as docs/wire/key-file.md makes them from the credential.
struct Secrets {
    credential: Vec<u8>,
    unlock_key: [u8; 32],
    data_key: Vec<u8>,
    genesis: Vec<u8>,
}

fn secrets(stack: &Stack) -> Secrets {
    let credential = fs::read(stack.data().join("unlock.key")).unwrap();
    let file = fs::read(stack.ring().join("unlock")).unwrap();
    assert_eq!(file[8], 2, "HKDF of a credential");
    let mut unlock_key = [0; 32];
    let info: &[&[u8]] = &[b"chancery/unlock/v1"];
    let made = Salt::new(HKDF_SHA256, &file[21..53]).extract(&credential);
    made.expand(info, Length).unwrap().fill(&mut unlock_key).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &unlock_key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&file[85..97]).unwrap();
    let mut sealed = file[97..145].to_vec();
    let data_key = key.open_in_place(nonce, Aad::from(&file[..85]), &mut sealed).unwrap().to_vec();
    Secrets { credential, unlock_key, data_key, genesis: file[53..85].to_vec() }
}

#[test]
fn an_image_taken_by_root_after_unlock_holds_nothing_that_opens_the_ring() {
    let Some(stack) = prepared() else { return };
    let signer = Confined::signer(&stack, Path::new("/"));
    let secrets = secrets(&stack);
    // The twins: what is there is found, in the signer and in this process.
    assert!(copies(signer.id(), &secrets.genesis) >= 1, "the genesis digest is in its state");
    let own = std::process::id().cast_signed();
    assert!(copies(own, &secrets.unlock_key) >= 1, "this process has it in a variable");
    assert_eq!(copies(signer.id(), &secrets.unlock_key), 0, "the unlock key");
    assert_eq!(copies(signer.id(), &secrets.credential), 0, "the credential");
    // Half of a key schedule, or of a key, would do as well.
    assert_eq!(copies(signer.id(), &secrets.unlock_key[..16]), 0, "half of the unlock key");
    let maps = fs::read_to_string(format!("/proc/{}/maps", signer.id())).unwrap();
    if maps.contains("secretmem") {
        assert_eq!(copies(signer.id(), &secrets.data_key), 0, "the data key");
    } else {
        kit::skip("memfd_secret", "this kernel has none: root reads the data key");
    }
}
