//! The program itself, without a signer: it starts, says so, serves what it can, and ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chancery-server");

struct Server {
    child: Child,
    http: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "version = 1\n\
         [listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n\
         [database]\nurl = \"sqlite://{folder}/chancery.db\"\n\
         [signer]\nrun = \"{folder}/run\"\n\
         [public]\nurl = \"http://pki.corp.example\"\n\
         [tls]\ndirectory = \"{folder}\"\nnames = [\"localhost\"]\n\
         [bootstrap]\nadmin_token_file = \"{folder}/admin.token\"\n\
         [log]\nformat = \"json\"\n"
    )
}

fn start(folder: &Path) -> Server {
    let path = folder.join("server.toml");
    std::fs::write(&path, config(folder)).expect("written");
    let mut child = Command::new(PROGRAM)
        .args(["serve", "--config"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let http = line.trim().split_once(" http=").expect("where it listens").1.to_owned();
    assert!(line.starts_with("ready https=127.0.0.1:"), "{line}");
    Server { child, http }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn end(mut server: Server) -> Output {
    let pid = i32::try_from(server.child.id()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = server.child.try_wait().expect("a status") {
            break status;
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut stderr = Vec::new();
    let log = server.child.stderr.as_mut().expect("its log");
    log.read_to_end(&mut stderr).expect("read");
    Output { status, stdout: Vec::new(), stderr }
}

#[test]
fn starts_without_a_signer_serves_what_it_can_and_ends_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut token = None;
    for _ in 0..2 {
        let server = start(folder.path());
        assert!(get(&server.http, "/healthz").starts_with("HTTP/1.1 200"));
        let ready = get(&server.http, "/readyz");
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("\"unavailable\""), "{ready}");
        let output = end(server);
        assert!(output.status.success(), "{}", output.status);
        let log = String::from_utf8(output.stderr).expect("text");
        let json = log.lines().filter(|line| line.starts_with('{'));
        for line in json.clone() {
            serde_json::from_str::<serde_json::Value>(line).expect("a JSON object a line");
        }
        assert!(json.clone().any(|line| line.contains("\"ending\"")), "{log}");
        // The first token is made once.
        let made = std::fs::read_to_string(folder.path().join("admin.token")).expect("a token");
        assert!(!log.contains(made.trim()));
        assert_eq!(*token.get_or_insert_with(|| made.clone()), made);
    }
}

#[test]
fn tells_every_fault_of_its_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("server.toml");
    let bad = config(folder.path()).replace("https = ", "htps = ").replace("json", "xml");
    std::fs::write(&path, bad).expect("written");
    let output = Command::new(PROGRAM).args(["serve", "--config"]).arg(&path).output();
    let output = output.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    for fault in ["listen.https: is missing", "listen.htps: is not known", "log.format: "] {
        assert!(words.contains(fault), "{fault} in {words}");
    }
}

#[test]
fn says_that_the_database_cannot_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("server.toml");
    let odd = config(folder.path()).replace("/chancery.db", "/server.toml/chancery.db");
    std::fs::write(&path, odd).expect("written");
    let output = Command::new(PROGRAM).args(["serve", "--config"]).arg(&path).output();
    let output = output.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("cannot open the database"), "{words}");
}

#[test]
fn prints_its_description() {
    let output = Command::new(PROGRAM).arg("openapi").output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), chancery_server::openapi::json());
}
