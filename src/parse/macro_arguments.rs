//! What is written about the arguments of macros, against the macros: `validate_macro_args` of `flags:`.

use serde_json::{Value as Data, json};

use super::properties::{Entry, list_of, text_of};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Span, did_you_mean};
use crate::manifest::MacroInfo;

/// The types that arguments may have, with the number of types in brackets behind each, as dbt knows them.
const TYPES: &[(&str, usize)] = &[
    ("any", 0),
    ("bool", 0),
    ("column", 0),
    ("dict", 2),
    ("float", 0),
    ("int", 0),
    ("integer", 0),
    ("list", 1),
    ("optional", 1),
    ("relation", 0),
    ("str", 0),
    ("string", 0),
];

/// Warns of arguments that are written otherwise than the macro has them. `info` has those of the macro's header.
pub(super) fn check(info: &MacroInfo, entry: &Entry, diagnostics: &mut Diagnostics) {
    let written = list_of(&entry.data, "arguments");
    if written.is_empty() {
        return;
    }
    let name = &info.name;
    let mut warn = |span: Span, message: String, hint: Option<String>| {
        let facts = json!({
            "msg": message, "macro_unique_id": format!("macro.{}.{name}", info.package), "macro_file_path": info.path,
        });
        let warning = Diagnostic::warning(Code::PropertyInvalid, message).at(&entry.file, span);
        let event = DbtEvent::new(("InvalidMacroAnnotation", "I076"), facts);
        diagnostics.push(warning.with_event(event).maybe_hint(hint));
    };
    let place = |ix: usize, key: &str| {
        let argument = entry.yaml.get("arguments").and_then(|list| list.items().get(ix));
        argument.and_then(|argument| argument.get(key)).map_or_else(|| entry.span_of("arguments"), |value| value.span)
    };
    let text = |argument: &Data, key: &str| argument.get(key).and_then(text_of).unwrap_or_default();
    for (ix, (own, argument)) in info.arguments.iter().zip(&written).enumerate() {
        let argument = text(argument, "name");
        if argument != own.name {
            let message = format!("Argument {argument} in yaml for macro {name} does not match the jinja definition.");
            warn(place(ix, "name"), message, Some(format!("argument {} of the macro is `{}`", ix + 1, own.name)));
        }
    }
    if written.len() != info.arguments.len() {
        let message =
            format!("The number of arguments in the yaml for macro {name} does not match the jinja definition.");
        warn(entry.span_of("arguments"), message, Some(format!("the macro has {}", info.arguments.len())));
    }
    for (ix, argument) in written.iter().enumerate() {
        let data_type = text(argument, "type");
        if !data_type.trim().is_empty() && !is_type(&data_type) {
            let argument = text(argument, "name");
            let message = format!("Argument {argument} in the yaml for macro {name} has an invalid type.");
            let near = did_you_mean(data_type.trim(), TYPES.iter().map(|(name, _)| *name));
            let known = || TYPES.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            warn(place(ix, "type"), message, near.or_else(|| Some(format!("types are {}", known()))));
        }
    }
}

/// Whether a text is a type such as `list[string]`.
fn is_type(text: &str) -> bool {
    let text: String = text.chars().filter(|char| !matches!(char, ' ' | '\t')).collect();
    after_type(&text).is_some_and(str::is_empty)
}

/// What follows the type at the start of a text.
fn after_type(text: &str) -> Option<&str> {
    let length = text.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(text.len());
    let (_, n_parts) = TYPES.iter().find(|(name, _)| *name == &text[..length])?;
    let mut rest = &text[length..];
    for ix in 0..*n_parts {
        rest = after_type(rest.strip_prefix(if ix == 0 { '[' } else { ',' })?)?;
    }
    if *n_parts > 0 { rest.strip_prefix(']') } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use super::is_type;

    #[test]
    fn types_nest() {
        for text in ["string", " list[ string ]", "dict[str, list[optional[int]]]", "relation"] {
            assert!(is_type(text), "{text}");
        }
        for text in ["strng", "list", "list[string", "dict[str]", "string[int]", "String", ""] {
            assert!(!is_type(text), "{text}");
        }
    }
}
