//! The names of what a node builds: schema, alias and database, made by macros that a project may replace.

use std::sync::Arc;

use minijinja::Value;
use serde_json::{Map, Value as Data};

use super::{ParseContext, ParseShared};
use crate::diagnostic::Diagnostic;
use crate::jinja::context::base::Shared;
use crate::jinja::context::diagnose;
use crate::jinja::functions::none;
use crate::jinja::{MacroRegistry, py};

/// Which part of a node's name a macro makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// `generate_schema_name`.
    Schema,
    /// `generate_alias_name`.
    Alias,
    /// `generate_database_name`.
    Database,
}

impl NameKind {
    pub(super) const ALL: [Self; 3] = [Self::Schema, Self::Alias, Self::Database];

    /// The macro's name.
    #[must_use]
    pub const fn macro_name(self) -> &'static str {
        match self {
            Self::Schema => "generate_schema_name",
            Self::Alias => "generate_alias_name",
            Self::Database => "generate_database_name",
        }
    }
}

/// Whether a name is made by the built-in macro and nothing else, so that no template is needed.
pub(super) fn is_simple(base: &Shared, registry: &MacroRegistry, kind: NameKind) -> bool {
    let name = kind.macro_name();
    let root = base.project.root();
    let implementations = [format!("{}__{name}", base.adapter_type()), format!("default__{name}")];
    let in_root = |name: &str| registry.in_package(&root.config.name, name).is_some();
    registry.internal_packages().iter().any(|package| registry.in_package(package, name).is_some())
        && !in_root(name)
        && !implementations.iter().any(|name| in_root(name))
        && !root.config.dispatch.iter().any(|rule| rule.macro_namespace == "dbt")
}

/// Whether a name of a package's node is made by the built-in macro, which looks at `name` and `version` alone.
#[must_use]
pub fn is_name_built_in(shared: &ParseShared, kind: NameKind, package: &str) -> bool {
    shared.simple_names[kind as usize] && shared.env.registry().in_package(package, kind.macro_name()).is_none()
}

/// Calls the macro that makes a part of a node's name: the node's package's own, the root project's, the built-in.
/// `node` is what is known of the node, under its published names.
///
/// # Errors
/// When the macro fails.
pub fn call_name_macro(
    shared: &Arc<ParseShared>,
    kind: NameKind,
    custom: Option<&str>,
    node: &Map<String, Data>,
) -> Result<Option<String>, Box<Diagnostic>> {
    let registry = shared.env.registry();
    let package = node.get("package_name").and_then(Data::as_str).unwrap_or_default();
    let root = &shared.base.project.root().config.name;
    let name = kind.macro_name();
    if is_name_built_in(shared, kind, package) {
        return Ok(simple_name(shared, kind, custom, node));
    }
    let own = registry.in_package(package, name);
    let internal = || registry.internal_packages().iter().find_map(|package| registry.in_package(package, name));
    let Some(entry) = own.or_else(|| registry.in_package(root, name)).or_else(internal) else {
        return Ok(simple_name(shared, kind, custom, node));
    };
    let mut context = ParseContext::new(shared, Arc::new(Map::new()), root.clone());
    if let Some(inner) = Arc::get_mut(&mut context.inner) {
        inner.is_name_macro = true;
    }
    let custom = custom.map_or_else(none, Value::from);
    let args = [custom, py::from_json(&Data::Object(node.clone()))];
    let value = shared
        .env
        .call_macro(&entry.def.unique_id, &args, &[], Arc::new(context))
        .map_err(|error| diagnose(&error, None, registry))?;
    Ok((!value.is_none()).then(|| py::to_str(&value).trim().to_string()))
}

/// What the built-in macros would give.
fn simple_name(shared: &ParseShared, kind: NameKind, custom: Option<&str>, node: &Map<String, Data>) -> Option<String> {
    let target = &shared.base.project.target;
    let custom = custom.map(str::trim);
    match kind {
        NameKind::Schema => Some(match custom {
            None => target.schema.clone(),
            Some(custom) => format!("{}_{custom}", target.schema),
        }),
        NameKind::Database => Some(custom.unwrap_or(&target.database).to_string()),
        NameKind::Alias => {
            if let Some(custom) = custom.filter(|custom| !custom.is_empty()) {
                return Some(custom.to_string());
            }
            let name = node.get("name").and_then(Data::as_str).unwrap_or_default();
            let version = node.get("version").filter(|version| !version.is_null());
            Some(version.map_or(name.to_string(), |version| {
                let version = version.as_str().map_or_else(|| version.to_string(), str::to_string);
                format!("{name}_v{}", version.replace('.', "_"))
            }))
        }
    }
}
