//! Warnings about one deprecated form: of many places the first is told, unless `--show-all-deprecations` is given.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value as Data, json};

use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, SourceFile, Span};
use crate::project::Project;

/// Warnings of one kind, of which the first is told, with the number of the others.
pub(super) struct Deprecation {
    event: (&'static str, &'static str),
    found: Vec<Diagnostic>,
}

impl Deprecation {
    pub(super) const fn new(name: &'static str, code: &'static str) -> Self {
        Self { event: (name, code), found: Vec::new() }
    }

    pub(super) fn add(&mut self, warning: Diagnostic, facts: Data) {
        self.found.push(warning.with_event(DbtEvent::new(self.event, facts)));
    }

    pub(super) fn report(mut self, project: &Project, diagnostics: &mut Diagnostics) {
        if !project.settings.flag("show_all_deprecations") {
            let n_others = self.found.len().saturating_sub(1);
            self.found.truncate(1);
            if n_others > 0
                && let Some(first) = self.found.pop()
            {
                let hint = format!("{n_others} more of this kind: `--show-all-deprecations` shows them");
                self.found.push(first.hint(hint));
            }
        }
        diagnostics.extend(self.found);
    }

    /// Tags that stand outside of all blocks of a file, where nothing reads them.
    pub(super) const fn stray_tags() -> Self {
        Self::new("UnexpectedJinjaBlockDeprecation", "D023")
    }

    /// Notes the stray tags of a file, given by their words and places.
    pub(super) fn add_stray_tags(&mut self, file: &Arc<SourceFile>, path: &str, tags: &[(String, Range<usize>)]) {
        for (word, span) in tags {
            let message = format!("Found unexpected '{word}' block tag.");
            let warning = Diagnostic::warning(Code::Deprecated, message.as_str())
                .at(file, Span::new(span.start, span.end))
                .hint("nothing reads it here, outside of all blocks: remove it, or move it into a block");
            self.add(warning, json!({"msg": message, "file": path}));
        }
    }
}
