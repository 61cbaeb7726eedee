//! Python's decimals: how numbers with a fraction come out of a database.
//!
//! They keep the digits that they were given, print them, and are computed with exactly, to 28 digits.
//! Source: Python's `decimal` with its default context, which dbt's tables of results use.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::num_bigint::Sign;
use bigdecimal::{BigDecimal, Context, RoundingMode, ToPrimitive, Zero};
use minijinja::value::{DynObject, Object, ObjectRepr, ValueKind};
use minijinja::{Error, Value};

use super::text;
use crate::jinja::error::{type_error, value_error};

/// Digits of a computed result: 28.
const PRECISION: NonZeroU64 = NonZeroU64::MIN.saturating_add(27);

/// A finite `decimal.Decimal`.
#[derive(Clone, Debug)]
pub(crate) struct PyDecimal(BigDecimal);

impl PyDecimal {
    /// Reads a number as a database or Python writes it; none if it is infinite or no number.
    pub(crate) fn read(number: &str) -> Option<Value> {
        BigDecimal::from_str(number).ok().map(|number| Self(number).into_value())
    }

    /// The decimal that a value is.
    pub(crate) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref()
    }

    fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The nearest float.
    pub(crate) fn to_float(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// The number without its fraction, if that is not too large.
    pub(crate) fn to_int(&self) -> Option<i128> {
        self.0.with_scale_round(0, RoundingMode::Down).to_i128()
    }

    /// The number without its sign.
    pub(crate) fn abs(&self) -> Value {
        Self(self.0.abs()).into_value()
    }

    /// The number with the other sign.
    pub(crate) fn negated(&self) -> Value {
        Self(-&self.0).into_value()
    }

    /// Rounded to digits after the point, halves to the even neighbor.
    pub(crate) fn round(&self, n_digits: i64) -> Value {
        Self(self.0.with_scale_round(n_digits, RoundingMode::HalfEven)).into_value()
    }
}

impl Object for PyDecimal {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_zero()
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Self>()?.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for PyDecimal {
    /// All digits, with an exponent where there are fewer digits than places, or more than five zeros after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, scale) = self.0.as_bigint_and_exponent();
        let sign = if number.sign() == Sign::Minus { "-" } else { "" };
        let digits = number.magnitude().to_string();
        let n_digits = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let before_point = n_digits - scale;
        if scale < 0 || before_point <= -6 {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            return write!(f, "{sign}{first}{point}{rest}E{:+}", before_point - 1);
        }
        match usize::try_from(before_point) {
            Ok(at) if at > 0 => {
                let (whole, fraction) = digits.split_at(at);
                let point = if fraction.is_empty() { "" } else { "." };
                write!(f, "{sign}{whole}{point}{fraction}")
            }
            _ => write!(f, "{sign}0.{}{digits}", "0".repeat(usize::try_from(-before_point).unwrap_or(0))),
        }
    }
}

/// What an operator makes of two values, if one of them is a decimal.
pub(super) fn arithmetic(op: &str, left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    if PyDecimal::of(left).is_none() && PyDecimal::of(right).is_none() {
        return None;
    }
    let (Some(a), Some(b)) = (exact(left), exact(right)) else {
        let (left, right) = (text::type_name(left), text::type_name(right));
        return Some(Err(type_error(format!("unsupported operand type(s) for {op}: '{left}' and '{right}'"))));
    };
    let is_division = matches!(op, "/" | "//" | "%");
    if is_division && b.is_zero() {
        return Some(Err(value_error("division by zero")));
    }
    let result = match op {
        "+" => rounded(a + b),
        "-" => rounded(a - b),
        "*" => rounded(a * b),
        "/" => quotient(&a, &b),
        "//" => whole_quotient(&a, &b),
        "**" => match b.to_i64().filter(|_| b.is_integer()) {
            Some(exponent) => power(&a, exponent),
            None => return Some(Ok(Value::from(a.to_f64()?.powf(b.to_f64()?)))),
        },
        _ => {
            let rest = &a - whole_quotient(&a, &b) * &b;
            rest.with_scale(a.fractional_digit_count().max(b.fractional_digit_count()))
        }
    };
    Some(Ok(PyDecimal(result).into_value()))
}

/// How two values compare, if one of them is a decimal and both are numbers.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if PyDecimal::of(left).is_none() && PyDecimal::of(right).is_none() {
        return None;
    }
    let of = |value: &Value| exact(value).or_else(|| BigDecimal::try_from(f64::try_from(value.clone()).ok()?).ok());
    Some(of(left)?.cmp(&of(right)?))
}

/// The number that a decimal, an integer or a truth value is. Floats do not mix with decimals.
fn exact(value: &Value) -> Option<BigDecimal> {
    match value.kind() {
        ValueKind::Bool => Some(BigDecimal::from(u8::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(BigDecimal::from),
        _ => PyDecimal::of(value).map(|decimal| decimal.0.clone()),
    }
}

fn rounded(number: BigDecimal) -> BigDecimal {
    if number.digits() > PRECISION.get() {
        return number.with_precision_round(PRECISION, RoundingMode::HalfEven);
    }
    number
}

/// The quotient. If it is exact, it has as many digits after the point as `a` has more than `b`, or what it needs.
fn quotient(a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    let result = a / b;
    if &(&result * b) != a {
        return rounded(result);
    }
    let (result, ideal) = (result.normalized(), a.fractional_digit_count() - b.fractional_digit_count());
    let wanted = if result.is_zero() { ideal } else { ideal.max(result.fractional_digit_count()) };
    rounded(result.with_scale(wanted))
}

fn power(base: &BigDecimal, exponent: i64) -> BigDecimal {
    let result = base.powi_with_context(exponent.saturating_abs(), &Context::new(PRECISION, RoundingMode::HalfEven));
    if exponent < 0 && !result.is_zero() { quotient(&BigDecimal::from(1), &result) } else { result }
}

/// The quotient without its fraction.
fn whole_quotient(a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    (a / b).with_scale_round(0, RoundingMode::Down)
}

/// The arguments with decimals as minijinja formats them: as floats where the field says how, else as text.
pub(super) fn formattable(template: &str, args: &[Value]) -> Vec<Value> {
    let template = template.replace("{{", "");
    let mut specs = vec![String::new(); args.len()];
    for (n, part) in template.split('{').skip(1).enumerate() {
        let field = part.split('}').next().unwrap_or_default();
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let at = name.split(['.', '[', '!']).next().and_then(|name| name.parse().ok()).unwrap_or(n);
        if let Some(found) = specs.get_mut(at) {
            spec.clone_into(found);
        }
    }
    let shown = |(arg, spec): (&Value, String)| match PyDecimal::of(arg) {
        Some(decimal) if spec.is_empty() => Value::from(decimal.to_string()),
        Some(decimal) => Value::from(decimal.to_float()),
        None => arg.clone(),
    };
    args.iter().zip(specs).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(number: &str) -> Value {
        PyDecimal::read(number).expect("a number")
    }

    #[test]
    fn decimals_print_as_they_were_given() {
        for number in ["1.50", "0", "0.00", "-0.05", "100.0", "0.000001", "12345678901234567890.123", "7"] {
            assert_eq!(decimal(number).to_string(), number);
        }
        for (given, shown) in [("1e20", "1E+20"), ("1e-7", "1E-7"), ("1.5e-10", "1.5E-10"), ("-12e3", "-1.2E+4")] {
            assert_eq!(decimal(given).to_string(), shown);
        }
        assert_eq!(text::to_repr(&decimal("1.50")), "Decimal('1.50')");
        assert!(PyDecimal::read("NaN").is_none());
    }

    #[track_caller]
    fn check(left: &str, op: &str, right: &str, expected: &str) {
        let result = arithmetic(op, &decimal(left), &decimal(right)).expect("decimals").expect("a number");
        assert_eq!(result.to_string(), expected);
    }

    #[test]
    fn arithmetic_is_exact_to_28_digits() {
        check("1.50", "+", "1", "2.50");
        check("1.50", "*", "2", "3.00");
        check("10", "-", "1.50", "8.50");
        check("1.50", "/", "2", "0.75");
        check("3", "/", "1.50", "2");
        check("3.00", "/", "1.5", "2.0");
        check("1", "/", "3", "0.3333333333333333333333333333");
        check("2", "/", "3", "0.6666666666666666666666666667");
        check("1000", "/", "1", "1000");
        check("0", "/", "1.5", "0E+1");
        check("1.50", "**", "2", "2.2500");
        check("2", "**", "-2", "0.25");
        check("-7", "//", "2", "-3");
        check("-7", "%", "2", "-1");
        check("1.50", "%", "1", "0.50");
    }

    #[test]
    fn decimals_compare_with_numbers_and_do_not_mix_with_floats() {
        assert_eq!(compare(&decimal("1.50"), &Value::from(1.5)), Some(Ordering::Equal));
        assert_eq!(compare(&Value::from(2), &decimal("1.50")), Some(Ordering::Greater));
        assert_eq!(compare(&decimal("1.50"), &Value::from("1.50")), None);
        assert_eq!(decimal("1.50"), decimal("1.5"));
        assert!(arithmetic("+", &decimal("1"), &Value::from(1.5)).expect("a decimal").is_err());
        assert!(arithmetic("+", &Value::from(1), &Value::from(1)).is_none());
        assert!(arithmetic("/", &decimal("1"), &Value::from(0)).expect("a decimal").is_err());
    }
}
