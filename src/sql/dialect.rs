//! What the SQL of one engine looks like.

/// An SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Quotes a name as an identifier.
    #[must_use]
    pub fn quote(self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// The form in which names of columns and tables are compared.
    ///
    /// DuckDB never minds upper and lower case. Postgres folds names without quotes and minds those with quotes.
    #[must_use]
    pub fn key(self, name: &str, is_quoted: bool) -> String {
        match self {
            Self::Postgres if is_quoted => name.to_owned(),
            _ => name.to_lowercase(),
        }
    }
}
