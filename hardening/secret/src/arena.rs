//! The pages, and all unsafe code of the workspace.

use core::ptr::NonNull;
use core::slice;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous};

use crate::slots::{SLOT, Slots};

/// Octets of the arena: well under the smallest usual RLIMIT_MEMLOCK (8 MiB; 64 KiB before 5.16).
const SIZE: usize = 48 * 1024;

/// What keeps the pages from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// memfd_secret(2): no other process reads them, no dump has them, they are never swapped.
    Unreadable,
    /// Locked in memory and left out of dumps; root reads them in /proc/PID/mem.
    Locked,
    /// Left out of dumps; they may be swapped, as the limit of locked memory is too small.
    Swappable,
}

struct Arena {
    base: NonNull<u8>,
    kind: Kind,
    slots: Mutex<Slots>,
}

// SAFETY: the pages are never unmapped, and `slots` gives each octet to one `Place` at a time.
unsafe impl Send for Arena {}
// SAFETY: as above; shared access to the arena itself reads `base` and locks `slots`.
unsafe impl Sync for Arena {}

/// A part of the arena that belongs to its holder alone.
pub(crate) struct Place {
    arena: &'static Arena,
    first: usize,
    length: usize,
}

impl Place {
    /// Returns the octets.
    pub(crate) fn octets(&self) -> &[u8] {
        let start = self.start();
        // SAFETY: start and length are inside the mapping, which is never unmapped and was zeroed
        // by the kernel; `&self` of the only holder keeps `octets_mut` away.
        unsafe { slice::from_raw_parts(start.as_ptr(), self.length) }
    }

    /// Returns the octets to be written.
    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        let start = self.start();
        // SAFETY: as `octets`; `&mut self` of the only holder makes it the only reference.
        unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.length) }
    }

    fn start(&self) -> NonNull<u8> {
        // SAFETY: `take` gave slots that lie inside the mapping.
        unsafe { self.arena.base.add(self.first * SLOT) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let slots = self.arena.slots.lock();
        slots.unwrap_or_else(PoisonError::into_inner).give_back(self.first, self.length);
    }
}

/// Takes room for `length` octets.
pub(crate) fn take(length: usize) -> Option<Place> {
    let arena = arena()?;
    let first = arena.slots.lock().unwrap_or_else(PoisonError::into_inner).take(length)?;
    Some(Place { arena, first, length })
}

/// Makes the arena, if it is not there yet, and says what keeps it from others; none: there is no
/// memory at all.
///
/// A program calls this before it forbids itself the calls that make it.
#[must_use]
pub fn kind() -> Option<Kind> {
    arena().map(|arena| arena.kind)
}

fn arena() -> Option<&'static Arena> {
    static ARENA: OnceLock<Option<Arena>> = OnceLock::new();
    ARENA.get_or_init(|| make().ok()).as_ref()
}

fn make() -> Result<Arena, Errno> {
    let (base, kind) = match unreadable() {
        Ok(base) => (base, Kind::Unreadable),
        Err(_) => ordinary()?,
    };
    Ok(Arena { base, kind, slots: Mutex::new(Slots::new(SIZE / SLOT)) })
}

/// memfd_secret(2): since Linux 5.14, switched on by default since 6.5. Its pages count as locked.
fn unreadable() -> Result<NonNull<u8>, Errno> {
    // SAFETY: the call takes one number and gives a descriptor or -1. (The manual names
    // FD_CLOEXEC; what the kernel reads is O_CLOEXEC.)
    let number = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let number = i32::try_from(number).map_err(|_| Errno::INVAL)?;
    if number < 0 {
        return Err(Errno::NOSYS);
    }
    // SAFETY: the kernel has just made it for us, and nobody else knows its number.
    let file = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::fs::ftruncate(&file, SIZE as u64)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches none that is there.
    let base =
        unsafe { mmap(core::ptr::null_mut(), SIZE, protection, MapFlags::SHARED, &file, 0)? };
    let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
    // Now, while a failure is still an error: a page that cannot be had later would be a SIGBUS.
    // SAFETY: SIZE octets from base are the new mapping, which nobody else has.
    unsafe { base.write_bytes(0, SIZE) };
    Ok(base)
}

fn ordinary() -> Result<(NonNull<u8>, Kind), Errno> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches none that is there.
    let base =
        unsafe { mmap_anonymous(core::ptr::null_mut(), SIZE, protection, MapFlags::PRIVATE)? };
    // SAFETY: the range is the new mapping; the advice only keeps it out of dumps.
    unsafe { madvise(base, SIZE, Advice::LinuxDontDump)? };
    // SAFETY: the range is the new mapping.
    let locked = unsafe { mlock(base, SIZE) };
    let kind = if locked.is_ok() { Kind::Locked } else { Kind::Swappable };
    Ok((NonNull::new(base.cast()).ok_or(Errno::NOMEM)?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_that_are_no_secret_memory_are_locked_or_told() {
        let (base, kind) = ordinary().unwrap();
        assert_ne!(kind, Kind::Unreadable);
        // SAFETY: a mapping of this test's own.
        unsafe { base.write_bytes(5, SIZE) };
        // SAFETY: the last octet of the mapping.
        let last = unsafe { base.add(SIZE - 1) };
        // SAFETY: written just now.
        assert_eq!(unsafe { last.read() }, 5);
    }

    #[test]
    fn the_kernel_reads_secret_pages_for_nobody() {
        use std::os::unix::fs::FileExt as _;
        let Ok(base) = unreadable() else {
            eprintln!("SKIPPED: memfd_secret: this kernel has none, or the limit is too small");
            return;
        };
        // SAFETY: a mapping of this test's own.
        unsafe { base.write_bytes(0x5a, SIZE) };
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let mut octets = [0; 16];
        assert!(memory.read_exact_at(&mut octets, base.as_ptr().addr() as u64).is_err());
        // The twin: ordinary pages are read like that.
        let (ordinary, _) = ordinary().unwrap();
        // SAFETY: a mapping of this test's own.
        unsafe { ordinary.write_bytes(0x5a, SIZE) };
        memory.read_exact_at(&mut octets, ordinary.as_ptr().addr() as u64).unwrap();
        assert_eq!(octets, [0x5a; 16]);
    }
}
