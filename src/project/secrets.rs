//! Keeps the values of `DBT_ENV_SECRET_…` variables out of everything that is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Data};

use super::yaml;

/// Variables with this prefix are secret, those of the environment and those of the command line.
pub const SECRET_PREFIX: &str = "DBT_ENV_SECRET";

/// What replaces a secret.
const MASK: &str = "*****";

/// A variable of the command line as others may see it.
#[must_use]
pub fn shown_var(name: &str, value: &Data) -> Data {
    if name.starts_with(SECRET_PREFIX) { Data::from(MASK) } else { yaml::plain(value) }
}

/// Whether a key of a target, or of what stands in it, holds a secret by its name.
#[must_use]
pub fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase();
    ["pass", "token", "secret", "private_key", "access_key", "credentials"].iter().any(|word| key.contains(word))
}

/// A setting of the target as others may see it, however deep in it a secret stands.
#[must_use]
pub fn shown_setting(key: &str, value: &Data) -> Data {
    match value {
        Data::Null => Data::Null,
        _ if is_secret_key(key) => Data::from(MASK),
        Data::Object(map) => map.iter().map(|(key, value)| (key.clone(), shown_setting(key, value))).collect(),
        Data::Array(items) => items.iter().map(|item| shown_setting(key, item)).collect(),
        _ => value.clone(),
    }
}

/// The values that must not be seen.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}

impl Secrets {
    /// Takes the secrets out of an environment.
    #[must_use]
    pub fn new(env: &BTreeMap<String, String>) -> Self {
        let is_secret = |name: &str| name.starts_with("DBT_ENV_SECRET_") || name.starts_with("KILN_ENV_SECRET_");
        let values: Vec<String> = env
            .iter()
            .filter(|(name, value)| is_secret(name) && !value.trim().is_empty())
            .map(|(_, value)| value.clone())
            .collect();
        Self::sorted(values)
    }

    /// Adds the secrets among the variables of the command line.
    #[must_use]
    pub fn with_vars(self, vars: &Map<String, Data>) -> Self {
        let secret = vars.iter().filter(|(name, _)| name.starts_with(SECRET_PREFIX));
        let texts = secret.filter_map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty());
        let mut values = self.values;
        values.extend(texts.map(str::to_owned));
        Self::sorted(values)
    }

    fn sorted(mut values: Vec<String>) -> Self {
        // A secret that contains another one must go first, or a part of it would stay.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self { values }
    }

    /// The text without secrets.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), MASK));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_the_longest_first() {
        let env = [("DBT_ENV_SECRET_A", "abc"), ("DBT_ENV_SECRET_B", "abcdef"), ("OTHER", "x")];
        let secrets = Secrets::new(&env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        assert_eq!(secrets.scrub("x abcdef abc"), "x ***** *****");
    }

    #[test]
    fn settings_are_masked_by_their_names() {
        let given = serde_json::json!({"s3_region": "x", "s3_secret_access_key": "y", "keepalives_idle": 0});
        let shown = serde_json::json!({"s3_region": "x", "s3_secret_access_key": MASK, "keepalives_idle": 0});
        assert_eq!(shown_setting("settings", &given), shown);
        assert_eq!(shown_setting("Password", &Data::from("y")), MASK);
    }
}
