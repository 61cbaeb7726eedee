//! selectors.yml: selections that have names.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::Indirect;
use super::grammar::{Criterion, Group, Spec, check_signs, criterion, default_method, method_of, published};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, did_you_mean};
use crate::project::SelectorsFile;

/// The named selections of a project.
#[derive(Clone, Debug, Default)]
pub struct Selectors {
    list: Vec<Selector>,
}

#[derive(Clone, Debug)]
struct Selector {
    name: String,
    is_default: bool,
    spec: Spec,
    published: Data,
}

impl Selectors {
    /// Reads what a file declares. `indirect` is the mode of criteria that do not say their own.
    ///
    /// # Errors
    /// When a definition is not valid; the diagnostic has the place of the selector.
    pub fn read(file: &SelectorsFile, indirect: Indirect) -> Result<Self, Box<Diagnostic>> {
        let mut selectors = Self::default();
        for (ix, data) in file.data.get("selectors").and_then(Data::as_array).into_iter().flatten().enumerate() {
            let place = file.yaml.get("selectors").and_then(|list| list.items().get(ix)).map(|item| item.span);
            let place = Place { file: &file.file, span: place.unwrap_or_default() };
            let selector = selectors.selector(data, indirect).map_err(|problem| place.on(problem))?;
            selectors.list.push(selector);
        }
        Ok(selectors)
    }

    /// The selectors as manifests publish them.
    #[must_use]
    pub fn published(&self) -> Map<String, Data> {
        self.list.iter().map(|selector| (selector.name.clone(), selector.published.clone())).collect()
    }

    /// The names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|selector| selector.name.as_str())
    }

    pub(super) fn default_spec(&self) -> Option<&Spec> {
        self.list.iter().find(|selector| selector.is_default).map(|selector| &selector.spec)
    }

    pub(super) fn spec(&self, name: &str) -> Result<&Spec, Box<Diagnostic>> {
        let found = self.list.iter().find(|selector| selector.name == name);
        found.map(|selector| &selector.spec).ok_or_else(|| Box::new(self.unknown(name)))
    }

    fn unknown(&self, name: &str) -> Diagnostic {
        let message = format!("there is no selector `{name}`");
        let error = Diagnostic::error(Code::SelectorNotFound, message).maybe_hint(did_you_mean(name, self.names()));
        let names: Vec<_> = self.names().map(|name| format!("`{name}`")).collect();
        match names.is_empty() {
            true => error.hint("declare it in selectors.yml beside dbt_project.yml"),
            false => error.hint(format!("selectors.yml has {}", names.join(", "))),
        }
    }

    fn selector(&self, data: &Data, indirect: Indirect) -> Result<Selector, Box<Diagnostic>> {
        let Some(name) = data.get("name").and_then(Data::as_str) else {
            return Err(invalid("a selector has no `name:`"));
        };
        let Some(definition) = data.get("definition").filter(|value| value.is_string() || value.is_object()) else {
            return Err(invalid(format!("selector `{name}` has no `definition:`, which is text or a mapping")));
        };
        let is_default = data.get("default").and_then(Data::as_bool).unwrap_or(false);
        if is_default && let Some(other) = self.list.iter().find(|selector| selector.is_default) {
            return Err(invalid(format!("`{}` and `{name}` are both the default selector", other.name)));
        }
        let sets = ["union", "intersection"].iter().any(|key| definition.get(key).is_some());
        if sets && definition.as_object().is_some_and(|map| map.len() > 1) {
            return Err(invalid(format!("selector `{name}` has other keys beside `union` or `intersection`")));
        }
        let spec = self.spec_of(definition, indirect)?;
        let mut published = data.as_object().cloned().unwrap_or_default();
        published.insert("definition".to_owned(), self.published_of(definition)?);
        Ok(Selector { name: name.to_owned(), is_default, spec, published: Data::Object(published) })
    }

    fn spec_of(&self, definition: &Data, indirect: Indirect) -> Result<Spec, Box<Diagnostic>> {
        match definition {
            Data::String(text) => criterion(text, indirect).map(Spec::One),
            Data::Object(map) if map.contains_key("union") => self.set(map, ("union", Spec::Union), indirect),
            Data::Object(map) if map.contains_key("intersection") => {
                self.set(map, ("intersection", Spec::Intersection), indirect)
            }
            Data::Object(map) => self.criterion_of(map, indirect),
            _ => Err(invalid("a selection is text or a mapping")),
        }
    }

    fn set(
        &self,
        map: &Map<String, Data>,
        (key, make): (&str, fn(Group) -> Spec),
        indirect: Indirect,
    ) -> Result<Spec, Box<Diagnostic>> {
        let mut parts = Vec::new();
        let mut excluded = None;
        for item in list_of(map, key)? {
            match item.get("exclude") {
                None => parts.push(self.spec_of(item, indirect)?),
                // As in dbt, an entry with `exclude` says nothing but that, whatever else stands in it.
                Some(_) if excluded.is_some() => {
                    return Err(invalid(format!("`{key}` has `exclude` twice")));
                }
                Some(_) => excluded = item.as_object().map(|map| self.exclusion(map, indirect)).transpose()?,
            }
        }
        Ok(without(make(Group::plain(parts)), excluded))
    }

    fn exclusion(&self, map: &Map<String, Data>, indirect: Indirect) -> Result<Spec, Box<Diagnostic>> {
        let parts: Result<Vec<_>, _> =
            list_of(map, "exclude")?.iter().map(|item| self.spec_of(item, indirect)).collect();
        parts.map(|parts| Spec::Union(Group::plain(parts)))
    }

    fn criterion_of(&self, map: &Map<String, Data>, indirect: Indirect) -> Result<Spec, Box<Diagnostic>> {
        let only = (map.len() == 1).then(|| map.iter().next()).flatten();
        let (method, value) = match (only, map.get("method").and_then(Data::as_str), map.get("value")) {
            (Some((method, value)), ..) => (method.as_str(), value),
            (None, Some(method), Some(value)) => (method, value),
            _ => return Err(invalid("a selection has one key, or `method` and `value`")),
        };
        if method == "selector" {
            let name = value.as_str().unwrap_or_default();
            return self.spec(name).cloned();
        }
        let is_set = |key: &str| map.get(key).is_some_and(|value| value.as_bool().unwrap_or(!value.is_null()));
        let depth = |key: &str| match map.get(&format!("{key}_depth")) {
            Some(Data::Number(number)) => number.as_u64().and_then(|depth| usize::try_from(depth).ok()),
            Some(Data::String(text)) => text.parse().ok(),
            _ => None,
        };
        let mode = match map.get("indirect_selection").and_then(Data::as_str) {
            Some(word) => Indirect::find(word).ok_or_else(|| {
                invalid(format!(
                    "`{word}` is not a mode of indirect selection: there are eager, cautious, buildable and empty"
                ))
            })?,
            None => indirect,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (method, arguments) =
            if method.is_empty() { (default_method(&text), Vec::new()) } else { method_of(method)? };
        let criterion = Criterion {
            raw: Data::Object(map.clone()).to_string(),
            method,
            arguments,
            value: text,
            data: value.clone(),
            has_childrens_parents: is_set("childrens_parents"),
            parents: is_set("parents").then(|| depth("parents")),
            children: is_set("children").then(|| depth("children")),
            indirect: mode,
        };
        check_signs(&criterion)?;
        let excluded = map.contains_key("exclude").then(|| self.exclusion(map, indirect)).transpose()?;
        Ok(without(Spec::One(criterion), excluded))
    }

    /// A definition with texts written out as mappings, and other selectors put in.
    fn published_of(&self, definition: &Data) -> Result<Data, Box<Diagnostic>> {
        let each = |items: &[Data]| items.iter().map(|item| self.published_of(item)).collect::<Result<Data, _>>();
        match definition {
            Data::String(text) => published(text),
            Data::Object(map) => {
                for key in ["union", "intersection"] {
                    if let Some(Data::Array(items)) = map.get(key) {
                        return Ok(json!({key: each(items)?}));
                    }
                }
                match (map.iter().next(), map.get("value")) {
                    (Some((key, Data::Array(items))), _) if key == "exclude" => Ok(json!({"exclude": each(items)?})),
                    (Some((key, value)), _) if map.len() == 1 => Ok(json!({"method": key, "value": value})),
                    (_, Some(Data::String(name))) if map.get("method").and_then(Data::as_str) == Some("selector") => {
                        let other = self.list.iter().find(|selector| selector.name == *name);
                        Ok(other.and_then(|other| other.published.get("definition")).cloned().unwrap_or_default())
                    }
                    _ => Ok(definition.clone()),
                }
            }
            _ => Ok(definition.clone()),
        }
    }
}

fn without(spec: Spec, excluded: Option<Spec>) -> Spec {
    match excluded {
        Some(excluded) => Spec::Difference(Group::plain(vec![spec, excluded])),
        None => spec,
    }
}

fn list_of<'a>(map: &'a Map<String, Data>, key: &str) -> Result<&'a [Data], Box<Diagnostic>> {
    map.get(key).and_then(Data::as_array).map(Vec::as_slice).ok_or_else(|| invalid(format!("`{key}` is not a list")))
}

fn invalid(message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::SelectorSyntax, message))
}

struct Place<'a> {
    file: &'a Arc<SourceFile>,
    span: Span,
}

impl Place<'_> {
    fn on(&self, problem: Box<Diagnostic>) -> Box<Diagnostic> {
        if problem.at.is_some() { problem } else { Box::new(problem.at(self.file, self.span)) }
    }
}
