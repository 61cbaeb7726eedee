//! `modules.re`.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use fancy_regex::{Captures, Regex};
use minijinja::value::{Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::{bound, native, table};
use crate::jinja::error::{type_error, value_error};
use crate::jinja::py::args::{bind, integer, string};
use crate::jinja::py::{PyDict, PyList, text};
use crate::jinja::state::call_value;

const FLAGS: [(&str, &str, i64, char); 5] = [
    ("I", "IGNORECASE", 2, 'i'),
    ("M", "MULTILINE", 8, 'm'),
    ("S", "DOTALL", 16, 's'),
    ("X", "VERBOSE", 64, 'x'),
    ("U", "UNICODE", 32, 'u'),
];

/// `modules.re`.
pub(super) fn module() -> Value {
    let mut entries = vec![
        ("compile", native("compile", compile)),
        ("match", native("match", |state, args| on_text(state, "match", args))),
        ("fullmatch", native("fullmatch", |state, args| on_text(state, "fullmatch", args))),
        ("search", native("search", |state, args| on_text(state, "search", args))),
        ("findall", native("findall", |state, args| on_text(state, "findall", args))),
        ("finditer", native("finditer", |state, args| on_text(state, "finditer", args))),
        ("split", native("split", split_function)),
        ("sub", native("sub", |state, args| sub_function(state, args, false))),
        ("subn", native("subn", |state, args| sub_function(state, args, true))),
        ("escape", native("escape", escape)),
        ("A", Value::from(256)),
        ("ASCII", Value::from(256)),
    ];
    for (short, long, value, _) in FLAGS {
        entries.push((short, Value::from(value)));
        entries.push((long, Value::from(value)));
    }
    table(entries)
}

/// Patterns compiled in one render.
#[derive(Default)]
struct Cache(HashMap<(String, i64), Arc<Pattern>>);

#[derive(Debug)]
struct Pattern {
    source: String,
    flags: i64,
    regex: Regex,
    /// Matches at the start only.
    start: Regex,
    /// Matches the whole text only.
    whole: Regex,
}

impl Pattern {
    fn new(source: &str, flags: i64) -> Result<Pattern, Error> {
        let letters: String = FLAGS
            .iter()
            .filter(|(_, _, value, letter)| flags & value != 0 && *letter != 'u')
            .map(|(_, _, _, letter)| *letter)
            .collect();
        let prefix = if letters.is_empty() { String::new() } else { format!("(?{letters})") };
        let body = translate(source);
        let build = |pattern: &str| {
            Regex::new(pattern).map_err(|err| {
                value_error(format!(
                    "the regular expression {} is not valid: {err}",
                    text::to_repr(&Value::from(source))
                ))
            })
        };
        // In verbose mode a comment could swallow the closing parenthesis.
        let close = if flags & 64 == 0 { ")" } else { "\n)" };
        Ok(Pattern {
            source: source.to_string(),
            flags,
            regex: build(&format!("{prefix}{body}"))?,
            start: build(&format!("{prefix}\\A(?:{body}{close}"))?,
            whole: build(&format!("{prefix}\\A(?:{body}{close}\\z"))?,
        })
    }
}

/// Python's spelling to the crate's.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' {
            match chars.next() {
                Some('Z') => out.push_str("\\z"),
                Some(next) => {
                    out.push('\\');
                    out.push(next);
                }
                None => out.push('\\'),
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn pattern_of(state: &mut State<'_, '_>, pattern: &Value, flags: i64) -> Result<Arc<Pattern>, Error> {
    if let Some(compiled) = pattern.downcast_object_ref::<PyPattern>() {
        return Ok(compiled.0.clone());
    }
    let Some(source) = pattern.as_str() else {
        return Err(type_error("first argument must be string or compiled pattern"));
    };
    let cache = state.get_or_insert_extension_with(Cache::default);
    let key = (source.to_string(), flags);
    if let Some(found) = cache.0.get(&key) {
        return Ok(found.clone());
    }
    let compiled = Arc::new(Pattern::new(source, flags)?);
    cache.0.insert(key, compiled.clone());
    Ok(compiled)
}

fn flags_arg(value: Option<Value>) -> Result<i64, Error> {
    value.map_or(Ok(0), |flags| integer(&flags))
}

fn compile(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [pattern, flags] = bind("compile", ["pattern", "flags"], 1, args)?;
    let compiled = pattern_of(state, &pattern.unwrap_or_default(), flags_arg(flags)?)?;
    Ok(Value::from_object(PyPattern(compiled)))
}

fn text_arg(value: &Value) -> Result<&str, Error> {
    string(value)
        .map_err(|_| type_error(format!("expected string or bytes-like object, got '{}'", text::type_name(value))))
}

fn on_text(state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
    let [pattern, string, flags] = bind(name, ["pattern", "string", "flags"], 2, args)?;
    let pattern = pattern_of(state, &pattern.unwrap_or_default(), flags_arg(flags)?)?;
    find(&pattern, name, text_arg(&string.unwrap_or_default())?)
}

fn matched(
    result: Result<Option<Captures<'_, str>>, fancy_regex::Error>,
    pattern: &Pattern,
) -> Result<Option<Groups>, Error> {
    let found = result.map_err(too_hard)?;
    Ok(found.map(|captures| Groups::of(&captures, &pattern.regex)))
}

fn too_hard(err: fancy_regex::Error) -> Error {
    value_error(format!("the regular expression could not be matched: {err}"))
}

fn find(pattern: &Arc<Pattern>, name: &str, text: &str) -> Result<Value, Error> {
    let one = |groups: Option<Groups>| match groups {
        Some(groups) => Value::from_object(PyMatch { text: text.into(), groups }),
        None => Value::from(()),
    };
    match name {
        "search" => Ok(one(matched(pattern.regex.captures(text), pattern)?)),
        "match" => Ok(one(matched(pattern.start.captures(text), pattern)?)),
        "fullmatch" => Ok(one(matched(pattern.whole.captures(text), pattern)?)),
        "finditer" => {
            let all = all_matches(pattern, text)?;
            let all = all.into_iter().map(|groups| one(Some(groups))).collect();
            Ok(PyList::value(all))
        }
        _ => {
            let all = all_matches(pattern, text)?;
            let all = all.iter().map(|groups| groups.as_found(text)).collect();
            Ok(PyList::value(all))
        }
    }
}

fn all_matches(pattern: &Pattern, text: &str) -> Result<Vec<Groups>, Error> {
    let mut all = Vec::new();
    for captures in pattern.regex.captures_iter(text) {
        all.push(Groups::of(&captures.map_err(too_hard)?, &pattern.regex));
    }
    Ok(all)
}

/// Byte ranges of the groups of a match.
#[derive(Debug, Clone)]
struct Groups {
    ranges: Vec<Option<Range<usize>>>,
    names: Vec<Option<String>>,
}

impl Groups {
    fn of(captures: &Captures<'_, str>, regex: &Regex) -> Groups {
        Groups {
            ranges: (0..captures.len()).map(|ix| captures.get(ix).map(|m| m.start()..m.end())).collect(),
            names: regex.capture_names().map(|name| name.map(str::to_string)).collect(),
        }
    }

    fn whole(&self) -> Range<usize> {
        self.ranges.first().cloned().flatten().unwrap_or(0..0)
    }

    fn value(&self, ix: usize, text: &str) -> Value {
        match self.ranges.get(ix) {
            Some(Some(range)) => Value::from(&text[range.clone()]),
            _ => Value::from(()),
        }
    }

    /// What `findall` gives for one match.
    fn as_found(&self, text: &str) -> Value {
        let or_empty = |ix: usize| match self.value(ix, text) {
            value if value.is_none() => Value::from(""),
            value => value,
        };
        match self.ranges.len() {
            1 => or_empty(0),
            2 => or_empty(1),
            n => Value::from(Tuple::from((1..n).map(or_empty).collect::<Vec<_>>())),
        }
    }

    fn index_of(&self, key: &Value) -> Option<usize> {
        if let Some(name) = key.as_str() {
            return self.names.iter().position(|known| known.as_deref() == Some(name));
        }
        key.as_usize().filter(|ix| *ix < self.ranges.len())
    }
}

fn split_function(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["pattern", "string", "maxsplit", "flags"];
    let [pattern, string, limit, flags] = bind("split", names, 2, args)?;
    let pattern = pattern_of(state, &pattern.unwrap_or_default(), flags_arg(flags)?)?;
    split(&pattern, text_arg(&string.unwrap_or_default())?, flags_arg(limit)?)
}

fn split(pattern: &Pattern, text: &str, limit: i64) -> Result<Value, Error> {
    let limit = if limit <= 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(0) };
    let mut parts = Vec::new();
    let mut done = 0;
    for groups in all_matches(pattern, text)?.into_iter().take(limit) {
        let range = groups.whole();
        parts.push(Value::from(&text[done..range.start]));
        parts.extend((1..groups.ranges.len()).map(|ix| groups.value(ix, text)));
        done = range.end;
    }
    parts.push(Value::from(&text[done..]));
    Ok(PyList::value(parts))
}

fn sub_function(state: &mut State<'_, '_>, args: &[Value], counted: bool) -> Result<Value, Error> {
    let names = ["pattern", "repl", "string", "count", "flags"];
    let [pattern, repl, string, count, flags] = bind("sub", names, 3, args)?;
    let pattern = pattern_of(state, &pattern.unwrap_or_default(), flags_arg(flags)?)?;
    let string = string.unwrap_or_default();
    let change = Change { repl: repl.unwrap_or_default(), limit: flags_arg(count)?, counted };
    substitute(state, &pattern, text_arg(&string)?, &change)
}

struct Change {
    repl: Value,
    limit: i64,
    counted: bool,
}

fn substitute(state: &mut State<'_, '_>, pattern: &Pattern, text: &str, change: &Change) -> Result<Value, Error> {
    let limit = match change.limit {
        limit if limit <= 0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(0),
    };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut n = 0;
    for groups in all_matches(pattern, text)?.into_iter().take(limit) {
        let range = groups.whole();
        out.push_str(&text[done..range.start]);
        match change.repl.as_str() {
            Some(template) => expand(&mut out, template, &groups, text)?,
            None => {
                let found = Value::from_object(PyMatch { text: text.into(), groups });
                let value = call_value(state, &change.repl, &[found])?;
                out.push_str(&text::to_str(&value));
            }
        }
        done = range.end;
        n += 1;
    }
    out.push_str(&text[done..]);
    Ok(if change.counted { Value::from(Tuple::from([Value::from(out), Value::from(n)])) } else { Value::from(out) })
}

/// Fills `\1`, `\g<1>` and `\g<name>` in.
fn expand(out: &mut String, template: &str, groups: &Groups, text: &str) -> Result<(), Error> {
    let mut rest = template;
    while let Some(ix) = rest.find('\\') {
        out.push_str(&rest[..ix]);
        rest = &rest[ix + 1..];
        let mut insert = |key: &Value| -> Result<(), Error> {
            let Some(ix) = groups.index_of(key) else {
                return Err(value_error(format!("invalid group reference {key}")));
            };
            if let Some(Some(range)) = groups.ranges.get(ix) {
                out.push_str(&text[range.clone()]);
            }
            Ok(())
        };
        let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if digits > 0 && !rest.starts_with('0') {
            let number: usize = rest[..digits].parse().unwrap_or(0);
            insert(&Value::from(number))?;
            rest = &rest[digits..];
        } else if let Some((name, after)) = rest.strip_prefix("g<").and_then(|named| named.split_once('>')) {
            match name.parse::<usize>() {
                Ok(number) => insert(&Value::from(number))?,
                Err(_) => insert(&Value::from(name))?,
            }
            rest = after;
        } else {
            let Some(c) = rest.chars().next() else {
                return Err(value_error("bad escape (end of pattern)"));
            };
            rest = &rest[c.len_utf8()..];
            match c {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '\\' => out.push('\\'),
                c if c.is_ascii_alphabetic() => {
                    return Err(value_error(format!("bad escape \\{c}")));
                }
                c => {
                    out.push('\\');
                    out.push(c);
                }
            }
        }
    }
    out.push_str(rest);
    Ok(())
}

fn escape(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [pattern] = bind("escape", ["pattern"], 1, args)?;
    let pattern = pattern.unwrap_or_default();
    let mut out = String::new();
    for c in text_arg(&pattern)?.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(Value::from(out))
}

/// A compiled pattern.
#[derive(Debug)]
struct PyPattern(Arc<Pattern>);

const PATTERN_METHODS: [&str; 8] = ["match", "fullmatch", "search", "findall", "finditer", "split", "sub", "subn"];

impl Object for PyPattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "pattern" => Some(Value::from(self.0.source.as_str())),
            "flags" => Some(Value::from(self.0.flags | 32)),
            name => bound(self, name, &PATTERN_METHODS),
        }
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "match" | "fullmatch" | "search" | "findall" | "finditer" => {
                let [string] = bind(method, ["string"], 1, args)?;
                find(&self.0, method, text_arg(&string.unwrap_or_default())?)
            }
            "split" => {
                let [string, limit] = bind("split", ["string", "maxsplit"], 1, args)?;
                split(&self.0, text_arg(&string.unwrap_or_default())?, flags_arg(limit)?)
            }
            "sub" | "subn" => {
                let [repl, string, count] = bind(method, ["repl", "string", "count"], 2, args)?;
                let string = string.unwrap_or_default();
                let change =
                    Change { repl: repl.unwrap_or_default(), limit: flags_arg(count)?, counted: method == "subn" };
                substitute(state, &self.0, text_arg(&string)?, &change)
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = Value::from(self.0.source.as_str());
        write!(f, "re.compile({})", text::to_repr(&source))
    }
}

/// A match.
#[derive(Debug)]
struct PyMatch {
    text: Arc<str>,
    groups: Groups,
}

impl PyMatch {
    fn group(&self, key: &Value) -> Result<Value, Error> {
        match self.groups.index_of(key) {
            Some(ix) => Ok(self.groups.value(ix, &self.text)),
            None => Err(value_error("no such group")),
        }
    }

    fn span(&self, args: &[Value]) -> Result<Option<Range<usize>>, Error> {
        let [group] = bind("span", ["group"], 0, args)?;
        let Some(ix) = self.groups.index_of(&group.unwrap_or(Value::from(0))) else {
            return Err(value_error("no such group"));
        };
        // Python counts characters.
        let chars = |offset: usize| self.text[..offset].chars().count();
        let range = self.groups.ranges.get(ix).cloned().flatten();
        Ok(range.map(|range| chars(range.start)..chars(range.end)))
    }

    fn all_groups(&self, args: &[Value]) -> Result<Vec<Value>, Error> {
        let [default] = bind("groups", ["default"], 0, args)?;
        let default = default.unwrap_or(Value::from(()));
        Ok((1..self.groups.ranges.len())
            .map(|ix| match self.groups.value(ix, &self.text) {
                value if value.is_none() => default.clone(),
                value => value,
            })
            .collect())
    }

    fn group_method(&self, args: &[Value]) -> Result<Value, Error> {
        match args {
            [] => self.group(&Value::from(0)),
            [one] => self.group(one),
            many => {
                let groups: Result<Vec<Value>, Error> = many.iter().map(|key| self.group(key)).collect();
                Ok(Value::from(Tuple::from(groups?)))
            }
        }
    }
}

impl Object for PyMatch {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("string") => Some(Value::from(&*self.text)),
            Some("lastindex") => {
                let last = (1..self.groups.ranges.len()).rev().find(|ix| self.groups.ranges[*ix].is_some());
                Some(last.map_or(Value::from(()), Value::from))
            }
            Some(name) => bound(self, name, &["group", "groups", "groupdict", "start", "end", "span"])
                .or_else(|| self.group(key).ok()),
            None => self.group(key).ok(),
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let number = |value: Option<usize>| match value {
            Some(value) => Value::from(value),
            None => Value::from(-1),
        };
        match method {
            "group" => self.group_method(args),
            "groups" => Ok(Value::from(Tuple::from(self.all_groups(args)?))),
            "groupdict" => {
                let values = self.all_groups(args)?;
                let named = self.groups.names.iter().skip(1).zip(values);
                Ok(PyDict::from_pairs(named.filter_map(|(name, value)| Some((Value::from(name.as_deref()?), value))))
                    .into_value())
            }
            "start" => Ok(number(self.span(args)?.map(|span| span.start))),
            "end" => Ok(number(self.span(args)?.map(|span| span.end))),
            "span" => {
                let span = self.span(args)?;
                Ok(Value::from(Tuple::from([
                    number(span.as_ref().map(|span| span.start)),
                    number(span.as_ref().map(|span| span.end)),
                ])))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.groups.whole();
        let found = Value::from(&self.text[span.clone()]);
        write!(
            f,
            "<re.Match object; span=({}, {}), match={}>",
            self.text[..span.start].chars().count(),
            self.text[..span.end].chars().count(),
            text::to_repr(&found)
        )
    }
}
