//! The shape of entries in property files: values of the wrong kind are errors, and so are keys where dbt takes no
//! others; elsewhere custom keys pass, with a warning if they are nearly known ones.

use std::sync::Arc;

use super::properties::has_template;
use super::shapes;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use crate::project::yaml::{Yaml, YamlKind};

/// What kind of value a key takes.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Whatever; the value is checked where it is used.
    Any,
    Text,
    Flag,
    /// A whole number.
    Whole,
    /// A date, or a text that is one.
    Date,
    /// A text or a number, as versions are.
    Version,
    /// Texts.
    Texts,
    /// A text or a list of texts.
    TextOrTexts,
    /// A mapping of anything.
    Map,
    /// A list of anything.
    List,
    /// A list of mappings.
    Maps,
    /// A text or a list of mappings, as rows of unit tests are.
    Rows,
    /// A mapping of known keys.
    Part(&'static Keys),
    /// A list of such mappings.
    Parts(&'static Keys),
    /// A list of columns of a version, one of which may say what is taken over.
    VersionColumns,
}

/// The keys of a mapping.
pub(super) struct Keys {
    /// The keys, in groups that mappings share. Of two of one name the first counts.
    pub(super) groups: &'static [&'static [Key]],
    /// Whether other keys may be there.
    pub(super) is_open: bool,
}

impl Keys {
    fn iter(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().copied().flatten()
    }
}

/// A key and its value.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether it may be null.
    pub(super) may_be_null: bool,
    /// Whether it has to be there.
    pub(super) is_required: bool,
}

/// Checks one entry of a list of a property file.
pub(super) fn check(file: &Arc<SourceFile>, list: &str, entry: &Yaml, diagnostics: &mut Diagnostics) {
    if let Some(keys) = shapes::of_entry(list, entry) {
        Checker { file, diagnostics }.part(&format!("`{}` in `{list}`", name_of(entry)), keys, entry);
    }
}

struct Checker<'a> {
    file: &'a Arc<SourceFile>,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn part(&mut self, whose: &str, keys: &'static Keys, yaml: &Yaml) {
        for pair in yaml.entries() {
            match keys.iter().find(|key| key.name == pair.key) {
                Some(key) => self.value(whose, key, &pair.value),
                None => self.unknown(whose, keys, (&pair.key, pair.key_span)),
            }
        }
        for key in keys.iter().filter(|key| key.is_required && yaml.get(key.name).is_none()) {
            let message = format!("{whose} has no `{}`", key.name);
            self.diagnostics.push(Diagnostic::error(Code::PropertyInvalid, message).at(self.file, yaml.span));
        }
    }

    fn unknown(&mut self, whose: &str, keys: &Keys, (key, span): (&str, Span)) {
        let near = did_you_mean(key, keys.iter().map(|key| key.name));
        let message = format!("unknown key `{key}` of {whose}");
        if !keys.is_open {
            let known = || keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ");
            let hint = near.unwrap_or_else(|| format!("it takes {}", known()));
            self.diagnostics.push(Diagnostic::error(Code::UnknownKey, message).at(self.file, span).hint(hint));
        } else if let Some(hint) = near.filter(|_| !shapes::ELSEWHERE.contains(&key)) {
            let warning = Diagnostic::warning(Code::UnknownKey, message).at(self.file, span);
            self.diagnostics.push(warning.hint(format!("{hint} Put your own keys under `meta:`")));
        }
    }

    fn value(&mut self, whose: &str, key: &Key, value: &Yaml) {
        let name = key.name;
        if let Some(expected) = mismatch(key, value) {
            let message = format!("`{name}` of {whose} must be {expected}, not {}", value.kind_name());
            let error = Diagnostic::error(Code::YamlType, message).at(self.file, value.span);
            let is_null = matches!(value.kind, YamlKind::Null);
            self.diagnostics.push(if is_null { error.hint("give it a value, or leave the key out") } else { error });
            return;
        }
        match key.shape {
            Shape::Part(keys) if matches!(value.kind, YamlKind::Map(_)) => {
                self.part(&format!("`{name}` of {whose}"), keys, value);
            }
            Shape::Parts(keys) => value.items().iter().for_each(|item| self.item(name, keys, item)),
            Shape::VersionColumns => {
                for item in value.items() {
                    let says_which = item.get("include").is_some() || item.get("exclude").is_some();
                    self.item(name, if says_which { &shapes::WHICH_COLUMNS } else { &shapes::COLUMN }, item);
                }
            }
            _ => {}
        }
    }

    fn item(&mut self, list: &str, keys: &'static Keys, item: &Yaml) {
        if !matches!(item.kind, YamlKind::Map(_)) {
            let message = format!("an entry of `{list}` must be a mapping, not {}", item.kind_name());
            let error = Diagnostic::error(Code::YamlType, message).at(self.file, item.span);
            let is_named = keys.iter().next().is_some_and(|key| key.name == "name");
            self.diagnostics.push(if is_named { error.hint("write `- name: …`") } else { error });
            return;
        }
        self.part(&format!("`{}` in `{list}`", name_of(item)), keys, item);
    }
}

/// What a value should have been, if it is something else. Templates may become anything.
fn mismatch(key: &Key, value: &Yaml) -> Option<&'static str> {
    if matches!(&value.kind, YamlKind::String(text) if has_template(text)) {
        return None;
    }
    if matches!(value.kind, YamlKind::Null) && key.may_be_null {
        return None;
    }
    let is_text = |yaml: &Yaml| matches!(yaml.kind, YamlKind::String(_));
    let is_map = |yaml: &Yaml| matches!(yaml.kind, YamlKind::Map(_));
    let is_list = matches!(value.kind, YamlKind::Seq(_));
    let (fits, expected) = match key.shape {
        Shape::Any => (true, ""),
        Shape::Text => (is_text(value), "a text"),
        Shape::Flag => (matches!(value.kind, YamlKind::Bool(_)), "true or false"),
        Shape::Whole => (matches!(value.kind, YamlKind::Int(_)), "a whole number"),
        Shape::Date => (is_text(value) || matches!(value.kind, YamlKind::Moment(_)), "a date"),
        Shape::Version => {
            (is_text(value) || matches!(value.kind, YamlKind::Int(_) | YamlKind::Float(_)), "a number or a text")
        }
        Shape::Texts => (is_list && value.items().iter().all(is_text), "a list of texts"),
        Shape::TextOrTexts => {
            (is_text(value) || is_list && value.items().iter().all(is_text), "a text or a list of texts")
        }
        Shape::Map | Shape::Part(_) => (is_map(value), "a mapping"),
        Shape::Maps => (is_list && value.items().iter().all(is_map), "a list of mappings"),
        Shape::Rows => (is_text(value) || is_list && value.items().iter().all(is_map), "a text or a list of mappings"),
        Shape::List | Shape::Parts(_) | Shape::VersionColumns => (is_list, "a list"),
    };
    (!fits).then_some(expected)
}

fn name_of(entry: &Yaml) -> String {
    match ["name", "v", "input"].iter().find_map(|key| entry.get(key)).map(|name| name.to_data()) {
        Some(serde_json::Value::String(name)) => name,
        Some(other) if !other.is_null() => other.to_string(),
        _ => "?".to_owned(),
    }
}
