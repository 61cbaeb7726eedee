//! Requests to stores that speak S3's protocol, signed with the credentials of the environment or of `~/.aws`.
//!
//! Signing is AWS Signature Version 4, for reading one object. Without credentials the request is not signed, which
//! is right for buckets that everybody may read.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

type Env = BTreeMap<String, String>;

/// A request to send: only reading, without a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) url: String,
    /// By name in lower case; `host` is among them if the request is signed.
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Credentials {
    id: String,
    secret: String,
    token: Option<String>,
}

/// What is signed besides the headers.
struct Place<'a> {
    path: &'a str,
    query: &'a str,
    region: &'a str,
}

/// Makes the request for an object, `s3://bucket/key`.
///
/// # Errors
/// When the address has no bucket or no key.
pub(super) fn request(address: &str, env: &Env, now: jiff::Timestamp) -> Result<Request, String> {
    let (bucket, key) = address.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    if bucket.is_empty() || key.is_empty() {
        return Err(format!("`{address}` names no bucket and object, as `s3://bucket/folder` does"));
    }
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
    let profile = Profile::read(env);
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).or_else(|| profile.get("region"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint =
        set("AWS_ENDPOINT_URL_S3").or_else(|| set("AWS_ENDPOINT_URL")).or_else(|| profile.get("endpoint_url"));
    let (root, path) = match endpoint {
        Some(endpoint) => (endpoint.trim_end_matches('/').to_owned(), format!("/{bucket}/{}", encode(key))),
        // A name with dots does not fit the certificate of hosts that begin with it.
        None if bucket.contains('.') => {
            (format!("https://s3.{region}.amazonaws.com"), format!("/{bucket}/{}", encode(key)))
        }
        None => (format!("https://{bucket}.s3.{region}.amazonaws.com"), format!("/{}", encode(key))),
    };
    let own = || {
        Some(Credentials {
            id: set("AWS_ACCESS_KEY_ID")?,
            secret: set("AWS_SECRET_ACCESS_KEY")?,
            token: set("AWS_SESSION_TOKEN"),
        })
    };
    let credentials = own().or_else(|| profile.credentials());
    let mut headers = BTreeMap::new();
    if let Some(credentials) = credentials {
        let host = root.split_once("://").map_or("", |(_, host)| host);
        headers.insert("host".to_owned(), host.to_owned());
        sign(&mut headers, &Place { path: &path, query: "", region: &region }, &credentials, now);
    }
    Ok(Request { url: format!("{root}{path}"), headers })
}

/// Adds the headers that sign a request.
fn sign(headers: &mut BTreeMap<String, String>, place: &Place<'_>, credentials: &Credentials, now: jiff::Timestamp) {
    let at = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, nothing) = (&at[..8], hex(&Sha256::digest(b"")));
    headers.insert("x-amz-content-sha256".to_owned(), nothing.clone());
    headers.insert("x-amz-date".to_owned(), at.clone());
    if let Some(token) = &credentials.token {
        headers.insert("x-amz-security-token".to_owned(), token.clone());
    }
    let names = headers.keys().map(String::as_str).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("GET\n{}\n{}\n{lines}\n{names}\n{nothing}", place.path, place.query);
    let scope = format!("{day}/{}/s3/aws4_request", place.region);
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{}", credentials.secret).into_bytes();
    for part in [day, place.region, "s3", "aws4_request"] {
        key = mac(&key, part.as_bytes()).to_vec();
    }
    let signature = hex(&mac(&key, text.as_bytes()));
    let id = &credentials.id;
    let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
    headers.insert("authorization".to_owned(), value);
}

/// HMAC with SHA-256 (RFC 2104).
fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |byte: u8| block.map(|own| own ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Writes what is not a letter, digit, `-`, `.`, `_`, `~` or `/` as percent signs and digits.
fn encode(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// The settings of the profile that `AWS_PROFILE` names, from `~/.aws`.
struct Profile(BTreeMap<String, String>);

impl Profile {
    fn read(env: &Env) -> Self {
        let name = env.get("AWS_PROFILE").map_or("default", String::as_str);
        let home = env.get("HOME").or_else(|| env.get("USERPROFILE")).cloned().unwrap_or_default();
        let file =
            |variable: &str, name: &str| env.get(variable).cloned().unwrap_or_else(|| format!("{home}/.aws/{name}"));
        let mut settings = BTreeMap::new();
        for path in [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
            if let Ok(text) = std::fs::read_to_string(path) {
                settings.extend(section(&text, name));
            }
        }
        Self(settings)
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn credentials(&self) -> Option<Credentials> {
        let (id, secret) = (self.get("aws_access_key_id")?, self.get("aws_secret_access_key")?);
        Some(Credentials { id, secret, token: self.get("aws_session_token") })
    }
}

/// The settings under `[name]` or `[profile name]`.
fn section(text: &str, name: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut is_in = false;
    for line in text.lines().map(str::trim) {
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_in = head.trim().strip_prefix("profile ").unwrap_or(head).trim() == name;
        } else if let (true, Some((key, value))) = (is_in, line.split_once('=')) {
            settings.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        let nowhere = [("AWS_CONFIG_FILE", "/nowhere"), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")];
        nowhere.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// The examples of Amazon's description of the protocol.
    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let at = "2013-05-24T00:00:00Z".parse().expect("it is a moment");
        let check = |path: &str, query: &str, range: Option<&str>, expected: &str| {
            let mut headers = BTreeMap::from([("host".to_owned(), "examplebucket.s3.amazonaws.com".to_owned())]);
            headers.extend(range.map(|range| ("range".to_owned(), range.to_owned())));
            sign(&mut headers, &Place { path, query, region: "us-east-1" }, &credentials, at);
            let signature = headers["authorization"].rsplit('=').next().map(str::to_owned);
            assert_eq!(signature.as_deref(), Some(expected));
        };
        let of_object = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        check("/test.txt", "", Some("bytes=0-9"), of_object);
        check("/", "lifecycle=", None, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    }

    #[track_caller]
    fn check(address: &str, pairs: &[(&str, &str)], expected: &str) {
        let made = request(address, &env(pairs), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(made.map_or_else(|error| error, |request| request.url), expected);
    }

    #[test]
    fn addresses_become_those_of_the_bucket() {
        check("s3://b/a b/m.json", &[("AWS_REGION", "eu-west-1")], "https://b.s3.eu-west-1.amazonaws.com/a%20b/m.json");
        check("s3://b.c/m.json", &[], "https://s3.us-east-1.amazonaws.com/b.c/m.json");
        check("s3://b/m.json", &[("AWS_ENDPOINT_URL", "http://localhost:9000/")], "http://localhost:9000/b/m.json");
        check("s3://b", &[], "`s3://b` names no bucket and object, as `s3://bucket/folder` does");
    }

    #[test]
    fn profiles_are_read() {
        let text = "[default]\nregion = a\n[profile other]\nregion=b\n";
        assert_eq!(section(text, "other"), BTreeMap::from([("region".to_owned(), "b".to_owned())]));
        assert_eq!(section(text, "default"), BTreeMap::from([("region".to_owned(), "a".to_owned())]));
    }
}
