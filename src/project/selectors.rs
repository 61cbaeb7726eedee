//! selectors.yml as it lies on disk; what it means is the `select` room's affair.

use std::sync::Arc;

use serde_json::Value as Data;

use super::project_file::Rendering;
use super::yaml::{self, Yaml, YamlKind};
use super::{Project, RenderYaml, scan};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};

/// The project's selectors.yml.
#[derive(Clone, Debug)]
pub struct SelectorsFile {
    /// The file.
    pub file: Arc<SourceFile>,
    /// What it says, with places.
    pub yaml: Yaml,
    /// What it says, with templates rendered.
    pub data: Data,
}

/// Reads selectors.yml of the root project, if there is one.
///
/// # Errors
/// When it cannot be read or rendered.
pub fn read_selectors(
    project: &Project,
    engine: &dyn RenderYaml,
    diagnostics: &mut Diagnostics,
) -> Result<Option<SelectorsFile>, Box<Diagnostic>> {
    let path = project.root().root.join("selectors.yml");
    if !path.is_file() {
        return Ok(None);
    }
    let file = SourceFile::new("selectors.yml", scan::read_text(&path, "selectors.yml")?);
    let yaml = yaml::parse(&file, diagnostics)?;
    let settings = &project.settings;
    let rendering = Rendering { engine, vars: &settings.vars, env: &settings.env, target: Some(&project.target) };
    let data = rendering.values(&file, false).render_all(&yaml)?;
    let list = yaml.get("selectors");
    let is_list = list.is_none_or(|list| matches!(list.kind, YamlKind::Seq(_) | YamlKind::Null));
    if !is_list || !matches!(yaml.kind, YamlKind::Map(_) | YamlKind::Null) {
        let error = Diagnostic::error(Code::YamlType, "`selectors` is not a list");
        return Err(Box::new(error.at(&file, list.map_or(yaml.span, |list| list.span))));
    }
    Ok(Some(SelectorsFile { file, yaml, data }))
}
