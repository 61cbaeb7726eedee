//! Reads files that lie elsewhere: over HTTP, and from stores that speak S3's protocol.
//!
//! What a file means, and what is done if it is not there, is the affair of who asks.

mod s3;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The longest file that is read, in bytes.
const LONGEST: u64 = 2 << 30;

/// How often something is tried in all.
const TRIES: u32 = 3;

/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether a text is the address of something that this room reads.
#[must_use]
pub fn is_address(text: &str) -> bool {
    ["http://", "https://", "s3://"].iter().any(|scheme| text.starts_with(scheme))
}

/// The address of a file in a folder that has an address. What follows a `?` stays at the end.
#[must_use]
pub fn join(folder: &str, name: &str) -> String {
    let (path, query) = folder.split_once('?').map_or((folder, None), |(path, query)| (path, Some(query)));
    let joined = format!("{}/{name}", path.trim_end_matches('/'));
    query.map_or_else(|| joined.clone(), |query| format!("{joined}?{query}"))
}

/// An address without user, password, and what follows a `?`, where signatures stand.
#[must_use]
pub fn shown(address: &str) -> String {
    let path = address.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let (host, folders) = rest.split_once('/').map_or((rest, ""), |(host, folders)| (host, folders));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/{folders}").trim_end_matches('/').to_owned()
}

/// Makes a client that trusts what this computer trusts, and goes through the proxies that the environment names.
#[must_use]
pub fn agent() -> Agent {
    let found = rustls_native_certs::load_native_certs();
    let certificates = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    let roots = RootCerts::Specific(Arc::new(certificates.collect()));
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    config.new_agent()
}

/// Reads files, with the credentials that the environment has.
#[derive(Debug)]
pub struct Reader<'a> {
    agent: Agent,
    env: &'a BTreeMap<String, String>,
}

enum Failure {
    Passing(String),
    Lasting(String),
}

impl<'a> Reader<'a> {
    /// Makes a reader.
    #[must_use]
    pub fn new(env: &'a BTreeMap<String, String>) -> Self {
        Self { agent: agent(), env }
    }

    /// Reads a file; `None` if there is none at the address.
    ///
    /// # Errors
    /// Why it could not be read, without the secrets of the address.
    pub fn read(&self, address: &str) -> Result<Option<Vec<u8>>, String> {
        let mut pause = PAUSE;
        let mut n = 1;
        loop {
            match self.once(address) {
                Ok(found) => return Ok(found),
                Err(Failure::Passing(_)) if n < TRIES => std::thread::sleep(pause),
                Err(Failure::Passing(why) | Failure::Lasting(why)) => return Err(why),
            }
            pause *= 2;
            n += 1;
        }
    }

    fn once(&self, address: &str) -> Result<Option<Vec<u8>>, Failure> {
        let request = match address.strip_prefix("s3://") {
            Some(_) => s3::request(address, self.env, jiff::Timestamp::now()).map_err(Failure::Lasting)?,
            None => s3::Request { url: address.to_owned(), headers: BTreeMap::new() },
        };
        let mut call = self.agent.get(&request.url);
        for (name, value) in request.headers.iter().filter(|(name, _)| *name != "host") {
            call = call.header(name.as_str(), value.as_str());
        }
        let answer = call.call().map_err(|error| match error {
            ureq::Error::BadUri(why) => Failure::Lasting(why),
            other => Failure::Passing(other.to_string()),
        })?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => {
                let mut bytes = Vec::new();
                let read = answer.into_body().into_reader().take(LONGEST).read_to_end(&mut bytes);
                read.map_err(|error| Failure::Passing(error.to_string()))?;
                Ok(Some(bytes))
            }
            404 | 410 => Ok(None),
            408 | 429 | 500.. => Err(Failure::Passing(format!("the server says {status}"))),
            _ => Err(Failure::Lasting(format!("the server says {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_joined_before_what_follows_a_question_mark() {
        assert_eq!(join("s3://bucket/state/", "manifest.json"), "s3://bucket/state/manifest.json");
        assert_eq!(join("https://host/a?sig=x", "manifest.json"), "https://host/a/manifest.json?sig=x");
    }

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(shown("https://me:secret@host:81/a/b?sig=x"), "https://host:81/a/b");
        assert_eq!(shown("s3://bucket"), "s3://bucket");
    }
}
