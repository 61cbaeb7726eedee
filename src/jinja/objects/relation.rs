//! Relations as templates hold them: a name, what it is, and how it prints.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{callable, given, none};
use crate::jinja::py::{self, CallArgs, PyDict};
use crate::sql::{Dialect, QuotePolicy, Relation, RelationKind};

/// A window of time that a `ref` is cut down to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventTimeFilter {
    /// The column, quoted where needed.
    pub(crate) field: String,
    /// First instant.
    pub(crate) start: Option<String>,
    /// One past the last instant.
    pub(crate) end: Option<String>,
}

/// A relation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RelationValue {
    /// Name, kind and quoting.
    pub(crate) relation: Relation,
    /// Which parts are written.
    pub(crate) include: QuotePolicy,
    /// Text that stands for the relation instead of its name (a file of an external source).
    pub(crate) external: Option<String>,
    /// Rows it is cut down to; 0 with `--empty`.
    pub(crate) limit: Option<u64>,
    /// The time it is cut down to.
    pub(crate) event_time: Option<EventTimeFilter>,
    /// `Some` for an information schema: the view in it, or nothing.
    pub(crate) information_schema: Option<Option<String>>,
    /// Whether dbt made it in this run: then unquoted names match in any case.
    pub(crate) dbt_created: bool,
    /// The dialect, which decides on aliases.
    pub(crate) dialect: Dialect,
}

impl fmt::Debug for RelationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.dialect {
            Dialect::DuckDb => "DuckDBRelation",
            Dialect::Postgres => "PostgresRelation",
        };
        write!(f, "<{class} {}>", self.to_sql())
    }
}

impl RelationValue {
    /// Wraps a name.
    pub(crate) fn new(relation: Relation, dialect: Dialect) -> Self {
        Self {
            relation,
            include: QuotePolicy::ALL,
            external: None,
            limit: None,
            event_time: None,
            information_schema: None,
            dbt_created: false,
            dialect,
        }
    }

    /// An ephemeral model: the name of its common table expression.
    pub(crate) fn ephemeral(identifier: &str, dialect: Dialect) -> Self {
        let relation = Relation {
            database: None,
            schema: None,
            identifier: Some(ephemeral_name(identifier)),
            kind: Some(RelationKind::Cte),
            quoting: QuotePolicy { identifier: false, ..QuotePolicy::ALL },
        };
        Self::new(relation, dialect)
    }

    /// The relation as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The relation in a value.
    pub(crate) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Self>()
    }

    /// The bare name, as `relation.render()` gives it.
    pub(crate) fn to_sql(&self) -> String {
        if let Some(external) = &self.external {
            return external.clone();
        }
        let mut name = self.written().to_string();
        if let Some(Some(view)) = &self.information_schema {
            name.push('.');
            name.push_str(view);
        }
        name
    }

    /// The name with the parts that are not included left out.
    pub(crate) fn written(&self) -> Relation {
        let mut relation = self.relation.clone();
        if !self.include.database {
            relation.database = None;
        }
        if !self.include.schema {
            relation.schema = None;
        }
        if !self.include.identifier {
            relation.identifier = None;
        }
        relation
    }

    fn alias(&self, namespace: &str) -> String {
        match self.dialect {
            Dialect::DuckDb => String::new(),
            Dialect::Postgres => {
                let table = self.relation.identifier.as_deref().unwrap_or_default();
                format!(" _dbt_{namespace}_subq_{table}")
            }
        }
    }

    fn limited(&self) -> String {
        let name = self.to_sql();
        match self.limit {
            None => name,
            Some(0) => format!("(select * from {name} where false limit 0){}", self.alias("limit")),
            Some(limit) => format!("(select * from {name} limit {limit}){}", self.alias("limit")),
        }
    }

    fn filtered(&self, name: String) -> String {
        let Some(filter) = &self.event_time else { return name };
        let field = &filter.field;
        let start = filter.start.as_ref().map(|start| format!("{field} >= '{start}'"));
        let end = filter.end.as_ref().map(|end| format!("{field} < '{end}'"));
        let condition: Vec<String> = start.into_iter().chain(end).collect();
        if condition.is_empty() {
            return name;
        }
        format!("(select * from {name} where {}){}", condition.join(" and "), self.alias("et_filter"))
    }

    fn is(&self, kind: RelationKind) -> bool {
        self.relation.kind == Some(kind)
    }

    /// Orders by name; relations that differ in anything else are not equal.
    fn sort_key(&self) -> String {
        let policy = (self.include, self.relation.quoting, &self.limit, &self.event_time, self.relation.kind);
        format!("{} {policy:?}", self.to_sql())
    }

    fn is_swappable(&self) -> bool {
        self.dialect == Dialect::Postgres
            && matches!(self.relation.kind, Some(RelationKind::Table | RelationKind::View))
    }

    /// The same relation in the database's information schema.
    pub(crate) fn information_schema(&self, view: Option<String>) -> Self {
        let mut result = Self::new(self.relation.clone(), self.dialect);
        result.relation.schema = None;
        result.relation.identifier = Some("INFORMATION_SCHEMA".to_string());
        result.relation.kind = Some(RelationKind::View);
        result.relation.quoting.identifier = false;
        result.include = QuotePolicy { database: self.relation.database.is_some(), schema: false, identifier: true };
        result.information_schema = Some(view);
        result
    }

    /// The database and schema alone.
    pub(crate) fn without_identifier(&self) -> Self {
        let mut result = self.clone();
        result.include.identifier = false;
        result.relation.identifier = None;
        result
    }
}

/// The name of an ephemeral model's common table expression.
pub(crate) fn ephemeral_name(identifier: &str) -> String {
    format!("__dbt__cte__{identifier}")
}

/// Reads `database=`, `schema=`, `identifier=` as booleans over a policy.
fn policy_from(name: &str, policy: QuotePolicy, args: &[Value]) -> Result<QuotePolicy, Error> {
    let [database, schema, identifier] = CallArgs::split(args).bind(name, ["database", "schema", "identifier"], 0)?;
    let flag = |value: Option<Value>, old: bool| given(value).map_or(old, |value| value.is_true());
    Ok(QuotePolicy {
        database: flag(database, policy.database),
        schema: flag(schema, policy.schema),
        identifier: flag(identifier, policy.identifier),
    })
}

/// Applies a mapping of booleans to a policy.
pub(crate) fn merge_policy(policy: &mut QuotePolicy, map: &Value) {
    let flag = |name: &str, old: bool| {
        map.get_attr(name).ok().filter(|value| !value.is_undefined() && !value.is_none()).map_or(old, |v| v.is_true())
    };
    *policy = QuotePolicy {
        database: flag("database", policy.database),
        schema: flag("schema", policy.schema),
        identifier: flag("identifier", policy.identifier),
    };
}

/// Reads a part of a path.
pub(crate) fn path_part(name: &str, value: &Value) -> Result<Option<String>, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(None);
    }
    match value.as_str() {
        Some(text) => Ok(Some(text.to_string())),
        None => Err(fail(Code::TemplateFailed, format!("Got an invalid path {name}: {}", py::to_str(value)))),
    }
}

/// Applies a mapping of names to a path; a part that is `None` is cleared.
pub(crate) fn merge_path(relation: &mut Relation, map: &Value) -> Result<(), Error> {
    for name in ["database", "schema", "identifier"] {
        let Ok(value) = map.get_attr(name) else { continue };
        if value.is_undefined() {
            continue;
        }
        let part = path_part(name, &value)?;
        match name {
            "database" => relation.database = part,
            "schema" => relation.schema = part,
            _ => relation.identifier = part,
        }
    }
    Ok(())
}

/// Reads a relation type.
pub(crate) fn kind_from(value: &Value) -> Result<Option<RelationKind>, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(None);
    }
    let text = py::to_str(value);
    text.parse().map(Some).map_err(|()| fail(Code::TemplateFailed, format!("'{text}' is not a valid RelationType")))
}

impl RelationValue {
    fn incorporate(&self, args: &[Value]) -> Result<Value, Error> {
        let mut result = self.clone();
        for (name, value) in CallArgs::split(args).keyword {
            result.set(&name, &value)?;
        }
        result.into_checked_value()
    }

    /// The relation as a value, unless Postgres would cut its name off without a word.
    pub(crate) fn into_checked_value(self) -> Result<Value, Error> {
        let name = self.relation.identifier.as_deref().unwrap_or_default();
        if self.dialect != Dialect::Postgres || self.relation.kind.is_none() || name.len() <= MAX_NAME_LENGTH {
            return Ok(self.into_value());
        }
        let unit = if name.chars().count() > MAX_NAME_LENGTH { "characters" } else { "bytes" };
        let message = format!("Relation name '{name}' is longer than {MAX_NAME_LENGTH} {unit}");
        Err(fail(Code::TemplateFailed, message))
    }

    /// The name, cut to a number of bytes between two characters.
    fn cut_name(&self, args: &[Value]) -> Result<Value, Error> {
        let [length] = CallArgs::split(args).bind("identifier_of_bytes", ["length"], 1)?;
        let length = length.and_then(|length| length.as_usize()).unwrap_or_default();
        let name = self.relation.identifier.as_deref().unwrap_or_default();
        let end = (0..=length.min(name.len())).rev().find(|ix| name.is_char_boundary(*ix));
        Ok(Value::from(&name[..end.unwrap_or_default()]))
    }

    /// Sets one field, as `incorporate` and `create` take them.
    pub(crate) fn set(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        match name {
            "path" => merge_path(&mut self.relation, value)?,
            "type" => self.relation.kind = kind_from(value)?,
            "include_policy" => merge_policy(&mut self.include, value),
            "quote_policy" => merge_policy(&mut self.relation.quoting, value),
            "dbt_created" => self.dbt_created = value.is_true(),
            "limit" => self.limit = value.as_i64().and_then(|limit| u64::try_from(limit).ok()),
            "external" => self.external = given(Some(value.clone())).map(|value| py::to_str(&value)),
            _ => {}
        }
        Ok(())
    }

    fn replace_path(&self, args: &[Value]) -> Result<Value, Error> {
        let mut result = self.clone();
        let keyword = CallArgs::split(args).keyword;
        let map = PyDict::from_pairs(keyword.into_iter().map(|(key, value)| (Value::from(key), value)));
        merge_path(&mut result.relation, &map.into_value())?;
        Ok(result.into_value())
    }

    /// How the name fits a search: exactly, in another case, or not at all.
    pub(crate) fn match_name(&self, search: &Relation) -> NameMatch {
        let parts = [
            (&self.relation.database, &search.database, self.relation.quoting.database),
            (&self.relation.schema, &search.schema, self.relation.quoting.schema),
            (&self.relation.identifier, &search.identifier, self.relation.quoting.identifier),
        ];
        let (mut is_exact, mut is_near) = (true, true);
        for (ours, theirs, is_quoted) in parts {
            let Some(theirs) = theirs else { continue };
            let ours = ours.as_deref().unwrap_or_default();
            let is_same_folded = ours.to_lowercase() == theirs.to_lowercase();
            is_exact &= if self.dbt_created && !is_quoted { is_same_folded } else { ours == theirs };
            is_near &= ours.to_lowercase().trim_matches('"') == theirs.to_lowercase().trim_matches('"');
        }
        match (is_exact, is_near) {
            (true, _) => NameMatch::Exact,
            (false, true) => NameMatch::Near,
            (false, false) => NameMatch::None,
        }
    }

    fn matches(&self, args: &[Value]) -> Result<Value, Error> {
        let [database, schema, identifier] =
            CallArgs::split(args).bind("matches", ["database", "schema", "identifier"], 0)?;
        let text = |value| crate::jinja::functions::text_of(value);
        let search = Relation {
            database: text(database),
            schema: text(schema),
            identifier: text(identifier),
            kind: None,
            quoting: QuotePolicy::ALL,
        };
        if search.database.is_none() && search.schema.is_none() && search.identifier.is_none() {
            return Err(fail(Code::TemplateFailed, "Tried to match relation, but no search path was passed!"));
        }
        match self.match_name(&search) {
            NameMatch::Exact => Ok(Value::from(true)),
            NameMatch::None => Ok(Value::from(false)),
            NameMatch::Near => Err(approximate_match(&search, self)),
        }
    }
}

/// The bytes of a name that Postgres keeps.
const MAX_NAME_LENGTH: usize = 63;

/// How well a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameMatch {
    /// It is the name.
    Exact,
    /// It differs in case or quotes only.
    Near,
    /// It is another name.
    None,
}

/// dbt's refusal to guess between names that differ in case.
pub(crate) fn approximate_match(search: &Relation, found: &RelationValue) -> Error {
    let found = found.to_sql();
    fail(
        Code::TemplateFailed,
        format!(
            "When searching for a relation, dbt found an approximate match. Instead of guessing \nwhich relation to \
             use, dbt will move on. Please delete {found}, or rename it to be less ambiguous.\nSearched for: \
             {search}\nFound: {found}"
        ),
    )
}

fn policy_value(policy: QuotePolicy) -> Value {
    PyDict::from_strings([
        ("database", Value::from(policy.database)),
        ("schema", Value::from(policy.schema)),
        ("identifier", Value::from(policy.identifier)),
    ])
    .into_value()
}

fn optional(text: Option<&String>) -> Value {
    text.map_or_else(none, |text| Value::from(text.as_str()))
}

impl Object for RelationValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let name = &self.relation;
        Some(match key {
            "database" => optional(name.database.as_ref()),
            "schema" => optional(name.schema.as_ref()),
            "identifier" | "name" | "table" => optional(name.identifier.as_ref()),
            "type" => name.kind.map_or_else(none, |kind| Value::from(kind.as_str())),
            "path" => PyDict::from_strings([
                ("database", optional(name.database.as_ref())),
                ("schema", optional(name.schema.as_ref())),
                ("identifier", optional(name.identifier.as_ref())),
            ])
            .into_value(),
            "quote_policy" => policy_value(name.quoting),
            "include_policy" => policy_value(self.include),
            "quote_character" => Value::from("\""),
            "is_table" => Value::from(self.is(RelationKind::Table)),
            "is_view" => Value::from(self.is(RelationKind::View)),
            "is_cte" => Value::from(self.is(RelationKind::Cte)),
            "is_materialized_view" => Value::from(self.is(RelationKind::MaterializedView)),
            "is_function" => Value::from(self.is(RelationKind::Function)),
            "is_pointer" => Value::from(false),
            "can_be_renamed" | "can_be_replaced" => Value::from(self.is_swappable()),
            "dbt_created" => Value::from(self.dbt_created),
            "limit" => self.limit.map_or_else(none, Value::from),
            "external" => optional(self.external.as_ref()),
            "require_alias" => Value::from(self.dialect == Dialect::Postgres),
            "metadata" | "catalog" | "event_time_filter" => none(),
            _ => return super::relation_class::constant(key).or_else(|| bound_method(self, key)),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.method(method, args)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        Some(self.sort_key().cmp(&other.sort_key()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is(RelationKind::Function) {
            return f.write_str(&self.to_sql());
        }
        f.write_str(&self.filtered(self.limited()))
    }
}

const METHODS: &[&str] = &[
    "get",
    "matches",
    "include",
    "quote",
    "without_identifier",
    "render",
    "render_limited",
    "incorporate",
    "replace_path",
    "information_schema",
    "information_schema_only",
    "quoted",
    "to_dict",
    "relation_max_name_length",
    "identifier_of_bytes",
    "get_materialized_view_config_change_collection",
];

/// A method taken as a value.
fn bound_method(relation: &Arc<RelationValue>, name: &str) -> Option<Value> {
    let name = METHODS.iter().find(|method| **method == name)?;
    let relation = Arc::clone(relation);
    Some(callable(name, move |_, args| relation.method(name, args)))
}

impl RelationValue {
    fn method(self: &Arc<Self>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let mut copy = RelationValue::clone(self);
        match method {
            "get" => self.get(args),
            "matches" => self.matches(args),
            "include" => {
                copy.include = policy_from(method, copy.include, args)?;
                Ok(copy.into_value())
            }
            "quote" => {
                copy.relation.quoting = policy_from(method, copy.relation.quoting, args)?;
                Ok(copy.into_value())
            }
            "without_identifier" => Ok(self.without_identifier().into_value()),
            "render" => Ok(Value::from(self.to_sql())),
            "render_limited" => Ok(Value::from(self.limited())),
            "render_event_time_filtered" => Ok(Value::from(self.filtered(self.to_sql()))),
            "incorporate" => self.incorporate(args),
            "replace" => self.incorporate(args),
            "replace_path" => self.replace_path(args),
            "information_schema" | "information_schema_only" => {
                let [view] = CallArgs::split(args).bind(method, ["view_name"], 0)?;
                let view = view.and_then(|view| view.as_str().map(str::to_string));
                Ok(self.information_schema(view).into_value())
            }
            "quoted" => {
                let [name] = CallArgs::split(args).bind(method, ["identifier"], 1)?;
                Ok(Value::from(format!("\"{}\"", py::to_str(&name.unwrap_or_default()))))
            }
            "get_function_config" => self.function_config(args),
            "get_function_macro_name" => {
                let [config] = CallArgs::split(args).bind(method, ["config"], 1)?;
                let config = config.unwrap_or_default();
                let part = |name: &str| config.get_attr(name).map(|value| py::to_str(&value));
                Ok(Value::from(format!("{}_function_{}", part("type")?, part("language")?)))
            }
            "to_dict" => Ok(self.to_dict()),
            "relation_max_name_length" if self.dialect == Dialect::Postgres => Ok(Value::from(MAX_NAME_LENGTH)),
            "identifier_of_bytes" if self.dialect == Dialect::Postgres => self.cut_name(args),
            "get_materialized_view_config_change_collection" if self.dialect == Dialect::Postgres => {
                super::adapter::postgres::config_changes(args)
            }
            _ => super::relation_class::class_method(self.dialect, self.relation.quoting, method, args)
                .unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod))),
        }
    }

    fn get(self: &Arc<Self>, args: &[Value]) -> Result<Value, Error> {
        let [key, default] = CallArgs::split(args).bind("get", ["key", "default"], 1)?;
        let key = key.unwrap_or_default();
        // Packages tell relations from text by this key.
        if key.as_str() == Some("metadata") {
            let class = match self.dialect {
                Dialect::DuckDb => "DuckDBRelation",
                Dialect::Postgres => "PostgresRelation",
            };
            return Ok(PyDict::from_strings([("type", Value::from(class))]).into_value());
        }
        Ok(self.get_value(&key).or(default).unwrap_or_else(none))
    }

    fn function_config(&self, args: &[Value]) -> Result<Value, Error> {
        let [model] = CallArgs::split(args).bind("get_function_config", ["model"], 1)?;
        let model = model.unwrap_or_default();
        if model.get_attr("resource_type")?.as_str() != Some("function") {
            return Ok(none());
        }
        let config = model.get_attr("config")?;
        let or_none = |value: Value| if value.is_undefined() { none() } else { value };
        Ok(PyDict::from_strings([
            ("language", or_none(model.get_attr("language")?)),
            ("type", or_none(config.get_attr("type")?)),
            ("runtime_version", or_none(config.get_attr("runtime_version")?)),
            ("entry_point", or_none(config.get_attr("entry_point")?)),
        ])
        .into_value())
    }

    fn to_dict(self: &Arc<Self>) -> Value {
        let field = |name: &'static str| (name, self.get_value_by_str(name).unwrap_or_else(none));
        let names = ["path", "type", "quote_character", "include_policy", "quote_policy", "dbt_created"];
        PyDict::from_strings(names.map(field)).into_value()
    }
}

/// Makes keyword arguments.
pub(crate) fn kwargs(pairs: &[(&str, Value)]) -> Value {
    Kwargs::from_iter(pairs.iter().map(|(name, value)| (*name, value.clone()))).into()
}
