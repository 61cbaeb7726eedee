//! The objects of dbt that templates hold: relations, columns, tables, the adapter.

pub(crate) mod adapter;
pub(crate) mod cells;
pub(crate) mod column;
pub(crate) mod constraints;
pub(crate) mod csv_table;
pub(crate) mod dates;
pub(crate) mod dispatch;
pub(crate) mod index_config;
pub(crate) mod relation;
pub(crate) mod relation_class;
pub(crate) mod table;
pub(crate) mod table_parts;
