//! A web server: the files of one folder, for clients that put challenges there.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

/// Serves the files of a folder under `/.well-known/acme-challenge/` on a port of 127.0.0.1.
pub fn serve(port: u16, folder: &Path) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    let folder: PathBuf = folder.to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let file = text
                .split(' ')
                .nth(1)
                .and_then(|path| path.strip_prefix("/.well-known/acme-challenge/"))
                .filter(|name| !name.contains('/'))
                .and_then(|name| std::fs::read(folder.join(name)).ok());
            let (status, body) =
                file.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
}
