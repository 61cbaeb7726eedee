//! The text of a selection: `@`, `2+`, `method.argument:value`, `+3`, spaces for union, commas for intersection.

use serde_json::{Map, Value as Data, json};

use super::Indirect;
use super::methods::{Method, unknown_method};
use crate::diagnostic::{Code, Diagnostic};

/// One thing that is looked for, and which of its relatives come along.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    /// As written.
    pub(super) raw: String,
    pub(super) method: Method,
    /// What follows the method's dots: `config.meta.owner` has `meta` and `owner`.
    pub(super) arguments: Vec<String>,
    pub(super) value: String,
    /// The value in a selectors file, where it need not be text.
    pub(super) data: Data,
    /// `@`.
    pub(super) has_childrens_parents: bool,
    pub(super) parents: Option<Depth>,
    pub(super) children: Option<Depth>,
    pub(super) indirect: Indirect,
}

/// How far relatives are followed; `None` is without end.
pub(super) type Depth = Option<usize>;

/// A selection: criteria and how they are combined.
#[derive(Clone, Debug)]
pub(super) enum Spec {
    One(Criterion),
    Union(Group),
    Intersection(Group),
    /// The first part without the others.
    Difference(Group),
}

/// Selections that are combined.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) parts: Vec<Spec>,
    pub(super) indirect: Indirect,
    /// The text to warn with if nothing is selected.
    pub(super) raw: Option<String>,
}

impl Group {
    /// Selections that are combined without more.
    pub(super) fn plain(parts: Vec<Spec>) -> Self {
        Self { parts, indirect: Indirect::Eager, raw: None }
    }
}

/// Parts of a criterion as written, before the method is looked up.
#[derive(Debug, PartialEq, Eq)]
struct Pieces<'a> {
    has_at: bool,
    parents: Option<&'a str>,
    method: Option<&'a str>,
    value: &'a str,
    children: Option<&'a str>,
}

fn cut(raw: &str) -> Pieces<'_> {
    let (has_at, rest) = raw.strip_prefix('@').map_or((false, raw), |rest| (true, rest));
    let n_digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (parents, rest) = match rest[n_digits..].strip_prefix('+') {
        Some(after) => (Some(&rest[..n_digits]), after),
        None => (None, rest),
    };
    let is_method =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '.'));
    let (method, rest) = match rest.split_once(':') {
        Some((method, after)) if is_method(method) => (Some(method), after),
        _ => (None, rest),
    };
    let (value, children) = match rest.rfind('+') {
        Some(ix) if rest[ix + 1..].bytes().all(|byte| byte.is_ascii_digit()) => (&rest[..ix], Some(&rest[ix + 1..])),
        _ => (rest, None),
    };
    Pieces { has_at, parents, method, value, children }
}

fn depth(digits: &str) -> Depth {
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) }
}

/// Reads one criterion.
pub(super) fn criterion(raw: &str, indirect: Indirect) -> Result<Criterion, Box<Diagnostic>> {
    let pieces = cut(raw);
    let (method, arguments) = match pieces.method {
        Some(method) => method_of(method)?,
        None => (default_method(pieces.value), Vec::new()),
    };
    let criterion = Criterion {
        raw: raw.to_owned(),
        method,
        arguments,
        value: pieces.value.to_owned(),
        data: json!(pieces.value),
        has_childrens_parents: pieces.has_at,
        parents: pieces.parents.map(depth),
        children: pieces.children.map(depth),
        indirect,
    };
    check_signs(&criterion)?;
    Ok(criterion)
}

/// `@` takes all children along already.
pub(super) fn check_signs(criterion: &Criterion) -> Result<(), Box<Diagnostic>> {
    if criterion.has_childrens_parents && criterion.children.is_some() {
        let message = format!("`{}` has both `@` in front and `+` behind", criterion.raw);
        let error = Diagnostic::error(Code::SelectorSyntax, message);
        return Err(Box::new(error.hint("leave the `+` out: `@` takes the children along")));
    }
    Ok(())
}

/// Reads `config.meta.owner`.
pub(super) fn method_of(text: &str) -> Result<(Method, Vec<String>), Box<Diagnostic>> {
    let mut parts = text.split('.');
    let name = parts.next().unwrap_or_default();
    let method = Method::find(name).ok_or_else(|| Box::new(unknown_method(name)))?;
    Ok((method, parts.map(str::to_owned).collect()))
}

/// What a value without a method is: a path, a file, or a name.
pub(super) fn default_method(value: &str) -> Method {
    let lower = value.to_lowercase();
    if value.contains('/') {
        Method::Path
    } else if [".sql", ".py", ".csv"].iter().any(|extension| lower.ends_with(extension)) {
        Method::File
    } else {
        Method::Fqn
    }
}

/// Reads `--select` or `--exclude`: spaces are unions, commas intersections.
pub(super) fn union(texts: &[String], indirect: Indirect, warns: bool) -> Result<Spec, Box<Diagnostic>> {
    let mut parts = Vec::new();
    for raw in texts.iter().flat_map(|text| text.split_whitespace()) {
        let criteria: Result<Vec<_>, _> = raw.split(',').map(|part| criterion(part, indirect).map(Spec::One)).collect();
        let raw = warns.then(|| raw.to_owned());
        parts.push(Spec::Intersection(Group { parts: criteria?, indirect, raw }));
    }
    Ok(Spec::Union(Group { parts, indirect, raw: None }))
}

/// A criterion as manifests publish it: the parts that are there.
pub(super) fn published(raw: &str) -> Result<Data, Box<Diagnostic>> {
    let pieces = cut(raw);
    let method = match pieces.method {
        Some(method) => method_of(method).map(|_| method.to_owned())?,
        None => default_method(pieces.value).as_str().to_owned(),
    };
    let mut map = Map::new();
    if pieces.has_at {
        map.insert("childrens_parents".to_owned(), json!(true));
    }
    for (name, depth) in [("parents", pieces.parents), ("children", pieces.children)] {
        let Some(digits) = depth else { continue };
        map.insert(name.to_owned(), json!(true));
        if !digits.is_empty() {
            map.insert(format!("{name}_depth"), json!(digits));
        }
    }
    map.insert("method".to_owned(), json!(method));
    if !pieces.value.is_empty() {
        map.insert("value".to_owned(), json!(pieces.value));
    }
    Ok(Data::Object(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let shown = match criterion(raw, Indirect::Eager) {
            Ok(criterion) => {
                let signs =
                    format!("{} {:?} {:?}", criterion.has_childrens_parents, criterion.parents, criterion.children);
                format!("{:?} {:?} {} | {signs}", criterion.method, criterion.arguments, criterion.value)
            }
            Err(problem) => problem.message,
        };
        assert_eq!(shown, expected, "{raw}");
    }

    #[test]
    fn signs_methods_and_values_are_told_apart() {
        check("orders", "Fqn [] orders | false None None");
        check("+orders", "Fqn [] orders | false Some(None) None");
        check("2+orders+1", "Fqn [] orders | false Some(Some(2)) Some(Some(1))");
        check("@tag:daily", "Tag [] daily | true None None");
        check("config.meta.owner:a+b+", "Config [\"meta\", \"owner\"] a+b | false None Some(None)");
        check("models/a.sql", "Path [] models/a.sql | false None None");
        check("a.sql", "File [] a.sql | false None None");
        check("1orders", "Fqn [] 1orders | false None None");
        check("a b:c", "Fqn [] a b:c | false None None");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        check("@orders+", "`@orders+` has both `@` in front and `+` behind");
        check("tags:x", "`tags` is not a selection method");
    }
}
