//! Frames: a length in four octets, then one JSON object.

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The most octets of a frame, without its length.
pub const MAX_FRAME: u32 = 65_536;

/// Why a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection broke, or ended within a frame.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    /// A length of nothing, or over [`MAX_FRAME`]. Malformed.
    #[error("a frame of {0} octets")]
    Length(u32),
}

/// Writes a message as a frame; none if it is over [`MAX_FRAME`].
#[must_use]
pub fn encode(message: &impl Serialize) -> Option<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).ok()?;
    let length = u32::try_from(frame.len().checked_sub(4)?).ok()?;
    if length > MAX_FRAME {
        return None;
    }
    frame.get_mut(..4)?.copy_from_slice(&length.to_be_bytes());
    Some(frame)
}

/// Reads the octets of the next frame; none if the peer ended between frames.
///
/// # Errors
/// [`FrameError`].
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    let (first, rest) = length.split_at_mut(1);
    if stream.read(first).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(rest).await?;
    let length = u32::from_be_bytes(length);
    if length == 0 || length > MAX_FRAME {
        return Err(FrameError::Length(length));
    }
    let mut octets = Vec::new();
    // What is announced is not yet there: memory grows with what comes.
    let read = stream.take(length.into()).read_to_end(&mut octets).await?;
    if u32::try_from(read) != Ok(length) {
        return Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_back_one_after_the_other() {
        let mut octets = encode(&"one").unwrap();
        octets.extend(encode(&"two").unwrap());
        let mut stream = octets.as_slice();
        assert_eq!(read(&mut stream).await.unwrap().unwrap(), b"\"one\"");
        assert_eq!(read(&mut stream).await.unwrap().unwrap(), b"\"two\"");
        assert!(read(&mut stream).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_frame_without_an_end_or_out_of_bounds_is_refused() {
        for length in [0, MAX_FRAME + 1, u32::MAX] {
            let octets = length.to_be_bytes();
            let refused = read(&mut octets.as_slice()).await;
            assert!(matches!(refused, Err(FrameError::Length(found)) if found == length));
        }
        for cut in [1, 3, 4, 6] {
            let frame = encode(&"whole").unwrap();
            let broken = read(&mut &frame[..cut]).await;
            assert!(matches!(broken, Err(FrameError::Io(_))), "{cut}");
        }
        assert!(encode(&"x".repeat(MAX_FRAME as usize)).is_none());
    }
}
