//! Which macro is a materialization: for the adapter before for all; of these the root project's before a package's
//! before the built-in one.

use std::sync::Arc;

use super::{MacroEntry, MacroRegistry};
use crate::project::Project;

/// Whose macro one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Root,
    Package,
    BuiltIn,
}

/// The macro of a materialization.
#[derive(Clone, Copy, Debug)]
pub struct Materialization<'a> {
    /// The macro.
    pub entry: &'a Arc<MacroEntry>,
    /// Whether it is a package's in the place of a built-in one, which the project has to allow.
    pub overrides_built_in: bool,
}

/// Finds the macro of a materialization. A package's takes the place of a built-in one only if the project sets
/// `require_explicit_package_overrides_for_builtin_materializations` to false.
pub fn find_materialization<'a>(
    project: &Project,
    registry: &'a MacroRegistry,
    (name, adapter): (&str, &str),
) -> Option<Materialization<'a>> {
    let root = registry.root_package();
    let packages = project.packages.iter().map(|package| package.config.name.as_str()).filter(|name| *name != root);
    let owners: Vec<(Owner, &str)> = [(Owner::Root, root)]
        .into_iter()
        .chain(packages.map(|package| (Owner::Package, package)))
        .chain(registry.internal_packages().iter().map(|package| (Owner::BuiltIn, package.as_str())))
        .collect();
    let mut found: Vec<(Owner, &Arc<MacroEntry>)> = Vec::new();
    for kind in [adapter, "default"] {
        let macro_name = format!("materialization_{name}_{kind}");
        let of = |(owner, package): &(Owner, &str)| Some((*owner, registry.in_package(package, &macro_name)?));
        found.extend(owners.iter().filter_map(of));
    }
    let (owner, first) = *found.first()?;
    let overrides_built_in = owner == Owner::Package && found.iter().any(|(owner, _)| *owner == Owner::BuiltIn);
    if overrides_built_in && project.settings.flag("require_explicit_package_overrides_for_builtin_materializations") {
        let (_, entry) = found.iter().find(|(owner, _)| *owner != Owner::Package)?;
        return Some(Materialization { entry, overrides_built_in: false });
    }
    Some(Materialization { entry: first, overrides_built_in })
}
