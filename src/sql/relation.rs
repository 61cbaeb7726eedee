//! The name of a table or view: database, schema, identifier, and how each is written.

use std::fmt;
use std::str::FromStr;

/// What a relation is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A common table expression: an ephemeral model.
    Cte,
    /// A materialized view.
    MaterializedView,
    /// A table in files outside the database.
    External,
    /// A function.
    Function,
}

impl RelationKind {
    /// The word that templates and artifacts use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Cte => "cte",
            Self::MaterializedView => "materialized_view",
            Self::External => "external",
            Self::Function => "function",
        }
    }
}

impl FromStr for RelationKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "table" => Self::Table,
            "view" => Self::View,
            "cte" => Self::Cte,
            "materialized_view" => Self::MaterializedView,
            "external" => Self::External,
            "function" => Self::Function,
            _ => return Err(()),
        })
    }
}

/// Which parts of a relation's name are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotePolicy {
    /// Quote the database.
    pub database: bool,
    /// Quote the schema.
    pub schema: bool,
    /// Quote the identifier.
    pub identifier: bool,
}

impl QuotePolicy {
    /// Quotes every part: what DuckDB and Postgres use unless told otherwise.
    pub const ALL: Self = Self { database: true, schema: true, identifier: true };
}

/// The name of a relation. Parts that are `None` are not written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Relation {
    /// Database, also called catalog.
    pub database: Option<String>,
    /// Schema.
    pub schema: Option<String>,
    /// Table or view name.
    pub identifier: Option<String>,
    /// What it is, where known.
    pub kind: Option<RelationKind>,
    /// Which parts are quoted.
    pub quoting: QuotePolicy,
}

impl Relation {
    /// Makes a fully quoted relation.
    pub fn new(database: impl Into<String>, schema: impl Into<String>, identifier: impl Into<String>) -> Self {
        Self {
            database: Some(database.into()),
            schema: Some(schema.into()),
            identifier: Some(identifier.into()),
            kind: None,
            quoting: QuotePolicy::ALL,
        }
    }

    /// The same name as a relation of the given kind.
    #[must_use]
    pub fn with_kind(mut self, kind: Option<RelationKind>) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for Relation {
    /// Writes the name as SQL: `"db"."schema"."table"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (&self.database, self.quoting.database),
            (&self.schema, self.quoting.schema),
            (&self.identifier, self.quoting.identifier),
        ];
        let mut separator = "";
        for (part, is_quoted) in parts {
            let Some(part) = part.as_deref().filter(|part| !part.is_empty()) else { continue };
            f.write_str(separator)?;
            if is_quoted {
                write!(f, "\"{part}\"")?;
            } else {
                f.write_str(part)?;
            }
            separator = ".";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_missing_are_left_out() {
        let mut relation = Relation::new("db", "main", "orders");
        assert_eq!(relation.to_string(), r#""db"."main"."orders""#);
        relation.database = None;
        relation.quoting.schema = false;
        assert_eq!(relation.to_string(), r#"main."orders""#);
    }
}
