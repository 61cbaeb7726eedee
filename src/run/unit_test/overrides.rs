//! What a unit test puts in place of the project's own macros, variables and environment.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use crate::jinja::{BlockKind, MacroDef, MacroRegistry, SourceRef, scan};
use crate::project::Project;

/// The project with the variables and environment of a test. Its `macros` may name values of templates, too.
pub(super) fn with_values(project: &Arc<Project>, [macros, vars, env]: [&Map<String, Data>; 3]) -> Arc<Project> {
    // Fixtures are not cut down by `--empty`: they are no real data.
    if macros.is_empty() && vars.is_empty() && env.is_empty() && !project.settings.empty {
        return Arc::clone(project);
    }
    let mut project = Project::clone(project);
    project.settings.empty = false;
    project.settings.overridden.clone_from(macros);
    project.settings.vars.extend(vars.clone());
    let text = |value: &Data| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    project.settings.env.extend(env.iter().map(|(name, value)| (name.clone(), text(value))));
    Arc::new(project)
}

/// The macros with those that the test overrides replaced by ones that return the given value.
pub(super) fn with_macros(
    registry: &Arc<MacroRegistry>,
    package: &str,
    overrides: &Map<String, Data>,
) -> Arc<MacroRegistry> {
    if overrides.is_empty() {
        return Arc::clone(registry);
    }
    let mut replaced: Vec<MacroDef> = Vec::new();
    for (name, value) in overrides {
        let (wanted, name) =
            name.split_once('.').map_or((None, name.as_str()), |(package, name)| (Some(package), name));
        let found = match wanted {
            Some(wanted) => registry.in_package(wanted, name),
            None => registry.resolve(Some(package), name),
        };
        let Some(entry) = found else { continue };
        let parameters = entry.parameters().map(<[String]>::to_vec).unwrap_or_default();
        let home = wanted.unwrap_or(package);
        let mut homes = vec![home.to_owned(), entry.def.package.clone()];
        if wanted.is_none() {
            homes.push(registry.root_package().to_owned());
        }
        homes.sort();
        homes.dedup();
        replaced.extend(homes.iter().filter_map(|home| constant_macro(home, name, &parameters, value)));
    }
    let is_replaced = |def: &MacroDef| replaced.iter().any(|new| new.unique_id == def.unique_id);
    let kept = registry.iter().map(|entry| entry.def.clone()).filter(|def| !is_replaced(def)).collect::<Vec<_>>();
    MacroRegistry::builder()
        .add_all(kept)
        .add_all(replaced)
        .internal_packages(registry.internal_packages().to_vec())
        .root_package(registry.root_package())
        .build()
}

fn constant_macro(package: &str, name: &str, parameters: &[String], value: &Data) -> Option<MacroDef> {
    let parameters: Vec<String> = parameters.iter().map(|parameter| format!("{parameter}=none")).collect();
    let text =
        format!("{{% macro {name}({}) %}}{{{{ return({}) }}}}{{% endmacro %}}", parameters.join(", "), literal(value));
    let scanned = scan(&text, &[BlockKind::Macro]).ok()?;
    MacroDef::from_block(package, &SourceRef::new("unit test overrides", text.as_str()), scanned.blocks.first()?)
}

/// A value as a template writes it. JSON does, but for its `null`.
#[must_use]
pub fn literal(value: &Data) -> String {
    match value {
        Data::Null => "none".to_owned(),
        Data::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Data::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", literal(&json!(key)), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Data::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        other => other.to_string(),
    }
}
