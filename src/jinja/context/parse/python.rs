//! The calls that a Python model makes to `dbt`, told to the same functions that templates call.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Kwargs;
use serde_json::Value as Data;

use super::record::{ParseConfig, reference, source};
use super::{ParseContext, ParseFacts, ParseScope};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use crate::jinja::context::ContextError;
use crate::jinja::error::unwrap;
use crate::jinja::py;

/// A call with literals: `dbt.ref("orders", v=2)`.
#[derive(Clone, Debug)]
pub struct PythonCall {
    /// `ref`, `source`, `config`, `get` or `meta_get`.
    pub function: &'static str,
    /// Arguments by place.
    pub args: Vec<Data>,
    /// Arguments by name.
    pub kwargs: Vec<(String, Data)>,
    /// Where it stands in its file.
    pub span: Span,
}

/// Notes what the calls say, as if a template had made them.
///
/// # Errors
/// When one has wrong arguments.
pub fn parse_python(
    scope: &ParseScope,
    file: &Arc<SourceFile>,
    calls: &[PythonCall],
) -> Result<ParseFacts, Box<Diagnostic>> {
    let context = ParseContext::of_scope(scope);
    let inner = &context.inner;
    for call in calls {
        let mut args: Vec<Value> = call.args.iter().map(py::from_json).collect();
        if !call.kwargs.is_empty() {
            let named = call.kwargs.iter().map(|(name, value)| (name.as_str(), py::from_json(value)));
            args.push(Kwargs::from_iter(named).into());
        }
        let told = match call.function {
            "ref" => reference(inner, &args),
            "source" => source(inner, &args),
            _ => ParseConfig { inner: Arc::clone(inner) }.record(&args),
        };
        if let Err(error) = told {
            let (raised, _) = unwrap(&error);
            let cause = raised.cause.as_deref().and_then(|cause| cause.downcast_ref::<ContextError>());
            let code = cause.map_or(Code::WrongArguments, |cause| cause.code);
            return Err(Box::new(Diagnostic::error(code, raised.message).at(file, call.span)));
        }
        if call.function == "ref"
            && let Some(known) = inner.facts().refs.last_mut()
        {
            known.span = Some(call.span);
        }
    }
    Ok(context.into_facts(String::new()))
}
