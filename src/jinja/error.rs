//! What goes wrong in a template, and where.
//!
//! Inside the engine an error travels as `minijinja::Error`; the facts that
//! minijinja has no room for (our kind, the original cause, the macros on the
//! way) ride along as a [`Raised`] source. It becomes a [`RenderError`] once,
//! at the border of this room.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind};

/// The family of a template error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RenderErrorKind {
    /// The template text cannot be read.
    Syntax,
    /// The template asked for the error (`exceptions.raise_compiler_error`),
    /// or dbt would word it as a compilation error.
    Compilation,
    /// An undefined value was used.
    Undefined,
    /// A macro, function, method, filter or test that does not exist.
    UnknownName,
    /// A call with the wrong arguments.
    Arguments,
    /// An operation on values that do not support it.
    Type,
    /// The database refused a statement.
    Database,
    /// A `ref`, `source`, `var`, `env_var` and the like that cannot be resolved.
    Dependency,
    /// Macros call each other without end.
    Recursion,
    /// Anything else that happened while rendering.
    Runtime,
}

/// A place in a file of the user, in original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path as given in the source.
    pub path: Arc<str>,
    /// Byte range in that file.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One macro that was running when an error happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroFrame {
    /// Unique id of the macro, for example `macro.dbt_utils.star`.
    pub macro_id: String,
    /// Where it was called, when known.
    pub called_at: Option<Place>,
}

/// A failed rendering.
#[derive(Debug, Clone)]
pub struct RenderError {
    /// The family of the error.
    pub kind: RenderErrorKind,
    /// One sentence without place.
    pub message: String,
    /// The innermost place, in original text.
    pub at: Option<Place>,
    /// Macros that were running, innermost first.
    pub stack: Vec<MacroFrame>,
    /// The typed error a function raised, if it gave one.
    pub cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl RenderError {
    /// Makes an error without a place.
    pub fn new(kind: RenderErrorKind, message: impl Into<String>) -> RenderError {
        RenderError { kind, message: message.into(), at: None, stack: Vec::new(), cause: None }
    }

    /// Returns the typed cause, if it is a `T`.
    pub fn cause_as<T: StdError + 'static>(&self) -> Option<&T> {
        self.cause.as_deref().and_then(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(at) = &self.at {
            write!(f, " ({}:{}:{})", at.path, at.line, at.column)?;
        }
        for frame in &self.stack {
            write!(f, "\n  in {}", frame.macro_id)?;
            if let Some(at) = &frame.called_at {
                write!(f, ", called at {}:{}:{}", at.path, at.line, at.column)?;
            }
        }
        Ok(())
    }
}

impl StdError for RenderError {}

/// The typed part of an error on its way through the engine.
#[derive(Debug, Clone)]
pub(crate) struct Raised {
    pub(crate) kind: RenderErrorKind,
    pub(crate) message: String,
    pub(crate) cause: Option<Arc<dyn StdError + Send + Sync>>,
    /// Template name and range of the innermost place, once it is known.
    pub(crate) origin: Option<RawPlace>,
    /// Macros passed on the way out, innermost first.
    pub(crate) frames: Vec<RawFrame>,
}

/// A place in rewritten text.
#[derive(Debug, Clone)]
pub(crate) struct RawPlace {
    pub(crate) template: String,
    pub(crate) range: Range<usize>,
    /// The place in original text, when that is known already.
    pub(crate) original: Option<Place>,
}

/// A macro passed on the way out.
#[derive(Debug, Clone)]
pub(crate) struct RawFrame {
    pub(crate) macro_id: String,
    pub(crate) called_at: Option<RawPlace>,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Raised {}

/// Makes the error that a function returns to the engine.
///
/// The kind and the message survive all macro levels.
pub(crate) fn raise(kind: RenderErrorKind, message: impl Into<String>) -> Error {
    wrap(Raised { kind, message: message.into(), cause: None, origin: None, frames: Vec::new() })
}

/// Like [`raise`], with a typed cause that [`RenderError::cause_as`] gives back.
pub(crate) fn raise_cause<E: StdError + Send + Sync + 'static>(kind: RenderErrorKind, cause: E) -> Error {
    wrap(Raised { kind, message: cause.to_string(), cause: Some(Arc::new(cause)), origin: None, frames: Vec::new() })
}

/// A Python `TypeError`.
pub(crate) fn type_error(message: impl Into<String>) -> Error {
    raise(RenderErrorKind::Type, message)
}

/// A Python `ValueError`, `KeyError` or `IndexError`.
pub(crate) fn value_error(message: impl Into<String>) -> Error {
    raise(RenderErrorKind::Runtime, message)
}

/// Sends a finished error through the engine again.
pub(crate) fn reraise(error: &RenderError) -> Error {
    wrap(Raised {
        kind: error.kind,
        message: error.message.clone(),
        cause: error.cause.clone(),
        origin: error.at.as_ref().map(|place| RawPlace {
            template: String::new(),
            range: 0..0,
            original: Some(place.clone()),
        }),
        frames: Vec::new(),
    })
}

pub(crate) fn wrap(raised: Raised) -> Error {
    Error::new(ErrorKind::InvalidOperation, raised.message.clone()).with_source(raised)
}

/// Takes an engine error apart; the origin is filled in from the engine's
/// position when this is the first level it passes.
pub(crate) fn unwrap(error: &Error) -> (Raised, Option<RawPlace>) {
    let here = match (error.name(), error.range()) {
        (Some(name), Some(range)) => Some(RawPlace { template: name.to_string(), range, original: None }),
        _ => None,
    };
    let mut raised = find_raised(error).unwrap_or_else(|| from_engine(error));
    if raised.origin.is_none() {
        raised.origin.clone_from(&here);
    }
    (raised, here)
}

fn find_raised(error: &Error) -> Option<Raised> {
    let mut source = error.source();
    while let Some(err) = source {
        if let Some(raised) = err.downcast_ref::<Raised>() {
            return Some(raised.clone());
        }
        source = err.source();
    }
    None
}

fn from_engine(error: &Error) -> Raised {
    let innermost = innermost_engine_error(error);
    let kind = match innermost.kind() {
        ErrorKind::SyntaxError => RenderErrorKind::Syntax,
        ErrorKind::UndefinedError => RenderErrorKind::Undefined,
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            RenderErrorKind::UnknownName
        }
        ErrorKind::TooManyArguments | ErrorKind::MissingArgument => RenderErrorKind::Arguments,
        ErrorKind::InvalidOperation if innermost.detail().is_some_and(|d| d.contains("recursion limit")) => {
            RenderErrorKind::Recursion
        }
        ErrorKind::InvalidOperation | ErrorKind::CannotUnpack => RenderErrorKind::Type,
        _ => RenderErrorKind::Runtime,
    };
    let origin = match (innermost.name(), innermost.range()) {
        (Some(name), Some(range)) => Some(RawPlace { template: name.to_string(), range, original: None }),
        _ => None,
    };
    Raised { kind, message: engine_message(innermost), cause: None, origin, frames: Vec::new() }
}

fn innermost_engine_error(error: &Error) -> &Error {
    let mut current = error;
    while let Some(inner) = current.source().and_then(|s| s.downcast_ref::<Error>()) {
        current = inner;
    }
    current
}

/// Says in Python's words what minijinja found, where that is cheap.
fn engine_message(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError if !detail.is_empty() => undefined_message(detail),
        ErrorKind::UndefinedError => "an undefined value was used".to_string(),
        ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
            Some(name) => format!("'{name}' is undefined"),
            None => detail.to_string(),
        },
        ErrorKind::UnknownFilter => match unknown_name(detail, "filter ") {
            Some(name) => format!("No filter named '{name}'."),
            None => detail.to_string(),
        },
        ErrorKind::UnknownTest => match unknown_name(detail, "test ") {
            Some(name) => format!("No test named '{name}'."),
            None => detail.to_string(),
        },
        ErrorKind::UnknownMethod => match detail.split_once(" has no method named ") {
            Some((kind, name)) => format!("{} has no attribute '{name}'", python_object(kind)),
            None => detail.to_string(),
        },
        _ if detail.is_empty() => error.kind().to_string(),
        _ if detail.ends_with(" is not iterable") => {
            let kind = detail.trim_end_matches(" is not iterable");
            format!("{} is not iterable", python_object(kind))
        }
        _ => detail.to_string(),
    }
}

/// What Python calls an object of one of minijinja's kinds.
fn python_object(kind: &str) -> &str {
    match kind {
        "none" => "'None'",
        "bool" => "'bool object'",
        "number" => "'int object'",
        "string" => "'str object'",
        "sequence" => "'list object'",
        "map" => "'dict object'",
        "undefined" => "an undefined value",
        _ => "this object",
    }
}

fn unknown_name<'a>(detail: &'a str, prefix: &str) -> Option<&'a str> {
    detail.strip_prefix(prefix)?.strip_suffix(" is unknown")
}

fn undefined_message(detail: &str) -> String {
    match detail.strip_prefix('`').and_then(|rest| rest.split_once("` is undefined")) {
        Some((name, _)) => format!("'{name}' is undefined"),
        None => detail.to_string(),
    }
}
