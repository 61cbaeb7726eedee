//! What is true of a column as well because its value is another's: its description.

use super::{ColumnGraph, ColumnRef};
use crate::manifest::Manifest;
use crate::sql::How;

/// How far a value is followed.
const STEPS: usize = 100;

/// The description of the column whose value a column is, and that column. `None` if it has one itself, or if its value
/// is computed, or comes from several.
#[must_use]
pub fn inherited_description<'m>(
    manifest: &'m Manifest,
    graph: &ColumnGraph,
    at: ColumnRef,
) -> Option<(&'m str, ColumnRef)> {
    let mut at = at;
    for step in 0..STEPS {
        let column = graph.column(at)?;
        let declared = &manifest.node(at.node).columns;
        let own = declared.values().find(|known| known.name.eq_ignore_ascii_case(&column.name));
        if let Some(own) = own.filter(|own| !own.description.trim().is_empty()) {
            return (step > 0).then_some((own.description.as_str(), at));
        }
        let mut values = column.edges.iter().filter(|edge| edge.how.is_value());
        let (only, next) = (values.next()?, values.next());
        if column.unknown.is_some() || next.is_some() || !matches!(only.how, How::Pass | How::Rename) {
            return None;
        }
        at = only.from;
    }
    None
}
