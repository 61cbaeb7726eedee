//! `package-lock.yml`: which packages were chosen, in dbt's form and with dbt's hash.

use std::path::Path;

use serde_json::{Map, Value as Data};
use sha1::{Digest, Sha1};

use super::spec::Spec;
use crate::artifacts::{python_json, write_text};
use crate::diagnostic::Diagnostic;
use crate::project::yaml;

/// One chosen package: its keys in the file, without `name`.
pub(super) type Entry = Map<String, Data>;

/// The hash of what is declared, by which dbt tells whether the lock file is still good.
pub(super) fn hash(specs: &[Spec]) -> String {
    let mut texts: Vec<String> = specs.iter().map(|spec| python_json(&sorted(&spec.hashed))).collect();
    texts.sort();
    base16ct::lower::encode_string(&Sha1::digest(texts.join("\n")))
}

/// The value with the keys of its maps in order.
fn sorted(value: &Data) -> Data {
    match value {
        Data::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            Data::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Data::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Writes the file, whole or not at all.
pub(super) fn write(path: &Path, entries: &[Entry], hash: &str) -> Result<(), Box<Diagnostic>> {
    let mut text = "packages:\n".to_owned();
    for entry in entries {
        let mut keys: Vec<_> = entry.iter().collect();
        keys.sort_by_key(|(key, _)| key.as_str());
        for (ix, (key, value)) in keys.into_iter().enumerate() {
            let mark = if ix == 0 { "-" } else { " " };
            text += &format!("  {mark} {key}: {}\n", scalar(value));
        }
    }
    text += &format!("sha1_hash: {}\n", scalar(&Data::from(hash)));
    write_text(path, &text)
}

/// A value of one line of YAML: as it is where it reads as the same text, else in quotes.
pub(super) fn scalar(value: &Data) -> String {
    let Data::String(text) = value else { return value.to_string() };
    let is_plain = !text.contains(['\n', '\t'])
        && !text.starts_with(['&', '*', '!', '?', '-', '<', '>', '=', '%', '@', '`', '|'])
        && yaml::parse_argument(text).is_ok_and(|read| read == *value);
    if is_plain {
        return text.clone();
    }
    if text.contains(['\n', '\t']) { value.to_string() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diagnostic::{SourceFile, Span};
    use crate::project::Declared;

    fn spec(data: Data) -> Spec {
        let declared = Declared {
            name: String::new(),
            unrendered: data.clone(),
            data,
            local: None,
            file: SourceFile::new("packages.yml", Arc::from("")),
            span: Span::default(),
        };
        Spec::read(&declared, "packages.yml").expect("a package")
    }

    #[test]
    fn the_hash_is_the_one_that_dbt_makes() {
        // Taken from dbt-core 1.11.
        assert_eq!(hash(&[spec(json!({"local": "./lib"}))]), "6af2b45f8279f5d99f3ed78de4220b0e4f157ab5");
        let declared = [
            json!({"local": "./lib"}),
            json!({"package": "a/b", "version": [">=1.0.0", "<2.0.0"]}),
            json!({"package": "a/b", "version": "1.0.0", "install_prerelease": true}),
            json!({"package": "a/b", "version": "1.0.0", "install_prerelease": null}),
            json!({"git": "https://x/y.git", "revision": 1}),
            json!({"git": "https://x/y.git", "revision": 1.0}),
            json!({"git": "https://x/y.git"}),
            json!({"git": "https://x/y.git", "revision": "main", "warn-unpinned": false, "subdirectory": "é"}),
            json!({"tarball": "https://x", "name": "t"}),
        ];
        assert_eq!(hash(&declared.map(spec)), "f13e5724f6de30c04632f500b2a5b9d62a4bce1d");
    }

    #[test]
    fn values_are_quoted_where_yaml_needs_it() {
        let check = |text: &str, expected: &str| assert_eq!(scalar(&json!(text)), expected);
        check("dbt-labs/dbt_utils", "dbt-labs/dbt_utils");
        check("1.1.1", "1.1.1");
        check("1.0", "'1.0'");
        check("123", "'123'");
        check("true", "'true'");
        check("{{ env_var('X') }}", "'{{ env_var(''X'') }}'");
        check("https://x:y@z/a.git", "https://x:y@z/a.git");
        check("a: b", "'a: b'");
        check("a #b", "'a #b'");
    }
}
