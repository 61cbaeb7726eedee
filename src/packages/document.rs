//! One document from an address, for those who want no package.

use std::io::Read;
use std::time::Duration;

use super::http::{Client, Failure, LONGEST_DATA};
use crate::diagnostic::Diagnostic;

/// How long to wait before the second and last try.
const PAUSE: Duration = Duration::from_millis(300);

/// Fetches a text over `http` or `https`; `None` if there is nothing at the address.
///
/// # Errors
/// A sentence about why not.
pub fn fetch_text(url: &str) -> Result<Option<String>, String> {
    let client = Client::new();
    let fetch = || -> Result<Option<String>, Failure> {
        let Some(mut body) = client.get(url)? else { return Ok(None) };
        let mut text = String::new();
        let read = body.as_reader().take(LONGEST_DATA).read_to_string(&mut text);
        read.map(|_| Some(text)).map_err(|error| Failure::Passing(error.to_string()))
    };
    let lasting = |error: Box<Diagnostic>| error.message;
    match fetch() {
        Ok(text) => Ok(text),
        Err(Failure::Lasting(error)) => Err(lasting(error)),
        Err(Failure::Passing(_)) => {
            std::thread::sleep(PAUSE);
            fetch().map_err(|failure| match failure {
                Failure::Passing(why) => why,
                Failure::Lasting(error) => lasting(error),
            })
        }
    }
}
