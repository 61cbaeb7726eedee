//! SQL as SQL: dialects, names, and which columns a query makes of which. Nothing here knows of models or projects.

mod analysis;
mod columns;
mod dialect;
mod expr;
mod flow;
mod from_clause;
mod functions;
mod grammar;
mod keeping;
mod naming;
mod parse;
mod pivot;
mod qualify;
mod query;
mod relation;
mod rewrite;
mod scope;
mod select_list;
mod statements;
mod with;

pub use dialect::Dialect;
pub use flow::How;
pub use keeping::Keeping;
pub use query::{Known, OutputColumn, Query, Source, TableName, Tables, Unlisted, analyze};
pub use relation::{QuotePolicy, Relation, RelationKind};
pub use statements::{first_words, statements};
pub use with::{Cte, WithClause, with_clause};
