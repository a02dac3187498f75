//! Descriptors that go from one process to another, beside a message (unix(7), SCM_RIGHTS).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// As many as a helper has lines at most, two for each of 64 sessions; the kernel carries 253.
pub(crate) const MOST: usize = 128;

/// Sends one octet and the descriptors.
///
/// # Errors
/// The system's.
pub(crate) fn send(to: &UnixStream, octet: u8, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(to.as_fd(), &[IoSlice::new(&[octet])], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one octet and the descriptors that came with it, closed at an exec.
///
/// # Errors
/// The system's; `UnexpectedEof` if the other side is gone.
pub(crate) fn receive(from: &UnixStream) -> io::Result<(u8, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    let mut into = [IoSliceMut::new(&mut octet)];
    let received = loop {
        match recvmsg(from.as_fd(), &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            other => break other?,
        }
    };
    let descriptors = beside
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let [octet] = octet;
    Ok((octet, descriptors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_arrives_and_works() {
        let (one, two) = UnixStream::pair().unwrap();
        let (left, right) = UnixStream::pair().unwrap();
        send(&one, 9, &[left.as_fd()]).unwrap();
        drop(left);
        let (octet, mut descriptors) = receive(&two).unwrap();
        assert_eq!((octet, descriptors.len()), (9, 1));
        let arrived = UnixStream::from(descriptors.remove(0));
        crate::frame::send(&arrived, &5_u16).unwrap();
        assert_eq!(crate::frame::receive::<u16>(&right).unwrap(), 5);
        drop(one);
        assert_eq!(receive(&two).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
