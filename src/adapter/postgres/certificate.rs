//! What is read of a server's certificate besides what the TLS library checks: the common name, which older
//! certificates have in place of alternative names, how long it is valid, and the hash that passwords are bound to.

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error as TlsError};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Parts of a certificate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts<'a> {
    common_name: Option<&'a str>,
    has_alternative_names: bool,
    /// Both ends as `YYYYMMDDhhmmss`.
    validity: [String; 2],
    /// Object identifier of the signature's algorithm.
    algorithm: &'a [u8],
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// Algorithms that hash with SHA-384 or SHA-512: of RSA and of elliptic curves.
const SHA384: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03]];
const SHA512: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04]];
/// Algorithms that name no hash: Ed25519, Ed448 and RSA-PSS.
const WITHOUT_HASH: [&[u8]; 3] =
    [&[0x2b, 0x65, 0x70], &[0x2b, 0x65, 0x71], &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a]];

/// Checks that a certificate is for a host: by its alternative names, or by its common name if it has none.
pub(super) fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), TlsError> {
    let parts = Parts::read(certificate).unwrap_or_default();
    if parts.has_alternative_names || parts.common_name.is_none() {
        return verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
    }
    let wanted = name.to_str();
    match parts.common_name.filter(|common| is_name_for(common, &wanted)) {
        Some(_) => Ok(()),
        None => Err(CertificateError::NotValidForName.into()),
    }
}

/// A star stands for the first part of a name.
fn is_name_for(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// Checks that a certificate is valid now.
pub(super) fn check_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), TlsError> {
    let parts = Parts::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = Timestamp::from_second(seconds).map_err(|_| CertificateError::BadEncoding)?;
    let now = now.strftime("%Y%m%d%H%M%S").to_string();
    let [start, end] = parts.validity;
    match (now < start, now > end) {
        (true, _) => Err(CertificateError::NotValidYet.into()),
        (_, true) => Err(CertificateError::Expired.into()),
        _ => Ok(()),
    }
}

/// The hash of a certificate that binds a password to the connection (`tls-server-end-point`, RFC 5929);
/// `None` if its algorithm names no hash.
pub(super) fn binding(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let algorithm = Parts::read(certificate)?.algorithm;
    if WITHOUT_HASH.contains(&algorithm) {
        return None;
    }
    Some(match algorithm {
        algorithm if SHA384.contains(&algorithm) => Sha384::digest(certificate).to_vec(),
        algorithm if SHA512.contains(&algorithm) => Sha512::digest(certificate).to_vec(),
        // Weaker ones are replaced by SHA-256.
        _ => Sha256::digest(certificate).to_vec(),
    })
}

/// One element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// Takes the first element off.
fn take<'a>(input: &mut &'a [u8]) -> Option<Element<'a>> {
    let (&tag, rest) = input.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let (bytes, after) = rest.split_at_checked(length)?;
        length = bytes.iter().try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))?;
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(Element { tag, content })
}

/// Takes the first element off, which has to be of a kind.
fn take_one<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    take(input).filter(|element| element.tag == tag).map(|element| element.content)
}

impl<'a> Parts<'a> {
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut whole = take_one(&mut { certificate }, SEQUENCE)?;
        let mut body = take_one(&mut whole, SEQUENCE)?;
        let algorithm = take_one(&mut take_one(&mut whole, SEQUENCE)?, OBJECT_ID)?;
        // The serial number, and before it the version unless it is the first.
        if take(&mut body)?.tag == 0xa0 {
            take(&mut body)?;
        }
        let (_algorithm, _issuer) = (take_one(&mut body, SEQUENCE)?, take_one(&mut body, SEQUENCE)?);
        let mut validity = take_one(&mut body, SEQUENCE)?;
        let validity = [time(&take(&mut validity)?)?, time(&take(&mut validity)?)?];
        let subject = take_one(&mut body, SEQUENCE)?;
        let mut has_alternative_names = false;
        while let Some(element) = take(&mut body) {
            // Extensions are the only part of this kind.
            if element.tag == 0xa3 {
                let mut extensions = take_one(&mut { element.content }, SEQUENCE)?;
                while let Some(mut extension) = take_one(&mut extensions, SEQUENCE) {
                    has_alternative_names |= take_one(&mut extension, OBJECT_ID)? == ALTERNATIVE_NAMES;
                }
            }
        }
        Some(Self { common_name: common_name(subject), has_alternative_names, validity, algorithm })
    }
}

fn common_name(mut subject: &[u8]) -> Option<&str> {
    let mut found = None;
    while let Some(mut set) = take_one(&mut subject, SET) {
        while let Some(mut pair) = take_one(&mut set, SEQUENCE) {
            if take_one(&mut pair, OBJECT_ID)? == COMMON_NAME {
                found = std::str::from_utf8(take(&mut pair)?.content).ok();
            }
        }
    }
    found
}

/// A time with four digits for the year, without the zone, which is UTC.
fn time(element: &Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(element.content).ok()?.trim_end_matches('Z');
    if element.tag != UTC_TIME {
        return Some(text.to_owned());
    }
    let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
    Some(format!("{century}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    fn certificate(name: &str) -> CertificateDer<'static> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/tls");
        CertificateDer::from_pem_file(folder.join(name)).unwrap()
    }

    #[track_caller]
    fn check(file: &str, host: &str, is_for: bool) {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        assert_eq!(check_name(&certificate(file), &name).is_ok(), is_for);
    }

    #[test]
    fn the_common_name_counts_without_alternative_names() {
        check("self.crt", "localhost", true);
        check("self.crt", "elsewhere", false);
        check("server.crt", "localhost", true);
        check("server.crt", "server", false);
    }

    #[test]
    fn a_star_stands_for_one_part() {
        assert!(is_name_for("*.example.com", "db.Example.com"));
        assert!(!is_name_for("*.example.com", "a.db.example.com"));
        assert!(!is_name_for("*.example.com", "example.com"));
    }

    #[test]
    fn certificates_are_valid_for_a_time() {
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        assert!(check_time(&certificate("self.crt"), at(1_800_000_000)).is_ok());
        assert!(check_time(&certificate("self.crt"), at(1_000_000_000)).is_err());
        assert!(check_time(&certificate("self.crt"), at(9_000_000_000)).is_err());
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        assert_eq!(binding(&certificate("server.crt")).map(|hash| hash.len()), Some(32));
    }
}
