//! What is not bound, since it has no query: seeds, sources and Python models.

use super::shape::{Certainty, Shape};
use super::{Checked, Checker, message, uncompiled};
use crate::adapter::ASIDE;
use crate::compile;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::seed_columns;
use crate::manifest::NodeIndex;

impl Checker<'_> {
    pub(super) fn seed(&mut self, ix: NodeIndex) -> Checked {
        let node = self.manifest.node(ix);
        let failed = |problem: Diagnostic| {
            let shape = Shape::open(Vec::new(), format!("the seed `{}` has an error", node.name));
            Checked { node: ix, problems: vec![problem], unchecked: None, shape }
        };
        let columns = match seed_columns(node, self.setup.runtime.adapter.dialect()) {
            Ok(columns) => columns,
            Err(problem) => return failed(*problem),
        };
        if self.setup.bench.is_blind() {
            let columns = columns.into_iter().map(|(name, data_type)| (name, Some(data_type))).collect();
            let shape = Shape { columns, certainty: Certainty::Named, reason: None };
            return Checked { node: ix, problems: Vec::new(), unchecked: None, shape };
        }
        match self.create_typed(ix, &columns) {
            Ok(()) => {
                // Types have several names; the database has its own.
                let relation = self.setup.runtime.relation(ix);
                let named = self.setup.bench.columns(&relation).unwrap_or_default();
                let named: Vec<_> = named.into_iter().map(|column| (column.name, column.data_type)).collect();
                let shape = Shape::typed(if named.is_empty() { columns } else { named });
                let mut checked = Checked { node: ix, problems: Vec::new(), unchecked: None, shape };
                let waiting = self.pre_hooks(ix, &mut checked);
                self.post_hooks(ix, waiting, &mut checked);
                checked
            }
            Err(message) => {
                let text = format!("the table of seed `{}` cannot be made: {}", node.name, message::sentence(&message));
                failed(Diagnostic::error(Code::BindFailed, text).in_file(&node.file))
            }
        }
    }

    pub(super) fn source(&mut self, ix: NodeIndex) -> Option<Checked> {
        let node = self.manifest.node(ix);
        let is_file = self.setup.runtime.written(ix) != self.setup.runtime.relation(ix).to_string();
        if is_file {
            // A file tells its columns itself.
            return None;
        }
        let builder = self.shapes.builder(node).filter(|builder| *builder != ix);
        if let Some(builder) = builder {
            // What the project builds is known from there; models come later.
            let shape = self.shapes.get(builder)?.clone();
            return Some(Checked { node: ix, problems: Vec::new(), unchecked: None, shape });
        }
        let known = self.setup.sources.get(&ix).cloned();
        let mut shape = known.unwrap_or_else(|| {
            let table = format!("the columns of `{}` are not known", node.unique_id);
            Shape::open(Vec::new(), table)
        });
        if !self.setup.bench.is_apart() && !node.schema.starts_with(ASIDE) {
            // It is there as it is, and not ours to make.
            return Some(Checked { node: ix, problems: Vec::new(), unchecked: None, shape });
        }
        let made = match shape.types() {
            Some(columns) => self.create_typed(ix, &columns),
            None => Err(String::new()),
        };
        if let Err(reason) = made {
            if shape.certainty == Certainty::Typed {
                shape.certainty = Certainty::Named;
                shape.reason = Some(format!("the types of `{}`: {}", node.unique_id, message::headline(&reason)));
            }
            self.create_untyped(ix, &shape);
        }
        Some(Checked { node: ix, problems: Vec::new(), unchecked: None, shape })
    }

    /// A Python model: it is not run, and nothing else tells more of its columns than what is declared.
    pub(super) fn python(&mut self, ix: NodeIndex) -> Checked {
        let node = self.manifest.node(ix);
        if let Err(error) = compile::compile(self.setup.runtime, &self.session, ix) {
            return uncompiled(ix, node, *error, &self.basis(ix));
        }
        let declared = node.columns.values().map(|column| (column.name.clone(), column.data_type.clone()));
        let shape = Shape::open(declared.collect(), format!("`{}` is a Python model", node.unique_id));
        self.create_untyped(ix, &shape);
        Checked { node: ix, problems: Vec::new(), unchecked: Some("it is a Python model".to_owned()), shape }
    }
}
