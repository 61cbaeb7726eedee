//! Messages over a socket: sent in one write, received one by one.

use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rustls::pki_types::CertificateDer;

/// Bytes of rows to copy in one message.
const COPY_PART: usize = 64 * 1024;

/// A connection with or without encryption.
pub(super) enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A socket of this machine.
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Stream {
    /// Limits how long one read or write may take; `None`: no limit.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)),
            Self::Tls(stream) => {
                stream.sock.set_read_timeout(timeout).and_then(|()| stream.sock.set_write_timeout(timeout))
            }
        }
    }

    /// The server's certificate, if what is sent is encrypted.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Tls(stream) => stream.conn.peer_certificates()?.first(),
            _ => None,
        }
    }

    /// Whether what is sent is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A stream of messages.
pub(super) struct Wire {
    pub(super) stream: Stream,
    input: BytesMut,
    /// Messages that [`Wire::send`] will send.
    pub(super) output: BytesMut,
    /// What the server gets when it asks for rows to copy.
    pub(super) copy: Option<Vec<u8>>,
    chunk: Box<[u8]>,
}

impl Wire {
    /// Takes over a stream.
    pub(super) fn new(stream: Stream) -> Self {
        let chunk = vec![0; 32 * 1024].into_boxed_slice();
        Self { stream, input: BytesMut::new(), output: BytesMut::new(), copy: None, chunk }
    }

    /// Sends what lies in `output`.
    pub(super) fn send(&mut self) -> io::Result<()> {
        let sent = self.stream.write_all(&self.output).and_then(|()| self.stream.flush());
        self.output.clear();
        sent
    }

    /// Sends the rows that the server asks for, if there are any.
    pub(super) fn send_copy(&mut self) -> io::Result<()> {
        match self.copy.take() {
            None => frontend::copy_fail("there is nothing to copy from here", &mut self.output)?,
            Some(data) => {
                for part in data.chunks(COPY_PART) {
                    frontend::CopyData::new(part)?.write(&mut self.output);
                    self.send()?;
                }
                frontend::copy_done(&mut self.output);
            }
        }
        self.send()
    }

    /// Waits for the next message.
    pub(super) fn receive(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.input)? {
                return Ok(message);
            }
            match self.stream.read(&mut self.chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n_read) => self.input.extend_from_slice(&self.chunk[..n_read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
