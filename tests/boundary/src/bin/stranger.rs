//! Somebody else at a socket: writes what standard input has, prints what comes back.
//!
//! `stranger SOCKET`; exit code 3: the socket cannot even be connected to.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> io::Result<ExitCode> {
    let path = std::env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let mut request = Vec::new();
    io::stdin().read_to_end(&mut request)?;
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(3));
        }
    };
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // The signer may refuse before it reads, and close.
    let _ = stream.write_all(&request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    io::stdout().write_all(&answer)?;
    Ok(ExitCode::SUCCESS)
}
