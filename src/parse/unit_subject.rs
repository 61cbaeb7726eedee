//! What a unit test runs: a model, one of its common table expressions, or a macro. The rows are read elsewhere.

use serde_json::{Value as Data, json};

use super::Setup;
use super::properties::{Entry, map_of, text_of};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};
use crate::jinja::MacroEntry;
use crate::manifest::{MacroAnswer, Node, UnitPlaces, UnitSubject};
use crate::project::yaml::Yaml;

/// What is under test.
pub(super) struct Subject {
    /// Name of the model or macro.
    pub(super) name: String,
    /// What of it is run.
    pub(super) subject: UnitSubject,
}

/// Reads what a unit test is for.
pub(super) fn read(setup: &Setup<'_>, entry: &Entry) -> Result<Subject, Box<Diagnostic>> {
    let fail = |key: &str, message: String| Box::new(entry.error(key, Code::UnitTestInvalid, message));
    let test = entry.name();
    match (entry.text("model"), entry.text("macro")) {
        (Some(_), Some(_)) => {
            Err(fail("macro", format!("unit test `{test}` is of a `model` and of a `macro`: a test is of one of them")))
        }
        (None, None) => Err(fail("name", format!("unit test `{test}` names no `model`"))),
        (Some(model), None) => match (entry.text("cte"), entry.data.get("args")) {
            (_, Some(_)) => Err(fail("args", format!("unit test `{test}` has `args`, which only macros take"))),
            (Some(cte), None) => Ok(Subject { name: model, subject: UnitSubject::Cte(cte) }),
            (None, None) if entry.data.contains_key("cte") => {
                Err(fail("cte", format!("`cte` of unit test `{test}` is no name")))
            }
            (None, None) => Ok(Subject { name: model, subject: UnitSubject::Model }),
        },
        (None, Some(name)) => {
            if entry.data.contains_key("cte") {
                return Err(fail("cte", format!("unit test `{test}` is of a macro, which has no `cte`")));
            }
            read_macro(setup, entry, &name)
        }
    }
}

fn read_macro(setup: &Setup<'_>, entry: &Entry, written: &str) -> Result<Subject, Box<Diagnostic>> {
    let fail = |key: &str, message: String| entry.error(key, Code::UnitTestInvalid, message);
    let (package, name) = written.split_once('.').map_or((None, written), |(package, name)| (Some(package), name));
    let own = setup.package_name(entry.package);
    let found = match package {
        Some(package) => setup.macros.in_package(package, name),
        None => setup.macros.resolve(Some(own), name),
    };
    let Some(found) = found else {
        let message = format!("unit test `{}` is of a macro that does not exist: `{written}`", entry.name());
        let names: Vec<&str> = setup.macros.iter().map(|entry| entry.def.name.as_str()).collect();
        return Err(Box::new(fail("macro", message).maybe_hint(did_you_mean(name, names))));
    };
    let args = entry.data.get("args").cloned().unwrap_or(Data::Null);
    check_arguments(entry, found, &args)?;
    let expect = map_of(&entry.data, "expect");
    let answer = match (expect.contains_key("text"), expect.contains_key("value")) {
        (true, false) => MacroAnswer::Text,
        (false, true) => MacroAnswer::Value,
        (false, false) => MacroAnswer::Rows,
        (true, true) => {
            let message =
                format!("unit test `{}` expects a `text` and a `value`: a test is of one of them", entry.name());
            return Err(Box::new(fail("expect", message)));
        }
    };
    let unique_id = found.def.unique_id.clone();
    Ok(Subject { name: name.to_owned(), subject: UnitSubject::Macro { unique_id, args, answer } })
}

fn check_arguments(entry: &Entry, found: &MacroEntry, args: &Data) -> Result<(), Box<Diagnostic>> {
    let error = |span: Span, message: String| Diagnostic::error(Code::UnitTestInvalid, message).at(&entry.file, span);
    let Ok(parameters) = found.parameters() else { return Ok(()) };
    let name = &found.def.name;
    let takes_any = |word: &str| found.def.text().contains(word);
    match args {
        Data::Null => Ok(()),
        Data::Array(list) if list.len() > parameters.len() && !takes_any("varargs") => {
            let (given, taken) = (list.len(), parameters.len());
            let message = format!("macro `{name}` takes {taken} arguments, unit test `{}` gives {given}", entry.name());
            Err(Box::new(error(entry.span_of("args"), message)))
        }
        Data::Array(_) => Ok(()),
        Data::Object(map) => {
            let unknown = map.keys().find(|key| !parameters.contains(key) && !takes_any("kwargs"));
            let Some(unknown) = unknown else { return Ok(()) };
            let span = entry.yaml.get("args").and_then(|args| args.entry(unknown)).map(|pair| pair.key_span);
            let message = format!("macro `{name}` has no argument `{unknown}`");
            let listed: Vec<String> = parameters.iter().map(|name| format!("`{name}`")).collect();
            let hint = did_you_mean(unknown, parameters.iter().map(String::as_str));
            let hint = hint.unwrap_or_else(|| format!("it takes {}", listed.join(", ")));
            Err(Box::new(error(span.unwrap_or_else(|| entry.span_of("args")), message).hint(hint)))
        }
        _ => {
            let message = format!("`args` of unit test `{}` must be a mapping or a list", entry.name());
            Err(Box::new(error(entry.span_of("args"), message)))
        }
    }
}

/// The unit test's own mark in what is published, at a place where every reader of the manifest allows one.
pub(super) fn publish(node: &mut Node, subject: &UnitSubject) {
    let mark = match subject {
        UnitSubject::Model => return,
        UnitSubject::Cte(name) => json!({"cte": name}),
        UnitSubject::Macro { unique_id, args, .. } => {
            node.macro_calls = vec![unique_id.clone()];
            json!({"macro": unique_id, "args": args})
        }
    };
    let mut meta = node.meta.clone();
    meta.insert("kiln".to_owned(), mark);
    node.config.set("meta", Data::Object(meta));
}

/// An input as unit tests of models write it: a common table expression is `cte('name')`, the rows that a macro's
/// expression reads have no name.
pub(super) fn input(entry: &Entry, ix: usize, written: &Data, subject: &UnitSubject) -> Result<Data, Box<Diagnostic>> {
    let fail = |key: &str, message: String| {
        let span = given_place(entry, ix, key);
        Box::new(Diagnostic::error(Code::UnitTestInvalid, message).at(&entry.file, span))
    };
    let mut input = written.as_object().cloned().unwrap_or_default();
    let cte = input.remove("cte");
    let has_input = input.get("input").is_some_and(|input| !input.is_null());
    let is_macro = matches!(subject, UnitSubject::Macro { .. });
    match cte.as_ref().and_then(text_of) {
        Some(_) if has_input => Err(fail("cte", "an input is an `input` or a `cte`, not both".to_owned())),
        Some(_) if is_macro => Err(fail("cte", "a macro has no `cte`: leave the name of its rows out".to_owned())),
        Some(name) => {
            input.insert("input".to_owned(), json!(format!("cte('{name}')")));
            Ok(Data::Object(input))
        }
        None if cte.is_some() => Err(fail("cte", "`cte` of an input is no name".to_owned())),
        None if !has_input && !is_macro => {
            let message = format!("input {} of unit test `{}` names nothing", ix + 1, entry.name());
            let mut error = *fail("", message);
            error = error.hint("write `- input: ref('…')`, `- input: source('…', '…')` or `- cte: …`");
            Err(Box::new(error))
        }
        None if !has_input => {
            input.insert("input".to_owned(), json!(""));
            Ok(Data::Object(input))
        }
        None => Ok(Data::Object(input)),
    }
}

/// What is expected, as rows: a text is one row, a value one or several.
pub(super) fn expected(entry: &Entry, subject: &UnitSubject) -> Result<Data, Box<Diagnostic>> {
    let written = entry.data.get("expect").cloned().unwrap_or(Data::Null);
    let has = |key: &str| written.get(key).is_some();
    let UnitSubject::Macro { answer, .. } = subject else { return Ok(written) };
    match answer {
        MacroAnswer::Rows => Ok(written),
        _ if has("rows") || has("fixture") => {
            let message = format!("unit test `{}` expects `rows` and something else: a test is of one", entry.name());
            Err(Box::new(entry.error("expect", Code::UnitTestInvalid, message)))
        }
        MacroAnswer::Text => Ok(json!({"rows": answer.rows(&written["text"])})),
        MacroAnswer::Value => Ok(json!({"rows": answer.rows(&written["value"])})),
    }
}

/// Where the parts of a unit test stand.
pub(super) fn places(entry: &Entry) -> UnitPlaces {
    let key = ["cte", "macro", "model"].into_iter().find(|key| entry.yaml.get(key).is_some());
    let n_inputs = entry.yaml.get("given").map_or(0, |given| given.items().len().max(1));
    let of = |ix: usize| {
        let keys = ["cte", "input"].into_iter();
        let found = keys.filter_map(|key| given_entry(entry, ix)?.get(key)).map(|value| value.span).next();
        found.unwrap_or_else(|| given_place(entry, ix, ""))
    };
    UnitPlaces {
        subject: entry.span_of(key.unwrap_or("name")),
        given: (0..n_inputs).map(of).collect(),
        expect: entry.span_of("expect"),
    }
}

fn given_entry(entry: &Entry, ix: usize) -> Option<&Yaml> {
    let given = entry.yaml.get("given")?;
    given.items().get(ix).or(Some(given))
}

/// The place of a key's value in an input, or of the input.
pub(super) fn given_place(entry: &Entry, ix: usize, key: &str) -> Span {
    let Some(input) = given_entry(entry, ix) else { return entry.span_of("given") };
    input.get(key).map_or(input.span, |value| value.span)
}
