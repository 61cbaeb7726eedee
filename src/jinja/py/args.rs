//! Reading the arguments of a call as Python does.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::jinja::error::type_error;

/// The arguments of a call, positional and by keyword.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallArgs {
    /// In order.
    pub(crate) positional: Vec<Value>,
    /// In the order given.
    pub(crate) keyword: Vec<(String, Value)>,
}

impl CallArgs {
    /// Splits what the engine hands to `Object::call`.
    pub(crate) fn split(args: &[Value]) -> CallArgs {
        let Some((last, rest)) = args.split_last() else {
            return CallArgs::default();
        };
        let Ok(kwargs) = last.is_kwargs().then(|| Kwargs::try_from(last.clone())).transpose() else {
            return CallArgs::default();
        };
        let Some(kwargs) = kwargs else {
            return CallArgs { positional: args.to_vec(), keyword: Vec::new() };
        };
        let keyword =
            kwargs.args().filter_map(|key| Some((key.to_string(), kwargs.peek::<Value>(key).ok()?))).collect();
        CallArgs { positional: rest.to_vec(), keyword }
    }

    /// The keyword argument of that name.
    pub(crate) fn keyword(&self, name: &str) -> Option<&Value> {
        self.keyword.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Puts the arguments in the order of `params`, the first `required` of
    /// which must be given; errors are worded like Python's.
    pub(crate) fn bind<const N: usize>(
        self,
        function: &str,
        params: [&str; N],
        required: usize,
    ) -> Result<[Option<Value>; N], Error> {
        let mut bound: [Option<Value>; N] = std::array::from_fn(|_| None);
        let given = self.positional.len();
        if given > N {
            return Err(type_error(format!(
                "{function}() takes {} but {given} {} given",
                count(N, "positional argument"),
                if given == 1 { "was" } else { "were" },
            )));
        }
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (name, value) in self.keyword {
            let Some(ix) = params.iter().position(|param| *param == name) else {
                return Err(type_error(format!("{function}() got an unexpected keyword argument '{name}'")));
            };
            if bound[ix].replace(value).is_some() {
                return Err(type_error(format!("{function}() got multiple values for argument '{name}'")));
            }
        }
        let missing: Vec<&str> = (0..required).filter(|ix| bound[*ix].is_none()).map(|ix| params[ix]).collect();
        if missing.is_empty() {
            return Ok(bound);
        }
        Err(type_error(format!(
            "{function}() missing {}: {}",
            count(missing.len(), "required positional argument"),
            missing.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" and "),
        )))
    }
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Splits and binds in one step.
pub(crate) fn bind<const N: usize>(
    function: &str,
    params: [&str; N],
    required: usize,
    args: &[Value],
) -> Result<[Option<Value>; N], Error> {
    CallArgs::split(args).bind(function, params, required)
}

/// Reads an integer argument; booleans count, as in Python.
pub(crate) fn integer(value: &Value) -> Result<i64, Error> {
    if let Ok(flag) = bool::try_from(value.clone())
        && value.kind() == minijinja::value::ValueKind::Bool
    {
        return Ok(i64::from(flag));
    }
    if value.is_integer()
        && let Some(number) = value.as_i64()
    {
        return Ok(number);
    }
    Err(type_error(format!("'{}' object cannot be interpreted as an integer", super::text::type_name(value))))
}

/// Reads a string argument.
pub(crate) fn string(value: &Value) -> Result<&str, Error> {
    value.as_str().ok_or_else(|| type_error(format!("expected a string, got {}", super::text::type_name(value))))
}
