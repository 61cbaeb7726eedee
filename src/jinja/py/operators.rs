//! What the rewriter puts in place of operators and literals.
//!
//! They are filters, because a filter is found once per template while a
//! function is looked up through all scopes at every call.

use std::cmp::Ordering;

use indexmap::IndexSet;
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::args::integer;
use super::dict::pairs_of;
use super::{PyDecimal, PyDict, PyList, PySet, decimal, text};
use crate::jinja::error::RenderErrorKind;
use crate::jinja::error::{raise, type_error, value_error};
use crate::jinja::modules::datetime;
use crate::jinja::root::Unknown;

/// Adds the operators.
pub(crate) fn register(env: &mut Environment<'static>) {
    env.add_filter("kiln_l", list_literal);
    env.add_filter("kiln_d", dict_literal);
    env.add_filter("kiln_slice", slice);
    env.add_filter("kiln_add", add);
    env.add_filter("kiln_sub", sub);
    env.add_filter("kiln_mul", mul);
    env.add_filter("kiln_div", div);
    env.add_filter("kiln_floordiv", floor_div);
    env.add_filter("kiln_mod", modulo);
    env.add_filter("kiln_pow", power);
    env.add_filter("kiln_neg", negate);
    env.add_filter("kiln_eq", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a == b, Ordering::is_eq));
    env.add_filter("kiln_ne", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a != b, Ordering::is_ne));
    env.add_filter("kiln_lt", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a < b, Ordering::is_lt));
    env.add_filter("kiln_le", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a <= b, Ordering::is_le));
    env.add_filter("kiln_gt", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a > b, Ordering::is_gt));
    env.add_filter("kiln_ge", |a: &Value, b: &Value| decimal::compare(a, b).map_or_else(|| a >= b, Ordering::is_ge));
    env.add_function("kiln_do", |_value: Value| Value::UNDEFINED);
}

fn list_literal(value: &Value) -> Result<Value, Error> {
    Ok(PyList::value(super::iterate(value)?))
}

fn dict_literal(value: &Value) -> Result<Value, Error> {
    let pairs = pairs_of(value)?;
    for (key, _) in &pairs {
        super::check_hashable(key)?;
    }
    Ok(PyDict::from_pairs(pairs).into_value())
}

/// `value[start:stop:step]`.
fn slice(value: &Value, start: &Value, stop: &Value, step: Option<Value>) -> Result<Value, Error> {
    refuse_undefined(value)?;
    let bound = |value: &Value| match value.is_none() {
        true => Ok(None),
        false => integer(value)
            .map(Some)
            .map_err(|_| type_error("slice indices must be integers or None or have an __index__ method")),
    };
    let (start, stop) = (bound(start)?, bound(stop)?);
    let step = step.as_ref().map_or(Ok(None), bound)?.unwrap_or(1);
    if step == 0 {
        return Err(value_error("slice step cannot be zero"));
    }
    if let Some(text) = value.as_str() {
        let chars: Vec<char> = text.chars().collect();
        return Ok(Value::from(positions(chars.len(), start, stop, step).map(|ix| chars[ix]).collect::<String>()));
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(type_error(format!("'{}' object is not subscriptable", text::type_name(value))));
    }
    let items = super::iterate(value)?;
    let taken: Vec<Value> = positions(items.len(), start, stop, step).map(|ix| items[ix].clone()).collect();
    Ok(if value.is_tuple() { Value::from(Tuple::from(taken)) } else { PyList::value(taken) })
}

/// The positions that a slice takes, as Python counts them.
fn positions(len: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |ix: i64| (if ix < 0 { ix.saturating_add(len) } else { ix }).clamp(low, high);
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let mut at = start.map_or(first, clamp);
    let end = stop.map_or(last, clamp);
    std::iter::from_fn(move || {
        let is_inside = if step > 0 { at < end } else { at > end };
        let current = usize::try_from(at).ok().filter(|_| is_inside)?;
        at = at.saturating_add(step);
        Some(current)
    })
}

/// Fails as minijinja does when an undefined value is used, with its name.
pub(crate) fn refuse_undefined(value: &Value) -> Result<(), Error> {
    if let Some(unknown) = Unknown::of(value) {
        return Err(unknown.error());
    }
    if value.is_undefined() {
        value.get_attr("__class__")?;
        return Err(raise(RenderErrorKind::Undefined, "an undefined value was used"));
    }
    Ok(())
}

fn unsupported(op: &str, left: &Value, right: &Value) -> Error {
    type_error(format!(
        "unsupported operand type(s) for {op}: '{}' and '{}'",
        text::type_name(left),
        text::type_name(right)
    ))
}

/// A number as Python's arithmetic sees it.
#[derive(Clone, Copy)]
enum Num {
    Int(i128),
    Float(f64),
}

fn num(value: &Value) -> Option<Num> {
    match value.kind() {
        ValueKind::Bool => Some(Num::Int(i128::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(Num::Int),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Num::Float),
        _ => None,
    }
}

impl Num {
    fn float(self) -> f64 {
        match self {
            Num::Int(int) => int as f64,
            Num::Float(float) => float,
        }
    }
}

fn int_value(int: i128) -> Value {
    match i64::try_from(int) {
        Ok(int) => Value::from(int),
        Err(_) => Value::from(int),
    }
}

fn arithmetic(
    op: &str,
    left: &Value,
    right: &Value,
    on_int: fn(i128, i128) -> Option<i128>,
    on_float: fn(f64, f64) -> f64,
) -> Option<Result<Value, Error>> {
    if let Some(result) = decimal::arithmetic(op, left, right) {
        return Some(result);
    }
    Some(match (num(left)?, num(right)?) {
        (Num::Int(a), Num::Int(b)) => {
            on_int(a, b).map(int_value).ok_or_else(|| value_error(format!("the result of `{op}` is too large")))
        }
        (a, b) => Ok(Value::from(on_float(a.float(), b.float()))),
    })
}

/// Whether a value is a Python list: a sequence, but no tuple.
pub(crate) fn is_list(value: &Value) -> bool {
    value.kind() == ValueKind::Seq && !value.is_tuple()
}

/// `left + right`.
pub(crate) fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        return Ok(Value::from([a, b].concat()));
    }
    if let Some(result) = arithmetic("+", left, right, i128::checked_add, |a, b| a + b) {
        return result;
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    if is_list(left) && is_list(right) {
        let mut items = super::iterate(left)?;
        items.extend(super::iterate(right)?);
        return Ok(PyList::value(items));
    }
    if left.is_tuple() && right.is_tuple() {
        let mut items = super::iterate(left)?;
        items.extend(super::iterate(right)?);
        return Ok(Value::from(Tuple::from(items)));
    }
    if let Some(result) = datetime::add(left, right) {
        return result;
    }
    if left.as_str().is_some() {
        return Err(type_error(format!("can only concatenate str (not \"{}\") to str", text::type_name(right))));
    }
    if is_list(left) || left.is_tuple() {
        let name = text::type_name(left);
        return Err(type_error(format!("can only concatenate {name} (not \"{}\") to {name}", text::type_name(right))));
    }
    Err(unsupported("+", left, right))
}

/// `left - right`.
pub(crate) fn sub(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(result) = arithmetic("-", left, right, i128::checked_sub, |a, b| a - b) {
        return result;
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    if let (Some(a), Some(b)) = (left.downcast_object_ref::<PySet>(), right.downcast_object_ref::<PySet>()) {
        let other: IndexSet<Value> = b.items();
        return Ok(PySet::new(a.items().difference(&other).cloned()).into_value());
    }
    datetime::sub(left, right).unwrap_or_else(|| Err(unsupported("-", left, right)))
}

/// Repeated text and lists may not grow beyond this.
const MAX_REPEATED: usize = 100_000_000;

/// `left * right`.
pub(crate) fn mul(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(result) = arithmetic("*", left, right, i128::checked_mul, |a, b| a * b) {
        return result;
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    if let Some(result) = datetime::mul(left, right) {
        return result;
    }
    let (sequence, times) = match (num(left), num(right)) {
        (None, Some(Num::Int(times))) => (left, times),
        (Some(Num::Int(times)), None) => (right, times),
        _ => return Err(unsupported("*", left, right)),
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let len = sequence.len().unwrap_or(0).max(1);
    if len.checked_mul(times).is_none_or(|total| total > MAX_REPEATED) {
        return Err(value_error("the repeated value is too large"));
    }
    if let Some(string) = sequence.as_str() {
        return Ok(Value::from(string.repeat(times)));
    }
    if sequence.kind() != ValueKind::Seq {
        return Err(unsupported("*", left, right));
    }
    let once = super::iterate(sequence)?;
    let n_items = once.len() * times;
    let items: Vec<Value> = once.into_iter().cycle().take(n_items).collect();
    Ok(if sequence.is_tuple() { Value::from(Tuple::from(items)) } else { PyList::value(items) })
}

/// `left / right`.
fn div(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(result) = decimal::arithmetic("/", left, right) {
        return result;
    }
    if let (Some(a), Some(b)) = (num(left), num(right)) {
        if b.float() == 0.0 {
            return Err(value_error(match (a, b) {
                (Num::Int(_), Num::Int(_)) => "division by zero",
                _ => "float division by zero",
            }));
        }
        return Ok(Value::from(a.float() / b.float()));
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    datetime::div(left, right).unwrap_or_else(|| Err(unsupported("/", left, right)))
}

/// `left // right`.
fn floor_div(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(result) = decimal::arithmetic("//", left, right) {
        return result;
    }
    if let (Some(a), Some(b)) = (num(left), num(right)) {
        return match (a, b) {
            (_, Num::Int(0)) => Err(value_error("integer division or modulo by zero")),
            (Num::Int(a), Num::Int(b)) => Ok(int_value(floor_divide(a, b))),
            (a, b) if b.float() == 0.0 => {
                let _ = a;
                Err(value_error("float floor division by zero"))
            }
            (a, b) => Ok(Value::from((a.float() / b.float()).floor())),
        };
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    datetime::floor_div(left, right).unwrap_or_else(|| Err(unsupported("//", left, right)))
}

fn floor_divide(a: i128, b: i128) -> i128 {
    let quotient = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// `left % right`: formats when the left side is text.
fn modulo(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(template) = left.as_str() {
        return percent_format(state, template, right);
    }
    if let Some(result) = decimal::arithmetic("%", left, right) {
        return result;
    }
    if let (Some(a), Some(b)) = (num(left), num(right)) {
        return match (a, b) {
            (Num::Int(_), Num::Int(0)) => Err(value_error("integer division or modulo by zero")),
            (Num::Int(a), Num::Int(b)) => {
                let quotient = floor_divide(a, b);
                Ok(int_value(a.wrapping_sub(quotient.wrapping_mul(b))))
            }
            (_, b) if b.float() == 0.0 => Err(value_error("float modulo")),
            (a, b) => {
                let (a, b) = (a.float(), b.float());
                let rest = a % b;
                let rest = if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest };
                Ok(Value::from(rest))
            }
        };
    }
    refuse_undefined(left)?;
    refuse_undefined(right)?;
    Err(unsupported("%", left, right))
}

/// `left ** right`.
fn power(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(result) = decimal::arithmetic("**", left, right) {
        return result;
    }
    match (num(left), num(right)) {
        (Some(Num::Int(base)), Some(Num::Int(exponent @ 0..))) => {
            let result = u32::try_from(exponent).ok().and_then(|exponent| base.checked_pow(exponent));
            result.map(int_value).ok_or_else(|| value_error("the result of `**` is too large"))
        }
        (Some(base), Some(exponent)) => Ok(Value::from(base.float().powf(exponent.float()))),
        _ => {
            refuse_undefined(left)?;
            refuse_undefined(right)?;
            Err(unsupported("** or pow()", left, right))
        }
    }
}

/// `-value`.
fn negate(value: &Value) -> Result<Value, Error> {
    if let Some(decimal) = PyDecimal::of(value) {
        return Ok(decimal.negated());
    }
    match num(value) {
        Some(Num::Int(int)) => Ok(int_value(int.wrapping_neg())),
        Some(Num::Float(float)) => Ok(Value::from(-float)),
        None => {
            refuse_undefined(value)?;
            Err(type_error(format!("bad operand type for unary -: '{}'", text::type_name(value))))
        }
    }
}

/// Formats with minijinja's engine, which would try any width it is asked for.
pub(crate) fn format_bounded(style: FormatStyle, template: &str, args: &[Value]) -> Result<Value, Error> {
    let has_wide = |text: &str| {
        let mut n_digits = 0;
        text.bytes().any(|byte| {
            n_digits = if byte.is_ascii_digit() { n_digits + 1 } else { 0 };
            n_digits > 6
        })
    };
    let in_spec = match style {
        FormatStyle::Printf => template.split('%').skip(1).any(|part| {
            let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
            has_wide(&part[..end])
        }),
        FormatStyle::StrFormat => template.split('{').skip(1).any(|part| {
            let end = part.find('}').unwrap_or(part.len());
            has_wide(&part[..end])
        }),
    };
    let takes_width_from_args = template.contains('*') || template.contains(":{") || template.contains(".{");
    let is_wide = |arg: &Value| arg.as_i64().is_some_and(|n| n.abs() > 1_000_000);
    if in_spec || (takes_width_from_args && args.iter().any(is_wide)) {
        return Err(value_error("the format asks for too many characters"));
    }
    if style == FormatStyle::StrFormat && args.iter().any(|arg| PyDecimal::of(arg).is_some()) {
        return format(style, template, &decimal::formattable(template, args)).map(Value::from);
    }
    format(style, template, args).map(Value::from)
}

/// `'..' % value`.
pub(crate) fn percent_format(_state: &mut State<'_, '_>, template: &str, value: &Value) -> Result<Value, Error> {
    let mut args: Vec<Value> = if value.is_tuple() { super::iterate(value)? } else { vec![value.clone()] };
    let template = quote_reprs(template, &mut args);
    let is_mapping = value.kind() == ValueKind::Map && template.contains("%(");
    if is_mapping {
        let pairs = pairs_of(value)?;
        let named = pairs.into_iter().map(|(k, v)| (text::to_str(&k), v));
        args = vec![Kwargs::from_iter(named).into()];
    } else {
        let n_given = args.len();
        let n_wanted = count_conversions(&template);
        if n_given > n_wanted && !(n_given == 1 && value.kind() == ValueKind::Map) {
            return Err(type_error("not all arguments converted during string formatting"));
        }
        if n_given < n_wanted {
            return Err(type_error("not enough arguments for format string"));
        }
        if n_given > n_wanted {
            args.clear();
        }
    }
    format_bounded(FormatStyle::Printf, &template, &args)
}

/// Conversions in a printf template, `%%` left out, `*` counted.
fn count_conversions(template: &str) -> usize {
    let mut n = 0;
    let mut rest = template;
    while let Some(ix) = rest.find('%') {
        rest = &rest[ix + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        let spec = rest
            .find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'h' | 'l' | 'L'))
            .map_or(rest, |end| &rest[..end]);
        n += 1 + spec.matches('*').count();
        rest = &rest[spec.len()..];
    }
    n
}

/// Makes an argument one that minijinja takes for the conversion.
fn adapt_argument(code: char, arg: &mut Value) {
    match code {
        's' => *arg = Value::from(text::to_str(arg)),
        'd' | 'i' | 'u' => match num(arg) {
            Some(Num::Float(float)) if float.is_finite() => {
                *arg = int_value(float.trunc() as i128);
            }
            Some(Num::Int(int)) => *arg = int_value(int),
            _ => *arg = PyDecimal::of(arg).and_then(PyDecimal::to_int).map_or_else(|| arg.clone(), int_value),
        },
        _ => *arg = PyDecimal::of(arg).map_or_else(|| arg.clone(), |decimal| Value::from(decimal.to_float())),
    }
}

/// `%r` becomes `%s` of the value's repr; minijinja has no `%r`. Only in the
/// positional form, where the arguments can be counted.
fn quote_reprs(template: &str, args: &mut [Value]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    let mut n = 0;
    while let Some(ix) = rest.find('%') {
        out.push_str(&rest[..=ix]);
        rest = &rest[ix + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let spec = &rest[..end];
        let is_named = spec.starts_with('(');
        n += spec.matches('*').count();
        out.push_str(spec);
        rest = &rest[end..];
        if let (Some(after), false) = (rest.strip_prefix('r'), is_named) {
            if let Some(arg) = args.get_mut(n) {
                *arg = Value::from(text::to_repr(arg));
            }
            out.push('s');
            rest = after;
        } else if let (Some(code), false, Some(arg)) = (rest.chars().next(), is_named, args.get_mut(n)) {
            adapt_argument(code, arg);
        }
        n += 1;
    }
    out.push_str(rest);
    out
}
