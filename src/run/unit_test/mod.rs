//! Unit tests: a model's query over fixtures instead of its parents, a part of it, or a macro.
//!
//! As in dbt, each test gets a small manifest of its own. In it the model's text is a node, and every input is an
//! ephemeral model that selects the fixture's rows; so compiling works as for any other node.

mod called;
mod cte;
mod inputs;
mod overrides;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Data;

use crate::compile::{self, CompiledNode, UnitTestOutcome};
use crate::diagnostic::Diagnostic;
use crate::jinja::{Deferred, Response, Runtime, RuntimeParts, Session};
use crate::manifest::{Node, NodeIndex, UnitTestDef};
pub use inputs::inputs_of;
use inputs::{Case, Small};
pub use overrides::literal;

/// Finds out the columns of nodes that are not built.
pub trait ColumnTypes: Sync {
    /// The columns of a node and their types, in order; `None` where they are not known.
    fn of(&self, ix: NodeIndex) -> Option<Vec<(String, String)>>;
}

/// Where unit tests run, and what helps them.
#[derive(Clone, Copy)]
pub struct UnitTests<'a> {
    /// The types of inputs that are not built.
    pub types: &'a dyn ColumnTypes,
    /// Another database than the target's.
    pub engine: Option<&'a Arc<Runtime>>,
}

/// A unit test, ready to run.
pub(super) struct Prepared {
    runtime: Arc<Runtime>,
    small: Small,
    pub(super) compiled: CompiledNode,
}

impl Prepared {
    /// The test as a node with a query.
    pub(super) fn node(&self) -> &Node {
        self.runtime.manifest.node(self.small.at)
    }

    /// Runs the test and reads the rows of both sides.
    pub(super) fn run(
        &self,
        session: &Arc<Session>,
        (test, def): (&Node, &UnitTestDef),
    ) -> Result<UnitTestOutcome, Box<Diagnostic>> {
        match called::compared(def, &self.compiled.compiled_code) {
            Some((columns, rows)) => {
                Ok(UnitTestOutcome { columns, rows, response: Response::default(), run_code: None })
            }
            None => compile::run_unit_test(&self.runtime, session, self.small.at, &self.compiled)
                .map_err(|error| self.small.at_home((test, def), error)),
        }
    }
}

/// Makes the runtime in which a unit test runs, and compiles it there.
///
/// # Errors
/// When an input names nothing that exists, or a template fails.
pub(super) fn prepare(
    (runtime, session): (&Arc<Runtime>, &Arc<Session>),
    types: &dyn ColumnTypes,
    ix: NodeIndex,
    def: &UnitTestDef,
) -> Result<Prepared, Box<Diagnostic>> {
    let case = Case { manifest: &runtime.manifest, test: runtime.manifest.node(ix), def, types };
    let small = case.small(runtime, session)?;
    let runtime = runtime_of(runtime, &case, &small);
    let at_home = |error| small.at_home((case.test, def), error);
    let mut compiled = compile::compile(&runtime, session, small.at).map_err(at_home)?;
    if cte::is_looked_into(def) {
        compiled = cte::cut(&case, &small, (&runtime, session), &compiled)?;
    }
    Ok(Prepared { runtime, small, compiled })
}

fn runtime_of(runtime: &Arc<Runtime>, case: &Case<'_>, small: &Small) -> Arc<Runtime> {
    let overrides = case.def.overrides.clone().unwrap_or_default();
    let part = |key: &str| overrides.get(key).and_then(Data::as_object).cloned().unwrap_or_default();
    let (macros, vars, env) = (part("macros"), part("vars"), part("env_vars"));
    Runtime::new(RuntimeParts {
        project: overrides::with_values(&runtime.project, [&macros, &vars, &env]),
        manifest: Arc::new(small.manifest.clone()),
        registry: overrides::with_macros(runtime.env.registry(), &case.test.package, &macros),
        adapter: Arc::clone(&runtime.adapter),
        listener: Arc::clone(&runtime.listener),
        selected: runtime.selected.clone(),
        deferred: deferred_inputs(runtime, small),
    })
}

/// Where the inputs were built elsewhere, under the identifiers that they have in the test.
fn deferred_inputs(runtime: &Runtime, small: &Small) -> Arc<Deferred> {
    let mut deferred = Deferred { relations: HashMap::new(), ..*runtime.deferred };
    for (input, original) in small.manifest.nodes.iter().zip(&small.originals) {
        let original = runtime.manifest.node(*original).unique_id.as_str();
        let relation = runtime.deferred.relations.get(original);
        deferred.relations.extend(relation.map(|relation| (input.unique_id.to_string(), relation.clone())));
    }
    Arc::new(deferred)
}
