//! Looks for a secret in this process's own memory.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use zeroize::Zeroize as _;

/// Counts the copies of a secret in all writable memory. It is given masked, so that neither the
/// search nor its caller holds a copy.
pub(crate) fn copies_in_memory(masked: &[u8], mask: u8) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut copies = 0;
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let (Some(range), Some(access)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !access.starts_with("rw") || line.ends_with("[vvar]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let start = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        // The window is masked as it is read, so it is no copy itself when it is scanned later.
        let mut window = vec![0; usize::try_from(end - start).unwrap()];
        if memory.read_exact_at(&mut window, start).is_err() {
            continue;
        }
        for octet in &mut window {
            *octet ^= mask;
        }
        copies += window.windows(masked.len()).filter(|found| *found == masked).count();
        // What is in memory masked, such as what is looked for, stands in the window unmasked.
        window.zeroize();
    }
    copies
}
