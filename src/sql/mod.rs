//! SQL as SQL: dialects and names. Nothing here knows of models or projects.

mod dialect;
mod relation;

pub use dialect::Dialect;
pub use relation::{QuotePolicy, Relation, RelationKind};
