//! Reading dbt_project.yml: every key with its type and dbt's default.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::render::ValueRenderer;
use super::yaml::{Yaml, YamlEntry, YamlKind};
use super::{DispatchRule, PackageLayer, ProjectConfig, Quoting, RenderYaml, Target, YamlScope};
use super::{config_keys, flags, notices};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, SourceFile, Span, did_you_mean};

/// What values are rendered with.
#[derive(Clone, Copy)]
pub(super) struct Rendering<'a> {
    pub(super) engine: &'a dyn RenderYaml,
    pub(super) vars: &'a Map<String, Data>,
    pub(super) env: &'a BTreeMap<String, String>,
    /// `None` where no profile is needed; then a value that needs the target stays as written.
    pub(super) target: Option<&'a Target>,
}

impl<'a> Rendering<'a> {
    /// A renderer for the values of a file.
    pub(super) fn values(&self, file: &'a Arc<SourceFile>, may_read_secrets: bool) -> ValueRenderer<'a> {
        let scope = YamlScope { target: self.target, vars: self.vars, env: self.env, may_read_secrets };
        ValueRenderer { engine: self.engine, scope, file, is_lenient: self.target.is_none() }
    }

    /// A renderer for values that must be known now, and may be secret.
    pub(super) fn strict(&self, file: &'a Arc<SourceFile>) -> ValueRenderer<'a> {
        ValueRenderer { is_lenient: false, ..self.values(file, true) }
    }
}

/// The configuration trees: the key that we use, and an older one.
const TREES: &[(&str, &str)] = &[
    ("models", ""),
    ("seeds", ""),
    ("snapshots", ""),
    ("data_tests", "tests"),
    ("unit_tests", ""),
    ("sources", ""),
    ("analyses", ""),
    ("exposures", ""),
    ("metrics", ""),
    ("semantic_models", ""),
    ("saved_queries", ""),
    ("functions", ""),
];

/// The other keys, as documented.
const KEYS: &[&str] = &[
    "name",
    "version",
    "config-version",
    "profile",
    "model-paths",
    "source-paths",
    "macro-paths",
    "seed-paths",
    "data-paths",
    "test-paths",
    "analysis-paths",
    "snapshot-paths",
    "docs-paths",
    "asset-paths",
    "function-paths",
    "target-path",
    "log-path",
    "clean-targets",
    "packages-install-path",
    "quoting",
    "vars",
    "on-run-start",
    "on-run-end",
    "dispatch",
    "query-comment",
    "require-dbt-version",
    "restrict-access",
    "flags",
    "dbt-cloud",
    "packages",
    "project-root",
    "anchors",
];

/// Names that templates use for something else.
const RESERVED: &[&str] = &[
    "_sql_results",
    "adapter",
    "api",
    "column",
    "config",
    "context",
    "database",
    "env",
    "env_var",
    "exceptions",
    "execute",
    "flags",
    "fromjson",
    "fromyaml",
    "graph",
    "invocation_id",
    "load_agate_table",
    "load_result",
    "log",
    "model",
    "modules",
    "post_hooks",
    "pre_hooks",
    "ref",
    "render",
    "return",
    "run_started_at",
    "schema",
    "source",
    "sql",
    "sql_now",
    "store_result",
    "store_raw_result",
    "target",
    "this",
    "tojson",
    "toyaml",
    "try_or_compiler_error",
    "var",
    "write",
];

/// Reads a project file. Unknown keys are warned about; all wrong ones are reported together.
pub(super) fn read(
    file: &Arc<SourceFile>,
    yaml: &Yaml,
    (rendering, diagnostics): (&Rendering<'_>, &mut Diagnostics),
) -> Result<ProjectConfig, Box<Diagnostic>> {
    let values = rendering.values(file, false);
    let mut reader = Reader { file, yaml, values, problems: Vec::new() };
    let config = reader.config();
    reader.unknown_keys(diagnostics);
    reader.renamed_keys(diagnostics);
    reader.unknown_flags(diagnostics);
    for tree in config.layers.values().filter_map(|layer| layer.written.as_ref()) {
        config_keys::check(file, tree, diagnostics);
    }
    let mut problems = reader.problems.into_iter();
    match problems.next() {
        None => Ok(config),
        Some(first) => {
            diagnostics.extend(problems);
            Err(Box::new(first))
        }
    }
}

fn same(written: &str, key: &str) -> bool {
    written.len() == key.len() && written.bytes().zip(key.bytes()).all(|(a, b)| a == b || (is_joint(a) && is_joint(b)))
}

fn is_joint(byte: u8) -> bool {
    matches!(byte, b'-' | b'_')
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    yaml: &'a Yaml,
    values: ValueRenderer<'a>,
    problems: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> ProjectConfig {
        let name = self.name();
        let paths =
            |reader: &mut Self, key: &str, default: &str| reader.texts(key).unwrap_or_else(|| vec![default.to_owned()]);
        let model_paths = self.texts("model-paths").or_else(|| self.texts("source-paths"));
        let seed_paths = self.texts("seed-paths").or_else(|| self.texts("data-paths"));
        let target_path = self.text("target-path").unwrap_or_else(|| "target".to_owned());
        let mut config = ProjectConfig {
            file: Arc::clone(self.file),
            name,
            version: self.version(),
            profile: self.text("profile"),
            model_paths: model_paths.unwrap_or_else(|| vec!["models".to_owned()]),
            macro_paths: paths(self, "macro-paths", "macros"),
            seed_paths: seed_paths.unwrap_or_else(|| vec!["seeds".to_owned()]),
            test_paths: paths(self, "test-paths", "tests"),
            analysis_paths: paths(self, "analysis-paths", "analyses"),
            snapshot_paths: paths(self, "snapshot-paths", "snapshots"),
            function_paths: paths(self, "function-paths", "functions"),
            docs_paths: Vec::new(),
            asset_paths: self.texts("asset-paths").unwrap_or_default(),
            clean_targets: self.texts("clean-targets").unwrap_or_else(|| vec![target_path.clone()]),
            target_path,
            log_path: self.text("log-path").unwrap_or_else(|| "logs".to_owned()),
            packages_install_path: self.text("packages-install-path").unwrap_or_else(|| "dbt_packages".to_owned()),
            quoting: self.quoting(),
            layers: TREES
                .iter()
                .filter_map(|(key, older)| Some(((*key).to_owned(), self.layer(key, older)?)))
                .collect(),
            vars: self.vars(),
            on_run_start: self.hooks("on-run-start"),
            on_run_end: self.hooks("on-run-end"),
            dispatch: self.dispatch(),
            query_comment: self.entry("query-comment").map(|entry| entry.value.to_data()),
            require_dbt_version: self.texts("require-dbt-version").unwrap_or_default(),
            require_dbt_version_span: self
                .entry("require-dbt-version")
                .map_or(Span::default(), |entry| entry.value.span),
            restrict_access: self.truth("restrict-access").unwrap_or(false),
            flags: self.written_map("flags"),
            cloud: self.written_map("dbt-cloud"),
        };
        config.docs_paths = self.texts("docs-paths").unwrap_or_else(|| config.source_paths());
        config
    }

    fn entry(&self, key: &str) -> Option<&'a YamlEntry> {
        self.yaml.entries().iter().find(|entry| same(&entry.key, key))
    }

    /// The rendered value of a key; nothing if it is null or fails, which is noted.
    fn value(&mut self, key: &str) -> Option<(Data, &'a Yaml)> {
        let entry = self.entry(key).filter(|entry| !entry.value.is_null())?;
        match self.values.render_all(&entry.value) {
            Ok(Data::Null) => None,
            Ok(value) => Some((value, &entry.value)),
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    fn wrong(&mut self, key: &str, yaml: &Yaml, wanted: &str) {
        let message = format!("`{key}` is {}, not {wanted}", yaml.kind_name());
        self.problems.push(Diagnostic::error(Code::YamlType, message).at(self.file, yaml.span));
    }

    fn name(&mut self) -> String {
        let Some((value, yaml)) = self.value("name") else {
            if self.problems.is_empty() {
                let message = format!("`{}` has no `name:`", self.file.path());
                let error = Diagnostic::error(Code::ProjectInvalid, message).in_file(self.file);
                self.problems.push(error.hint("name the project: `name: my_project`"));
            }
            return String::new();
        };
        let Data::String(name) = value else {
            self.wrong("name", yaml, "a string");
            return String::new();
        };
        let starts_well = name.chars().next().is_some_and(|char| char.is_alphabetic() || char == '_');
        if !starts_well || !name.chars().all(|char| char.is_alphanumeric() || char == '_') {
            let message = format!("`{name}` cannot be the name of a project");
            let error = Diagnostic::error(Code::ProjectInvalid, message).at(self.file, yaml.span);
            self.problems.push(error.hint("use letters, digits and underscores, and begin with a letter"));
        } else if RESERVED.contains(&name.as_str()) {
            let message =
                format!("`{name}` cannot be the name of a project: templates use the word for something else");
            self.problems.push(Diagnostic::error(Code::ProjectInvalid, message).at(self.file, yaml.span));
        }
        name
    }

    fn version(&mut self) -> Option<String> {
        match self.value("version")? {
            (Data::String(text), _) => Some(text),
            (Data::Number(number), _) => Some(number.to_string()),
            (_, yaml) => {
                self.wrong("version", yaml, "a string");
                None
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            (Data::String(text), _) => Some(text),
            (_, yaml) => {
                self.wrong(key, yaml, "a string");
                None
            }
        }
    }

    fn truth(&mut self, key: &str) -> Option<bool> {
        match self.value(key)? {
            (Data::Bool(value), _) => Some(value),
            (_, yaml) => {
                self.wrong(key, yaml, "true or false");
                None
            }
        }
    }

    /// A list of strings; one string counts as a list of one.
    fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let (value, yaml) = self.value(key)?;
        let items = match value {
            Data::String(text) => return Some(vec![text]),
            Data::Array(items) => items,
            _ => {
                self.wrong(key, yaml, "a list of strings");
                return None;
            }
        };
        let texts: Vec<String> = items.iter().filter_map(Data::as_str).map(str::to_owned).collect();
        if texts.len() < items.len() {
            let odd = yaml.items().iter().find(|item| item.as_str().is_none()).unwrap_or(yaml);
            let message = format!("an item of `{key}` is {}, not a string", odd.kind_name());
            self.problems.push(Diagnostic::error(Code::YamlType, message).at(self.file, odd.span));
        }
        Some(texts)
    }

    /// The variables, in which dates are marked.
    fn vars(&mut self) -> Map<String, Data> {
        self.map_by("vars", Yaml::to_marked_data)
    }

    fn written_map(&mut self, key: &str) -> Map<String, Data> {
        self.map_by(key, Yaml::to_data)
    }

    fn map_by(&mut self, key: &str, data: fn(&Yaml) -> Data) -> Map<String, Data> {
        let Some(entry) = self.entry(key).filter(|entry| !entry.value.is_null()) else { return Map::new() };
        match data(&entry.value) {
            Data::Object(map) => map,
            _ => {
                self.wrong(key, &entry.value, "a mapping");
                Map::new()
            }
        }
    }

    fn hooks(&mut self, key: &str) -> Vec<Yaml> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        match &entry.value.kind {
            YamlKind::Null => Vec::new(),
            YamlKind::String(_) => vec![entry.value.clone()],
            YamlKind::Seq(items) => items.iter().filter(|item| !item.is_null()).cloned().collect(),
            _ => {
                self.wrong(key, &entry.value, "a string or a list of strings");
                Vec::new()
            }
        }
    }

    fn quoting(&mut self) -> Quoting {
        let mut quoting = Quoting::default();
        let Some((value, yaml)) = self.value("quoting") else { return quoting };
        let Data::Object(map) = value else {
            self.wrong("quoting", yaml, "a mapping");
            return quoting;
        };
        for (key, value) in map {
            let place = yaml.get(&key).unwrap_or(yaml);
            if !value.is_boolean() && !value.is_null() {
                self.wrong(&key, place, "true or false");
            }
            match key.as_str() {
                "database" | "project" => quoting.database = value.as_bool(),
                "schema" => quoting.schema = value.as_bool(),
                "identifier" => quoting.identifier = value.as_bool(),
                "snowflake_ignore_case" => quoting.snowflake_ignore_case = value.as_bool(),
                _ => {}
            }
        }
        quoting
    }

    fn dispatch(&mut self) -> Vec<DispatchRule> {
        let Some((value, yaml)) = self.value("dispatch") else { return Vec::new() };
        let Data::Array(items) = value else {
            self.wrong("dispatch", yaml, "a list");
            return Vec::new();
        };
        let mut rules = Vec::new();
        for (ix, item) in items.iter().enumerate() {
            let namespace = item.get("macro_namespace").and_then(Data::as_str);
            let order = item.get("search_order").and_then(Data::as_array);
            let (Some(namespace), Some(order)) = (namespace, order) else {
                let place = yaml.items().get(ix).map_or(yaml.span, |item| item.span);
                let message = "an entry of `dispatch` needs `macro_namespace` and a list `search_order`";
                self.problems.push(Diagnostic::error(Code::ProjectInvalid, message).at(self.file, place));
                continue;
            };
            rules.push(DispatchRule {
                macro_namespace: namespace.to_owned(),
                search_order: order.iter().filter_map(Data::as_str).map(str::to_owned).collect(),
            });
        }
        rules
    }

    fn layer(&mut self, key: &str, older: &str) -> Option<PackageLayer> {
        let entry = match (self.entry(key), self.entry(older)) {
            (Some(entry), Some(other)) if !other.value.is_null() && !entry.value.is_null() => {
                let message = format!("`{key}` and `{older}` are both given");
                let error = Diagnostic::error(Code::ProjectInvalid, message).at(self.file, other.key_span);
                self.problems.push(error.hint(format!("move everything under `{key}`")));
                entry
            }
            (Some(entry), _) | (None, Some(entry)) => entry,
            (None, None) => return None,
        };
        // As dbt, which looks for what was written under the key with underscores only.
        let written = Some(entry.value.clone()).filter(|_| !entry.key.contains('-'));
        match &entry.value.kind {
            YamlKind::Map(_) => {}
            YamlKind::Null => return Some(PackageLayer { written, rendered: Map::new() }),
            _ => {
                self.wrong(&entry.key, &entry.value, "a mapping");
                return None;
            }
        }
        let is_hook = |name: &str| matches!(name, "pre-hook" | "pre_hook" | "post-hook" | "post_hook");
        match self.values.render(&entry.value, is_hook) {
            Ok(Data::Object(rendered)) => Some(PackageLayer { written, rendered }),
            Ok(_) => None,
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    fn unknown_keys(&self, diagnostics: &mut Diagnostics) {
        let trees = TREES.iter().flat_map(|(key, older)| [*key, *older]).filter(|key| !key.is_empty());
        let known: Vec<&str> = KEYS.iter().copied().chain(trees).collect();
        for entry in self.yaml.entries() {
            if known.iter().any(|key| same(&entry.key, key)) {
                continue;
            }
            let message = format!("`{}` has an unknown key `{}`", self.file.path(), entry.key);
            let warning = Diagnostic::warning(Code::UnknownKey, message).at(self.file, entry.key_span);
            diagnostics.push(warning.maybe_hint(did_you_mean(&entry.key, known.iter().copied())));
        }
    }

    fn renamed_keys(&mut self, diagnostics: &mut Diagnostics) {
        for (old, new) in [("source-paths", "model-paths"), ("data-paths", "seed-paths")] {
            let Some(entry) = self.entry(old) else { continue };
            if let Some(other) = self.entry(new) {
                let message = format!("`{old}` and `{new}` cannot both be defined: `{old}` is the older name");
                let label = Label::new(self.file, other.key_span).with_text("the other one");
                let error = Diagnostic::error(Code::ProjectInvalid, message).at(self.file, entry.key_span);
                self.problems.push(error.related(label).hint(format!("remove `{old}`")));
                continue;
            }
            diagnostics.push(notices::renamed_key(self.file, (old, new)).at(self.file, entry.key_span));
        }
    }

    fn unknown_flags(&self, diagnostics: &mut Diagnostics) {
        let Some(entry) = self.entry("flags") else { return };
        let behavior = flags::BEHAVIOR.iter().map(|flag| flag.name);
        let known: Vec<&str> = flags::IN_PROJECT.iter().copied().chain(behavior).collect();
        for entry in entry.value.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            // Adapters and newer versions have flags of their own: only a near miss is worth a word.
            let Some(hint) = did_you_mean(&entry.key, known.iter().copied()) else { continue };
            let message = format!("`flags` has an unknown key `{}`", entry.key);
            let warning = Diagnostic::warning(Code::UnknownKey, message).at(self.file, entry.key_span);
            diagnostics.push(warning.hint(hint));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Form, render};
    use crate::project::load::tests::Literal;
    use crate::project::yaml;

    #[track_caller]
    fn check(text: &str, show: fn(&ProjectConfig) -> String, expected: &str) {
        let file = SourceFile::new("dbt_project.yml", text);
        let mut diagnostics = Diagnostics::new();
        let yaml = yaml::parse(&file, &mut diagnostics).expect("valid");
        let (vars, env) = (Map::new(), BTreeMap::new());
        let rendering = Rendering { engine: &Literal, vars: &vars, env: &env, target: None };
        let mut shown = match read(&file, &yaml, (&rendering, &mut diagnostics)) {
            Ok(config) => vec![show(&config)],
            Err(problem) => vec![render(&problem, Form::Short)],
        };
        shown.extend(diagnostics.iter().map(|problem| render(problem, Form::Short)));
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn absent_keys_have_dbts_defaults() {
        check(
            "name: shop\n",
            |config| format!("{} {} {:?}", config.target_path, config.packages_install_path, config.docs_paths),
            r#"target dbt_packages ["models", "seeds", "snapshots", "analyses", "macros", "tests", "functions"]"#,
        );
        check("name: shop\nclean-targets: [a]\ntarget-path: b", |config| config.clean_targets.join(" "), "a");
    }

    #[test]
    fn trees_are_rendered_but_hooks_are_not() {
        check(
            "name: shop\ntests: {+severity: warn}\nmodels:\n  shop:\n    +enabled: '{{ true }}'\n    +pre-hook: '{{ 1 }}'\n",
            |config| {
                let layers = config.layers.iter();
                layers.map(|(key, layer)| format!("{key} {:?}", layer.rendered)).collect::<Vec<_>>().join("\n")
            },
            "data_tests {\"+severity\": String(\"warn\")}\nmodels {\"shop\": Object {\"+enabled\": Bool(true), \"+pre-hook\": String(\"{{ 1 }}\")}}",
        );
    }

    #[test]
    fn wrong_types_are_reported_together() {
        check(
            "name: 1\nmodel-paths: {a: 1}\nmodels: []\n",
            |config| config.name.clone(),
            "dbt_project.yml:1:7: error[K0202]: `name` is an integer, not a string\n\
             dbt_project.yml:2:14: error[K0202]: `model-paths` is a mapping, not a list of strings\n\
             dbt_project.yml:3:9: error[K0202]: `models` is a list, not a mapping",
        );
    }

    #[test]
    fn misspelled_configurations_are_warned_about() {
        check(
            "name: shop\nmodels:\n  shop:\n    marts: {materialised: table}\n    +owner: me\n",
            |_| "ok".to_owned(),
            "ok\ndbt_project.yml:4:13: warning[K0204]: unknown configuration `materialised`",
        );
    }

    #[test]
    fn names_are_checked() {
        check(
            "name: a-b",
            |_| String::new(),
            "dbt_project.yml:1:7: error[K0106]: `a-b` cannot be the name of a project",
        );
        check("version: 1", |_| String::new(), "dbt_project.yml:1:1: error[K0106]: `dbt_project.yml` has no `name:`");
    }

    #[test]
    fn unknown_keys_are_warned_about() {
        check(
            "name: shop\nmodel-path: a\n",
            |_| "ok".to_owned(),
            "ok\ndbt_project.yml:2:1: warning[K0204]: `dbt_project.yml` has an unknown key `model-path`",
        );
    }
}
