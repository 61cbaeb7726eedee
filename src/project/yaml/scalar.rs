//! What a plain YAML scalar means by PyYAML's rules (YAML 1.1).

use super::{YamlKind, moment};

/// Resolves the text of an unquoted scalar.
pub(super) fn resolve(text: String) -> YamlKind {
    match text.as_bytes().first() {
        None => YamlKind::Null,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => match number(&text) {
            Some(number) => number,
            None => moment::read(&text).map_or(YamlKind::String(text), YamlKind::Moment),
        },
        Some(b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            word(&text).unwrap_or(YamlKind::String(text))
        }
        Some(_) => YamlKind::String(text),
    }
}

fn word(text: &str) -> Option<YamlKind> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(YamlKind::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(YamlKind::Bool(true)),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(YamlKind::Bool(false)),
        _ => None,
    }
}

fn number(text: &str) -> Option<YamlKind> {
    integer(text).map(YamlKind::Int).or_else(|| float(text).map(YamlKind::Float))
}

fn split_sign(text: &str) -> (i64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    }
}

/// Integers too big for 64 bits stay text, so that no digit is lost.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = split_sign(text);
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if digits.contains(':') {
        return sexagesimal(digits).map(|value| sign * value);
    }
    if digits.bytes().skip(1).all(|byte| byte == b'_') && digits.starts_with('0') {
        return Some(0);
    }
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let plain: String = digits.chars().filter(|char| *char != '_').collect();
    if plain.starts_with(['+', '-']) {
        return None;
    }
    let signed = if sign < 0 { format!("-{plain}") } else { plain };
    i64::from_str_radix(&signed, radix).ok()
}

/// `1:30` is 90 by YAML 1.1.
fn sexagesimal(digits: &str) -> Option<i64> {
    let mut parts = digits.split(':');
    let head = parts.next()?;
    if head.starts_with('0') || !head.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    let mut value: i64 = head.replace('_', "").parse().ok()?;
    for part in parts {
        let fits = matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
        let part: i64 = if fits { part.parse().ok()? } else { return None };
        value = value.checked_mul(60)?.checked_add(part)?;
    }
    Some(value)
}

/// A float has a dot by YAML 1.1, and a signed exponent if any: `1e3` is text.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = split_sign(text);
    #[expect(clippy::cast_precision_loss, reason = "the sign is one or minus one")]
    let sign = sign as f64;
    match digits {
        ".inf" | ".Inf" | ".INF" => return Some(sign * f64::INFINITY),
        _ if matches!(text, ".nan" | ".NaN" | ".NAN") => return Some(f64::NAN),
        _ => {}
    }
    if let Some((whole, fraction)) = digits.split_once('.').filter(|(whole, _)| whole.contains(':')) {
        return sexagesimal_float(whole, fraction).map(|value| sign * value);
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let is_run = |run: &str| run.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let starts_with_digit = |run: &str| run.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let has_digits = starts_with_digit(whole) || (text.starts_with('.') && starts_with_digit(fraction));
    if !is_run(whole) || !is_run(fraction) || !has_digits {
        return None;
    }
    if let Some(exponent) = exponent {
        let power = exponent.strip_prefix(['+', '-'])?;
        if power.is_empty() || !power.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    digits.replace('_', "").parse::<f64>().ok().map(|value| sign * value)
}

/// `1:30.5` is 90.5 by YAML 1.1.
fn sexagesimal_float(whole: &str, fraction: &str) -> Option<f64> {
    if !whole.starts_with(|char: char| char.is_ascii_digit())
        || !fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return None;
    }
    let mut value = 0.0;
    for (ix, part) in whole.split(':').enumerate() {
        let fits = ix == 0 || matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
        let part: f64 = if fits { part.replace('_', "").parse().ok()? } else { return None };
        value = value * 60.0 + part;
    }
    let fraction: f64 = format!("0.{}", fraction.replace('_', "")).parse().ok()?;
    Some(value + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(format!("{:?}", resolve(text.to_owned())), expected, "{text}");
    }

    #[test]
    fn booleans_and_nulls_are_those_of_yaml_1_1() {
        check("yes", "Bool(true)");
        check("OFF", "Bool(false)");
        check("y", "String(\"y\")");
        check("~", "Null");
        check("", "Null");
        check("nULL", "String(\"nULL\")");
    }

    #[test]
    fn integers_have_bases_underscores_and_colons() {
        check("010", "Int(8)");
        check("08", "String(\"08\")");
        check("0o10", "String(\"0o10\")");
        check("0b11", "Int(3)");
        check("0x_fF", "Int(255)");
        check("1_000", "Int(1000)");
        check("-12", "Int(-12)");
        check("12:30:45", "Int(45045)");
        check("12:75", "String(\"12:75\")");
        check("0", "Int(0)");
        check("0_", "Int(0)");
        check("-", "String(\"-\")");
        check("99999999999999999999", "String(\"99999999999999999999\")");
    }

    #[test]
    fn floats_need_a_dot() {
        check("1e3", "String(\"1e3\")");
        check("1.0e3", "String(\"1.0e3\")");
        check("1.5e+3", "Float(1500.0)");
        check(".5", "Float(0.5)");
        check("1.", "Float(1.0)");
        check("-.5", "String(\"-.5\")");
        check("1:30.5", "Float(90.5)");
        check("-.inf", "Float(-inf)");
        check(".", "String(\".\")");
        check("1.2.3", "String(\"1.2.3\")");
    }

    #[test]
    fn dates_are_dates() {
        check("2024-01-31", "Moment(\"2024-01-31\")");
        check("2024-01-31 10:00:00", "Moment(\"2024-01-31T10:00:00\")");
        check("2024-01-32", "String(\"2024-01-32\")");
    }
}
