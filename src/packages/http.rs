//! Requests over HTTP, tried again where that may help.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Data;
use ureq::{Agent, Body};

use super::spec::without_credentials;
use super::{Event, Shared, interrupted};
use crate::artifacts::unwritable;
use crate::diagnostic::{Code, Diagnostic};
use crate::remote;

/// How often something is tried in all.
const TRIES: u32 = 5;

/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// An answer that is data may be so long, in bytes.
pub(super) const LONGEST_DATA: u64 = 64 << 20;

/// Asks servers.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
}

/// Why one try failed.
pub(super) enum Failure {
    /// It may work in a moment.
    Passing(String),
    /// Trying again does not help.
    Lasting(Box<Diagnostic>),
}

impl From<Box<Diagnostic>> for Failure {
    fn from(error: Box<Diagnostic>) -> Self {
        Self::Lasting(error)
    }
}

impl Client {
    /// Makes a client that trusts what this computer trusts, and goes through the proxies that the environment names.
    pub(super) fn new() -> Self {
        Self { agent: remote::agent() }
    }

    /// Asks for data; `None` where there is none at the address.
    pub(super) fn data(&self, shared: &Shared<'_>, url: &str) -> Result<Option<Data>, Box<Diagnostic>> {
        persist(shared, url, || {
            let Some(mut body) = self.get(url)? else { return Ok(None) };
            let mut bytes = Vec::new();
            let read = body.as_reader().take(LONGEST_DATA).read_to_end(&mut bytes);
            read.map_err(|error| Failure::Passing(error.to_string()))?;
            let data = serde_json::from_slice(&bytes);
            data.map(Some).map_err(|error| Failure::Passing(format!("the answer is not JSON: {error}")))
        })
    }

    /// Fetches a file once. `name` is the word for it while it comes.
    pub(super) fn file(&self, shared: &Shared<'_>, (url, name): (&str, &str), to: &Path) -> Result<(), Failure> {
        let Some(mut body) = self.get(url)? else {
            let message = format!("there is nothing at {}", without_credentials(url));
            return Err(Failure::Lasting(Box::new(Diagnostic::error(Code::PackageUnavailable, message))));
        };
        let total = body.content_length();
        let mut file = File::create(to).map_err(|error| unwritable(to, &error))?;
        let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
        let mut reader = body.as_reader();
        loop {
            if shared.watcher.is_stopped() {
                return Err(Failure::Lasting(Box::new(interrupted())));
            }
            let n = reader.read(&mut buffer).map_err(|error| Failure::Passing(error.to_string()))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(|error| unwritable(to, &error))?;
            bytes += n as u64;
            shared.watcher.event(Event::Received { name, bytes, total });
        }
        match total {
            Some(total) if total != bytes => Err(Failure::Passing(format!("{bytes} of {total} bytes came"))),
            _ => Ok(()),
        }
    }

    /// One request; `None` for 404 and 410.
    pub(super) fn get(&self, url: &str) -> Result<Option<Body>, Failure> {
        let answer = self.agent.get(url).call().map_err(|error| match error {
            ureq::Error::BadUri(why) => Failure::Lasting(Box::new(unavailable(url, &why))),
            other => Failure::Passing(other.to_string()),
        })?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => Ok(Some(answer.into_body())),
            404 | 410 => Ok(None),
            408 | 429 | 500.. => Err(Failure::Passing(format!("the server says {status}"))),
            401 | 403 => {
                let error = unavailable(url, &format!("the server says {status}"));
                Err(Failure::Lasting(Box::new(error.hint("check the credentials in the address"))))
            }
            _ => Err(Failure::Lasting(Box::new(unavailable(url, &format!("the server says {status}"))))),
        }
    }
}

fn unavailable(url: &str, why: &str) -> Diagnostic {
    let message = format!("{} could not be fetched: {why}", without_credentials(url));
    Diagnostic::error(Code::PackageUnavailable, message)
}

/// Does something until it works or trying again does not help.
pub(super) fn persist<T>(
    shared: &Shared<'_>,
    url: &str,
    work: impl Fn() -> Result<T, Failure>,
) -> Result<T, Box<Diagnostic>> {
    let mut pause = PAUSE;
    for n in 1.. {
        shared.check_stop()?;
        match work() {
            Ok(value) => return Ok(value),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Passing(why)) if n == TRIES => {
                let hint = format!("it was tried {TRIES} times; `kiln deps` tries again");
                return Err(Box::new(unavailable(url, &why).hint(hint)));
            }
            Err(Failure::Passing(why)) => {
                shared.watcher.event(Event::Retrying { what: &without_credentials(url), why: &why });
                std::thread::sleep(pause);
                pause *= 2;
            }
        }
    }
    unreachable!("the loop ends with the last try")
}
