//! `modules.itertools`. Everything is made at once: templates have no use
//! for endless streams, so those need a length.

use minijinja::value::Tuple;
use minijinja::{Error, State, Value};

use super::{native, table};
use crate::jinja::error::{type_error, value_error};
use crate::jinja::py::args::{CallArgs, bind, integer};
use crate::jinja::py::operators::add;
use crate::jinja::py::{PyList, iterate};
use crate::jinja::state::call_value;

/// More results than this are refused.
const MAX_RESULTS: usize = 5_000_000;
/// How much of an endless stream is made.
const ENDLESS: usize = 100_000;

/// `modules.itertools`.
pub(super) fn module() -> Value {
    table([
        ("accumulate", native("accumulate", accumulate)),
        ("chain", native("chain", chain)),
        ("combinations", native("combinations", combinations)),
        ("combinations_with_replacement", native("combinations_with_replacement", combinations_repeated)),
        ("compress", native("compress", compress)),
        ("count", native("count", count)),
        ("cycle", native("cycle", cycle)),
        ("islice", native("islice", islice)),
        ("permutations", native("permutations", permutations)),
        ("product", native("product", product)),
        ("repeat", native("repeat", repeat)),
        ("starmap", native("starmap", starmap)),
        ("tee", native("tee", tee)),
        ("zip_longest", native("zip_longest", zip_longest)),
    ])
}

fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::from(values))
}

fn pools(args: &[Value]) -> Result<Vec<Vec<Value>>, Error> {
    args.iter().map(iterate).collect()
}

fn chain(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    Ok(PyList::value(pools(&CallArgs::split(args).positional)?.into_iter().flatten().collect()))
}

fn product(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    let times = args.keyword("repeat").map_or(Ok(1), integer)?;
    let times = usize::try_from(times).map_err(|_| value_error("repeat argument cannot be negative"))?;
    let once = pools(&args.positional)?;
    let n_pools = once.len().saturating_mul(times.min(64));
    let pools: Vec<Vec<Value>> = once.into_iter().cycle().take(n_pools).collect();
    let mut results: Vec<Vec<Value>> = vec![Vec::new()];
    for pool in &pools {
        check_size(results.len().saturating_mul(pool.len()))?;
        results = results
            .iter()
            .flat_map(|head| {
                pool.iter().map(move |item| {
                    let mut row = head.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    Ok(PyList::value(results.into_iter().map(tuple).collect()))
}

fn check_size(n: usize) -> Result<(), Error> {
    if n > MAX_RESULTS {
        return Err(value_error(format!("more than {MAX_RESULTS} results are too many for a template")));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Permutations,
    Combinations,
    Repeated,
}

/// Chooses `r` positions out of `n`, in lexical order.
fn choose(n: usize, r: usize, choice: Choice) -> Result<Vec<Vec<usize>>, Error> {
    let mut results = Vec::new();
    let mut stack: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(head) = stack.pop() {
        if head.len() == r {
            results.push(head);
            check_size(results.len())?;
            continue;
        }
        let first = match (choice, head.last()) {
            (Choice::Permutations, _) | (_, None) => 0,
            (Choice::Combinations, Some(last)) => last + 1,
            (Choice::Repeated, Some(last)) => *last,
        };
        for ix in (first..n).rev() {
            if choice != Choice::Permutations || !head.contains(&ix) {
                let mut next = head.clone();
                next.push(ix);
                stack.push(next);
            }
        }
    }
    Ok(results)
}

fn chosen(name: &str, args: &[Value], choice: Choice) -> Result<Value, Error> {
    let required = if choice == Choice::Permutations { 1 } else { 2 };
    let [pool, r] = bind(name, ["iterable", "r"], required, args)?;
    let pool = iterate(&pool.unwrap_or_default())?;
    let r = match r.filter(|r| !r.is_none()) {
        Some(r) => usize::try_from(integer(&r)?).map_err(|_| value_error("r must be non-negative"))?,
        None => pool.len(),
    };
    let rows = choose(pool.len(), r, choice)?
        .into_iter()
        .map(|row| tuple(row.into_iter().map(|ix| pool[ix].clone()).collect()))
        .collect();
    Ok(PyList::value(rows))
}

fn permutations(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    chosen("permutations", args, Choice::Permutations)
}

fn combinations(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    chosen("combinations", args, Choice::Combinations)
}

fn combinations_repeated(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    chosen("combinations_with_replacement", args, Choice::Repeated)
}

fn accumulate(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [pool, func, initial] = bind("accumulate", ["iterable", "func", "initial"], 1, args)?;
    let func = func.filter(|func| !func.is_none());
    let mut total = initial.filter(|initial| !initial.is_none());
    let mut results: Vec<Value> = total.iter().cloned().collect();
    for item in iterate(&pool.unwrap_or_default())? {
        let next = match (total, &func) {
            (None, _) => item,
            (Some(total), Some(func)) => call_value(state, func, &[total, item])?,
            (Some(total), None) => add(&total, &item)?,
        };
        results.push(next.clone());
        total = Some(next);
    }
    Ok(PyList::value(results))
}

fn compress(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [data, selectors] = bind("compress", ["data", "selectors"], 2, args)?;
    let selectors = iterate(&selectors.unwrap_or_default())?;
    let kept = iterate(&data.unwrap_or_default())?
        .into_iter()
        .zip(selectors)
        .filter(|(_, selector)| selector.is_true())
        .map(|(item, _)| item)
        .collect();
    Ok(PyList::value(kept))
}

fn count(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [start, step] = bind("count", ["start", "step"], 0, args)?;
    let start = start.map_or(Ok(0), |start| integer(&start))?;
    let step = step.map_or(Ok(1), |step| integer(&step))?;
    Ok(Value::make_iterable(move || (0i64..).map(move |n| start.wrapping_add(n.wrapping_mul(step)))))
}

fn cycle(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [pool] = bind("cycle", ["iterable"], 1, args)?;
    let pool = iterate(&pool.unwrap_or_default())?;
    Ok(Value::make_iterable(move || pool.clone().into_iter().cycle()))
}

fn repeat(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [item, times] = bind("repeat", ["object", "times"], 1, args)?;
    let item = item.unwrap_or_default();
    match times {
        Some(times) => {
            let times = usize::try_from(integer(&times)?.max(0)).unwrap_or(0);
            check_size(times)?;
            Ok(PyList::value(vec![item; times]))
        }
        None => Ok(Value::make_iterable(move || std::iter::repeat(item.clone()))),
    }
}

/// The first elements of a value that may be endless.
fn take(value: &Value, n: usize) -> Result<Vec<Value>, Error> {
    value.try_iter()?.checked().take(n).collect()
}

fn islice(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args).positional;
    let limit = |value: &Value| -> Result<Option<usize>, Error> {
        if value.is_none() {
            return Ok(None);
        }
        usize::try_from(integer(value)?)
            .map(Some)
            .map_err(|_| value_error("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize."))
    };
    let (start, stop, step) = match args.as_slice() {
        [_, stop] => (None, limit(stop)?, None),
        [_, start, stop] => (limit(start)?, limit(stop)?, None),
        [_, start, stop, step] => (limit(start)?, limit(stop)?, limit(step)?),
        _ => return Err(type_error("islice expected 2 to 4 arguments")),
    };
    let taken = take(&args[0], stop.unwrap_or(ENDLESS))?;
    let kept = taken.into_iter().skip(start.unwrap_or(0)).step_by(step.unwrap_or(1).max(1)).collect();
    Ok(PyList::value(kept))
}

fn starmap(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [func, rows] = bind("starmap", ["function", "iterable"], 2, args)?;
    let func = func.unwrap_or_default();
    let mut results = Vec::new();
    for row in iterate(&rows.unwrap_or_default())? {
        results.push(call_value(state, &func, &iterate(&row)?)?);
    }
    Ok(PyList::value(results))
}

fn tee(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [pool, n] = bind("tee", ["iterable", "n"], 1, args)?;
    let n = usize::try_from(n.map_or(Ok(2), |n| integer(&n))?).map_err(|_| value_error("n must be >= 0"))?;
    let pool = iterate(&pool.unwrap_or_default())?;
    check_size(n.saturating_mul(pool.len().max(1)))?;
    Ok(tuple((0..n).map(|_| PyList::value(pool.clone())).collect()))
}

fn zip_longest(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    let fill = args.keyword("fillvalue").cloned().unwrap_or(Value::from(()));
    let pools = pools(&args.positional)?;
    let longest = pools.iter().map(Vec::len).max().unwrap_or(0);
    let rows = (0..longest)
        .map(|ix| tuple(pools.iter().map(|pool| pool.get(ix).cloned().unwrap_or_else(|| fill.clone())).collect()))
        .collect();
    Ok(PyList::value(rows))
}
