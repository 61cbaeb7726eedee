//! A small web server for `kiln docs serve`: files of one folder, read only.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::site;

/// A request's head may be so long.
const LONGEST_HEAD: u64 = 16 * 1024;

/// How long a browser may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that listens.
pub(super) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    folder: Arc<Path>,
    /// Held while the page's data is made, so that two readers do not make it at once.
    making: Arc<Mutex<()>>,
}

/// What a request gets.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Server {
    /// Listens at an address.
    ///
    /// # Errors
    /// When the address is taken or is not one of this computer's.
    pub(super) fn bind(host: &str, port: u16, folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((host, port))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, folder: Arc::from(folder), making: Arc::default() })
    }

    /// The address for a browser.
    pub(super) fn address(&self) -> String {
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => "localhost".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        format!("http://{host}:{}", self.address.port())
    }

    /// Answers until the process ends.
    pub(super) fn run(&self) {
        for stream in self.listener.incoming().flatten() {
            let (folder, making) = (Arc::clone(&self.folder), Arc::clone(&self.making));
            let is_local = self.address.ip().is_loopback();
            // A browser that hangs up gets no answer, and that is all.
            std::thread::spawn(move || serve(&stream, &folder, &making, is_local));
        }
    }
}

fn serve(mut stream: &TcpStream, folder: &Path, making: &Mutex<()>, is_local: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(LONGEST_HEAD)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut host = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            host = Some(value.trim().to_owned());
        }
    }
    let answer = match host.filter(|host| is_local && !names_this_computer(host)) {
        // Another site's page that had its name lead here would read the project otherwise.
        Some(_) => plain("403 Forbidden"),
        None => answer(&request, folder, making),
    };
    let is_head = request.starts_with("HEAD ");
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    );
    stream.write_all(head.as_bytes())?;
    if !is_head {
        stream.write_all(&answer.body)?;
    }
    stream.flush()
}

/// Whether a `Host:` names this computer: a loopback address or `localhost`.
fn names_this_computer(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn plain(status: &'static str) -> Answer {
    Answer { status, content_type: "text/plain; charset=utf-8", body: status.as_bytes().to_vec() }
}

/// Finds the file that a request line asks for.
fn answer(request: &str, folder: &Path, making: &Mutex<()>) -> Answer {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        return plain("405 Method Not Allowed");
    }
    let Some(path) = path_of(target) else { return plain("404 Not Found") };
    if path.as_os_str().is_empty() || path == Path::new("index.html") {
        let _making = making.lock().unwrap_or_else(PoisonError::into_inner);
        // A build since then shows without generating again. What cannot be made anew is shown as it was.
        let _ = site::refresh(folder);
        return Answer { status: "200 OK", content_type: "text/html; charset=utf-8", body: site::PAGE.into() };
    }
    let file = folder.join(&path);
    match fs::read(&file) {
        Ok(body) if file.is_file() => Answer { status: "200 OK", content_type: content_type(&path), body },
        _ => plain("404 Not Found"),
    }
}

/// The path below the folder that a request's target means; `None` if it leads elsewhere.
fn path_of(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = PathBuf::from(decoded(path)?);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

/// Undoes `%20` and its like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn content_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "sql" | "txt" | "md" | "csv" | "yml" | "yaml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_folder() {
        for (target, expected) in [
            ("/", Some("")),
            ("/manifest.json?x=1", Some("manifest.json")),
            ("/assets/a%20b.png", Some("assets/a b.png")),
            ("/../profiles.yml", None),
            ("/%2e%2e/profiles.yml", None),
            ("//etc/passwd", None),
            ("/%zz", None),
            ("nonsense", None),
        ] {
            assert_eq!(path_of(target), expected.map(PathBuf::from), "{target}");
        }
    }

    /// The first line and the body of an answer.
    fn ask(server: &Server, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        stream.write_all(request.as_bytes()).expect("a request can be sent");
        let mut text = String::new();
        let (accepted, _) = server.listener.accept().expect("there is a request");
        serve(&accepted, &server.folder, &server.making, true).expect("it is answered");
        drop(accepted);
        stream.read_to_string(&mut text).expect("an answer comes");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }

    #[test]
    fn files_are_answered_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("kiln-docs-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("catalog.json"), "{}").expect("a file can be written");
        let server = Server::bind("127.0.0.1", 0, &folder).expect("a port is free");
        let get = |path: &str, host: &str| ask(&server, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(get("/catalog.json", "localhost"), ("HTTP/1.1 200 OK".to_owned(), "{}".to_owned()));
        assert!(get("/", "127.0.0.1:80").1.starts_with("<!doctype html>"));
        assert_eq!(get("/", "elsewhere.example").0, "HTTP/1.1 403 Forbidden");
        assert_eq!(get("/none.json", "localhost").0, "HTTP/1.1 404 Not Found");
        assert_eq!(ask(&server, "POST / HTTP/1.1\r\n\r\n").0, "HTTP/1.1 405 Method Not Allowed");
        let _ = fs::remove_dir_all(folder);
    }

    #[test]
    fn only_names_of_this_computer_are_answered_on_loopback() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(names_this_computer(host), "{host}");
        }
        for host in ["example.com", "example.com:8080", "10.0.0.1"] {
            assert!(!names_this_computer(host), "{host}");
        }
    }
}
