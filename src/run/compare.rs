//! Whether a node's relation holds the same on two targets.
//!
//! Nothing is built. Both databases cut the rows into 4,096 parts by a hash of what is in them, so that equal
//! relations are told by two short answers, and of others only the parts that differ are read. What a value is
//! compared as is decided here, by the types of both columns; how it is written is up to macros.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use crate::adapter::{Cell, Column, RowLimit, Table};
use crate::diagnostic::Diagnostic;
use crate::jinja::{Runtime, Session, SqlFailure};
use crate::manifest::{Manifest, NodeIndex, NodeKind};

/// How many rows of each side are read at most, to tell which of them differ.
const READ: i64 = 20_000;

/// One of the two targets.
pub struct Side {
    /// The project as it is there.
    pub runtime: Arc<Runtime>,
    /// A session with its database.
    pub session: Arc<Session>,
}

/// What was found about a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How each side names the relation; `None` if there is none.
    pub relations: [Option<String>; 2],
    /// Columns that only one side has.
    pub only: [Vec<String>; 2],
    /// Columns whose types do not go together: name and both types.
    pub retyped: Vec<(String, [String; 2])>,
    /// How many rows there are.
    pub rows: [i64; 2],
    /// The rows that differ; empty if the contents are equal.
    pub difference: Difference,
}

/// Rows that differ in the columns that both sides have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Whether any row differs.
    pub is_some: bool,
    /// Whether all rows that differ were read; there were too many otherwise.
    pub is_complete: bool,
    /// The columns of the rows.
    pub columns: Vec<String>,
    /// Which of them tell rows apart.
    pub key: Vec<usize>,
    /// Rows with the same key and other values: both versions.
    pub changed: Vec<[Row; 2]>,
    /// Rows that only one side has.
    pub only: [Vec<Row>; 2],
}

/// The values of a row, as compared.
pub type Row = Vec<Option<String>>;

impl Comparison {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.relations.iter().all(Option::is_some)
            && self.only.iter().all(Vec::is_empty)
            && self.retyped.is_empty()
            && !self.difference.is_some
    }
}

impl Side {
    /// The relation's columns; `None` if it does not exist.
    fn columns(&self, ix: NodeIndex) -> Result<Option<Vec<Column>>, Box<Diagnostic>> {
        let relation = self.runtime.relation(ix);
        let schema = relation.schema.clone().unwrap_or_default();
        let schemas = [(relation.database.clone(), schema)];
        self.runtime.fill_cache(&self.session, &schemas).map_err(SqlFailure::into_diagnostic)?;
        let (schema, name) = (relation.schema.as_deref(), relation.identifier.as_deref());
        let known = &self.runtime.relations;
        if known.find(relation.database.as_deref(), schema.unwrap_or_default(), name.unwrap_or_default()).is_none() {
            return Ok(None);
        }
        self.session.columns(&relation).map(Some).map_err(SqlFailure::into_diagnostic)
    }

    /// What a macro makes of the relation and its compared columns.
    fn statement(
        &self,
        name: &str,
        ix: NodeIndex,
        columns: &Data,
        parts: Option<&[String]>,
    ) -> Result<String, Box<Diagnostic>> {
        let mut arguments = Map::new();
        arguments.insert("relation".to_owned(), Data::from(self.runtime.written(ix)));
        arguments.insert("columns".to_owned(), columns.clone());
        arguments.extend(parts.map(|parts| ("parts".to_owned(), json!(parts))));
        let made = self.runtime.run_macro(&self.session, name, &arguments)?;
        Ok(made.as_str().unwrap_or_default().to_owned())
    }
}

/// Compares the relation of a node on both sides.
///
/// # Errors
/// When a database cannot be asked, or rejects the question.
pub fn compare(sides: &[Side; 2], nodes: [NodeIndex; 2]) -> Result<Comparison, Box<Diagnostic>> {
    let [left, right] = sides;
    let mut found = Comparison::default();
    let (ours, theirs) = (left.columns(nodes[0])?, right.columns(nodes[1])?);
    for (side, (columns, (part, ix))) in [&ours, &theirs].into_iter().zip(sides.iter().zip(nodes)).enumerate() {
        found.relations[side] = columns.as_ref().map(|_| part.runtime.written(ix));
    }
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(found) };
    let pairs = pairs(&ours, &theirs, &mut found);
    let is_same_database = left.runtime.adapter.name() == right.runtime.adapter.name();
    for (a, b) in &pairs {
        let is_alike = if is_same_database { a.data_type == b.data_type } else { go_together(a, b) };
        if !is_alike {
            found.retyped.push((a.name.clone(), [a.data_type.clone(), b.data_type.clone()]));
        }
    }
    if pairs.is_empty() {
        return Ok(found);
    }
    let written = |pick: fn(&(Column, Column)) -> &Column| -> Data {
        let column = |pair: &(Column, Column)| {
            let column = pick(pair);
            json!({"name": column.name, "kind": common(&pair.0, &pair.1).word(), "data_type": column.data_type})
        };
        pairs.iter().map(column).collect()
    };
    let columns = [written(|pair| &pair.0), written(|pair| &pair.1)];
    let parts = ask(sides, |side| sides[side].statement("get_compare_parts_sql", nodes[side], &columns[side], None))?;
    let parts = parts.map(|table| read_parts(&table));
    found.rows = parts.each_ref().map(|parts| parts.values().map(|(rows, _)| rows).sum());
    let (differing, is_complete) = differing(&parts);
    if differing.is_empty() {
        return Ok(found);
    }
    let rows = ask(sides, |side| {
        sides[side].statement("get_compare_rows_sql", nodes[side], &columns[side], Some(&differing))
    })?;
    let names: Vec<String> = pairs.iter().map(|pair| pair.0.name.clone()).collect();
    let key = key(&left.runtime.manifest, nodes[0], &names);
    found.difference = Difference { is_some: true, is_complete, columns: names, key, ..Difference::default() };
    tell_apart(rows.map(read_rows), &mut found.difference);
    Ok(found)
}

/// Asks both databases at once.
fn ask(
    sides: &[Side; 2],
    statement: impl Fn(usize) -> Result<String, Box<Diagnostic>>,
) -> Result<[Table; 2], Box<Diagnostic>> {
    let statements = [statement(0)?, statement(1)?];
    let query = |side: usize| sides[side].session.execute(&statements[side], false, Some(RowLimit::All));
    let (left, right) = std::thread::scope(|scope| {
        let right = scope.spawn(|| query(1));
        (query(0), right.join())
    });
    let right = right.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let table = |result: Result<(_, Table), SqlFailure>| result.map(|(_, table)| table);
    Ok([table(left).map_err(SqlFailure::into_diagnostic)?, table(right).map_err(SqlFailure::into_diagnostic)?])
}

/// The columns that both sides have, in the order of the first; case counts only where it has to.
fn pairs(ours: &[Column], theirs: &[Column], found: &mut Comparison) -> Vec<(Column, Column)> {
    let mut rest: Vec<&Column> = theirs.iter().collect();
    let mut pairs = Vec::new();
    for column in ours {
        let exact = rest.iter().position(|other| other.name == column.name);
        let place = exact.or_else(|| rest.iter().position(|other| other.name.eq_ignore_ascii_case(&column.name)));
        match place {
            Some(place) => pairs.push((column.clone(), rest.remove(place).clone())),
            None => found.only[0].push(column.name.clone()),
        }
    }
    found.only[1] = rest.iter().map(|column| column.name.clone()).collect();
    pairs
}

/// What values of a type are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Exact,
    Approximate,
    Text,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Binary,
    Nested,
    Other,
}

impl Kind {
    /// Understands the types of all databases: their names do not contradict each other.
    fn of(data_type: &str) -> Self {
        let name = data_type.trim().to_lowercase();
        if name.ends_with(']') || name.starts_with("struct(") || name.starts_with("map(") {
            return Self::Nested;
        }
        match name.split('(').next().unwrap_or_default().trim() {
            "boolean" | "bool" => Self::Boolean,
            "tinyint" | "smallint" | "integer" | "int" | "bigint" | "hugeint" | "utinyint" | "usmallint"
            | "uinteger" | "ubigint" | "uhugeint" | "int2" | "int4" | "int8" | "decimal" | "numeric" => Self::Exact,
            "real" | "float" | "double" | "double precision" | "float4" | "float8" => Self::Approximate,
            "varchar" | "text" | "char" | "character" | "character varying" | "bpchar" | "name" | "string" | "enum" => {
                Self::Text
            }
            "date" => Self::Date,
            "timestamptz" => Self::TimestampTz,
            "time" | "time without time zone" => Self::Time,
            "blob" | "bytea" | "varbinary" => Self::Binary,
            "json" | "jsonb" | "array" => Self::Nested,
            other if other.starts_with("timestamp") && name.ends_with("with time zone") => Self::TimestampTz,
            other if other.starts_with("timestamp") => Self::Timestamp,
            _ => Self::Other,
        }
    }

    /// What macros call it.
    const fn word(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Exact => "exact",
            Self::Approximate => "approximate",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Time => "time",
            Self::Binary => "binary",
            Self::Nested => "nested",
            Self::Other => "other",
        }
    }
}

/// What values of two columns are compared as.
fn common(a: &Column, b: &Column) -> Kind {
    use Kind::{Approximate, Date, Exact, Other, Timestamp, TimestampTz};
    let kinds = [Kind::of(&a.data_type), Kind::of(&b.data_type)];
    let are_all = |of: &[Kind]| kinds.iter().all(|kind| of.contains(kind));
    match kinds {
        [a, b] if a == b => a,
        _ if are_all(&[Exact, Approximate]) => Approximate,
        _ if are_all(&[Date, Timestamp]) => Timestamp,
        _ if are_all(&[Date, Timestamp, TimestampTz]) => TimestampTz,
        _ => Other,
    }
}

/// Whether types of two databases mean the same. How wide a number is, and whether it is exact, differs by
/// database for the same expression, such as `avg`.
fn go_together(a: &Column, b: &Column) -> bool {
    let number = [Kind::Exact, Kind::Approximate];
    let kinds = [Kind::of(&a.data_type), Kind::of(&b.data_type)];
    kinds[0] == kinds[1] || kinds.iter().all(|kind| number.contains(kind))
}

/// Rows and sum of hashes by part.
type Parts = BTreeMap<String, (i64, String)>;

fn read_parts(table: &Table) -> Parts {
    let part = |row: &Vec<Cell>| {
        let text = |ix: usize| row.get(ix).map(text_of).unwrap_or_default().unwrap_or_default();
        (text(0), (text(1).parse().unwrap_or_default(), text(2)))
    };
    table.rows.iter().map(part).collect()
}

/// The parts that differ, as many as can be read, and whether those are all.
fn differing(parts: &[Parts; 2]) -> (Vec<String>, bool) {
    let names: std::collections::BTreeSet<&String> = parts.iter().flat_map(BTreeMap::keys).collect();
    let (mut found, mut n_rows, mut is_complete) = (Vec::new(), 0, true);
    for name in names {
        let [left, right] = parts.each_ref().map(|parts| parts.get(name));
        if left == right {
            continue;
        }
        let larger = left.map_or(0, |part| part.0).max(right.map_or(0, |part| part.0));
        if !found.is_empty() && n_rows + larger > READ {
            is_complete = false;
            break;
        }
        n_rows += larger;
        found.push(name.clone());
    }
    (found, is_complete)
}

fn text_of(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) | Cell::Decimal(text) => Some(text.clone()),
        Cell::Int(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn read_rows(table: Table) -> Vec<Row> {
    table.rows.iter().map(|row| row.iter().map(text_of).collect()).collect()
}

/// The columns that tell rows apart, as far as the project says: `unique_key`, or a test that it is unique.
fn key(manifest: &Manifest, ix: NodeIndex, columns: &[String]) -> Vec<usize> {
    let place = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name.trim_matches('"')));
    let configured: Vec<&str> = match manifest.node(ix).config.get("unique_key") {
        Some(Data::String(name)) => vec![name.as_str()],
        Some(Data::Array(names)) => names.iter().filter_map(Data::as_str).collect(),
        _ => Vec::new(),
    };
    let places: Option<Vec<usize>> = configured.iter().map(|name| place(name)).collect();
    if let Some(places) = places.filter(|places| !places.is_empty()) {
        return places;
    }
    let tested = manifest.children(ix).iter().find_map(|child| match &manifest.node(*child).kind {
        NodeKind::Test(test) if test.attached_node.as_ref() == Some(&manifest.node(ix).unique_id) => {
            test.metadata.as_ref().filter(|metadata| metadata.name == "unique" && metadata.namespace.is_none())?;
            place(test.column_name.as_deref()?)
        }
        _ => None,
    });
    tested.into_iter().collect()
}

/// Takes away the rows that both sides have, and pairs those of the same key.
fn tell_apart(rows: [Vec<Row>; 2], found: &mut Difference) {
    let mut counts: BTreeMap<&Row, i64> = BTreeMap::new();
    for (side, rows) in rows.iter().enumerate() {
        for row in rows {
            *counts.entry(row).or_default() += if side == 0 { 1 } else { -1 };
        }
    }
    let mut only: [Vec<Row>; 2] = [Vec::new(), Vec::new()];
    for (row, count) in counts {
        let side = usize::from(count < 0);
        only[side].extend(std::iter::repeat_n(row.clone(), usize::try_from(count.abs()).unwrap_or_default()));
    }
    let [left, right] = only;
    let key_of = |row: &Row| -> Row { found.key.iter().map(|place| row.get(*place).cloned().flatten()).collect() };
    let mut by_key: HashMap<Row, Vec<usize>> = HashMap::new();
    if !found.key.is_empty() {
        right.iter().enumerate().rev().for_each(|(place, row)| by_key.entry(key_of(row)).or_default().push(place));
    }
    let mut right: Vec<Option<Row>> = right.into_iter().map(Some).collect();
    for row in left {
        let place = by_key.get_mut(&key_of(&row)).and_then(Vec::pop);
        match place.and_then(|place| right[place].take()) {
            Some(other) => found.changed.push([row, other]),
            None => found.only[0].push(row),
        }
    }
    found.only[1] = right.into_iter().flatten().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Row {
        cells.iter().map(|cell| (*cell != "-").then(|| (*cell).to_owned())).collect()
    }

    #[test]
    fn rows_are_paired_by_their_key() {
        let mut found = Difference { key: vec![0], ..Difference::default() };
        let left = vec![row(&["1", "a"]), row(&["2", "b"]), row(&["3", "c"])];
        let right = vec![row(&["1", "a"]), row(&["2", "-"]), row(&["4", "d"])];
        tell_apart([left, right], &mut found);
        assert_eq!(found.changed, [[row(&["2", "b"]), row(&["2", "-"])]]);
        assert_eq!(found.only, [vec![row(&["3", "c"])], vec![row(&["4", "d"])]]);
    }

    #[test]
    fn a_row_that_is_there_twice_is_told_from_one_that_is_there_once() {
        let mut found = Difference::default();
        tell_apart([vec![row(&["1"]), row(&["1"])], vec![row(&["1"])]], &mut found);
        assert_eq!(found.only, [vec![row(&["1"])], Vec::new()]);
    }

    #[test]
    fn types_of_two_databases_go_together() {
        let check = |a: &str, b: &str, expected: (bool, &str)| {
            let (a, b) = (Column::new("x", a), Column::new("x", b));
            assert_eq!((go_together(&a, &b), common(&a, &b).word()), expected);
        };
        check("HUGEINT", "numeric", (true, "exact"));
        check("DOUBLE", "numeric", (true, "approximate"));
        check("VARCHAR", "character varying", (true, "text"));
        check("TIMESTAMP WITH TIME ZONE", "timestamp with time zone", (true, "timestamptz"));
        check("TIMESTAMP", "timestamp without time zone", (true, "timestamp"));
        check("DATE", "timestamp without time zone", (false, "timestamp"));
        check("INTEGER[]", "ARRAY", (true, "nested"));
        check("VARCHAR", "integer", (false, "other"));
    }
}
