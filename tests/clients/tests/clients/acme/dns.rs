//! A DNS server: every name has 127.0.0.1, and TXT records are files that hooks write.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::thread;

const A: u16 = 1;
const TXT: u16 = 16;

/// Answers on a free port of 127.0.0.1 until the tests end; TXT records of a name are the lines of
/// the file of that name, in lower case, in the folder.
pub fn serve(records: &Path) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    let records: PathBuf = records.to_owned();
    thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            if let Some(answer) = answer(&query[..length], &records) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    port
}

/// RFC 1035 §4: one question, no compression in it.
fn answer(query: &[u8], records: &Path) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8(query.get(at..at + length)?.to_vec()).ok()?);
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let question = query.get(12..at + 4)?;
    let name = labels.join(".").to_ascii_lowercase();
    let found: Vec<Vec<u8>> = match kind {
        A => vec![vec![127, 0, 0, 1]],
        TXT => std::fs::read_to_string(records.join(&name))
            .unwrap_or_default()
            .lines()
            .map(|line| [&[u8::try_from(line.len()).expect("short")][..], line.as_bytes()].concat())
            .collect(),
        _ => Vec::new(),
    };
    let count = u16::try_from(found.len()).ok()?;
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1]);
    answer.extend(count.to_be_bytes());
    answer.extend([0, 0, 0, 0]);
    answer.extend(question);
    for data in found {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 0]);
        answer.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}
