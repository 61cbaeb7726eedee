//! Opening a connection: addresses, encryption, authentication.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;

use super::super::{AdapterError, AdapterErrorKind};
use super::certificate;
use super::profile::{Address, Host, Profile};
use super::refusal::{self, Report};
use super::tls::TlsMode;
use super::wire::{Stream, Wire};

/// How long a request to cancel may take, where the profile sets no limit.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that waits for statements.
pub(super) struct Opened {
    pub(super) wire: Wire,
    pub(super) cancel: CancelKey,
    /// `DateStyle`, as the server set it.
    pub(super) date_style: String,
}

/// What it takes to stop a connection's statement from another one.
#[derive(Clone)]
pub(super) struct CancelKey {
    host: Host,
    peer: Peer,
    process_id: i32,
    secret: i32,
    is_encrypted: bool,
}

/// One address of a server.
#[derive(Clone)]
enum Peer {
    Tcp(SocketAddr),
    Socket(PathBuf),
}

/// Why an attempt failed.
struct Failure {
    error: AdapterError,
    /// Whether the other choice of encryption may have more success.
    is_about_encryption: bool,
}

impl Failure {
    fn new(kind: AdapterErrorKind, message: impl Into<String>) -> Self {
        Self { error: AdapterError::new(kind, message), is_about_encryption: false }
    }
}

impl From<AdapterError> for Failure {
    fn from(error: AdapterError) -> Self {
        Self { error, is_about_encryption: false }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        refusal::broken(&error).into()
    }
}

/// Opens a connection to the first server that takes it.
pub(super) fn open(profile: &Profile) -> Result<Opened, AdapterError> {
    let mut failures: Vec<AdapterError> = Vec::new();
    for host in &profile.hosts {
        match peers(host) {
            Err(message) => failures.push(AdapterError::new(AdapterErrorKind::Connect, message)),
            Ok(peers) => {
                for peer in peers {
                    match open_peer(profile, host, &peer) {
                        Ok(opened) => return Ok(opened),
                        Err(error) => failures.push(described(host, &peer, error)),
                    }
                    // A server that refuses the user is the right one.
                    if failures.last().is_some_and(|error| error.kind != AdapterErrorKind::Connect) {
                        break;
                    }
                }
            }
        }
    }
    let message = failures.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n");
    let last = failures.pop().unwrap_or_else(|| AdapterError::new(AdapterErrorKind::Connect, "no server is named"));
    Err(AdapterError { message, ..last })
}

fn peers(host: &Host) -> Result<Vec<Peer>, String> {
    match &host.address {
        Address::Folder(folder) => Ok(vec![Peer::Socket(folder.join(format!(".s.PGSQL.{}", host.port)))]),
        Address::Ip(ip) => Ok(vec![Peer::Tcp(SocketAddr::new(*ip, host.port))]),
        Address::Name(name) => match (name.as_str(), host.port).to_socket_addrs() {
            Ok(found) => Ok(found.map(Peer::Tcp).collect()),
            Err(error) => Err(format!("could not translate host name \"{name}\" to address: {}", plain(&error))),
        },
    }
}

/// An error of the system without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.trim_start_matches("failed to lookup address information: ").to_owned()
}

/// The failure with the address in front, in libpq's words.
fn described(host: &Host, peer: &Peer, error: AdapterError) -> AdapterError {
    if error.kind == AdapterErrorKind::Settings {
        return error;
    }
    let place = match peer {
        Peer::Socket(path) => format!("connection to server on socket \"{}\" failed: ", path.display()),
        Peer::Tcp(address) if address.ip().to_string() == host.name => {
            format!("connection to server at \"{}\", port {} failed: ", host.name, host.port)
        }
        Peer::Tcp(address) => {
            format!("connection to server at \"{}\" ({}), port {} failed: ", host.name, address.ip(), host.port)
        }
    };
    AdapterError { message: format!("{place}{}", error.message), ..error }
}

fn open_peer(profile: &Profile, host: &Host, peer: &Peer) -> Result<Opened, AdapterError> {
    let ways: &[bool] = match (peer, profile.tls.mode) {
        (Peer::Socket(_), _) | (_, TlsMode::Disable) => &[false],
        (_, TlsMode::Allow) => &[false, true],
        (_, TlsMode::Prefer) => &[true, false],
        _ => &[true],
    };
    let mut first_failure = None;
    for wants_tls in ways {
        match attempt(profile, host, peer, *wants_tls) {
            Ok(opened) => return Ok(opened),
            Err(failure) if !failure.is_about_encryption => return Err(failure.error),
            Err(failure) => drop(first_failure.get_or_insert(failure.error)),
        }
    }
    Err(first_failure.unwrap_or_else(|| AdapterError::new(AdapterErrorKind::Connect, "no way to connect is allowed")))
}

fn attempt(profile: &Profile, host: &Host, peer: &Peer, wants_tls: bool) -> Result<Opened, Failure> {
    let stream = reach(profile, peer, profile.connect_timeout)?;
    let stream = if wants_tls { encrypted(profile, host, stream)? } else { stream };
    let is_encrypted = stream.is_encrypted();
    let mut wire = Wire::new(stream);
    let mut parameters = vec![("user", profile.user.as_str()), ("database", profile.database.as_str())];
    parameters.extend(profile.parameters.iter().map(|(name, value)| (*name, value.as_str())));
    frontend::startup_message(parameters, &mut wire.output)?;
    wire.send()?;
    let cancel = CancelKey { host: host.clone(), peer: peer.clone(), process_id: 0, secret: 0, is_encrypted };
    let mut opened = Opened { wire, cancel, date_style: String::new() };
    opened.authenticate(profile, host)?;
    opened.wire.stream.set_timeout(None)?;
    Ok(opened)
}

/// Connects a socket, nothing more.
fn reach(profile: &Profile, peer: &Peer, timeout: Option<Duration>) -> Result<Stream, Failure> {
    let refused = |error: io::Error, question: &str| {
        let message = match error.kind() {
            io::ErrorKind::TimedOut => "timeout expired".to_owned(),
            _ => format!("{}\n\t{question}", plain(&error)),
        };
        Failure::new(AdapterErrorKind::Connect, message)
    };
    let stream = match peer {
        Peer::Tcp(address) => {
            let made = match timeout {
                Some(timeout) => TcpStream::connect_timeout(address, timeout),
                None => TcpStream::connect(address),
            };
            let question = "Is the server running on that host and accepting TCP/IP connections?";
            let stream = made.map_err(|error| refused(error, question))?;
            stream.set_nodelay(true)?;
            let socket = socket2::SockRef::from(&stream);
            match profile.keepalives_idle {
                Some(idle) => socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(idle))?,
                None => socket.set_keepalive(true)?,
            }
            Stream::Tcp(stream)
        }
        Peer::Socket(path) => {
            let question = "Is the server running locally and accepting connections on that socket?";
            unix(path).map_err(|error| refused(error, question))?
        }
    };
    stream.set_timeout(timeout)?;
    Ok(stream)
}

#[cfg(unix)]
fn unix(path: &std::path::Path) -> io::Result<Stream> {
    UnixStream::connect(path).map(Stream::Unix)
}

#[cfg(not(unix))]
fn unix(_path: &std::path::Path) -> io::Result<Stream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "there are no such sockets on this system"))
}

/// Asks the server to encrypt. One that cannot keeps the plain connection if the mode allows that.
fn encrypted(profile: &Profile, host: &Host, mut stream: Stream) -> Result<Stream, Failure> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    match (answer[0], stream) {
        (b'S', Stream::Tcp(stream)) => handshake(profile, host, stream),
        (b'N', stream) if profile.tls.mode == TlsMode::Prefer => Ok(stream),
        (b'N', _) => {
            let failure = Failure::new(AdapterErrorKind::Connect, "server does not support SSL, but SSL was required");
            Err(Failure { is_about_encryption: true, ..failure })
        }
        (other, _) => {
            let message = format!("received invalid response to SSL negotiation: {}", char::from(other));
            Err(Failure::new(AdapterErrorKind::Connect, message))
        }
    }
}

fn handshake(profile: &Profile, host: &Host, mut stream: TcpStream) -> Result<Stream, Failure> {
    let config = Arc::new(profile.tls.config()?);
    let name = match ServerName::try_from(host.name.clone()) {
        Ok(name) => name,
        // Without a name to check, the address stands in for it.
        Err(_) if profile.tls.mode != TlsMode::VerifyFull => ServerName::from(stream.peer_addr()?.ip()),
        Err(_) => {
            let message = format!("\"{}\" is no name that a certificate can be checked for", host.name);
            return Err(Failure::new(AdapterErrorKind::Settings, message));
        }
    };
    let failed = |message: String| {
        let failure = Failure::new(AdapterErrorKind::Connect, format!("SSL error: {message}"));
        Failure { is_about_encryption: true, ..failure }
    };
    let mut session = rustls::ClientConnection::new(config, name).map_err(|error| failed(error.to_string()))?;
    while session.is_handshaking() {
        session.complete_io(&mut stream).map_err(|error| failed(plain(&error)))?;
    }
    Ok(Stream::Tls(Box::new(rustls::StreamOwned::new(session, stream))))
}

impl Opened {
    /// Answers the server's questions until it waits for statements.
    fn authenticate(&mut self, profile: &Profile, host: &Host) -> Result<(), Failure> {
        let mut was_asked = false;
        let mut scram: Option<sasl::ScramSha256> = None;
        loop {
            let message = self.wire.receive()?;
            was_asked |= !matches!(message, Message::ErrorResponse(_) | Message::NoticeResponse(_));
            match message {
                Message::AuthenticationCleartextPassword => {
                    let password = password(profile, host)?;
                    frontend::password_message(password.as_bytes(), &mut self.wire.output)?;
                    self.wire.send()?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let password = password(profile, host)?;
                    let hash = md5_hash(profile.user.as_bytes(), password.as_bytes(), body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.wire.output)?;
                    self.wire.send()?;
                }
                Message::AuthenticationSasl(body) => {
                    let offered: Vec<String> = body.mechanisms().map(|name| Ok(name.to_owned())).collect()?;
                    let (mechanism, binding) = self.mechanism(&offered)?;
                    let password = password(profile, host)?;
                    let scram = scram.insert(sasl::ScramSha256::new(password.as_bytes(), binding));
                    frontend::sasl_initial_response(mechanism, scram.message(), &mut self.wire.output)?;
                    self.wire.send()?;
                }
                Message::AuthenticationSaslContinue(body) => {
                    let Some(scram) = scram.as_mut() else { return Err(unexpected()) };
                    scram.update(body.data())?;
                    frontend::sasl_response(scram.message(), &mut self.wire.output)?;
                    self.wire.send()?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    let Some(scram) = scram.as_mut() else { return Err(unexpected()) };
                    scram.finish(body.data())?;
                }
                Message::AuthenticationGss | Message::AuthenticationSspi | Message::AuthenticationKerberosV5 => {
                    return Err(unsupported("the server wants GSSAPI, SSPI or Kerberos, which kiln does not speak"));
                }
                Message::AuthenticationOk | Message::NoticeResponse(_) => {}
                Message::ParameterStatus(body) if body.name()? == "DateStyle" => {
                    body.value()?.clone_into(&mut self.date_style)
                }
                Message::ParameterStatus(_) => {}
                Message::BackendKeyData(body) => {
                    (self.cancel.process_id, self.cancel.secret) = (body.process_id(), body.secret_key());
                }
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(refused(&Report::read(body.fields()), profile, was_asked)),
                _ => return Err(unexpected()),
            }
        }
    }
}

impl Opened {
    /// How a password is proven: bound to the server's certificate where both sides can.
    fn mechanism(&self, offered: &[String]) -> Result<(&'static str, sasl::ChannelBinding), Failure> {
        let is_offered = |name: &str| offered.iter().any(|other| other == name);
        let certificate = self.wire.stream.certificate();
        match certificate.and_then(certificate::binding) {
            Some(hash) if is_offered(sasl::SCRAM_SHA_256_PLUS) => {
                Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(hash)))
            }
            _ if !is_offered(sasl::SCRAM_SHA_256) => {
                Err(unsupported("none of the server's SASL authentication mechanisms are supported"))
            }
            Some(_) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested())),
            None => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
        }
    }
}

fn unsupported(message: &str) -> Failure {
    Failure::new(AdapterErrorKind::Auth, message)
}

fn unexpected() -> Failure {
    Failure::new(AdapterErrorKind::Connect, "the server answered with something that is not its protocol")
}

fn refused(report: &Report, profile: &Profile, was_asked: bool) -> Failure {
    let mut message = format!("{}:  {}", report.severity, report.text(""));
    if let Some(complaint) = profile.passwords.complaint.as_ref().filter(|_| report.code == "28P01") {
        message = format!("{message}\n{complaint}");
    }
    let kind = match report.code.get(..2) {
        Some("28") => AdapterErrorKind::Auth,
        _ => AdapterErrorKind::Connect,
    };
    let error = AdapterError { kind, message, position: None, code: Some(report.code.clone()), at: None };
    // Which hosts and users may connect can depend on the encryption.
    Failure { error, is_about_encryption: !was_asked && report.code.starts_with("28") }
}

fn password(profile: &Profile, host: &Host) -> Result<String, Failure> {
    profile.passwords.find(host, &profile.database, &profile.user).ok_or_else(|| {
        let message = match &profile.passwords.complaint {
            Some(complaint) => format!("fe_sendauth: no password supplied\n{complaint}"),
            None => "fe_sendauth: no password supplied".to_owned(),
        };
        Failure::new(AdapterErrorKind::Auth, message)
    })
}

impl CancelKey {
    /// Asks the server to stop what the connection runs. Nobody answers whether it did.
    pub(super) fn cancel(&self, profile: &Profile) {
        let timeout = profile.connect_timeout.unwrap_or(CANCEL_TIMEOUT).min(CANCEL_TIMEOUT);
        let Ok(stream) = reach(profile, &self.peer, Some(timeout)) else { return };
        let stream = if self.is_encrypted { encrypted(profile, &self.host, stream) } else { Ok(stream) };
        let Ok(mut stream) = stream else { return };
        let mut request = BytesMut::new();
        frontend::cancel_request(self.process_id, self.secret, &mut request);
        if stream.write_all(&request).and_then(|()| stream.flush()).is_ok() {
            // The server closes the connection when it has passed the request on.
            let _ = stream.read(&mut [0]);
        }
    }
}
