//! What a project asks for: one entry of `packages:`, checked.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::version::Version;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, did_you_mean};
use crate::project::Declared;

/// A package that is asked for, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// Where it comes from.
    pub(super) source: Source,
    /// The entry as written.
    pub(super) unrendered: Data,
    /// The entry as dbt hashes it.
    pub(super) hashed: Data,
    /// Who asks, for messages.
    pub(super) asker: Asker,
}

/// Who asks for a package.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Such as `packages.yml` or a package's name.
    pub(super) name: String,
    file: Arc<SourceFile>,
    span: Span,
    /// Whether a password is written out there.
    is_secret: bool,
}

impl Asker {
    /// The error at the place that asks, where that is a file of the user's.
    pub(super) fn at(&self, error: Diagnostic) -> Diagnostic {
        if self.is_secret { error.in_file(&self.file) } else { error.at(&self.file, self.span) }
    }
}

/// Where a package comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A package of the hub.
    Hub {
        /// `namespace/name`.
        package: String,
        /// What must all admit its version.
        versions: Vec<Version>,
        /// Versions before a release are taken too.
        with_prereleases: bool,
    },
    /// A git repository.
    Git {
        /// Its address, which may hold secrets.
        url: String,
        /// A branch, tag or commit.
        revision: Option<String>,
        /// The package's folder in it.
        subdirectory: Option<String>,
        /// Whether to warn about a revision that moves.
        warns_unpinned: bool,
    },
    /// An archive at an address.
    Tarball {
        /// Its address, which may hold secrets.
        url: String,
        /// The name that the package gets.
        name: String,
    },
    /// A folder of this computer.
    Local {
        /// From the root project's folder.
        path: String,
    },
}

/// Keys of each kind, required ones first, with how many of them are required.
const KEYS: &[(&str, usize, &[&str])] = &[
    ("local", 1, &["local", "name"]),
    ("tarball", 2, &["tarball", "name"]),
    ("git", 1, &["git", "revision", "warn-unpinned", "subdirectory", "name"]),
    ("package", 2, &["package", "version", "install_prerelease", "name"]),
];

impl Spec {
    /// Reads an entry.
    ///
    /// # Errors
    /// When keys are missing, unknown or of the wrong type.
    pub(super) fn read(declared: &Declared, asker: &str) -> Result<Self, Box<Diagnostic>> {
        let is_secret = ["git", "tarball"].iter().any(|key| {
            let written = declared.unrendered.get(key).and_then(Data::as_str);
            written.is_some_and(|url| !url.contains("{{") && without_credentials(url) != url)
        });
        let file = Arc::clone(&declared.file);
        let asker = Asker { name: asker.to_owned(), file, span: declared.span, is_secret };
        let source = source(&declared.data).map_err(|(message, hint)| {
            let error = Diagnostic::error(Code::PackageInvalid, message).maybe_hint(hint);
            Box::new(asker.at(error))
        })?;
        let hashed = hashed(&declared.data, &declared.unrendered);
        Ok(Self { source, unrendered: declared.unrendered.clone(), hashed, asker })
    }
}

type Complaint = (String, Option<String>);

fn source(data: &Data) -> Result<Source, Complaint> {
    let empty = Map::new();
    let map = data.as_object().unwrap_or(&empty);
    if let Some(private) = map.get("private").and_then(Data::as_str) {
        let message = format!("`private: {private}` names a package of a hosted platform, which is not reachable");
        return Err((message, Some("name its repository with `git:`".to_owned())));
    }
    let Some((kind, n_required, keys)) = KEYS.iter().find(|(kind, ..)| map.contains_key(*kind)) else {
        return Err(("the entry has none of `package`, `git`, `local` and `tarball`".to_owned(), None));
    };
    if let Some(key) = map.keys().find(|key| !keys.contains(&key.as_str())) {
        let hint = did_you_mean(key, keys.iter().copied());
        return Err((format!("`{key}` is not a key of a `{kind}` package"), hint));
    }
    if let Some(key) = keys[..*n_required].iter().find(|key| map.get(**key).is_none_or(Data::is_null)) {
        return Err((format!("a `{kind}` package needs `{key}`"), None));
    }
    let text = |key: &str| text(map, key);
    Ok(match *kind {
        "local" => Source::Local { path: text("local")?.unwrap_or_default() },
        "tarball" => {
            Source::Tarball { url: text("tarball")?.unwrap_or_default(), name: text("name")?.unwrap_or_default() }
        }
        "git" => Source::Git {
            url: text("git")?.unwrap_or_default(),
            revision: text("revision")?,
            subdirectory: text("subdirectory")?.filter(|path| !path.is_empty()),
            warns_unpinned: switch(map, "warn-unpinned")?.unwrap_or(true),
        },
        _ => hub(map)?,
    })
}

fn hub(map: &Map<String, Data>) -> Result<Source, Complaint> {
    let package = text(map, "package")?.unwrap_or_default();
    if package.split('/').count() != 2 {
        let message = format!("`{package}` is not the name of a package of the hub");
        return Err((message, Some("write its namespace too: `dbt-labs/dbt_utils`".to_owned())));
    }
    let given = match map.get("version") {
        Some(Data::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let texts = given.iter().map(scalar).collect::<Option<Vec<_>>>();
    let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
        return Err(("`version` is neither a version nor a list of versions".to_owned(), None));
    };
    let mut versions = Vec::new();
    for text in texts.iter().flat_map(|text| text.split(',')) {
        versions.push(Version::read(text).ok_or_else(|| {
            let hint = "write `1.2.3`, `>=1.2.0` or a list such as `[\">=1.2.0\", \"<2.0.0\"]`";
            (format!("`{text}` is not a version"), Some(hint.to_owned()))
        })?);
    }
    let with_prereleases = switch(map, "install_prerelease")?.unwrap_or(false);
    Ok(Source::Hub { package, versions, with_prereleases })
}

/// A string or a number, as text.
fn scalar(value: &Data) -> Option<String> {
    match value {
        Data::String(text) => Some(text.clone()),
        Data::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(map: &Map<String, Data>, key: &str) -> Result<Option<String>, Complaint> {
    match map.get(key) {
        None | Some(Data::Null) => Ok(None),
        Some(value) => scalar(value).map(Some).ok_or_else(|| (format!("`{key}` is not a text"), None)),
    }
}

fn switch(map: &Map<String, Data>, key: &str) -> Result<Option<bool>, Complaint> {
    match map.get(key) {
        None | Some(Data::Null) => Ok(None),
        Some(Data::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err((format!("`{key}` is neither true nor false"), None)),
    }
}

/// The entry with the defaults that dbt fills in before it makes its hash.
fn hashed(data: &Data, unrendered: &Data) -> Data {
    let mut map = data.as_object().cloned().unwrap_or_default();
    let defaults: &[(&str, Data)] = if map.contains_key("git") {
        &[("revision", Data::Null), ("subdirectory", Data::Null), ("warn-unpinned", Data::Null)]
    } else if map.contains_key("package") {
        &[("install_prerelease", json!(false))]
    } else {
        &[]
    };
    for (key, value) in defaults {
        map.entry(*key).or_insert_with(|| value.clone());
    }
    if map.get("name").is_some_and(Data::is_null) {
        map.remove("name");
    }
    map.insert("unrendered".to_owned(), unrendered.clone());
    Data::Object(map)
}

impl Source {
    /// The word for it in messages, without credentials.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Hub { package, .. } => package.clone(),
            Self::Git { url, subdirectory: Some(folder), .. } => format!("{}/{folder}", without_credentials(url)),
            Self::Git { url, .. } => without_credentials(url),
            Self::Tarball { name, .. } => name.clone(),
            Self::Local { path } => path.clone(),
        }
    }

    /// What tells it from other packages, whatever the version.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Hub { package, .. } => package.clone(),
            Self::Git { url, subdirectory, .. } => {
                let folder = subdirectory.as_deref().unwrap_or_default();
                format!("{}/{folder}", url.strip_suffix(".git").unwrap_or(url))
            }
            Self::Tarball { url, .. } => url.clone(),
            Self::Local { path } => path.clone(),
        }
    }

    /// The word for its kind.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Hub { .. } => "a package of the hub",
            Self::Git { .. } => "a git package",
            Self::Tarball { .. } => "a tarball",
            Self::Local { .. } => "a local package",
        }
    }
}

/// An address with the password in it masked.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let Some((user, host)) = host.rsplit_once('@') else { return url.to_owned() };
    let user = match user.split_once(':') {
        Some((name, _)) => format!("{name}:***"),
        // `git@host` is a name, a lone word over HTTP is usually a token.
        None if scheme.starts_with("http") => "***".to_owned(),
        None => user.to_owned(),
    };
    let path = path.map_or_else(String::new, |path| format!("/{path}"));
    format!("{scheme}://{user}@{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: Data, expected: &str) {
        let shown = match source(&entry) {
            Ok(source) => format!("{} {}", source.kind(), source.key()),
            Err((message, _)) => message,
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn entries_are_checked() {
        check(json!({"package": "a/b", "version": "1.0.0"}), "a package of the hub a/b");
        check(json!({"package": "a/b", "version": ">=1.0.0, <2.0.0"}), "a package of the hub a/b");
        check(json!({"package": "a/b"}), "a `package` package needs `version`");
        check(json!({"package": "b", "version": "1.0.0"}), "`b` is not the name of a package of the hub");
        check(json!({"package": "a/b", "version": 1.0}), "`1.0` is not a version");
        check(
            json!({"package": "a/b", "version": "1.0.0", "prerelease": true}),
            "`prerelease` is not a key of a `package` package",
        );
        check(json!({"git": "https://x/y.git", "subdirectory": "z"}), "a git package https://x/y/z");
        check(json!({"git": "https://x/y", "warn-unpinned": "no"}), "`warn-unpinned` is neither true nor false");
        check(json!({"tarball": "https://x"}), "a `tarball` package needs `name`");
    }

    #[test]
    fn passwords_in_addresses_are_masked() {
        assert_eq!(without_credentials("https://me:pass@x/y.git"), "https://me:***@x/y.git");
        assert_eq!(without_credentials("https://token@x/y.git"), "https://***@x/y.git");
        assert_eq!(without_credentials("ssh://git@x/y.git"), "ssh://git@x/y.git");
        assert_eq!(without_credentials("git@x:y.git"), "git@x:y.git");
    }
}
