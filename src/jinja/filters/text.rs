//! Filters on text.

use minijinja::value::Tuple;
use minijinja::{Environment, Error, State, Value};

use super::super::error::type_error;
use super::super::py::args::{CallArgs, integer};
use super::super::py::{operators, pairs_of, to_str};
use super::{Args, bind, given};

/// Adds the filters.
pub(super) fn register(env: &mut Environment<'static>) {
    env.add_filter("string", |value: &Value| to_str(value));
    env.add_filter("upper", |value: &Value| to_str(value).to_uppercase());
    env.add_filter("lower", |value: &Value| to_str(value).to_lowercase());
    env.add_filter("trim", trim);
    env.add_filter("replace", replace);
    env.add_filter("truncate", truncate);
    env.add_filter("format", format);
    env.add_filter("center", center);
    env.add_filter("wordcount", wordcount);
    env.add_filter("wordwrap", wordwrap);
    env.add_filter("indent", indent);
    env.add_filter("xmlattr", xmlattr);
    env.add_filter("striptags", striptags);
    env.add_filter("forceescape", |value: &Value| escape(&to_str(value)));
    env.add_filter("filesizeformat", filesizeformat);
}

/// Python's `int(text, base)`.
pub(super) fn parse_int(text: &str, base: i64) -> Option<Value> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let digits = digits.replace('_', "").to_lowercase();
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(&digits);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    let value = i128::from_str_radix(digits, base).ok()?;
    let value = if is_negative { -value } else { value };
    Some(match i64::try_from(value) {
        Ok(small) => Value::from(small),
        Err(_) => Value::from(value),
    })
}

/// Python's `float(text)`.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn trim(value: &Value, args: Args) -> Result<Value, Error> {
    let [chars] = bind("trim", ["chars"], 0, args)?;
    let text = to_str(value);
    Ok(Value::from(match chars.filter(|chars| !chars.is_none()) {
        Some(chars) => {
            let chars: Vec<char> = to_str(&chars).chars().collect();
            text.trim_matches(|c| chars.contains(&c)).to_string()
        }
        None => text.trim().to_string(),
    }))
}

fn replace(value: &Value, args: Args) -> Result<Value, Error> {
    let [old, new, count] = bind("replace", ["old", "new", "count"], 2, args)?;
    let text = to_str(value);
    let old = to_str(&old.unwrap_or_default());
    let new = to_str(&new.unwrap_or_default());
    let count = count.filter(|count| !count.is_none());
    let count = count.map_or(Ok(-1), |count| integer(&count))?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

fn truncate(value: &Value, args: Args) -> Result<Value, Error> {
    let names = ["length", "killwords", "end", "leeway"];
    let [length, killwords, end, leeway] = bind("truncate", names, 0, args)?;
    let positive = |value: Option<Value>, default: usize| match value {
        Some(value) if !value.is_none() => integer(&value).map(|n| usize::try_from(n).unwrap_or(0)),
        _ => Ok(default),
    };
    let length = positive(length, 255)?;
    let leeway = positive(leeway, 5)?;
    let end = end.map_or_else(|| "...".to_string(), |end| to_str(&end));
    let text = to_str(value);
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= length + leeway {
        return Ok(Value::from(text));
    }
    let kept: String = chars[..length.saturating_sub(end.chars().count())].iter().collect();
    if killwords.is_some_and(|flag| flag.is_true()) {
        return Ok(Value::from(kept + &end));
    }
    let head = kept.rsplit_once(' ').map_or(kept.as_str(), |(head, _)| head);
    Ok(Value::from(format!("{head}{end}")))
}

fn format(state: &mut State<'_, '_>, value: &Value, args: Args) -> Result<Value, Error> {
    let args = CallArgs::split(&given(args));
    if !args.keyword.is_empty() && !args.positional.is_empty() {
        return Err(type_error("can't handle positional and keyword arguments at the same time"));
    }
    let given = if args.keyword.is_empty() {
        Value::from(Tuple::from(args.positional))
    } else {
        let pairs = args.keyword.into_iter().map(|(k, v)| (Value::from(k), v));
        super::super::py::PyDict::from_pairs(pairs).into_value()
    };
    operators::percent_format(state, &to_str(value), &given)
}

fn center(value: &Value, args: Args) -> Result<Value, Error> {
    let [width] = bind("center", ["width"], 0, args)?;
    let width = width.unwrap_or_else(|| Value::from(80));
    integer(&width)?;
    let text = to_str(value);
    let n = text.chars().count();
    let width = usize::try_from(integer(&width)?).unwrap_or(0).min(1_000_000);
    let missing = width.saturating_sub(n);
    let left = missing / 2 + (missing & width & 1);
    Ok(Value::from(format!("{}{text}{}", " ".repeat(left), " ".repeat(missing - left))))
}

fn wordcount(value: &Value) -> usize {
    to_str(value).split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).count()
}

fn wordwrap(value: &Value, args: Args) -> Result<Value, Error> {
    let names = ["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let [width, breaks, wrap, _hyphens] = bind("wordwrap", names, 0, args)?;
    let width = width.map_or(Ok(79), |width| integer(&width))?;
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let breaks = breaks.is_none_or(|flag| flag.is_true());
    let wrap = wrap.filter(|wrap| !wrap.is_none()).map_or_else(|| "\n".to_string(), |wrap| to_str(&wrap));
    let text = to_str(value);
    let lines: Vec<String> = text.lines().map(|line| wrap_line(line, width, breaks).join(&wrap)).collect();
    Ok(Value::from(lines.join(&wrap)))
}

fn wrap_line(line: &str, width: usize, breaks: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut n = 0;
    for word in line.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if n > 0 && n + 1 + word.len() > width {
            lines.push(std::mem::take(&mut current));
            n = 0;
        }
        while breaks && word.len() > width {
            lines.push(word.drain(..width).collect());
        }
        if n > 0 {
            current.push(' ');
            n += 1;
        }
        n += word.len();
        current.extend(word);
    }
    if n > 0 {
        lines.push(current);
    }
    lines
}

fn indent(value: &Value, args: Args) -> Result<Value, Error> {
    let [width, first, blank] = bind("indent", ["width", "first", "blank"], 0, args)?;
    let prefix = match &width {
        Some(width) if width.as_str().is_some() => to_str(width),
        Some(width) => " ".repeat(usize::try_from(integer(width)?).unwrap_or(0).min(10_000)),
        None => " ".repeat(4),
    };
    let blank = blank.is_some_and(|flag| flag.is_true());
    // Jinja adds a line so that a trailing line break is kept.
    let text = to_str(value) + "\n";
    let mut out = String::new();
    if first.is_some_and(|flag| flag.is_true()) {
        out.push_str(&prefix);
    }
    let lines: Vec<&str> = text.split('\n').collect();
    for (ix, line) in lines[..lines.len() - 1].iter().enumerate() {
        if ix > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&prefix);
            }
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&#34;")
}

fn xmlattr(value: &Value, args: Args) -> Result<Value, Error> {
    let [autospace] = bind("xmlattr", ["autospace"], 0, args)?;
    let attributes: Vec<String> = pairs_of(value)?
        .into_iter()
        .filter(|(_, value)| !value.is_none() && !value.is_undefined())
        .map(|(key, value)| format!("{}=\"{}\"", escape(&to_str(&key)), escape(&to_str(&value))))
        .collect();
    let text = attributes.join(" ");
    let spaced = autospace.is_none_or(|flag| flag.is_true()) && !text.is_empty();
    Ok(Value::from(if spaced { format!(" {text}") } else { text }))
}

fn striptags(value: &Value) -> String {
    let mut out = String::new();
    let mut is_tag = false;
    for c in to_str(value).chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            c if !is_tag => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn filesizeformat(value: &Value, args: Args) -> Result<Value, Error> {
    let [binary] = bind("filesizeformat", ["binary"], 0, args)?;
    let is_binary = binary.is_some_and(|flag| flag.is_true());
    let bytes = parse_float(&to_str(value)).ok_or_else(|| type_error("a size must be a number"))?;
    let base: f64 = if is_binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", bytes.trunc())));
    }
    let units = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut size = bytes / base;
    let mut ix = 0;
    while size >= base && ix + 1 < units.len() {
        size /= base;
        ix += 1;
    }
    let unit = if is_binary { format!("{}iB", units[ix].to_uppercase()) } else { format!("{}B", units[ix]) };
    Ok(Value::from(format!("{size:.1} {unit}")))
}
