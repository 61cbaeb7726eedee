//! The end of a native render: `as_bool`, `as_number`, `as_native`, `as_text`,
//! and Python's `literal_eval`.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, Tuple, ValueKind};

use super::{PyDict, PyList, PySet, text};

/// What a filter said about how its text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// Stays text.
    Text,
    /// Is read as a literal.
    Native,
    /// Is read as a literal, and must be a boolean.
    Bool,
    /// Is read as a literal, and must be a number.
    Number,
}

/// A text with a [`Marker`]. Prints as the text.
#[derive(Debug)]
struct Marked {
    text: String,
    marker: Marker,
}

impl Object for Marked {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Marks a value's text.
pub(crate) fn mark(value: &Value, marker: Marker) -> Value {
    Value::from_object(Marked { text: text::to_str(value), marker })
}

/// Turns what a native render gave into the final value.
pub(crate) fn finish(value: Value) -> Result<Value, String> {
    let Some(marked) = value.downcast_object_ref::<Marked>() else {
        return Ok(value);
    };
    let as_text = || Value::from(marked.text.as_str());
    let read = || literal_eval(&marked.text).unwrap_or_else(as_text);
    let refuse = |kind: &str| Err(format!("Could not convert value '{}' into type '{kind}'", marked.text));
    match marked.marker {
        Marker::Text => Ok(as_text()),
        Marker::Native => Ok(read()),
        Marker::Bool => match read() {
            value if value.kind() == ValueKind::Bool => Ok(value),
            _ => refuse("bool"),
        },
        Marker::Number => match read() {
            value if value.is_number() => Ok(value),
            _ => refuse("number"),
        },
    }
}

/// Reads a Python literal; `None` if the text is not one.
pub(crate) fn literal_eval(source: &str) -> Option<Value> {
    let mut reader = Reader { bytes: source.as_bytes(), source, pos: 0, depth: 0 };
    // `ast.parse` refuses indented text.
    let source = source.trim_start_matches([' ', '\t']);
    reader.pos = reader.source.len() - source.len();
    reader.space();
    let mut value = reader.value()?;
    if reader.eat(b',') {
        let mut items = vec![value];
        reader.items(&mut items, None)?;
        value = Value::from(Tuple::from(items));
    }
    (reader.pos == reader.bytes.len()).then_some(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    source: &'a str,
    pos: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        self.space();
        found
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        self.space();
        let value = match self.peek()? {
            b'[' => self.list(),
            b'(' => self.tuple(),
            b'{' => self.braces(),
            b'\'' | b'"' => self.strings(),
            b'-' | b'+' | b'0'..=b'9' | b'.' => self.number(),
            _ => self.word(),
        }?;
        self.depth -= 1;
        self.space();
        Some(value)
    }

    fn word(&mut self) -> Option<Value> {
        let rest = &self.source[self.pos..];
        let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let value = match &rest[..len] {
            "True" => Value::from(true),
            "False" => Value::from(false),
            "None" => Value::from(()),
            "set" if rest[len..].starts_with("()") => {
                self.pos += len + 2;
                return Some(PySet::default().into_value());
            }
            _ => return None,
        };
        self.pos += len;
        Some(value)
    }

    fn number(&mut self) -> Option<Value> {
        let mut is_negative = false;
        while let Some(sign @ (b'-' | b'+')) = self.peek() {
            is_negative ^= sign == b'-';
            self.pos += 1;
            self.space();
        }
        let rest = &self.source[self.pos..];
        let mut len = 0;
        let bytes = rest.as_bytes();
        while len < bytes.len() {
            let b = bytes[len];
            let is_exponent_sign = matches!(b, b'-' | b'+')
                && matches!(bytes.get(len.wrapping_sub(1)), Some(b'e' | b'E'))
                && !rest.starts_with("0x");
            if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.') || is_exponent_sign {
                len += 1;
            } else {
                break;
            }
        }
        let value = parse_number(&rest[..len])?;
        self.pos += len;
        if !is_negative {
            return Some(value);
        }
        if value.is_integer() {
            return i128::try_from(value).ok().map(|int| match i64::try_from(-int) {
                Ok(small) => Value::from(small),
                Err(_) => Value::from(-int),
            });
        }
        f64::try_from(value).ok().map(|float| Value::from(-float))
    }

    fn items(&mut self, items: &mut Vec<Value>, close: Option<u8>) -> Option<()> {
        loop {
            self.space();
            match (self.peek(), close) {
                (None, None) => return Some(()),
                (Some(byte), Some(close)) if byte == close => {
                    self.pos += 1;
                    return Some(());
                }
                _ => {}
            }
            items.push(self.value()?);
            if !self.eat(b',') {
                match close {
                    None if self.peek().is_none() => return Some(()),
                    Some(close) if self.peek() == Some(close) => {
                        self.pos += 1;
                        return Some(());
                    }
                    _ => return None,
                }
            }
        }
    }

    fn list(&mut self) -> Option<Value> {
        self.pos += 1;
        let mut items = Vec::new();
        self.items(&mut items, Some(b']'))?;
        Some(PyList::value(items))
    }

    fn tuple(&mut self) -> Option<Value> {
        self.pos += 1;
        if self.eat(b')') {
            return Some(Value::from(Tuple::from(Vec::new())));
        }
        let first = self.value()?;
        if self.eat(b')') {
            return Some(first);
        }
        if !self.eat(b',') {
            return None;
        }
        let mut items = vec![first];
        self.items(&mut items, Some(b')'))?;
        Some(Value::from(Tuple::from(items)))
    }

    fn braces(&mut self) -> Option<Value> {
        self.pos += 1;
        if self.eat(b'}') {
            return Some(PyDict::new().into_value());
        }
        let first = self.value()?;
        if !self.eat(b':') {
            let mut items = vec![first];
            if self.eat(b',') {
                self.items(&mut items, Some(b'}'))?;
            } else if !self.eat(b'}') {
                return None;
            }
            return Some(PySet::new(items).into_value());
        }
        let mut pairs = vec![(first, self.value()?)];
        while !self.eat(b'}') {
            if !self.eat(b',') {
                return None;
            }
            if self.eat(b'}') {
                break;
            }
            let key = self.value()?;
            if !self.eat(b':') {
                return None;
            }
            pairs.push((key, self.value()?));
        }
        Some(PyDict::from_pairs(pairs).into_value())
    }

    fn strings(&mut self) -> Option<Value> {
        let mut out = String::new();
        while let Some(quote @ (b'\'' | b'"')) = self.peek() {
            self.string(quote, &mut out)?;
            self.space();
        }
        Some(Value::from(out))
    }

    fn string(&mut self, quote: u8, out: &mut String) -> Option<()> {
        let triple = [quote; 3];
        let is_triple = self.bytes[self.pos..].starts_with(&triple);
        self.pos += if is_triple { 3 } else { 1 };
        loop {
            let rest = &self.source[self.pos..];
            let c = rest.chars().next()?;
            if is_triple && rest.as_bytes().starts_with(&triple) {
                self.pos += 3;
                return Some(());
            }
            self.pos += c.len_utf8();
            match c {
                _ if !is_triple && c == char::from(quote) => return Some(()),
                '\n' if !is_triple => return None,
                '\\' => self.escape(out)?,
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let c = self.source[self.pos..].chars().next()?;
        self.pos += c.len_utf8();
        let hex_digits = match c {
            'n' => return push(out, '\n'),
            't' => return push(out, '\t'),
            'r' => return push(out, '\r'),
            'a' => return push(out, '\x07'),
            'b' => return push(out, '\x08'),
            'f' => return push(out, '\x0c'),
            'v' => return push(out, '\x0b'),
            '\n' => return Some(()),
            '\\' | '\'' | '"' => return push(out, c),
            '0' => return push(out, '\0'),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => {
                out.push('\\');
                return push(out, other);
            }
        };
        let hex = self.source.get(self.pos..self.pos + hex_digits)?;
        self.pos += hex_digits;
        push(out, char::from_u32(u32::from_str_radix(hex, 16).ok()?)?)
    }
}

fn push(out: &mut String, c: char) -> Option<()> {
    out.push(c);
    Some(())
}

fn parse_number(text: &str) -> Option<Value> {
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return i128::from_str_radix(digits, radix).ok().map(int);
        }
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() {
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
            return None;
        }
        return digits.parse().ok().map(int);
    }
    let is_float = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
    if is_float && digits != "." {
        return digits.parse::<f64>().ok().map(Value::from);
    }
    None
}

fn int(value: i128) -> Value {
    match i64::try_from(value) {
        Ok(small) => Value::from(small),
        Err(_) => Value::from(value),
    }
}
