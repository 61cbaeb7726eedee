//! Templates in YAML values: `dbt_project.yml`, profiles, packages.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use minijinja::{Error, Value};
use serde_json::Value as Data;

use super::base::{DBT_VERSION, VarFunction, missing_env_var, secret_error, target_value};
use super::diagnose;
use crate::diagnostic::Diagnostic;
use crate::jinja::functions::{callable, given, register_conversions, text_of};
use crate::jinja::py::{self, CallArgs};
use crate::jinja::{ContextSource, MacroRegistry, Mode, TemplateEnv, TemplateSource};
use crate::project::{RenderYaml, SECRET_PREFIX, YamlScope};

/// Renders YAML values.
pub struct YamlRenderer {
    env: TemplateEnv,
    names: Arc<HashMap<&'static str, Value>>,
}

impl fmt::Debug for YamlRenderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YamlRenderer")
    }
}

impl Default for YamlRenderer {
    fn default() -> Self {
        Self::new()
    }
}

impl YamlRenderer {
    /// Makes a renderer; it knows no macros.
    #[must_use]
    pub fn new() -> Self {
        let mut names = HashMap::new();
        register_conversions(&mut names);
        names.insert("dbt_version", Value::from(DBT_VERSION));
        for quiet in ["log", "print"] {
            names.insert(quiet, callable(quiet, |_, _| Ok(Value::from(""))));
        }
        let env = TemplateEnv::new(MacroRegistry::builder().build(), Mode::Run);
        Self { env, names: Arc::new(names) }
    }
}

impl RenderYaml for YamlRenderer {
    fn render_native(&self, text: &str, scope: YamlScope<'_>) -> Result<Data, Box<Diagnostic>> {
        let secrets = Arc::new(Mutex::new(BTreeMap::new()));
        let context = YamlContext::new(Arc::clone(&self.names), &scope, Arc::clone(&secrets));
        let template = TemplateSource::new("yaml", "", text);
        let value = self
            .env
            .render_native(&template, Arc::new(context))
            .map_err(|error| diagnose(&error, None, self.env.registry()))?;
        let mut data = py::to_json(&value);
        let secrets = match secrets.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        if !secrets.is_empty() {
            reveal(&mut data, &secrets);
        }
        Ok(data)
    }
}

/// Puts secrets in the place of their names, after rendering: templates never see them.
fn reveal(data: &mut Data, secrets: &BTreeMap<String, String>) {
    match data {
        Data::String(text) => {
            for (placeholder, secret) in secrets {
                if text.contains(placeholder.as_str()) {
                    *text = text.replace(placeholder, secret);
                }
            }
        }
        Data::Array(items) => items.iter_mut().for_each(|item| reveal(item, secrets)),
        Data::Object(map) => map.values_mut().for_each(|value| reveal(value, secrets)),
        _ => {}
    }
}

#[derive(Debug)]
struct YamlContext {
    names: Arc<HashMap<&'static str, Value>>,
    own: HashMap<&'static str, Value>,
}

impl YamlContext {
    fn new(
        names: Arc<HashMap<&'static str, Value>>,
        scope: &YamlScope<'_>,
        secrets: Arc<Mutex<BTreeMap<String, String>>>,
    ) -> Self {
        let mut own = HashMap::new();
        let var = VarFunction {
            vars: Arc::new(scope.vars.clone()),
            node: "<Configuration>".to_string(),
            is_required: true,
            record: Box::new(|_| {}),
        };
        own.insert("var", Value::from_object(var));
        let env = Arc::new(scope.env.clone());
        let may_read_secrets = scope.may_read_secrets;
        own.insert("env_var", callable("env_var", move |_, args| env_var(&env, may_read_secrets, &secrets, args)));
        if let Some(target) = scope.target {
            own.insert("target", target_value(target));
            own.insert("env", target_value(target));
        }
        Self { names, own }
    }
}

fn env_var(
    env: &BTreeMap<String, String>,
    may_read_secrets: bool,
    secrets: &Mutex<BTreeMap<String, String>>,
    args: &[Value],
) -> Result<Value, Error> {
    let [name, default] = CallArgs::split(args).bind("env_var", ["var", "default"], 1)?;
    let name = text_of(name).unwrap_or_default();
    let is_secret = name.starts_with(SECRET_PREFIX);
    if is_secret && !may_read_secrets {
        return Err(secret_error(&name));
    }
    match (env.get(&name), given(default)) {
        (Some(value), _) if is_secret => {
            let placeholder = format!("$$$DBT_SECRET_START$$${name}$$$DBT_SECRET_END$$$");
            if let Ok(mut secrets) = secrets.lock() {
                secrets.insert(placeholder.clone(), value.clone());
            }
            Ok(Value::from(placeholder))
        }
        (Some(value), _) => Ok(Value::from(value.as_str())),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(missing_env_var(&name, env.keys())),
    }
}

impl ContextSource for YamlContext {
    fn get(&self, name: &str) -> Option<Value> {
        self.own.get(name).or_else(|| self.names.get(name)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.own.keys().chain(self.names.keys()).map(|name| (*name).to_string()).collect()
    }

    fn macro_package(&self) -> &str {
        ""
    }
}

/// Vars of a scope without any.
#[cfg(test)]
pub(crate) fn no_vars() -> serde_json::Map<String, Data> {
    serde_json::Map::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn render(text: &str, may_read_secrets: bool) -> Result<Data, Box<Diagnostic>> {
        let env = [("A", "1"), ("DBT_ENV_SECRET_X", "hush")].map(|(k, v)| (k.to_string(), v.to_string())).into();
        let mut vars = no_vars();
        vars.insert("v".to_string(), 7.into());
        YamlRenderer::new().render_native(text, YamlScope { target: None, vars: &vars, env: &env, may_read_secrets })
    }

    #[test]
    fn values_keep_their_types() {
        assert_eq!(render("{{ var('v') }}", false).ok(), Some(7.into()));
        assert_eq!(render("x{{ env_var('A') }}", false).ok(), Some("x1".into()));
        assert_eq!(render("plain", false).ok(), Some("plain".into()));
    }

    #[test]
    fn secrets_are_for_profiles_only() {
        assert_eq!(render("{{ env_var('DBT_ENV_SECRET_X') }}!", true).ok(), Some("hush!".into()));
        let error = render("{{ env_var('DBT_ENV_SECRET_X') }}", false).expect_err("refused");
        assert!(error.message.starts_with("Secret env vars are allowed only in"), "{}", error.message);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = render("{{ env_var('NOPE') }}", false).expect_err("missing");
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::EnvVarMissing, "Env var required but not provided: 'NOPE'")
        );
    }
}
