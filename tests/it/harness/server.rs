//! A server of files for tests, on a free port of this computer.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server of fixed answers. A path that starts with `flaky/` fails the first time.
pub struct Server {
    /// `http://host:port/`.
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What is answered, by path without the first `/`.
pub type Answers = BTreeMap<String, Vec<u8>>;

impl Server {
    /// Starts it with answers made from its address.
    pub fn start(make: impl FnOnce(&str) -> Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}/", listener.local_addr().expect("an address"));
        let answers = make(&address);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &answers, &seen);
            }
        });
        Self { address, asked }
    }

    /// How often a path was asked for.
    pub fn n_asked(&self, path: &str) -> usize {
        self.asked.lock().expect("no thread has panicked").iter().filter(|asked| *asked == path).count()
    }
}

fn answer(mut stream: TcpStream, answers: &Answers, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut first = String::new();
    reader.read_line(&mut first).expect("a request");
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let mut asked = asked.lock().expect("no thread has panicked");
    let is_first = !asked.contains(&path);
    asked.push(path.clone());
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let _ = match answers.get(&path) {
        None => stream.write_all(head("404 Not Found", 0).as_bytes()),
        Some(_) if is_first && path.starts_with("flaky/") => {
            stream.write_all(head("503 Service Unavailable", 0).as_bytes())
        }
        Some(body) if path.starts_with("cut/") => stream
            .write_all(head("200 OK", body.len()).as_bytes())
            .and_then(|()| stream.write_all(&body[..body.len() / 2])),
        Some(body) => stream.write_all(head("200 OK", body.len()).as_bytes()).and_then(|()| stream.write_all(body)),
    };
}
