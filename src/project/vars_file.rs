//! `vars.yml`: variables in a file of their own, which dbt_project.yml may use.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::{ProjectConfig, scan, yaml};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};

const NAME: &str = "vars.yml";

/// The variables of a project's `vars.yml`.
#[derive(Debug)]
pub(super) struct VarsFile {
    file: Arc<SourceFile>,
    vars: Map<String, Data>,
}

impl VarsFile {
    /// Reads the file in the project's folder. None if there is no such file, or nothing under `vars:` in it.
    pub(super) fn read(root: &Path, diagnostics: &mut Diagnostics) -> Result<Option<Self>, Box<Diagnostic>> {
        let path = root.join(NAME);
        if !path.is_file() {
            return Ok(None);
        }
        let file = SourceFile::new(NAME, scan::read_text(&path, NAME)?);
        let read = yaml::parse(&file, diagnostics)?;
        let Some(value) = read.get("vars").filter(|value| !value.is_null()) else { return Ok(None) };
        match value.to_marked_data() {
            Data::Object(vars) if vars.is_empty() => Ok(None),
            Data::Object(vars) => Ok(Some(Self { file, vars })),
            _ => {
                let message = format!("`vars` of `{NAME}` holds {}, not a mapping", value.kind_name());
                Err(Box::new(Diagnostic::error(Code::YamlType, message).at(&file, value.span)))
            }
        }
    }

    /// What dbt_project.yml sees: these variables under those of the command line.
    pub(super) fn under(file: Option<&Self>, given: &Map<String, Data>) -> Map<String, Data> {
        let mut all = file.map(|file| file.vars.clone()).unwrap_or_default();
        all.extend(given.clone());
        all
    }

    /// Makes these the variables of the project.
    ///
    /// # Errors
    /// When dbt_project.yml has variables, too.
    pub(super) fn apply(self, config: &mut ProjectConfig) -> Result<(), Box<Diagnostic>> {
        if !config.vars.is_empty() {
            let message = "variables are set in `vars.yml` and under `vars:` of dbt_project.yml";
            let error = Diagnostic::error(Code::ProjectInvalid, message).in_file(&self.file);
            return Err(Box::new(error.hint("move them all into one of the two")));
        }
        config.vars = self.vars;
        Ok(())
    }
}
