//! A disk in memory that forgets what was not synced, as a real one does when the power goes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::disk::{Disk, DiskFile};

/// What a disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes in the middle of the operation. Everything fails until
    /// [`SimulatedDisk::power_on`].
    PowerCut,
    /// The process is killed in the middle of the operation. Everything fails until
    /// [`SimulatedDisk::restart`].
    Kill,
    /// ENOSPC: a write lands in part.
    NoSpace,
    /// EIO: the operation does nothing; a sync loses what it should have made durable.
    Io,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<World>>);

type Ino = usize;

/// A change to a file's content that is not durable yet.
enum Change {
    Write(u64, Vec<u8>),
    Cut(u64),
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<Change>,
}

/// A change to a directory that is not durable yet.
#[derive(Clone)]
enum Naming {
    Create(PathBuf, Ino),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

type Names = BTreeMap<PathBuf, Ino>;

struct World {
    inodes: Vec<Inode>,
    names: Names,
    durable_names: Names,
    naming: Vec<Naming>,
    /// Files opened before the last power cut are stale.
    boot: u64,
    powered: bool,
    /// How many operations go well before this fault.
    fault: Option<(u64, Fault)>,
    slow_sync: Duration,
    log: Vec<&'static str>,
    random: u64,
}

struct SimulatedFile {
    disk: SimulatedDisk,
    ino: Ino,
    boot: u64,
}

impl SimulatedDisk {
    /// Makes an empty disk; `seed` decides what a power cut leaves behind.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            inodes: Vec::new(),
            names: Names::new(),
            durable_names: Names::new(),
            naming: Vec::new(),
            boot: 0,
            powered: true,
            fault: None,
            slow_sync: Duration::ZERO,
            log: Vec::new(),
            random: seed,
        })))
    }

    /// Lets the operation after `operations` more fail (reads do not count).
    pub fn fail_after(&self, operations: u64, fault: Fault) {
        self.world().fault = Some((operations, fault));
    }

    /// Cuts the power now.
    pub fn power_cut(&self) {
        self.world().powered = false;
    }

    /// Gives the power back: what was not synced survived in part, in order, the first change that
    /// did not survive whole torn at a random octet.
    pub fn power_on(&self) {
        let mut world = self.world();
        let mut inodes = std::mem::take(&mut world.inodes);
        for inode in &mut inodes {
            world.survive(inode);
        }
        world.inodes = inodes;
        let naming = std::mem::take(&mut world.naming);
        let kept = world.below(naming.len() + 1);
        let mut names = world.durable_names.clone();
        for change in naming.iter().take(kept) {
            apply(&mut names, change);
        }
        world.durable_names.clone_from(&names);
        world.names = names;
        world.boot += 1;
        world.powered = true;
        world.fault = None;
    }

    /// Starts a new process after a kill: what was written stays readable, synced or not.
    pub fn restart(&self) {
        let mut world = self.world();
        world.boot += 1;
        world.powered = true;
        world.fault = None;
    }

    /// Makes every sync take this long.
    pub fn slow_sync(&self, time: Duration) {
        self.world().slow_sync = time;
    }

    /// Returns the names of the operations up to now and forgets them.
    #[must_use]
    pub fn take_log(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.world().log)
    }

    /// Returns a file's content as a process would read it.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        let ino = world.names.get(path)?;
        world.inodes.get(*ino).map(|inode| inode.live.clone())
    }

    /// Replaces a file's content durably behind everybody's back, or makes the file.
    pub fn plant(&self, path: &Path, content: Vec<u8>) {
        let mut world = self.world();
        let ino = world.names.get(path).copied().unwrap_or(world.inodes.len());
        let inode = Inode { durable: content.clone(), live: content, pending: Vec::new() };
        match world.inodes.get_mut(ino) {
            Some(old) => *old = inode,
            None => world.inodes.push(inode),
        }
        world.names.insert(path.to_owned(), ino);
        world.durable_names.insert(path.to_owned(), ino);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an operation that changes something: `Some` is the fault that it meets.
    fn change(&self, what: &'static str) -> io::Result<(MutexGuard<'_, World>, Option<Fault>)> {
        let mut world = self.world();
        world.check_power()?;
        world.log.push(what);
        let fault = match &mut world.fault {
            Some((0, fault)) => Some(*fault),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        match fault {
            Some(Fault::PowerCut | Fault::Kill) => world.powered = false,
            Some(_) => world.fault = None,
            None => {}
        }
        Ok((world, fault))
    }

    /// Changes names; a power cut in the middle may or may not keep the change.
    fn rename_with(&self, what: &'static str, change: Naming) -> io::Result<()> {
        let (mut world, fault) = self.change(what)?;
        if matches!(fault, None | Some(Fault::PowerCut | Fault::Kill)) {
            apply(&mut world.names, &change);
            world.naming.push(change);
        }
        fault.map_or(Ok(()), |fault| Err(failure(fault)))
    }
}

impl World {
    fn check_power(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(failure(Fault::PowerCut)) }
    }

    /// Returns the next number of splitmix64, below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (limit.max(1) as u64)).unwrap_or(0)
    }

    fn survive(&mut self, inode: &mut Inode) {
        let pending = std::mem::take(&mut inode.pending);
        let kept = self.below(pending.len() + 1);
        for change in pending.iter().take(kept) {
            change.apply(&mut inode.durable);
        }
        if let Some(Change::Write(offset, bytes)) = pending.get(kept) {
            let torn = self.below(bytes.len() + 1);
            let bytes = bytes.iter().take(torn).copied().collect();
            Change::Write(*offset, bytes).apply(&mut inode.durable);
        }
        inode.live.clone_from(&inode.durable);
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(to) = content.get_mut(start..end) {
                    to.copy_from_slice(bytes);
                }
            }
            Self::Cut(length) => content.resize(usize::try_from(*length).unwrap_or(0), 0),
        }
    }
}

fn apply(names: &mut Names, change: &Naming) {
    match change {
        Naming::Create(path, ino) => {
            names.insert(path.clone(), *ino);
        }
        Naming::Rename(from, to) => {
            if let Some(ino) = names.remove(from) {
                names.insert(to.clone(), ino);
            }
        }
        Naming::Remove(path) => {
            names.remove(path);
        }
    }
}

fn failure(fault: Fault) -> io::Error {
    match fault {
        Fault::PowerCut | Fault::Kill => io::Error::other("the power is off"),
        Fault::NoSpace => rustix::io::Errno::NOSPC.into(),
        Fault::Io => rustix::io::Errno::IO.into(),
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for SimulatedDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        world.check_power()?;
        let inside = world.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let world = self.world();
        world.check_power()?;
        let ino = *world.names.get(path).ok_or_else(missing)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), ino, boot: world.boot }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let ino = {
            let mut world = self.world();
            if world.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            world.inodes.push(Inode::default());
            world.inodes.len() - 1
        };
        self.rename_with("create", Naming::Create(path.to_owned(), ino))?;
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_with("rename", Naming::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.rename_with("remove", Naming::Remove(path.to_owned()))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let (mut world, fault) = self.change("sync_dir")?;
        if let Some(fault) = fault {
            return Err(failure(fault));
        }
        world.naming.clear();
        let names = world.names.clone();
        world.durable_names = names;
        Ok(())
    }
}

impl SimulatedFile {
    /// Makes one change to this file's content, of which a fault may leave `torn` of the octets.
    fn write(
        &self,
        what: &'static str,
        change: Change,
        torn: impl FnOnce(usize) -> Option<Change>,
    ) -> io::Result<()> {
        let (mut world, fault) = self.disk.change(what)?;
        let stale = self.boot != world.boot;
        let length = world.below(64 * 1024);
        let change = match fault {
            None | Some(Fault::PowerCut) => Some(change),
            Some(Fault::NoSpace | Fault::Kill) => torn(length),
            Some(Fault::Io) => None,
        };
        let inode = world.inodes.get_mut(self.ino).filter(|_| !stale);
        let inode = inode.ok_or_else(missing)?;
        if let Some(change) = change {
            change.apply(&mut inode.live);
            inode.pending.push(change);
        }
        fault.map_or(Ok(()), |fault| Err(failure(fault)))
    }
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        let world = self.disk.world();
        world.check_power()?;
        let inode = world.inodes.get(self.ino).ok_or_else(missing)?;
        Ok(inode.live.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.disk.world();
        world.check_power()?;
        let inode = world.inodes.get(self.ino).ok_or_else(missing)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = inode.live.get(start..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write("write", Change::Write(offset, bytes.to_vec()), |torn| {
            let part = bytes.get(..torn % (bytes.len() + 1))?;
            Some(Change::Write(offset, part.to_vec()))
        })
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.write("cut", Change::Cut(length), |_| None)
    }

    fn sync_data(&self) -> io::Result<()> {
        let slow = self.disk.world().slow_sync;
        thread::sleep(slow);
        let (mut world, fault) = self.disk.change("sync")?;
        let stale = self.boot != world.boot;
        let inode = world.inodes.get_mut(self.ino).filter(|_| !stale);
        let inode = inode.ok_or_else(missing)?;
        match fault {
            None => {
                for change in std::mem::take(&mut inode.pending) {
                    change.apply(&mut inode.durable);
                }
                Ok(())
            }
            // A failed fsync marks the pages clean: the data is lost, and the next one succeeds.
            Some(fault) => {
                if fault == Fault::Io {
                    inode.pending.clear();
                }
                Err(failure(fault))
            }
        }
    }

    fn is_named(&self, path: &Path) -> io::Result<bool> {
        let world = self.disk.world();
        world.check_power()?;
        Ok(world.names.get(path) == Some(&self.ino))
    }
}
