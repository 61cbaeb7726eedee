//! Foreign keys of contracts: the `ref` or `source` that a key leads to becomes the name of a relation.

use serde_json::{Map, Value as Data};

use super::lookup::{in_packages, node_relation};
use super::runtime::Runtime;
use crate::jinja::{Call, CallArg, TemplateSource, calls_of};
use crate::manifest::{NodeIndex, RefCall};

/// Names the targets of all keys of a model, given as its published map.
pub(super) fn name_targets(runtime: &Runtime, package: &str, model: &mut Map<String, Data>) {
    let on_columns = model.get_mut("columns").and_then(Data::as_object_mut);
    let lists = on_columns.into_iter().flat_map(Map::values_mut).filter_map(|column| column.get_mut("constraints"));
    for list in lists {
        name_in_list(runtime, package, list);
    }
    if let Some(list) = model.get_mut("constraints") {
        name_in_list(runtime, package, list);
    }
}

fn name_in_list(runtime: &Runtime, package: &str, constraints: &mut Data) {
    for constraint in constraints.as_array_mut().into_iter().flatten() {
        let to = constraint.get("to").and_then(Data::as_str);
        let target = to.and_then(|to| target(runtime, package, to));
        if let (Some(ix), Data::Object(constraint)) = (target, constraint) {
            let relation = node_relation(&runtime.shared, runtime.manifest.node(ix)).relation;
            constraint.insert("to".to_string(), relation.to_string().into());
        }
    }
}

/// The node that `ref(..)` or `source(..)` means.
fn target(runtime: &Runtime, package: &str, to: &str) -> Option<NodeIndex> {
    let order = runtime.project.search_order(package);
    let template = TemplateSource::new("constraint", "", format!("{{{{ {to} }}}}"));
    let call = calls_of(&template).ok()?.into_iter().next()?;
    let names: Vec<&str> = call.args.iter().filter(|arg| arg.name.is_none()).filter_map(constant_text).collect();
    let find_ref = |of: Option<&str>, name: &str| {
        let call =
            RefCall { package: of.map(str::to_string), name: name.to_string(), version: version(&call), span: None };
        runtime.lookup.find_ref(&runtime.manifest, &call, order)
    };
    match (call.path.as_str(), &names[..]) {
        ("ref", [name]) => find_ref(None, name),
        ("ref", [of, name]) => find_ref(Some(of), name),
        ("source", [source, table]) => {
            let found = runtime.lookup.sources.get(&((*source).to_string(), (*table).to_string()))?;
            in_packages(&runtime.manifest, found, order)
        }
        _ => None,
    }
}

fn constant_text(arg: &CallArg) -> Option<&str> {
    arg.value.as_ref().and_then(Data::as_str)
}

fn version(call: &Call) -> Option<Data> {
    let is_version = |arg: &&CallArg| matches!(arg.name.as_deref(), Some("v" | "version"));
    call.args.iter().find(is_version).and_then(|arg| arg.value.clone())
}
