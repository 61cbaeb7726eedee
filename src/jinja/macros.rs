//! Macros of all packages: their definitions, how names find them, how they run.
//!
//! minijinja binds a macro to the render that made it. So every macro is a
//! small template of its own; the value a template sees is a [`MacroRef`],
//! which loads that template into the running render on the first call.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Tuple};
use minijinja::{Error, State, Value};

use super::blocks::{Block, BlockKind};
use super::env::Mode;
use super::error::{Place, RawFrame, RenderError, RenderErrorKind, raise, unwrap, wrap};
use super::py::PyDict;
use super::rewrite::{Call, Constant, Rewritten, rewrite_macro};
use super::root::Unknown;
use super::source::{SourceRef, line_column};
use super::state::render_state;
use crate::diagnostic::{SourceFile, Span};

/// The namespace that the macros of internal packages share.
pub const GLOBAL_PACKAGE: &str = "dbt";

/// Macro calls may nest this deep.
const MAX_DEPTH: usize = 180;

/// What a macro block declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MacroKind {
    /// `{% macro name(..) %}`.
    Macro,
    /// `{% test name(..) %}` or `{% data_test name(..) %}`.
    Test,
    /// `{% materialization name, adapter='..' %}`.
    Materialization {
        /// The adapter it is for, or `default`.
        adapter: String,
        /// Languages it says it supports; `sql` when it says nothing.
        languages: Vec<String>,
    },
}

/// One macro as it stands in a file.
#[derive(Debug, Clone)]
pub struct MacroDef {
    /// For example `macro.dbt_utils.star`.
    pub unique_id: String,
    /// The package that holds it.
    pub package: String,
    /// The name it is called by: `star`, `test_unique`, `materialization_view_duckdb`.
    pub name: String,
    /// What kind of block declared it.
    pub kind: MacroKind,
    /// The file it is in.
    pub source: SourceRef,
    /// Byte range of the whole block, tags included.
    pub span: Range<usize>,
    /// Line of the block's first character, from 1.
    pub line: u32,
}

impl MacroDef {
    /// Makes a definition from a scanned block; `None` for blocks that are no macros.
    pub fn from_block(package: &str, source: &SourceRef, block: &Block) -> Option<MacroDef> {
        let (name, kind) = match &block.kind {
            BlockKind::Macro => (block.name.clone(), MacroKind::Macro),
            BlockKind::Test | BlockKind::DataTest => (format!("test_{}", block.name), MacroKind::Test),
            BlockKind::Materialization => {
                let header = super::rewrite::materialization_header(block.text(&source.text));
                let name = format!("materialization_{}_{}", block.name, header.adapter);
                let kind = MacroKind::Materialization { adapter: header.adapter, languages: header.languages };
                (name, kind)
            }
            BlockKind::Snapshot | BlockKind::Docs => return None,
        };
        Some(MacroDef {
            unique_id: format!("macro.{package}.{name}"),
            package: package.to_string(),
            name,
            kind,
            source: source.clone(),
            span: block.span.clone(),
            line: block.line,
        })
    }

    /// The text of the block (`macro_sql`).
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }

    /// The file it stands in.
    pub fn file(&self) -> Arc<SourceFile> {
        SourceFile::new(self.source.path.to_string(), Arc::clone(&self.source.text))
    }

    /// Where its first tag stands.
    pub fn head(&self) -> Span {
        let length = self.text().find("%}").map_or(2, |end| end + 2);
        Span::new(self.span.start, self.span.start + length)
    }

    /// The place of a byte range of the block's text in its file.
    pub fn place(&self, span: Range<usize>) -> Place {
        let start = self.span.start;
        let (line, column) = line_column(&self.source.text, start + span.start);
        Place { path: self.source.path.clone(), span: start + span.start..start + span.end, line, column }
    }
}

/// A registered macro and what is known about its text.
pub struct MacroEntry {
    /// The definition.
    pub def: MacroDef,
    index: u32,
    rewritten: OnceLock<Result<Rewritten, Box<RenderError>>>,
}

impl fmt::Debug for MacroEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacroEntry({})", self.def.unique_id)
    }
}

impl MacroEntry {
    pub(crate) fn rewritten(&self) -> Result<&Rewritten, &RenderError> {
        self.rewritten.get_or_init(|| rewrite_macro(&self.def).map_err(Box::new)).as_ref().map_err(|err| &**err)
    }

    /// The calls in the macro's text, in order of appearance.
    pub fn calls(&self) -> Result<&[Call], &RenderError> {
        self.rewritten().map(|r| r.calls.as_slice())
    }

    /// Names of the macro's parameters, without the hidden ones.
    pub fn parameters(&self) -> Result<&[String], &RenderError> {
        self.rewritten().map(|r| r.params.as_slice())
    }
}

/// Two macros of one package that share a name.
#[derive(Debug, Clone)]
pub struct DuplicateMacro {
    /// The one that is used.
    pub first: MacroDef,
    /// The one that is left out.
    pub second: MacroDef,
}

/// Collects macros for a [`MacroRegistry`].
#[derive(Debug, Default)]
pub struct MacroRegistryBuilder {
    macros: Vec<MacroDef>,
    internal: Vec<String>,
    root: String,
}

impl MacroRegistryBuilder {
    /// Adds a macro.
    #[must_use]
    pub fn with(mut self, def: MacroDef) -> Self {
        self.macros.push(def);
        self
    }

    /// Adds many macros.
    #[must_use]
    pub fn add_all(mut self, defs: impl IntoIterator<Item = MacroDef>) -> Self {
        self.macros.extend(defs);
        self
    }

    /// Names the packages inside kiln, the one that wins first (`dbt_duckdb`, `dbt`).
    #[must_use]
    pub fn internal_packages(mut self, packages: Vec<String>) -> Self {
        self.internal = packages;
        self
    }

    /// Names the root project.
    #[must_use]
    pub fn root_package(mut self, package: impl Into<String>) -> Self {
        self.root = package.into();
        self
    }

    /// Freezes the registry.
    pub fn build(self) -> Arc<MacroRegistry> {
        let mut registry = MacroRegistry {
            entries: Vec::with_capacity(self.macros.len()),
            by_id: HashMap::new(),
            packages: IndexMap::new(),
            internal: self.internal,
            root: self.root,
            duplicates: Vec::new(),
            namespaces: Mutex::default(),
        };
        for def in self.macros {
            registry.insert(def);
        }
        Arc::new(registry)
    }
}

type MacroTable = IndexMap<String, Value>;

/// All macros of a project, frozen.
#[derive(Debug)]
pub struct MacroRegistry {
    entries: Vec<Arc<MacroEntry>>,
    by_id: HashMap<String, u32>,
    packages: IndexMap<String, MacroTable>,
    internal: Vec<String>,
    root: String,
    duplicates: Vec<DuplicateMacro>,
    namespaces: Mutex<HashMap<String, Arc<Namespace>>>,
}

impl MacroRegistry {
    /// Starts an empty registry.
    pub fn builder() -> MacroRegistryBuilder {
        MacroRegistryBuilder::default()
    }

    fn insert(&mut self, def: MacroDef) {
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let table = self.packages.entry(def.package.clone()).or_default();
        if let Some(first) = table.get(&def.name).and_then(MacroRef::of) {
            let first = first.entry.def.clone();
            self.duplicates.push(DuplicateMacro { first, second: def });
            return;
        }
        let entry = Arc::new(MacroEntry { def, index, rewritten: OnceLock::new() });
        let value = Value::from_object(MacroRef { entry: entry.clone() });
        table.insert(entry.def.name.clone(), value);
        self.by_id.insert(entry.def.unique_id.clone(), index);
        self.entries.push(entry);
    }

    /// Macros left out because their package has one of that name already.
    pub fn duplicates(&self) -> &[DuplicateMacro] {
        &self.duplicates
    }

    /// All macros, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<MacroEntry>> {
        self.entries.iter()
    }

    /// Finds a macro by unique id.
    pub fn by_id(&self, unique_id: &str) -> Option<&Arc<MacroEntry>> {
        self.entries.get(*self.by_id.get(unique_id)? as usize)
    }

    /// The callable value of a macro.
    pub(crate) fn value_of(&self, unique_id: &str) -> Option<Value> {
        let def = &self.by_id(unique_id)?.def;
        self.packages.get(&def.package)?.get(&def.name).cloned()
    }

    /// Name of the root project.
    pub fn root_package(&self) -> &str {
        &self.root
    }

    /// Packages inside kiln, the one that wins first.
    pub fn internal_packages(&self) -> &[String] {
        &self.internal
    }

    fn is_internal(&self, package: &str) -> bool {
        self.internal.iter().any(|name| name == package)
    }

    /// Finds a macro inside one package only.
    pub fn in_package(&self, package: &str, name: &str) -> Option<&Arc<MacroEntry>> {
        let value = self.packages.get(package)?.get(name)?;
        let index = MacroRef::of(value)?.entry.index;
        self.entries.get(index as usize)
    }

    /// Finds a macro by name as the parser does for `depends_on`: the given
    /// package, the root project, other packages, then the internal ones.
    pub fn resolve(&self, package: Option<&str>, name: &str) -> Option<&Arc<MacroEntry>> {
        if let Some(entry) = package.and_then(|package| self.in_package(package, name)) {
            return Some(entry);
        }
        if let Some(entry) = self.in_package(&self.root, name) {
            return Some(entry);
        }
        // The package added last wins here, as in dbt.
        let external = self
            .packages
            .keys()
            .rev()
            .filter(|package| !self.is_internal(package))
            .find_map(|package| self.in_package(package, name));
        external.or_else(|| self.internal.iter().find_map(|package| self.in_package(package, name)))
    }

    /// Unique ids of the macros that a macro calls, found in its text as dbt
    /// finds them: without running it.
    ///
    /// `is_context_name` says which bare names are no macros; `dispatch` finds
    /// the macro that `adapter.dispatch(name, namespace)` would give.
    pub fn depends_on(
        &self,
        entry: &MacroEntry,
        is_context_name: &dyn Fn(&str) -> bool,
        dispatch: &dyn Fn(&str, Option<&str>) -> Option<String>,
    ) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut add = |id: String| {
            if !found.contains(&id) {
                found.push(id);
            }
        };
        for call in entry.calls().unwrap_or_default() {
            let (package, name) = match call.path.split_once('.') {
                None if matches!(call.path.as_str(), "ref" | "source" | "config") => continue,
                None if is_context_name(&call.path) => continue,
                None => (entry.def.package.as_str(), call.path.as_str()),
                Some(("adapter", "dispatch")) => {
                    let Some(name) = call.constant(0, "macro_name").and_then(Constant::as_str) else {
                        continue;
                    };
                    let namespace = call.constant(1, "macro_namespace").and_then(Constant::as_str);
                    if name != entry.def.name {
                        let package = Some(entry.def.package.as_str());
                        self.resolve(package, name)
                            .map(|entry| entry.def.unique_id.clone())
                            .into_iter()
                            .for_each(&mut add);
                    }
                    dispatch(name, namespace).into_iter().for_each(&mut add);
                    continue;
                }
                Some(("adapter", _)) => continue,
                Some((_, name)) if name.contains('.') => continue,
                Some((package, name)) => (package, name),
            };
            if call.path != entry.def.name
                && let Some(entry) = self.resolve(Some(package), name)
            {
                add(entry.def.unique_id.clone());
            }
        }
        found
    }

    /// What a node of `package` sees. Built once per package.
    pub(crate) fn namespace(&self, package: &str) -> Arc<Namespace> {
        let mut known = match self.namespaces.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(namespace) = known.get(package) {
            return namespace.clone();
        }
        let namespace = Arc::new(self.build_namespace(package));
        known.insert(package.to_string(), namespace.clone());
        namespace
    }

    fn build_namespace(&self, package: &str) -> Namespace {
        let mut global = MacroTable::new();
        for name in self.internal.iter().rev() {
            if let Some(table) = self.packages.get(name) {
                global.extend(table.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        let mut names: HashMap<String, Value> = global.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut packages = HashMap::new();
        packages.insert(GLOBAL_PACKAGE.to_string(), Arc::new(global));
        for (name, table) in &self.packages {
            if !self.is_internal(name) {
                packages.insert(name.clone(), Arc::new(table.clone()));
            }
        }
        names.extend(packages.iter().map(|(name, macros)| {
            (name.clone(), Value::from_object(PackageRef { name: name.clone(), macros: macros.clone() }))
        }));
        for name in [self.root.as_str(), package] {
            if let (Some(table), false) = (self.packages.get(name), self.is_internal(name)) {
                names.extend(table.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        Namespace { names, packages }
    }
}

/// The macros and package names that one package's nodes see.
#[derive(Debug)]
pub(crate) struct Namespace {
    names: HashMap<String, Value>,
    packages: HashMap<String, Arc<MacroTable>>,
}

impl Namespace {
    /// A macro or a package by bare name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// A macro as `adapter.dispatch` looks for it; `Err` when there is no such package.
    pub(crate) fn get_from_package(&self, package: Option<&str>, name: &str) -> Result<Option<Value>, String> {
        match package {
            None => Ok(self.get(name).cloned()),
            Some(package) => match self.packages.get(package) {
                Some(macros) => Ok(macros.get(name).cloned()),
                None => Err(format!("could not find package '{package}', referenced by a macro")),
            },
        }
    }
}

/// A package as templates see it: `dbt_utils.star`.
#[derive(Debug)]
struct PackageRef {
    name: String,
    macros: Arc<MacroTable>,
}

impl Object for PackageRef {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.macros.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.macros.keys().map(|k| Value::from(k.as_str())).collect())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.macros.get(method) {
            Some(target) => target.call(state, args),
            None => super::methods::mapping_method(state, self.clone(), method, args)
                .unwrap_or_else(|| self.missing(state, method)),
        }
    }
}

impl PackageRef {
    /// What comes of calling a macro that is not there. A node that does so can be parsed, as in dbt: it may be
    /// one that nobody builds.
    fn missing(&self, state: &mut State<'_, '_>, name: &str) -> Result<Value, Error> {
        let store = render_state(state);
        let is_parsing = store.root.as_ref().is_some_and(|root| root.mode == Mode::Parse);
        if is_parsing && store.depth() == 0 {
            return Ok(Unknown::value(name, true));
        }
        Err(raise(RenderErrorKind::UnknownName, format!("package '{}' has no macro named '{name}'", self.name)))
    }
}

/// The value that stands for a macro everywhere.
#[derive(Clone)]
pub(crate) struct MacroRef {
    pub(crate) entry: Arc<MacroEntry>,
}

impl fmt::Debug for MacroRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", self.entry.def.unique_id)
    }
}

impl MacroRef {
    /// The macro behind a value, if it is one.
    pub(crate) fn of(value: &Value) -> Option<&MacroRef> {
        value.downcast_object_ref::<MacroRef>()
    }

    /// Its unique id.
    pub(crate) fn unique_id(&self) -> &str {
        &self.entry.def.unique_id
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let rewritten = self.entry.rewritten().map_err(super::error::reraise)?;
        let native = self.load(state)?;
        let prepared = prepare_args(&self.entry.def.name, rewritten, args)?;
        native.call(state, prepared.as_deref().unwrap_or(args))
    }

    fn load(&self, state: &mut State<'_, '_>) -> Result<Value, Error> {
        let index = self.entry.index;
        let store = render_state(state);
        if let Some(native) = store.loaded.get(&index) {
            return Ok(native.clone());
        }
        let trampoline = store
            .trampoline
            .clone()
            .ok_or_else(|| raise(RenderErrorKind::Runtime, "macros cannot be called outside of a render"))?;
        let root = store.root.clone();
        // Compiled here first, so that a syntax error is reported as itself.
        state.env().get_template(self.unique_id())?;
        if let Some(root) = &root {
            root.begin_load();
        }
        let loaded = trampoline.call(state, &[Value::from(self.unique_id()), Value::from(index)]);
        if let Some(root) = &root {
            root.end_load();
        }
        loaded?;
        render_state(state)
            .loaded
            .get(&index)
            .cloned()
            .ok_or_else(|| raise(RenderErrorKind::Runtime, "a macro could not be loaded"))
    }
}

impl Object for MacroRef {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "name" => Some(Value::from(self.entry.def.name.as_str())),
            "unique_id" => Some(Value::from(self.unique_id())),
            "package_name" => Some(Value::from(self.entry.def.package.as_str())),
            _ => None,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let store = render_state(state);
        let depth = store.depth();
        if depth >= MAX_DEPTH {
            return Err(too_deep(store.macro_stack()));
        }
        store.stack.push(self.entry.clone());
        if let Some(root) = store.root.clone() {
            root.source.on_macro_call(self.unique_id(), depth);
        }
        let result = self.run(state, args);
        let store = render_state(state);
        store.stack.truncate(depth);
        match (store.returned.take(), result) {
            (Some(value), _) => Ok(value),
            (None, Ok(value)) => Ok(value),
            (None, Err(err)) => Err(self.add_frame(&err)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", self.unique_id())
    }
}

impl MacroRef {
    fn add_frame(&self, err: &Error) -> Error {
        let (mut raised, here) = unwrap(err);
        // The place where the macro below this one was called is in our text.
        if let (Some(last), Some(here)) = (raised.frames.last_mut(), here)
            && last.called_at.is_none()
        {
            last.called_at = Some(here);
        }
        raised.frames.push(RawFrame { macro_id: self.unique_id().to_string(), called_at: None });
        wrap(raised)
    }
}

fn too_deep(stack: Vec<&str>) -> Error {
    let tail: Vec<&str> = stack.iter().rev().take(4).rev().copied().collect();
    raise(
        RenderErrorKind::Recursion,
        format!("macros call each other too deeply (more than {MAX_DEPTH} levels): … {}", tail.join(" → ")),
    )
}

/// Checks the arguments as Jinja does, and fills the hidden `varargs` and
/// `kwargs` of macros that use them. `None` means: pass them as they are.
fn prepare_args(name: &str, rewritten: &Rewritten, args: &[Value]) -> Result<Option<Vec<Value>>, Error> {
    let n_params = rewritten.params.len();
    let keyword = args.last().filter(|last| last.is_kwargs());
    let n_positional = args.len() - usize::from(keyword.is_some());
    if n_positional > n_params && !rewritten.uses_varargs {
        return Err(raise(
            RenderErrorKind::Arguments,
            format!("macro '{name}' takes not more than {n_params} argument(s)"),
        ));
    }
    let extra = extra_keywords(rewritten, keyword)?;
    if !extra.is_empty() && !rewritten.uses_kwargs {
        return Err(raise(
            RenderErrorKind::Arguments,
            format!("macro '{name}' takes no keyword argument '{}'", extra[0].0),
        ));
    }
    if !rewritten.uses_varargs && !rewritten.uses_kwargs {
        return Ok(None);
    }
    let split = n_positional.min(n_params);
    let mut positional = args[..split].to_vec();
    let mut named: Vec<(String, Value)> = Vec::new();
    if let Some(keyword) = keyword {
        let kwargs = Kwargs::try_from(keyword.clone())?;
        for key in kwargs.args() {
            if !extra.iter().any(|(k, _)| k == key) {
                named.push((key.to_string(), kwargs.peek(key)?));
            }
        }
    }
    if rewritten.uses_varargs {
        let rest = Tuple::from(&args[split..n_positional]);
        named.push(("varargs".to_string(), Value::from(rest)));
    }
    if rewritten.uses_kwargs {
        let rest = PyDict::from_pairs(extra.into_iter().map(|(k, v)| (Value::from(k), v)));
        named.push(("kwargs".to_string(), rest.into_value()));
    }
    positional.push(Kwargs::from_iter(named).into());
    Ok(Some(positional))
}

fn extra_keywords(rewritten: &Rewritten, keyword: Option<&Value>) -> Result<Vec<(String, Value)>, Error> {
    let Some(keyword) = keyword else {
        return Ok(Vec::new());
    };
    let kwargs = Kwargs::try_from(keyword.clone())?;
    let mut extra = Vec::new();
    for key in kwargs.args() {
        let is_caller = key == "caller" && rewritten.uses_caller;
        if !is_caller && !rewritten.params.iter().any(|param| param == key) {
            extra.push((key.to_string(), kwargs.peek::<Value>(key)?));
        }
    }
    Ok(extra)
}
