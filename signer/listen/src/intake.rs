//! What a connection sent: read in large gulps, taken frame by frame.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use signer_proto::HEADER;
use zeroize::Zeroize;

/// Octets of a buffer at first.
const SMALL: usize = 16 * 1024;
/// A buffer grows to this by itself when a peer sends many frames at once; only a frame that is
/// longer makes it larger, and only while it arrives.
const LARGE: usize = 64 * 1024;

/// Octets that were read and not taken yet.
#[derive(Default)]
pub(super) struct Intake {
    /// Zero where nothing was read yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets that the frame at the front needs in all, if that is known.
    wanted: usize,
}

impl Intake {
    /// Reads once, as much as there is room for; zero octets mean the end.
    pub(super) fn read(&mut self, mut stream: &UnixStream) -> io::Result<usize> {
        self.make_room();
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = stream.read(room)?;
        self.end += read;
        Ok(read)
    }

    /// Returns whether a frame is there in part.
    pub(super) fn is_partial(&self) -> bool {
        self.start < self.end
    }

    /// Returns the header of the frame at the front, once it is there.
    pub(super) fn header(&self) -> Option<[u8; HEADER]> {
        self.held().first_chunk::<HEADER>().copied()
    }

    /// Takes the frame at the front with a body of `length`, once it is there, and returns the
    /// body. A frame that is `secret` leaves nothing behind.
    pub(super) fn take(&mut self, length: usize, secret: bool) -> Option<Vec<u8>> {
        let frame = HEADER + length;
        self.wanted = frame;
        let body = self.held().get(HEADER..frame)?.to_vec();
        self.start += frame;
        self.wanted = 0;
        if secret {
            self.wipe();
        }
        Some(body)
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Moves what is held to the front and grows the buffer where it is full: doubling, so that a
    /// length that lies costs no more than twice what was sent.
    fn make_room(&mut self) {
        let held = self.end - self.start;
        let size = self.buffer.len();
        let limit = LARGE.max(self.wanted);
        let size = if held == 0 && size > LARGE {
            SMALL
        } else if self.end == size && size < limit {
            limit.min(SMALL.max(2 * size))
        } else {
            size
        };
        if size == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
        } else {
            let mut grown = vec![0; size];
            grown.iter_mut().zip(self.held()).for_each(|(to, from)| *to = *from);
            self.buffer.zeroize();
            self.buffer = grown;
        }
        (self.start, self.end) = (0, held);
    }

    /// Zeroes what is not held.
    fn wipe(&mut self) {
        let taken = self.buffer.get_mut(..self.start);
        taken.unwrap_or_default().zeroize();
        let free = self.buffer.get_mut(self.end..);
        free.unwrap_or_default().zeroize();
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // A frame that never became whole may have been a passphrase.
        self.buffer.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().unwrap()
    }

    #[test]
    fn many_frames_come_with_one_read() {
        let (mut near, far) = pair();
        let frame = |length: usize| vec![7; HEADER + length];
        near.write_all(&[frame(3), frame(0), frame(9)].concat()).unwrap();
        let mut intake = Intake::default();
        intake.read(&far).unwrap();
        for length in [3, 0, 9] {
            assert_eq!(intake.header(), Some([7; HEADER]));
            assert_eq!(intake.take(length, false), Some(vec![7; length]));
        }
        assert_eq!(intake.header(), None);
        assert!(!intake.is_partial());
    }

    #[test]
    fn memory_follows_what_arrives_not_what_is_promised() {
        let (mut near, far) = pair();
        let promised = 1024 * 1024;
        let mut intake = Intake::default();
        near.write_all(&[1; 20_000]).unwrap();
        for _ in 0..2 {
            intake.read(&far).unwrap();
            assert_eq!(intake.take(promised, false), None);
        }
        assert!(intake.buffer.len() <= 2 * 20_000, "{}", intake.buffer.len());
        assert!(intake.is_partial());
    }

    #[test]
    fn a_long_frame_arrives_whole_and_its_memory_goes() {
        let (mut near, far) = pair();
        let length = 700_000;
        let sent: Vec<u8> = (0..HEADER + length).map(|n| (n % 251) as u8).collect();
        let copy = sent.clone();
        let writer = std::thread::spawn(move || near.write_all(&copy).map(|()| near));
        let mut intake = Intake::default();
        let body = loop {
            intake.read(&far).unwrap();
            if let Some(body) = intake.take(length, false) {
                break body;
            }
        };
        assert_eq!(body, &sent[HEADER..]);
        let mut near = writer.join().unwrap().unwrap();
        near.write_all(&[1]).unwrap();
        intake.read(&far).unwrap();
        assert_eq!(intake.buffer.len(), SMALL);
    }

    #[test]
    fn a_secret_leaves_nothing_behind() {
        let (mut near, far) = pair();
        let mut intake = Intake::default();
        // In parts, so that it is moved to the front in between.
        let mut sent = vec![0xee; HEADER + 5];
        sent.extend_from_slice(&[0x55; HEADER + 1000]);
        near.write_all(&sent[..500]).unwrap();
        intake.read(&far).unwrap();
        intake.take(5, false).unwrap();
        near.write_all(&sent[500..]).unwrap();
        intake.read(&far).unwrap();
        assert_eq!(intake.take(1000, true), Some(vec![0x55; 1000]));
        assert!(!intake.buffer.contains(&0x55));
    }
}
