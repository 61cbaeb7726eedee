//! The grammars that the parser is given: what each engine takes, beyond what the parser believes it does.

use std::any::TypeId;

use sqlparser::dialect::{Dialect as Grammar, DuckDbDialect, PostgreSqlDialect};

use super::Dialect;

/// The grammar of a dialect.
pub(super) fn grammar(dialect: Dialect) -> &'static dyn Grammar {
    match dialect {
        Dialect::DuckDb => &DuckDb,
        Dialect::Postgres => &PostgreSqlDialect {},
    }
}

/// DuckDB as the parser knows it, plus what it does not know of it.
#[derive(Debug)]
struct DuckDb;

macro_rules! allow {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { true })* };
}

impl Grammar for DuckDb {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_' || !ch.is_ascii()
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '$' || ch == '_' || !ch.is_ascii()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    // What the parser's own DuckDB has, without arguments named by `=`: only table functions have them, and to read
    // `coalesce(status = 'paid', false)` in that way would lose a column.
    allow! {
        supports_trailing_commas
        supports_filter_during_aggregation
        supports_group_by_expr
        supports_bitwise_shift_operators
        supports_named_fn_args_with_assignment_operator
        supports_dictionary_syntax
        support_map_literal_syntax
        supports_lambda_functions
        allow_extract_single_quotes
        supports_explain_with_utility_options
        supports_load_extension
        supports_array_typedef_with_brackets
        supports_from_first_select
        supports_order_by_all
        supports_select_wildcard_exclude
        supports_notnull_operator
        supports_install
        supports_detach
        supports_select_wildcard_replace
        supports_comma_separated_trim
        supports_numeric_literal_underscores
    }

    // What DuckDB takes besides.
    allow! {
        supports_select_wildcard_rename
        supports_select_wildcard_except
        supports_select_wildcard_with_alias
        supports_from_trailing_commas
        supports_projection_trailing_commas
        supports_window_function_null_treatment_arg
        supports_window_clause_named_window_reference
        supports_named_fn_args_with_rarrow_operator
        supports_string_escape_constant
        supports_in_empty_list
        supports_in_unparenthesized_expr
        supports_values_as_table_factor
        supports_dollar_placeholder
        supports_nested_comments
        supports_subquery_as_function_arg
        supports_left_associative_joins_without_parens
        allow_extract_custom
    }
}
