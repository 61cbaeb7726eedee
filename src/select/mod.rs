//! Which nodes did the user mean? Turns `+orders,tag:daily` into a [`NodeSet`].
//!
//! Selecting never reads files, compiles or queries anything. What an earlier run left is read by the caller.

mod earlier;
mod evaluate;
mod grammar;
mod methods;
mod paths;
mod selectors;
mod versions;
mod wildcard;

pub use selectors::Selectors;

use std::collections::HashSet;
use std::sync::Arc;

use self::evaluate::Evaluation;
use self::grammar::{Group, Spec, union};
use self::methods::Search;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::{Manifest, NodeSet, ResourceType};
use crate::state::PreviousState;

/// Which tests come along with the nodes that they test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indirect {
    /// Tests of which any parent is selected.
    #[default]
    Eager,
    /// Tests of which all parents are selected.
    Cautious,
    /// Tests of which all parents are selected or above what is selected.
    Buildable,
    /// None.
    Empty,
}

impl Indirect {
    /// Finds a mode by the word of `--indirect-selection`.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        match word {
            "eager" => Some(Self::Eager),
            "cautious" => Some(Self::Cautious),
            "buildable" => Some(Self::Buildable),
            "empty" => Some(Self::Empty),
            _ => None,
        }
    }
}

/// What a command was asked to work on.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--select`; empty means everything.
    pub select: Vec<String>,
    /// `--exclude`.
    pub exclude: Vec<String>,
    /// `--selector`.
    pub selector: Option<String>,
    /// The selectors of the project.
    pub selectors: Selectors,
    /// `--indirect-selection`.
    pub indirect: Indirect,
    /// The kinds of nodes that the command works on; `None` means all.
    pub resource_types: Option<Vec<ResourceType>>,
    /// What `--state` names, for `state:`, `result:` and `source_status:`.
    pub previous: Option<Arc<PreviousState>>,
    /// Whether `state:` compares values that depend on the environment as they are written.
    pub compares_written: bool,
}

/// What selecting must be told: this room reads no files and knows no queries.
pub trait Outside {
    /// The files of the project that are not as they were at a commit, from the project's folder: `git:`.
    ///
    /// # Errors
    /// When git does not know the commit, or is not there.
    fn changed_since(&self, commit: &str) -> Result<HashSet<String>, Box<Diagnostic>>;

    /// The nodes on the ways of a column, which is written as `orders.amount`: `column:`.
    ///
    /// # Errors
    /// When there is no such column.
    fn column(&self, text: &str, reach: Reach) -> Result<NodeSet, Box<Diagnostic>>;
}

/// How far a column is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all: the column's own node.
    Own,
    /// To what it is made of, in so many steps; `None` is without end.
    Upstream(Option<usize>),
    /// To what is made of it, or depends on it.
    Downstream(Option<usize>),
}

/// What is selected if nothing is said.
const EVERYTHING: [&str; 5] = ["fqn:*", "source:*", "exposure:*", "metric:*", "semantic_model:*"];

/// Finds the nodes that are meant. Criteria that match nothing are warned about.
///
/// # Errors
/// When the selection cannot be read, or names a method or a selector that does not exist.
pub fn select(
    manifest: &Manifest,
    request: &Selection,
    outside: &dyn Outside,
    diagnostics: &mut Diagnostics,
) -> Result<NodeSet, Box<Diagnostic>> {
    let spec = spec_of(request)?;
    let previous = request.previous.as_deref();
    let (selectors, compares_written) = (&request.selectors, request.compares_written);
    let search = Search { manifest, previous, compares_written, selectors, outside };
    let mut nodes = Evaluation { search, diagnostics }.nodes(&spec)?;
    // A test of something that does not exist stays in the manifest, but cannot be run.
    nodes = nodes.iter().filter(|ix| manifest.node(*ix).config.is_enabled()).collect();
    if let Some(kinds) = &request.resource_types {
        nodes = nodes.iter().filter(|ix| kinds.contains(&manifest.node(*ix).resource_type)).collect();
    }
    Ok(nodes)
}

fn spec_of(request: &Selection) -> Result<Spec, Box<Diagnostic>> {
    if let Some(name) = &request.selector {
        return request.selectors.spec(name).cloned();
    }
    let is_silent = request.select.is_empty() && request.exclude.is_empty();
    if let Some(spec) = request.selectors.default_spec().filter(|_| is_silent) {
        return Ok(spec.clone());
    }
    let included = if request.select.is_empty() {
        union(&EVERYTHING.map(str::to_owned), request.indirect, false)?
    } else {
        union(&request.select, request.indirect, true)?
    };
    let excluded = union(&request.exclude, request.indirect, !request.exclude.is_empty())?;
    Ok(Spec::Difference(Group::plain(vec![included, excluded])))
}

#[cfg(test)]
mod tests;
