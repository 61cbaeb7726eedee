//! Rendering: a text to text, a text to a value, a macro call to a value.

use std::sync::{Arc, PoisonError};

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::env::{ENTRY_TEMPLATE, PRELUDE, TemplateEnv};
use super::error::{MacroFrame, Place, RawPlace, RenderError, RenderErrorKind, unwrap};
use super::py;
use super::rewrite::{Rewritten, Shape, rewrite};
use super::root::Root;
use super::source::{ContextSource, TemplateSource};
use super::state::RenderState;

/// The name of the rendered text inside the engine.
const MAIN: &str = "<template>";
/// The same, of a text whose value is wanted.
pub(super) const NATIVE: &str = "<value>";

/// What a render produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
}

impl TemplateEnv {
    /// Renders a text.
    pub fn render(&self, template: &TemplateSource, context: Arc<dyn ContextSource>) -> Result<Rendered, RenderError> {
        if !has_markers(&template.text) {
            let text = template.text.to_string();
            return Ok(Rendered { text });
        }
        let rewritten = rewrite(template)?;
        let full = format!("{PRELUDE}{}", rewritten.text);
        let root = Value::from_object(self.root(context));
        let text = self
            .env
            .template_from_named_str(MAIN, &full)
            .and_then(|compiled| compiled.render(root))
            .map_err(|err| self.explain(&err, Some((template, &rewritten))))?;
        Ok(Rendered { text })
    }

    /// Renders a text as dbt renders YAML values: one lone expression keeps
    /// the type of its value, anything else becomes text.
    pub(crate) fn render_native(
        &self,
        template: &TemplateSource,
        context: Arc<dyn ContextSource>,
    ) -> Result<Value, RenderError> {
        if !has_markers(&template.text) {
            return Ok(Value::from(&*template.text));
        }
        let rewritten = rewrite(template)?;
        let value = match &rewritten.shape {
            Shape::Expression(range) | Shape::Constant(range) => {
                let expr = &rewritten.text[range.clone()];
                let full = format!("{PRELUDE}{{% do kiln_capture({expr}) %}}");
                self.capture(&full, context)
                    .map_err(|err| self.explain_native(&err, template, &rewritten, range.start))?
            }
            Shape::Text => self.render_pieces(template, &rewritten, context)?,
        };
        if matches!(rewritten.shape, Shape::Constant(_)) {
            return Ok(Value::from(py::text::to_str(&value)));
        }
        py::native::finish(value).map_err(|message| RenderError::new(RenderErrorKind::Type, message))
    }

    /// Renders a text with statements. If it prints one value and nothing else, it is that value.
    fn render_pieces(
        &self,
        template: &TemplateSource,
        rewritten: &Rewritten,
        context: Arc<dyn ContextSource>,
    ) -> Result<Value, RenderError> {
        let full = format!("{PRELUDE}{}", rewritten.text);
        let mut root = self.root(context);
        root.is_native = true;
        let root = Arc::new(root);
        let text = self
            .env
            .template_from_named_str(NATIVE, &full)
            .and_then(|compiled| compiled.render(Value::from_dyn_object(Arc::clone(&root))))
            .map_err(|err| self.explain(&err, Some((template, rewritten))))?;
        let printed = root.printed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match printed.as_slice() {
            [only] if py::text::to_str(only) == text => only.clone(),
            _ => Value::from(text),
        })
    }

    /// Calls a macro by unique id.
    pub(crate) fn call_macro(
        &self,
        unique_id: &str,
        args: &[Value],
        kwargs: &[(&str, Value)],
        context: Arc<dyn ContextSource>,
    ) -> Result<Value, RenderError> {
        let target = self.registry.value_of(unique_id).ok_or_else(|| {
            RenderError::new(RenderErrorKind::UnknownName, format!("there is no macro `{unique_id}`"))
        })?;
        let mut all = args.to_vec();
        if !kwargs.is_empty() {
            all.push(Kwargs::from_iter(kwargs.iter().cloned()).into());
        }
        let mut root = self.root(context);
        root.entry = Some((target, all));
        let result = self
            .env
            .get_template(ENTRY_TEMPLATE)
            .and_then(|compiled| compiled.render_captured(Value::from_object(root)));
        match result {
            Ok(captured) => Ok(captured_value(captured.state())),
            Err(err) => Err(self.explain(&err, None)),
        }
    }

    /// Calls a macro and prints what it gives back, as `{{ macro() }}` does.
    pub fn call_macro_text(&self, unique_id: &str, context: Arc<dyn ContextSource>) -> Result<String, RenderError> {
        self.call_macro(unique_id, &[], &[], context).map(|value| py::text::to_str(&value))
    }

    fn capture(&self, full: &str, context: Arc<dyn ContextSource>) -> Result<Value, Error> {
        let mut root: Root = self.root(context);
        root.is_native = true;
        let compiled = self.env.template_from_named_str(MAIN, full)?;
        let captured = compiled.render_captured(Value::from_object(root))?;
        Ok(captured_value(captured.state()))
    }

    /// Errors of a native render: its text is the expression only, so places
    /// shift by the difference of what stands in front.
    fn explain_native(
        &self,
        err: &Error,
        template: &TemplateSource,
        rewritten: &Rewritten,
        start: usize,
    ) -> RenderError {
        let front = "{% do kiln_capture(".len();
        let shift = start as i64 - front as i64;
        self.explain_shifted(err, Some((template, rewritten)), shift)
    }

    pub(crate) fn explain(&self, err: &Error, main: Option<(&TemplateSource, &Rewritten)>) -> RenderError {
        self.explain_shifted(err, main, 0)
    }

    fn explain_shifted(&self, err: &Error, main: Option<(&TemplateSource, &Rewritten)>, shift: i64) -> RenderError {
        let (mut raised, here) = unwrap(err);
        if let (Some(last), Some(here)) = (raised.frames.last_mut(), here)
            && last.called_at.is_none()
        {
            last.called_at = Some(here);
        }
        let place = |raw: &RawPlace| self.place(raw, main, shift);
        RenderError {
            kind: raised.kind,
            message: raised.message.clone(),
            at: raised.origin.as_ref().and_then(place),
            stack: raised
                .frames
                .iter()
                .map(|frame| MacroFrame {
                    macro_id: frame.macro_id.clone(),
                    called_at: frame.called_at.as_ref().and_then(place),
                })
                .collect(),
            cause: raised.cause,
        }
    }

    fn place(&self, raw: &RawPlace, main: Option<(&TemplateSource, &Rewritten)>, shift: i64) -> Option<Place> {
        if let Some(place) = &raw.original {
            return Some(place.clone());
        }
        if raw.template == MAIN || raw.template == NATIVE {
            let (template, rewritten) = main?;
            let back = |offset: usize| {
                let offset = offset.saturating_sub(PRELUDE.len());
                let moved = usize::try_from(offset as i64 + shift).unwrap_or(0);
                rewritten.edits.map_back(moved)
            };
            return Some(template.place(back(raw.range.start)..back(raw.range.end)));
        }
        let entry = self.registry.by_id(&raw.template)?;
        let rewritten = entry.rewritten().ok()?;
        let back = |offset: usize| rewritten.edits.map_back(offset);
        Some(entry.def.place(back(raw.range.start)..back(raw.range.end)))
    }
}

fn captured_value(state: &minijinja::State<'_, '_>) -> Value {
    state.get_extension::<RenderState>().and_then(|store| store.captured.clone()).unwrap_or_default()
}

/// Whether a text has anything to render, as dbt decides it.
fn has_markers(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"{#" | b"}}" | b"%}" | b"#}"))
}

#[cfg(test)]
mod tests;
