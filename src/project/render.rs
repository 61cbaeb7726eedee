//! Templates in the values of a YAML file, filled in through the template room.

use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::yaml::{Yaml, YamlKind};
use super::{RenderYaml, YamlScope};
use crate::diagnostic::{Diagnostic, SourceFile};

/// Renders the values of one file.
#[derive(Clone, Copy)]
pub(super) struct ValueRenderer<'a> {
    /// The template engine.
    pub(super) engine: &'a dyn RenderYaml,
    /// What templates see.
    pub(super) scope: YamlScope<'a>,
    /// The file, for places in messages.
    pub(super) file: &'a Arc<SourceFile>,
    /// Keep a text as written if it cannot be rendered: where there is no target that it could need.
    pub(super) is_lenient: bool,
}

impl ValueRenderer<'_> {
    /// Renders every string of a value, except below the keys that `is_kept` names. A key comes without its `+`.
    pub(super) fn render(&self, yaml: &Yaml, is_kept: fn(&str) -> bool) -> Result<Data, Box<Diagnostic>> {
        match &yaml.kind {
            YamlKind::String(text) => self.text(text, yaml),
            YamlKind::Seq(items) => items.iter().map(|item| self.render(item, is_kept)).collect(),
            YamlKind::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let name = entry.key.trim_start_matches(['+', ' ']);
                    let value = if is_kept(name) { entry.value.to_data() } else { self.render(&entry.value, is_kept)? };
                    map.insert(entry.key.clone(), value);
                }
                Ok(Data::Object(map))
            }
            _ => Ok(yaml.to_data()),
        }
    }

    /// Renders every string of a value.
    pub(super) fn render_all(&self, yaml: &Yaml) -> Result<Data, Box<Diagnostic>> {
        self.render(yaml, |_| false)
    }

    fn text(&self, text: &str, yaml: &Yaml) -> Result<Data, Box<Diagnostic>> {
        if !has_template(text) {
            // Jinja takes off one line end at the end of a template.
            return Ok(Data::String(text.strip_suffix('\n').unwrap_or(text).to_owned()));
        }
        match self.engine.render_native(text, self.scope) {
            Err(_) if self.is_lenient => Ok(Data::String(text.to_owned())),
            Err(problem) if problem.at.is_none() => Err(Box::new(problem.at(self.file, yaml.span))),
            result => result,
        }
    }
}

/// Tells whether a text has anything for the template engine.
pub(super) fn has_template(text: &str) -> bool {
    ["{{", "{%", "{#", "}}", "%}", "#}"].iter().any(|mark| text.contains(mark))
}
