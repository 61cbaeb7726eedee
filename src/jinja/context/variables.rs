//! `var`: which values a package's templates see.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data};

use crate::project::{Project, shown_var};

/// The variables of every package, merged.
#[derive(Debug, Default)]
pub struct Variables {
    by_package: HashMap<String, Arc<Map<String, Data>>>,
    root: Arc<Map<String, Data>>,
}

fn apply(merged: &mut Map<String, Data>, vars: &Map<String, Data>, package: &str) {
    merged.extend(vars.clone());
    if let Some(Data::Object(scoped)) = vars.get(package) {
        merged.extend(scoped.clone());
    }
}

impl Variables {
    /// Merges them: command line over root project over the package's own; scoped over global.
    #[must_use]
    pub fn new(project: &Project) -> Self {
        let root = &project.root().config;
        let merge = |package: &str| {
            let mut merged = Map::new();
            if let Some(own) = project.package(package).filter(|own| own.config.name != root.name) {
                apply(&mut merged, &own.config.vars, package);
            }
            apply(&mut merged, &root.vars, package);
            merged.extend(project.settings.vars.clone());
            Arc::new(merged)
        };
        let names = project.packages.iter().map(|package| package.config.name.clone());
        Self { by_package: names.map(|name| (name.clone(), merge(&name))).collect(), root: merge(&root.name) }
    }

    /// What templates of a package see.
    #[must_use]
    pub fn of(&self, package: &str) -> &Arc<Map<String, Data>> {
        self.by_package.get(package).unwrap_or(&self.root)
    }
}

/// dbt's words for a variable that is required and not set.
pub(crate) fn missing_message(name: &str, node: &str, vars: &Map<String, Data>) -> String {
    let mut shown: Map<String, Data> = vars.iter().map(|(key, value)| (key.clone(), shown_var(key, value))).collect();
    shown.sort_keys();
    let listed = if shown.is_empty() { "{}".to_string() } else { pretty(&Data::Object(shown)) };
    format!("Required var '{name}' not found in config:\nVars supplied to {node} = {listed}")
}

fn pretty(data: &Data) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    match serde::Serialize::serialize(data, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => data.to_string(),
    }
}
