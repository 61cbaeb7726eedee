//! `path:`: nodes by the files and folders that define and describe them.

use std::collections::HashSet;

use globset::GlobBuilder;

use crate::manifest::{Manifest, Node, NodeSet};

/// Finds the nodes whose file, property file or a folder above fits a pattern. Paths count from the root project, and
/// only what lies there is meant: a package's file is found if the root has one of that path.
pub(super) fn find(manifest: &Manifest, pattern: &str) -> NodeSet {
    let pattern = tidy(pattern);
    let matcher = GlobBuilder::new(&pattern).literal_separator(true).build().ok().map(|glob| glob.compile_matcher());
    let is_meant = |path: &str| path == pattern || matcher.as_ref().is_some_and(|matcher| matcher.is_match(path));
    let mut meant = HashSet::new();
    for node in manifest.nodes.iter().filter(|node| node.package == manifest.project_name) {
        meant.extend(paths(node).filter(|path| is_meant(path)));
    }
    manifest.indices().filter(|ix| paths(manifest.node(*ix)).any(|path| meant.contains(path))).collect()
}

/// The file of a node, the folders above it, and its property file.
fn paths(node: &Node) -> impl Iterator<Item = &str> {
    let file = node.original_file_path.as_str();
    let above = std::iter::successors(Some(file), |path| path.rsplit_once('/').map(|(folder, _)| folder));
    let described = node.patch_path.as_deref().and_then(|path| path.split_once("://")).map(|(_, path)| path);
    above.chain(described)
}

fn tidy(pattern: &str) -> String {
    let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}
