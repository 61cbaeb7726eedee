//! Hooks: what nodes and the project run besides queries. What they make on the bench is there for what follows; what
//! they would change is bound; what reaches beyond the database is said to be unchecked.

use std::sync::Arc;

use serde_json::Value as Data;

use super::bind::Refusal;
use super::message::{self, Fault};
use super::shape::{Certainty, Shape};
use super::{Basis, Checked, Checker, is_ephemeral, short};
use crate::compile::{self, CompiledHook, HookSource};
use crate::diagnostic::{Code, Diagnostic, Label, SourceFile, Span};
use crate::jinja::HookResults;
use crate::manifest::{Node, NodeIndex, NodeKind, ResourceType};
use crate::sql::first_words;

/// A hook and what messages call it.
struct Hook {
    ix: NodeIndex,
    name: String,
    text: String,
    file: Arc<SourceFile>,
    /// Where it stands in the file, if it stands there as it is.
    offset: Option<usize>,
    /// What is shown if the place of a fault in it is not known.
    span: Span,
    /// What hooks at the end see.
    results: Option<HookResults>,
}

/// What came of a hook.
enum Outcome {
    Sound,
    Wrong(Diagnostic),
    Unchecked(String),
    /// It names the relation of its node, which is not there yet.
    Early,
}

/// A node's hooks before it is built that are tried once more when it is there.
pub(super) struct Waiting(Vec<Hook>);

impl Checker<'_> {
    /// The project's hooks of the start or the end.
    pub(super) fn project_hooks(&mut self, is_end: bool) -> Vec<Checked> {
        let hooks = self.manifest.hooks(is_end);
        if !hooks.is_empty() && !is_end {
            self.create_schemas();
        }
        let mut results = Vec::new();
        for ix in hooks {
            let node = self.manifest.node(ix);
            let number = if let NodeKind::Hook(hook) = &node.kind { hook.index } else { 0 };
            let when = if is_end { "on-run-end" } else { "on-run-start" };
            let from = node.span.start as usize;
            let hook = Hook {
                ix,
                name: format!("`{when}` hook {} of `{}`", number + 1, node.package),
                text: node.raw_code.clone(),
                file: Arc::clone(&node.file),
                offset: node.file.text().get(from..).and_then(|rest| rest.find(&node.raw_code)).map(|at| from + at),
                span: node.span,
                results: is_end.then(HookResults::default),
            };
            let outcome = self.hook(&hook, &Basis::certain());
            let mut checked = Checked { node: ix, problems: Vec::new(), unchecked: None, shape: nothing() };
            self.conclude(&hook, outcome, &mut checked);
            self.is_prepared |= !is_end && self.may_have_made;
            results.push(checked);
        }
        results
    }

    /// The hooks of a node before it is built. Those that name its relation are given back.
    pub(super) fn pre_hooks(&mut self, ix: NodeIndex, checked: &mut Checked) -> Waiting {
        let mut waiting = Vec::new();
        self.is_prepared_here = false;
        for hook in self.hooks_of(ix, "pre-hook") {
            let outcome = self.hook(&hook, &Basis::certain());
            self.is_prepared_here |= self.may_have_made;
            match outcome {
                Outcome::Early => waiting.push(hook),
                outcome => self.conclude(&hook, outcome, checked),
            }
        }
        Waiting(waiting)
    }

    /// The hooks of a node after it is built, and those from before that had to wait for it.
    pub(super) fn post_hooks(&mut self, ix: NodeIndex, waiting: Waiting, checked: &mut Checked) {
        self.is_prepared_here = false;
        let own = self.hooks_of(ix, "post-hook");
        let changes = !own.is_empty();
        let Shape { certainty, reason, .. } = checked.shape.clone();
        for hook in waiting.0.into_iter().chain(own) {
            let basis = Basis { certainty, reason: reason.clone(), asked: None, is_elsewhere: false };
            let outcome = self.hook(&hook, &basis);
            self.conclude(&hook, outcome, checked);
        }
        if changes && certainty == Certainty::Typed {
            // They may have altered it.
            let columns = self.setup.bench.columns(&self.setup.runtime.relation(ix)).unwrap_or_default();
            if !columns.is_empty() {
                let columns = columns.into_iter().map(|column| (column.name, column.data_type)).collect();
                checked.shape = Shape::typed(columns);
            }
        }
    }

    fn hooks_of(&self, ix: NodeIndex, key: &str) -> Vec<Hook> {
        let node = self.manifest.node(ix);
        let is_built = matches!(node.resource_type, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot);
        let listed = node.config.get(key).and_then(Data::as_array).filter(|_| is_built && !is_ephemeral(node));
        let text = |hook: &Data| match hook {
            Data::Object(map) => map.get("sql").and_then(Data::as_str).map(str::to_owned),
            other => other.as_str().map(str::to_owned),
        };
        let texts = listed.into_iter().flatten().filter_map(text);
        texts.filter(|text| !text.trim().is_empty()).map(|text| self.own_hook(ix, key, text)).collect()
    }

    fn own_hook(&self, ix: NodeIndex, key: &str, text: String) -> Hook {
        let node = self.manifest.node(ix);
        let project = &self.setup.runtime.project;
        let declared = node.declared.as_ref().map(|label| &label.file);
        let projects = project.package(&node.package).into_iter().chain([project.root()]);
        let files = [&node.file].into_iter().chain(declared).chain(projects.map(|package| &package.config.file));
        let found = files.into_iter().find_map(|file| file.text().find(text.trim()).map(|at| (file, at)));
        let lead = text.len() - text.trim_start().len();
        let (file, offset) = match found {
            Some((file, at)) => (file, at.checked_sub(lead)),
            None => (&node.file, None),
        };
        let span = offset.map_or(node.span, |at| Span::new(at + lead, at + lead + text.trim().len()));
        let name = format!("{key} of `{}`", node.name);
        Hook { ix, name, text, file: Arc::clone(file), offset, span, results: None }
    }

    fn hook(&mut self, hook: &Hook, basis: &Basis) -> Outcome {
        let bench = self.setup.bench;
        if bench.is_blind() {
            return Outcome::Unchecked("hooks need the server".to_owned());
        }
        let _ = bench.take_asked();
        self.may_have_made = false;
        bench.begin_hook();
        let source = HookSource { text: &hook.text, file: &hook.file, offset: hook.offset.unwrap_or_default() };
        let compiled = compile::compile_hook(self.setup.runtime, &self.session, hook.ix, &source, hook.results.clone());
        let trial = bench.end_hook();
        let asked = bench.take_asked();
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                self.may_have_made = true;
                let is_sure = matches!(error.code, Code::UnknownMacro | Code::TemplateSyntax | Code::WrongArguments);
                let depends = trial.has_pretended || asked.is_some() || hook.results.is_some();
                if depends && !is_sure || matches!(error.code, Code::Unsupported | Code::ConnectFailed) {
                    let says = message::headline(&error.message);
                    return Outcome::Unchecked(format!("its template needs what a run leaves: {says}"));
                }
                return Outcome::Wrong(*error);
            }
        };
        if let Some(statement) = trial.left {
            return self.left(&statement);
        }
        let mut tried: Vec<String> = Vec::new();
        loop {
            let error = match bench.attempt(&compiled.sql) {
                Ok(trial) => return trial.left.map_or(Outcome::Sound, |statement| self.left(&statement)),
                Err(error) => error,
            };
            let fault = message::fault(&error);
            let name = error.position.and_then(|at| message::name_at(&compiled.sql, at));
            let name = name.filter(|_| fault == Fault::Relation).map(|range| compiled.sql[range].to_owned());
            match name.filter(|name| !tried.contains(name)) {
                Some(name) if self.borrow(&name).is_some() => tried.push(name),
                _ => {
                    self.may_have_made = compiled.sql.to_lowercase().contains("create");
                    return self.refused(hook, &compiled, Refusal { error, fault }, basis);
                }
            }
        }
    }

    /// A hook with a statement that is not tried.
    fn left(&mut self, statement: &str) -> Outcome {
        let words = first_words(statement, 1);
        // These only write files.
        self.may_have_made = !words.iter().any(|word| matches!(word.as_str(), "copy" | "export"));
        Outcome::Unchecked(format!("it reaches beyond the database: {}", short(statement)))
    }

    fn refused(&self, hook: &Hook, compiled: &CompiledHook, refusal: Refusal, basis: &Basis) -> Outcome {
        let at = refusal.error.position.or_else(|| message::place(&refusal.error.message, &compiled.sql));
        if refusal.fault == Fault::Relation && self.shapes.get(hook.ix).is_none() {
            let own = self.setup.runtime.relation(hook.ix).identifier.unwrap_or_default();
            if !own.is_empty() && refusal.error.message.contains(&own) {
                return Outcome::Early;
            }
        }
        if let Some(reason) = self.doubt(hook.ix, &refusal, basis, &compiled.sql) {
            return Outcome::Unchecked(reason);
        }
        let node = self.manifest.node(hook.ix);
        let label = self.label(hook, compiled, at);
        let code = if refusal.fault == Fault::Column { Code::UnknownColumn } else { Code::BindFailed };
        let sentence = message::sentence(&refusal.error.message).replace(crate::adapter::ASIDE, "");
        let mut problem = Diagnostic::error(code, format!("{}: {sentence}", hook.name));
        problem.at = Some(label);
        if !Arc::ptr_eq(&hook.file, &node.file) {
            problem.related.push(Label::new(&node.file, Span::default()).with_text("it belongs to this one"));
        }
        Outcome::Wrong(problem.maybe_hint(message::hint(&refusal.error.message, &compiled.sql, at)))
    }

    /// Where a byte of a hook's SQL comes from.
    fn label(&self, hook: &Hook, compiled: &CompiledHook, at: Option<usize>) -> Label {
        let place = at.and_then(|at| compiled.map.as_ref()?.to_template(at)).zip(hook.offset);
        let Some((at, offset)) = place else { return Label::new(&hook.file, hook.span) };
        let start = offset + at;
        let rest = hook.file.text().get(start..).unwrap_or_default();
        let len = match rest.find("}}") {
            Some(end) if rest.starts_with("{{") => end + 2,
            _ => message::name_at(rest, 0).map_or(1, |name| name.end),
        };
        Label::new(&hook.file, Span::new(start, (start + len).min(hook.file.text().len())))
    }

    fn conclude(&self, hook: &Hook, outcome: Outcome, checked: &mut Checked) {
        match outcome {
            Outcome::Sound => {}
            Outcome::Wrong(problem) => checked.problems.push(problem),
            Outcome::Unchecked(reason) => {
                let reason = format!("{}: {reason}", hook.name);
                checked.unchecked.get_or_insert(reason);
            }
            // What it names was to be made by now.
            Outcome::Early => {
                let reason = format!("{}: it reads the relation before it is built", hook.name);
                checked.unchecked.get_or_insert(reason);
            }
        }
    }

    /// Makes all schemas, as a run does before its hooks.
    fn create_schemas(&mut self) {
        let is_built = |node: &Node| node.relation_name.is_some() && !node.is_external();
        let built: Vec<NodeIndex> = self.manifest.indices().filter(|ix| is_built(self.manifest.node(*ix))).collect();
        for ix in built {
            self.place(ix);
        }
    }
}

fn nothing() -> Shape {
    Shape { columns: Vec::new(), certainty: Certainty::Named, reason: None }
}
