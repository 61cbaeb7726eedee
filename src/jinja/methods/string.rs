//! Methods of `str`.

use minijinja::formatting::FormatStyle;
use minijinja::value::Tuple;
use minijinja::{Error, State, Value};

use super::super::error::{type_error, value_error};
use super::super::py::args::{bind, integer, string};
use super::super::py::list::clamp_index;
use super::super::py::operators::format_bounded;
use super::super::py::{PyDict, PyList, iterate, text};

type Outcome = Result<Value, Error>;

/// Calls a method of a string; `None` if there is none of that name.
pub(super) fn call(_state: &mut State<'_, '_>, s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    simple(s, method, args)
        .or_else(|| predicate(s, method, args))
        .or_else(|| trimming(s, method, args))
        .or_else(|| searching(s, method, args))
        .or_else(|| splitting(s, method, args))
        .or_else(|| building(s, method, args))
}

fn simple(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    let result = match method {
        "upper" => s.to_uppercase(),
        "lower" => s.to_lowercase(),
        "casefold" => s.to_lowercase().replace('ß', "ss"),
        "capitalize" => capitalize(s),
        "title" => title(s),
        "swapcase" => s.chars().flat_map(swap_case).collect(),
        _ => return None,
    };
    Some(bind(method, [], 0, args).map(|[]| Value::from(result)))
}

fn swap_case(c: char) -> Vec<char> {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

fn capitalize(s: &str) -> String {
    let mut chars = s.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut is_inside = false;
    for c in s.chars() {
        if is_inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        is_inside = c.is_alphabetic();
    }
    out
}

fn predicate(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    let all = |test: fn(char) -> bool| !s.is_empty() && s.chars().all(test);
    let is_cased = s.chars().any(|c| c.is_lowercase() || c.is_uppercase());
    let result = match method {
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isdigit" | "isdecimal" => all(|c| c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())),
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(char::is_whitespace),
        "islower" => is_cased && !s.chars().any(char::is_uppercase),
        "isupper" => is_cased && !s.chars().any(char::is_lowercase),
        "istitle" => is_cased && title(s) == s,
        "isascii" => s.is_ascii(),
        "isidentifier" => {
            s.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic())
                && s.chars().all(|c| c == '_' || c.is_alphanumeric())
        }
        "isprintable" => !s.chars().any(char::is_control),
        _ => return None,
    };
    Some(bind(method, [], 0, args).map(|[]| Value::from(result)))
}

fn trimming(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    if !matches!(method, "strip" | "lstrip" | "rstrip") {
        return None;
    }
    Some(bind(method, ["chars"], 0, args).and_then(|[chars]| {
        let chars: Option<Vec<char>> = match chars.filter(|chars| !chars.is_none()) {
            Some(chars) => Some(string(&chars)?.chars().collect()),
            None => None,
        };
        let goes = |c: char| match &chars {
            Some(chars) => chars.contains(&c),
            None => c.is_whitespace(),
        };
        Ok(Value::from(match method {
            "strip" => s.trim_matches(goes),
            "lstrip" => s.trim_start_matches(goes),
            _ => s.trim_end_matches(goes),
        }))
    }))
}

/// The part of a string between two character positions, and its offset.
fn window(s: &str, start: Option<Value>, end: Option<Value>) -> Result<(&str, usize), Error> {
    let len = s.chars().count();
    let position = |value: Option<Value>, default: usize| match value.filter(|v| !v.is_none()) {
        Some(value) => integer(&value).map(|ix| clamp_index(ix, len)),
        None => Ok(default),
    };
    let start = position(start, 0)?;
    let end = position(end, len)?;
    let byte = |ix: usize| s.char_indices().nth(ix).map_or(s.len(), |(at, _)| at);
    Ok((s.get(byte(start)..byte(end)).unwrap_or(""), start))
}

fn searching(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    Some(match method {
        "startswith" | "endswith" => affix(s, method, args),
        "find" | "index" | "rfind" | "rindex" => find(s, method, args),
        "count" => bind("count", ["sub", "start", "end"], 1, args).and_then(|[sub, start, end]| {
            let sub = sub.unwrap_or_default();
            let (part, _) = window(s, start, end)?;
            Ok(Value::from(match string(&sub)? {
                "" => part.chars().count() + 1,
                sub => part.matches(sub).count(),
            }))
        }),
        _ => return None,
    })
}

fn affix(s: &str, method: &str, args: &[Value]) -> Outcome {
    let [affixes, start, end] = bind(method, ["prefix", "start", "end"], 1, args)?;
    let (part, _) = window(s, start, end)?;
    let affixes = affixes.unwrap_or_default();
    let candidates = if affixes.is_tuple() { iterate(&affixes)? } else { vec![affixes] };
    for candidate in &candidates {
        let Some(candidate) = candidate.as_str() else {
            return Err(type_error(format!(
                "{method} first arg must be str or a tuple of str, not {}",
                text::type_name(candidate)
            )));
        };
        let found = if method == "startswith" { part.starts_with(candidate) } else { part.ends_with(candidate) };
        if found {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

fn find(s: &str, method: &str, args: &[Value]) -> Outcome {
    let [sub, start, end] = bind(method, ["sub", "start", "end"], 1, args)?;
    let sub = sub.unwrap_or_default();
    let (part, offset) = window(s, start, end)?;
    let sub = string(&sub)?;
    let found = if method.starts_with('r') { part.rfind(sub) } else { part.find(sub) };
    match found {
        Some(byte) => Ok(Value::from(offset + part[..byte].chars().count())),
        None if method.ends_with("find") => Ok(Value::from(-1)),
        None => Err(value_error("substring not found")),
    }
}

fn strings(parts: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    PyList::value(parts.into_iter().map(Into::into).collect())
}

fn splitting(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    Some(match method {
        "split" | "rsplit" => split(s, method, args),
        "splitlines" => bind("splitlines", ["keepends"], 0, args).map(|[keep]| {
            let keep = keep.is_some_and(|keep| keep.is_true());
            strings(split_lines(s, keep))
        }),
        "partition" | "rpartition" => partition(s, method, args),
        _ => return None,
    })
}

fn split(s: &str, method: &str, args: &[Value]) -> Outcome {
    let [separator, limit] = bind(method, ["sep", "maxsplit"], 0, args)?;
    let limit = limit.map_or(Ok(-1), |limit| integer(&limit))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX - 1);
    let from_right = method == "rsplit";
    let Some(separator) = separator.filter(|separator| !separator.is_none()) else {
        return Ok(strings(split_space(s, limit, from_right)));
    };
    let separator = string(&separator)?;
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    if from_right {
        let mut parts: Vec<&str> = s.rsplitn(limit + 1, separator).collect();
        parts.reverse();
        return Ok(strings(parts));
    }
    Ok(strings(s.splitn(limit + 1, separator)))
}

fn split_space(s: &str, limit: usize, from_right: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = s.trim();
    while !rest.is_empty() {
        let cut = if from_right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
        let Some(at) = cut.filter(|_| parts.len() < limit) else {
            parts.push(rest);
            break;
        };
        if from_right {
            let width = rest[at..].chars().next().map_or(1, char::len_utf8);
            parts.push(&rest[at + width..]);
            rest = rest[..at].trim_end();
        } else {
            parts.push(&rest[..at]);
            rest = rest[at..].trim_start();
        }
    }
    if !from_right && limit < usize::MAX - 1 && parts.len() == limit + 1 {
        // What is left over keeps its trailing white space.
        if let Some(last) = parts.last_mut() {
            let start = last.as_ptr() as usize - s.as_ptr() as usize;
            *last = &s[start..];
        }
    }
    if from_right {
        parts.reverse();
    }
    parts
}

fn split_lines(s: &str, keep_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = s;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r', '\x0b', '\x0c', '\u{85}', '\u{2028}', '\u{2029}']);
        let Some(end) = end else {
            lines.push(rest);
            break;
        };
        let width =
            if rest[end..].starts_with("\r\n") { 2 } else { rest[end..].chars().next().map_or(1, char::len_utf8) };
        lines.push(&rest[..if keep_ends { end + width } else { end }]);
        rest = &rest[end + width..];
    }
    lines
}

fn partition(s: &str, method: &str, args: &[Value]) -> Outcome {
    let [separator] = bind(method, ["sep"], 1, args)?;
    let separator = separator.unwrap_or_default();
    let separator = string(&separator)?;
    if separator.is_empty() {
        return Err(value_error("empty separator"));
    }
    let found = if method == "partition" { s.split_once(separator) } else { s.rsplit_once(separator) };
    let parts = match (found, method) {
        (Some((head, tail)), _) => [head, separator, tail],
        (None, "partition") => [s, "", ""],
        (None, _) => ["", "", s],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

fn building(s: &str, method: &str, args: &[Value]) -> Option<Outcome> {
    Some(match method {
        "replace" => replace(s, args),
        "join" => join(s, args),
        "format" => format_bounded(FormatStyle::StrFormat, s, args),
        "format_map" => bind("format_map", ["mapping"], 1, args).and_then(|[mapping]| {
            let pairs = super::super::py::pairs_of(&mapping.unwrap_or_default())?;
            let named = pairs.into_iter().map(|(k, v)| (text::to_str(&k), v));
            let kwargs: Value = minijinja::value::Kwargs::from_iter(named).into();
            format_bounded(FormatStyle::StrFormat, s, &[kwargs])
        }),
        "zfill" => bind("zfill", ["width"], 1, args).and_then(|[width]| {
            let width = width_of(&width.unwrap_or_default())?;
            let missing = width.saturating_sub(s.chars().count());
            let (sign, digits) = match s.strip_prefix(['+', '-']) {
                Some(digits) => (&s[..1], digits),
                None => ("", s),
            };
            Ok(Value::from(format!("{sign}{}{digits}", "0".repeat(missing))))
        }),
        "ljust" | "rjust" | "center" => justify(s, method, args),
        "removeprefix" | "removesuffix" => bind(method, ["affix"], 1, args).and_then(|[affix]| {
            let affix = affix.unwrap_or_default();
            let affix = string(&affix)?;
            let rest = if method == "removeprefix" { s.strip_prefix(affix) } else { s.strip_suffix(affix) };
            Ok(Value::from(rest.unwrap_or(s)))
        }),
        "expandtabs" => bind("expandtabs", ["tabsize"], 0, args).and_then(|[size]| {
            let size = size.map_or(Ok(8), |size| width_of(&size))?;
            Ok(Value::from(expand_tabs(s, size)))
        }),
        "encode" => Ok(Value::from_bytes(s.as_bytes().to_vec())),
        "maketrans" => make_translation(args),
        "translate" => translate(s, args),
        _ => return None,
    })
}

/// Widths are bounded, so that a template cannot ask for all memory.
fn width_of(value: &Value) -> Result<usize, Error> {
    let width = integer(value)?;
    if width > 10_000_000 {
        return Err(value_error("the width is too large"));
    }
    Ok(usize::try_from(width).unwrap_or(0))
}

fn replace(s: &str, args: &[Value]) -> Outcome {
    let [old, new, count] = bind("replace", ["old", "new", "count"], 2, args)?;
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let check = |value: &Value, position: usize| {
        type_error(format!("replace() argument {position} must be str, not {}", text::type_name(value)))
    };
    let old = old.as_str().ok_or_else(|| check(&old, 1))?;
    let new = new.as_str().ok_or_else(|| check(&new, 2))?;
    let count = count.map_or(Ok(-1), |count| integer(&count))?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => s.replacen(old, new, count),
        Err(_) => s.replace(old, new),
    }))
}

fn join(s: &str, args: &[Value]) -> Outcome {
    let [items] = bind("join", ["iterable"], 1, args)?;
    let items = iterate(&items.unwrap_or_default())?;
    let mut out = String::new();
    for (ix, item) in items.iter().enumerate() {
        let Some(item_text) = item.as_str() else {
            return Err(type_error(format!(
                "sequence item {ix}: expected str instance, {} found",
                text::type_name(item)
            )));
        };
        if ix > 0 {
            out.push_str(s);
        }
        out.push_str(item_text);
    }
    Ok(Value::from(out))
}

fn justify(s: &str, method: &str, args: &[Value]) -> Outcome {
    let [width, fill] = bind(method, ["width", "fillchar"], 1, args)?;
    let width = width_of(&width.unwrap_or_default())?;
    let fill = fill.unwrap_or_else(|| Value::from(" "));
    let fill = string(&fill)?;
    if fill.chars().count() != 1 {
        return Err(type_error("The fill character must be exactly one character long"));
    }
    let missing = width.saturating_sub(s.chars().count());
    let left = match method {
        "ljust" => 0,
        "rjust" => missing,
        // Python's rule for the odd space.
        _ => missing / 2 + (missing & width & 1),
    };
    Ok(Value::from(format!("{}{s}{}", fill.repeat(left), fill.repeat(missing - left))))
}

fn expand_tabs(s: &str, size: usize) -> String {
    let mut out = String::with_capacity(s.len());
    let mut column = 0;
    for c in s.chars() {
        match c {
            '\t' => {
                let n = if size == 0 { 0 } else { size - column % size };
                out.push_str(&" ".repeat(n));
                column += n;
            }
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

fn code(c: char) -> Value {
    Value::from(u32::from(c))
}

fn make_translation(args: &[Value]) -> Outcome {
    let [from, to, gone] = bind("maketrans", ["x", "y", "z"], 1, args)?;
    let from = from.unwrap_or_default();
    let mut pairs = Vec::new();
    match to {
        None => {
            for (key, value) in super::super::py::pairs_of(&from)? {
                let key = match key.as_str().and_then(|key| key.chars().next()) {
                    Some(c) => code(c),
                    None => key,
                };
                pairs.push((key, value));
            }
        }
        Some(to) => {
            let (from, to) = (string(&from)?, string(&to)?);
            if from.chars().count() != to.chars().count() {
                return Err(value_error("the first two maketrans arguments must have equal length"));
            }
            pairs.extend(from.chars().zip(to.chars()).map(|(a, b)| (code(a), code(b))));
        }
    }
    if let Some(gone) = gone {
        pairs.extend(string(&gone)?.chars().map(|c| (code(c), Value::from(()))));
    }
    Ok(PyDict::from_pairs(pairs).into_value())
}

fn translate(s: &str, args: &[Value]) -> Outcome {
    let [table] = bind("translate", ["table"], 1, args)?;
    let table = table.unwrap_or_default();
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        let found = table.get_item(&code(c))?;
        if found.is_undefined() {
            out.push(c);
        } else if let Some(text) = found.as_str() {
            out.push_str(text);
        } else if let Some(c) = found.as_usize().and_then(|n| char::from_u32(n as u32)) {
            out.push(c);
        }
    }
    Ok(Value::from(out))
}
