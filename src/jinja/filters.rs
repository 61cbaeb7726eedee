//! Filters that differ from minijinja's, or that it does not have.

mod text;

use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

use super::error::type_error;
use super::modules::BoundMethod;
use super::py::args::{self, integer};
use super::py::native::{Marker, mark};
use super::py::operators::is_list;
use super::py::{JsonStyle, PyDecimal, PyDict, PyList, dumps, iterate, pairs_of, to_str};
use super::root::{Root, is_undefined};

/// Adds the filters.
pub(crate) fn register(env: &mut Environment<'static>) {
    env.add_filter("as_text", |state: &State, value: &Value| marked(state, value, Marker::Text));
    env.add_filter("as_native", |state: &State, value: &Value| marked(state, value, Marker::Native));
    env.add_filter("as_bool", |state: &State, value: &Value| marked(state, value, Marker::Bool));
    env.add_filter("as_number", |state: &State, value: &Value| marked(state, value, Marker::Number));
    env.add_filter("is_list", |value: &Value| is_list(value));
    for name in ["default", "d"] {
        env.add_filter(name, default);
    }
    for name in ["length", "count"] {
        env.add_filter(name, length);
    }
    env.add_filter("list", list);
    env.add_filter("sort", sort);
    env.add_filter("unique", unique);
    env.add_filter("reverse", reverse);
    env.add_filter("batch", batch);
    env.add_filter("slice", slice);
    env.add_filter("dictsort", dictsort);
    env.add_filter("items", items);
    env.add_filter("join", join);
    env.add_filter("sum", sum);
    env.add_filter("first", first);
    env.add_filter("last", last);
    env.add_filter("random", first);
    env.add_filter("attr", attr);
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("round", round);
    env.add_filter("abs", abs);
    env.add_filter("tojson", tojson);
    text::register(env);
}

/// Says how the text of a native render is to be read; elsewhere, as in dbt, a value stays what it is.
fn marked(state: &State<'_, '_>, value: &Value, marker: Marker) -> Value {
    let root = state.lookup("kiln_root");
    let is_native = root.is_some_and(|root| root.downcast_object_ref::<Root>().is_some_and(|root| root.is_native));
    if is_native { mark(value, marker) } else { value.clone() }
}

/// The arguments after the filtered value.
type Args = Rest<ValueOrKwargs>;

/// The arguments as values, keywords last.
fn given(args: Args) -> Vec<Value> {
    args.0.into_iter().map(ValueOrKwargs::into_value).collect()
}

fn bind<const N: usize>(
    function: &str,
    params: [&str; N],
    required: usize,
    args: Args,
) -> Result<[Option<Value>; N], Error> {
    args::bind(function, params, required, &given(args))
}

fn default(value: Value, args: Args) -> Result<Value, Error> {
    let [fallback, boolean] = bind("default", ["default_value", "boolean"], 0, args)?;
    let replaces_false = boolean.is_some_and(|flag| flag.is_true());
    if is_undefined(&value) || (replaces_false && !value.is_true()) {
        return Ok(fallback.unwrap_or_else(|| Value::from("")));
    }
    Ok(value)
}

fn length(value: &Value) -> Result<Value, Error> {
    if is_undefined(value) {
        return Ok(Value::from(0));
    }
    value
        .len()
        .map(Value::from)
        .ok_or_else(|| type_error(format!("object of type '{}' has no len()", super::py::text::type_name(value))))
}

fn list(value: &Value) -> Result<Value, Error> {
    iterate(value).map(PyList::value)
}

fn lowered(value: Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(text.to_lowercase()),
        None => value,
    }
}

/// Looks a dotted path up in a value, as `map(attribute=..)` does.
fn path_of(value: &Value, path: &Value) -> Result<Value, Error> {
    let Some(text) = path.as_str() else {
        return value.get_item(path);
    };
    let mut found = value.clone();
    for part in text.split('.') {
        found = match part.parse::<usize>() {
            Ok(ix) => found.get_item(&Value::from(ix))?,
            Err(_) => found.get_attr(part)?,
        };
    }
    Ok(found)
}

/// The key that `sort`, `unique` and the like compare.
fn sort_key(value: &Value, attribute: Option<&Value>, is_case_sensitive: bool) -> Result<Value, Error> {
    let adapt = |key: Value| if is_case_sensitive { key } else { lowered(key) };
    let Some(attribute) = attribute.filter(|attribute| !attribute.is_none()) else {
        return Ok(adapt(value.clone()));
    };
    match attribute.as_str().filter(|path| path.contains(',')) {
        None => path_of(value, attribute).map(adapt),
        Some(paths) => {
            let keys: Result<Vec<Value>, Error> =
                paths.split(',').map(|path| path_of(value, &Value::from(path.trim())).map(adapt)).collect();
            Ok(Value::from(Tuple::from(keys?)))
        }
    }
}

fn flag(value: Option<Value>) -> bool {
    value.is_some_and(|value| value.is_true())
}

fn sort(state: &mut State<'_, '_>, value: Value, args: Args) -> Result<Value, Error> {
    let names = ["reverse", "case_sensitive", "attribute"];
    let [reverse, is_case_sensitive, attribute] = bind("sort", names, 0, args)?;
    let is_case_sensitive = flag(is_case_sensitive);
    let items = iterate(&value)?;
    let mut rows = Vec::with_capacity(items.len());
    for (ix, item) in items.iter().enumerate() {
        let key = sort_key(item, attribute.as_ref(), is_case_sensitive)?;
        rows.push((key, ix));
    }
    let keys = rows.iter().map(|(key, _)| key.clone()).collect();
    // Reports keys that cannot be compared.
    super::py::list::sort_values(state, keys, None, false)?;
    if flag(reverse) {
        rows.sort_by(|a, b| b.0.cmp(&a.0));
    } else {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let sorted = rows.into_iter().map(|(_, ix)| items[ix].clone()).collect();
    Ok(PyList::value(sorted))
}

fn unique(value: Value, args: Args) -> Result<Value, Error> {
    let [is_case_sensitive, attribute] = bind("unique", ["case_sensitive", "attribute"], 0, args)?;
    let is_case_sensitive = flag(is_case_sensitive);
    let mut seen = indexmap::IndexSet::new();
    let mut kept = Vec::new();
    for item in iterate(&value)? {
        if seen.insert(sort_key(&item, attribute.as_ref(), is_case_sensitive)?) {
            kept.push(item);
        }
    }
    Ok(PyList::value(kept))
}

fn reverse(value: &Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let mut items = iterate(value)?;
    items.reverse();
    Ok(PyList::value(items))
}

fn batch(value: Value, args: Args) -> Result<Value, Error> {
    let [size, fill] = bind("batch", ["linecount", "fill_with"], 1, args)?;
    let size = usize::try_from(integer(&size.unwrap_or_default())?).unwrap_or(0).clamp(1, 1_000_000);
    let fill = fill.filter(|fill| !fill.is_none());
    let rows = iterate(&value)?
        .chunks(size)
        .map(|chunk| {
            let mut row = chunk.to_vec();
            if let Some(fill) = &fill {
                row.resize(size, fill.clone());
            }
            PyList::value(row)
        })
        .collect();
    Ok(PyList::value(rows))
}

fn slice(value: Value, args: Args) -> Result<Value, Error> {
    let [n, fill] = bind("slice", ["slices", "fill_with"], 1, args)?;
    let n = usize::try_from(integer(&n.unwrap_or_default())?).unwrap_or(0).clamp(1, 100_000);
    let fill = fill.filter(|fill| !fill.is_none());
    let items = iterate(&value)?;
    let (each, longer) = (items.len() / n, items.len() % n);
    let mut rows = Vec::with_capacity(n);
    let mut done = 0;
    for ix in 0..n {
        let len = each + usize::from(ix < longer);
        let mut row = items[done..done + len].to_vec();
        if let (Some(fill), true) = (&fill, ix >= longer && longer > 0) {
            row.push(fill.clone());
        }
        rows.push(PyList::value(row));
        done += len;
    }
    Ok(PyList::value(rows))
}

fn dictsort(value: Value, args: Args) -> Result<Value, Error> {
    let [is_case_sensitive, by, reverse] = bind("dictsort", ["case_sensitive", "by", "reverse"], 0, args)?;
    let by_value = by.is_some_and(|by| by.as_str() == Some("value"));
    let is_case_sensitive = flag(is_case_sensitive);
    let mut rows: Vec<(Value, (Value, Value))> = pairs_of(&value)?
        .into_iter()
        .map(|(key, value)| {
            let by = if by_value { value.clone() } else { key.clone() };
            let by = if is_case_sensitive { by } else { lowered(by) };
            (by, (key, value))
        })
        .collect();
    if flag(reverse) {
        rows.sort_by(|a, b| b.0.cmp(&a.0));
    } else {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Ok(PyList::value(rows.into_iter().map(|(_, (key, value))| Value::from(Tuple::from([key, value]))).collect()))
}

fn items(value: &Value) -> Result<Value, Error> {
    if is_undefined(value) {
        return Ok(PyList::value(Vec::new()));
    }
    if value.kind() != ValueKind::Map {
        return Err(type_error("Can only get item pairs from a mapping."));
    }
    let pairs = pairs_of(value)?;
    Ok(PyList::value(pairs.into_iter().map(|(key, value)| Value::from(Tuple::from([key, value]))).collect()))
}

fn join(value: Value, args: Args) -> Result<Value, Error> {
    let [separator, attribute] = bind("join", ["d", "attribute"], 0, args)?;
    let separator = separator.map(|separator| to_str(&separator)).unwrap_or_default();
    let mut out = String::new();
    for (ix, item) in iterate(&value)?.iter().enumerate() {
        if ix > 0 {
            out.push_str(&separator);
        }
        match &attribute {
            Some(attribute) => out.push_str(&to_str(&path_of(item, attribute)?)),
            None => out.push_str(&to_str(item)),
        }
    }
    Ok(Value::from(out))
}

fn sum(value: Value, args: Args) -> Result<Value, Error> {
    let [attribute, start] = bind("sum", ["attribute", "start"], 0, args)?;
    let attribute = attribute.filter(|attribute| !attribute.is_none());
    let mut total = start.unwrap_or_else(|| Value::from(0));
    for item in iterate(&value)? {
        let item = match &attribute {
            Some(attribute) => path_of(&item, attribute)?,
            None => item,
        };
        total = super::py::operators::add(&total, &item)?;
    }
    Ok(total)
}

fn first(value: &Value) -> Result<Value, Error> {
    Ok(match value.try_iter()?.next() {
        Some(item) => item,
        None => Value::UNDEFINED,
    })
}

fn last(value: &Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.chars().next_back().map_or(Value::UNDEFINED, Value::from));
    }
    Ok(iterate(value)?.pop().unwrap_or(Value::UNDEFINED))
}

/// `x|attr('upper')` gives attributes only, among them methods.
fn attr(value: Value, name: &str) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map && value.downcast_object_ref::<PyDict>().is_none() {
        return value.get_attr(name);
    }
    if matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map) {
        return Ok(Value::from_object(BoundMethod { object: value, method: name.to_string() }));
    }
    value.get_attr(name)
}

fn int(value: Value, args: Args) -> Result<Value, Error> {
    super::py::operators::refuse_undefined(&value)?;
    let [fallback, base] = bind("int", ["default", "base"], 0, args)?;
    let base = base.map_or(Ok(10), |base| integer(&base))?;
    let parsed = match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Some(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().and_then(truncated),
        ValueKind::String => text::parse_int(value.as_str().unwrap_or_default(), base)
            .or_else(|| text::parse_float(value.as_str()?).and_then(truncated)),
        _ => PyDecimal::of(&value).and_then(PyDecimal::to_int).map(Value::from),
    };
    Ok(parsed.or(fallback).unwrap_or_else(|| Value::from(0)))
}

fn truncated(float: f64) -> Option<Value> {
    if !float.is_finite() {
        return None;
    }
    Some(if float.abs() < 9e18 { Value::from(float.trunc() as i64) } else { Value::from(float.trunc() as i128) })
}

fn float(value: Value, args: Args) -> Result<Value, Error> {
    super::py::operators::refuse_undefined(&value)?;
    let [fallback] = bind("float", ["default"], 0, args)?;
    let parsed = match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String => text::parse_float(value.as_str().unwrap_or_default()),
        _ => PyDecimal::of(&value).map(PyDecimal::to_float),
    };
    Ok(parsed.map(Value::from).or(fallback).unwrap_or_else(|| Value::from(0.0)))
}

/// A decimal stays one, unless it is rounded up or down.
fn round(value: Value, args: Args) -> Result<Value, Error> {
    let [precision, method] = bind("round", ["precision", "method"], 0, args)?;
    let precision = precision.map_or(Ok(0), |precision| integer(&precision))?;
    let is_common = method.as_ref().is_none_or(|method| method.as_str() == Some("common"));
    match PyDecimal::of(&value) {
        Some(decimal) if is_common => Ok(decimal.round(precision)),
        decimal => {
            let value = decimal.map_or_else(|| value.clone(), |decimal| Value::from(decimal.to_float()));
            let method = method.as_ref().and_then(Value::as_str);
            filters::round(
                value,
                i32::try_from(precision).ok(),
                method,
                std::iter::empty::<(String, Value)>().collect(),
            )
        }
    }
}

fn abs(value: Value) -> Result<Value, Error> {
    match PyDecimal::of(&value) {
        Some(decimal) => Ok(decimal.abs()),
        None => filters::abs(value),
    }
}

/// Jinja's filter sorts keys and hides what HTML would read.
fn tojson(value: Value, args: Args) -> Result<Value, Error> {
    let [indent] = bind("tojson", ["indent"], 0, args)?;
    let indent = match indent.filter(|indent| !indent.is_none()) {
        Some(indent) => Some(usize::try_from(integer(&indent)?).unwrap_or(0).min(64)),
        None => None,
    };
    let style = JsonStyle { sort_keys: true, indent, default_to_text: false };
    let json = dumps(&value, style)?
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::from(json))
}
