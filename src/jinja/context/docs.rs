//! Descriptions: templates that may quote docs blocks with `doc()`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use minijinja::{Error, Value};

use super::base::VarFunction;
use super::diagnose;
use super::failure::{ContextError, fail, fail_with};
use super::parse::{ParseShared, Template};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::jinja::ContextSource;
use crate::jinja::functions::callable;
use crate::jinja::py::{self, CallArgs};
use crate::manifest::Doc;

/// Docs blocks by package and name.
#[derive(Debug, Default)]
pub struct DocsIndex {
    root: String,
    blocks: HashMap<(String, String), Arc<str>>,
    packages: HashMap<String, Vec<String>>,
}

impl DocsIndex {
    /// Indexes the blocks; `root` is the root project's name.
    pub fn new<'a>(root: &str, docs: impl IntoIterator<Item = &'a Doc>) -> Self {
        let mut index = Self { root: root.to_string(), ..Self::default() };
        for doc in docs {
            let text: Arc<str> = doc.contents.as_str().into();
            index.packages.entry(doc.name.clone()).or_default().push(doc.package.clone());
            index.blocks.insert((doc.package.clone(), doc.name.clone()), text);
        }
        index
    }

    /// Finds a block as `doc()` does: in the named package, or the root project, the node's package, any.
    fn find(&self, package: Option<&str>, name: &str, node_package: &str) -> Option<(String, Arc<str>)> {
        let get = |package: &str| {
            let key = (package.to_string(), name.to_string());
            self.blocks.get(&key).map(|text| (format!("doc.{package}.{name}"), Arc::clone(text)))
        };
        match package {
            Some(package) => get(package),
            None => get(node_package)
                .or_else(|| get(&self.root))
                .or_else(|| self.packages.get(name).and_then(|packages| packages.iter().find_map(|p| get(p)))),
        }
    }
}

#[derive(Debug)]
struct DocsContext {
    shared: Arc<ParseShared>,
    package: String,
    own: HashMap<&'static str, Value>,
}

impl ContextSource for DocsContext {
    fn get(&self, name: &str) -> Option<Value> {
        self.own.get(name).or_else(|| self.shared.base.names.get(name)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.own.keys().chain(self.shared.base.names.keys()).map(|name| (*name).to_string()).collect()
    }

    fn macro_package(&self) -> &str {
        &self.package
    }
}

/// Renders a description; gives the text and the ids of the docs blocks in it.
///
/// # Errors
/// When the template fails or a block does not exist.
pub fn render_description(
    shared: &Arc<ParseShared>,
    docs: &Arc<DocsIndex>,
    package: &str,
    unique_id: &str,
    template: &Template,
) -> Result<(String, Vec<String>), Box<Diagnostic>> {
    if !template.text.contains("{{") && !template.text.contains("{%") && !template.text.contains("{#") {
        return Ok((template.text.to_string(), Vec::new()));
    }
    let used = Arc::new(Mutex::new(Vec::new()));
    let (index, recorder) = (Arc::clone(docs), Arc::clone(&used));
    let (node_package, node_id) = (package.to_string(), unique_id.to_string());
    let doc = callable("doc", move |_, args| doc(&index, &node_package, &node_id, &recorder, args));
    let var = VarFunction {
        vars: Arc::clone(shared.base.variables.of(package)),
        node: "<Configuration>".to_string(),
        is_required: true,
        record: Box::new(|_| {}),
    };
    let base = Arc::clone(&shared.base);
    let env_var = callable("env_var", move |_, args| base.env_var(args, |_, _| {}));
    let own = HashMap::from([("doc", doc), ("var", Value::from_object(var)), ("env_var", env_var)]);
    let context = DocsContext { shared: Arc::clone(shared), package: package.to_string(), own };
    let rendered = shared
        .env
        .render(&template.source(unique_id), Arc::new(context))
        .map_err(|error| diagnose(&error, Some(&template.file), shared.env.registry()))?;
    let used = used.lock().map(|used| used.clone()).unwrap_or_default();
    Ok((rendered.text, used))
}

fn doc(
    index: &DocsIndex,
    node_package: &str,
    node_id: &str,
    used: &Mutex<Vec<String>>,
    args: &[Value],
) -> Result<Value, Error> {
    let args = CallArgs::split(args).positional;
    let (package, name) = match &args[..] {
        [name] => (None, py::to_str(name)),
        [package, name] => (Some(py::to_str(package)), py::to_str(name)),
        _ => {
            let message = format!("doc() takes at most two arguments ({} given)", args.len());
            return Err(fail(Code::WrongArguments, message));
        }
    };
    let Some((id, text)) = index.find(package.as_deref(), &name, node_package) else {
        let place = package.map(|package| format!("in package '{package}' ")).unwrap_or_default();
        let known = index.packages.keys().map(String::as_str);
        return Err(fail_with(ContextError {
            code: Code::PropertyInvalid,
            message: format!("Documentation for '{node_id}' depends on doc '{name}' {place} which was not found"),
            hints: did_you_mean(&name, known).into_iter().collect(),
        }));
    };
    if let Ok(mut used) = used.lock()
        && !used.contains(&id)
    {
        used.push(id);
    }
    Ok(Value::from(&*text))
}
