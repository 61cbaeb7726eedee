//! The selection methods: which nodes a criterion names, before relatives come along.

use serde_json::Value as Data;

use super::earlier;
use super::grammar::Criterion;
use super::versions;
use super::wildcard::{fits, has_wildcard};
use super::{Outside, Reach, Selectors};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::manifest::{Manifest, Node, NodeKind, NodeSet, ResourceType};
use crate::state::PreviousState;

macro_rules! methods {
    ($($variant:ident $word:literal)*) => {
        /// How a criterion finds nodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Method { $($variant,)* }

        impl Method {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word before the colon.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

methods! {
    Fqn "fqn"
    Tag "tag"
    Group "group"
    Access "access"
    Source "source"
    Path "path"
    File "file"
    Package "package"
    Config "config"
    TestName "test_name"
    TestType "test_type"
    ResourceType "resource_type"
    State "state"
    Exposure "exposure"
    Metric "metric"
    Result "result"
    SourceStatus "source_status"
    Version "version"
    SemanticModel "semantic_model"
    SavedQuery "saved_query"
    UnitTest "unit_test"
    Selector "selector"
    Git "git"
    Column "column"
}

impl Method {
    /// Finds a method by its word.
    pub(super) fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == word)
    }
}

/// Says that a method does not exist.
pub(super) fn unknown_method(name: &str) -> Diagnostic {
    let words = || Method::ALL.iter().map(|method| method.as_str());
    let message = format!("`{name}` is not a selection method");
    let error = Diagnostic::error(Code::SelectorUnknownMethod, message).maybe_hint(did_you_mean(name, words()));
    error.hint(format!("the methods are {}", words().collect::<Vec<_>>().join(", ")))
}

/// Where is searched.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) previous: Option<&'a PreviousState>,
    pub(super) compares_written: bool,
    pub(super) selectors: &'a Selectors,
    pub(super) outside: &'a dyn Outside,
}

/// Finds the nodes that a criterion names.
pub(super) fn find(
    search: &Search<'_>,
    criterion: &Criterion,
    warnings: &mut Diagnostics,
) -> Result<NodeSet, Box<Diagnostic>> {
    let (manifest, value) = (search.manifest, criterion.value.as_str());
    let take =
        |test: &dyn Fn(&Node) -> bool| manifest.indices().filter(|ix| test(manifest.node(*ix))).collect::<NodeSet>();
    let found = match criterion.method {
        Method::Fqn => take(&|node| node.resource_type != ResourceType::Source && is_named(node, value)),
        Method::Tag => take(&|node| node.tags.iter().any(|tag| fits(tag, value)) || has_config_tag(node, value)),
        Method::Group => {
            take(&|node| is_groupable(node) && node.config.str("group").is_some_and(|group| fits(group, value)))
        }
        Method::Access => {
            take(&|node| node.resource_type == ResourceType::Model && node.access.as_deref() == Some(value))
        }
        Method::Source => sources(manifest, value)?,
        Method::Path => super::paths::find(manifest, value),
        Method::File => take(&|node| is_in_file(node, value)),
        Method::Package => {
            let package = if value == "this" { manifest.project_name.as_str() } else { value };
            take(&|node| fits(&node.package, package))
        }
        Method::Config => take(&|node| has_config(node, criterion)),
        Method::TestName => take(&|node| is_test_called(node, value)),
        Method::TestType => {
            let kind = test_type(value)?;
            take(&|node| kind(node))
        }
        Method::ResourceType => {
            let kind = resource_type(value)?;
            take(&|node| Some(node.resource_type) == kind)
        }
        Method::Version => {
            let kind = versions::kind(value)?;
            take(&|node| node.resource_type == ResourceType::Model && kind(node))
        }
        Method::Exposure => named(manifest, criterion, ResourceType::Exposure)?,
        Method::Metric => named(manifest, criterion, ResourceType::Metric)?,
        Method::SemanticModel => named(manifest, criterion, ResourceType::SemanticModel)?,
        Method::SavedQuery => named(manifest, criterion, ResourceType::SavedQuery)?,
        Method::UnitTest => named(manifest, criterion, ResourceType::UnitTest)?,
        // Read with its own set operations, by the caller.
        Method::Selector => NodeSet::new(),
        Method::Git => git(search, value)?,
        Method::Column => search.outside.column(value, Reach::Own)?,
        Method::State => earlier::state(search, value, warnings)?,
        Method::Result => earlier::result(search, value)?,
        Method::SourceStatus => earlier::source_status(search, value)?,
    };
    Ok(found)
}

/// Nodes whose files are not as they were: their own, the property file that describes them, and those of macros that
/// they call.
fn git(search: &Search<'_>, commit: &str) -> Result<NodeSet, Box<Diagnostic>> {
    let (manifest, changed) = (search.manifest, search.outside.changed_since(commit)?);
    let is_changed = |package: &str, path: &str| package == manifest.project_name && changed.contains(path);
    let ids = manifest.macros.iter().filter(|(_, info)| is_changed(&info.package, &info.path));
    let macros = manifest.macro_callers(ids.map(|(id, _)| id.as_str()));
    let has_changed = |node: &Node| {
        let patch = node.patch_path.as_deref().and_then(|path| path.split_once("://"));
        is_changed(&node.package, &node.original_file_path)
            || patch.is_some_and(|(package, path)| is_changed(package, path))
            || node.macro_calls.iter().any(|id| macros.contains(id.as_str()))
    };
    Ok(manifest.indices().filter(|ix| has_changed(manifest.node(*ix))).collect())
}

pub(super) fn bad_value(criterion: &str, wanted: &str) -> Box<Diagnostic> {
    let message = format!("`{criterion}` is not {wanted}");
    Box::new(Diagnostic::error(Code::SelectorSyntax, message))
}

fn is_named(node: &Node, value: &str) -> bool {
    if value == "*" {
        return true;
    }
    let is_versioned = node.version.as_ref().is_some_and(|version| !version.is_null());
    let unscoped = node.fqn.get(1..).unwrap_or_default();
    is_at(&node.fqn, value, is_versioned) || is_at(unscoped, value, is_versioned)
}

/// Tells whether a qualified name, or the beginning of one, is meant by a selector.
fn is_at(fqn: &[String], value: &str, is_versioned: bool) -> bool {
    let n = fqn.len();
    let leaf = if is_versioned { n.checked_sub(2) } else { n.checked_sub(1) }.map(|ix| fqn[ix].as_str());
    if leaf == Some(value) {
        return true;
    }
    let wanted: Vec<&str> = value.split('.').collect();
    if is_versioned && n >= 2 {
        let tail = &wanted[wanted.len().saturating_sub(2)..];
        if format!("{}_{}", fqn[n - 2], fqn[n - 1]) == tail.join("_") {
            return true;
        }
    }
    let flat: Vec<&str> = fqn.iter().flat_map(|part| part.split('.')).collect();
    if flat.len() < wanted.len() {
        return false;
    }
    match wanted.iter().position(|part| has_wildcard(part)) {
        None => flat.iter().zip(&wanted).all(|(part, wanted)| part == wanted),
        Some(ix) => {
            if flat[..ix] != wanted[..ix] {
                return false;
            }
            fits(&flat[ix..].join("."), &wanted[ix..].join("."))
                || (wanted.len() == 1 && leaf.is_some_and(|leaf| fits(leaf, value)))
        }
    }
}

fn has_config_tag(node: &Node, value: &str) -> bool {
    node.resource_type == ResourceType::UnitTest && node.config.tags().any(|tag| fits(tag, value))
}

fn is_groupable(node: &Node) -> bool {
    node.resource_type.is_manifest_node() || node.resource_type == ResourceType::Metric
}

fn is_in_file(node: &Node, value: &str) -> bool {
    let name = node.original_file_path.rsplit('/').next().unwrap_or_default();
    let stem = match name.rfind('.') {
        Some(ix) if ix > 0 => &name[..ix],
        _ => name,
    };
    fits(name, value) || fits(stem, value)
}

fn sources(manifest: &Manifest, value: &str) -> Result<NodeSet, Box<Diagnostic>> {
    let parts: Vec<&str> = value.split('.').collect();
    let (package, source, table) = match parts[..] {
        [source] => ("*", source, "*"),
        [source, table] => ("*", source, table),
        [package, source, table] => (package, source, table),
        _ => {
            return Err(bad_value(
                &format!("source:{value}"),
                "a source: write `source`, `source.table` or `package.source.table`",
            ));
        }
    };
    let is_meant = |node: &Node| match &node.kind {
        NodeKind::Source(def) => {
            fits(&node.package, package) && fits(&def.source_name, source) && fits(&node.name, table)
        }
        _ => false,
    };
    Ok(manifest.indices().filter(|ix| is_meant(manifest.node(*ix))).collect())
}

fn named(manifest: &Manifest, criterion: &Criterion, kind: ResourceType) -> Result<NodeSet, Box<Diagnostic>> {
    let parts: Vec<&str> = criterion.value.split('.').collect();
    let (package, name) = match parts[..] {
        [name] => ("*", name),
        [package, name] => (package, name),
        _ => {
            let written = format!("{}:{}", criterion.method.as_str(), criterion.value);
            return Err(bad_value(&written, "a name: write `name` or `package.name`"));
        }
    };
    let is_meant = |node: &Node| node.resource_type == kind && fits(&node.package, package) && fits(&node.name, name);
    Ok(manifest.indices().filter(|ix| is_meant(manifest.node(*ix))).collect())
}

fn has_config(node: &Node, criterion: &Criterion) -> bool {
    if !node.resource_type.is_manifest_node() && node.resource_type != ResourceType::Source {
        return false;
    }
    let Some((first, rest)) = criterion.arguments.split_first() else { return false };
    let Some(value) = node.config.values.get(first.as_str()) else { return false };
    let Some(value) = rest.iter().try_fold(value, |value, part| value.get(part.as_str())) else { return false };
    let ignores_case = criterion.arguments == ["severity"];
    match value {
        Data::Array(items) => items.iter().any(|item| is_value(item, criterion, ignores_case)),
        value => is_value(value, criterion, ignores_case),
    }
}

fn is_value(value: &Data, criterion: &Criterion, ignores_case: bool) -> bool {
    match value {
        Data::Bool(truth) => criterion.value.eq_ignore_ascii_case(if *truth { "true" } else { "false" }),
        Data::String(text) if ignores_case => text.eq_ignore_ascii_case(&criterion.value),
        value => *value == criterion.data,
    }
}

fn is_test_called(node: &Node, value: &str) -> bool {
    match &node.kind {
        NodeKind::Test(test) => test.metadata.as_ref().is_some_and(|metadata| fits(&metadata.name, value)),
        NodeKind::UnitTest(_) => fits(&node.name, value),
        _ => false,
    }
}

pub(super) type Test = fn(&Node) -> bool;

fn test_type(value: &str) -> Result<Test, Box<Diagnostic>> {
    let test: Test = match value {
        "generic" | "schema" => |node| matches!(&node.kind, NodeKind::Test(test) if test.metadata.is_some()),
        "singular" => |node| matches!(&node.kind, NodeKind::Test(test) if test.metadata.is_none()),
        "data" => |node| matches!(node.kind, NodeKind::Test(_)),
        "unit" => |node| matches!(node.kind, NodeKind::UnitTest(_)),
        _ => {
            return Err(bad_value(
                &format!("test_type:{value}"),
                "a type of test: there are generic, singular, data and unit",
            ));
        }
    };
    Ok(test)
}

fn resource_type(value: &str) -> Result<Option<ResourceType>, Box<Diagnostic>> {
    // Things that have a type but are no nodes: none is ever selected.
    const OTHERS: &[&str] = &["sql operation", "rpc", "doc", "macro", "group", "fixture"];
    let found = ResourceType::find(value);
    if found.is_none() && !OTHERS.contains(&value) {
        let words = || ResourceType::ALL.iter().map(|kind| kind.as_str());
        let message = format!("`{value}` is not a resource type");
        let error = Diagnostic::error(Code::SelectorSyntax, message).maybe_hint(did_you_mean(value, words()));
        return Err(Box::new(error.hint(format!("the types are {}", words().collect::<Vec<_>>().join(", ")))));
    }
    Ok(found)
}
