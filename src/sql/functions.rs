//! What is known of functions: which put several rows together, and which columns table functions give.

use super::Dialect;

/// Functions that compute one value of several rows. A flat catalogue.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_count_distinct",
    "approx_quantile",
    "approx_top_k",
    "arbitrary",
    "arg_max",
    "arg_max_null",
    "arg_min",
    "arg_min_null",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bitstring_agg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "count_if",
    "count_star",
    "countif",
    "covar_pop",
    "covar_samp",
    "entropy",
    "every",
    "favg",
    "first",
    "fsum",
    "geomean",
    "geometric_mean",
    "group_concat",
    "histogram",
    "histogram_exact",
    "json_agg",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "kahan_sum",
    "kurtosis",
    "kurtosis_pop",
    "last",
    "list",
    "listagg",
    "mad",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "product",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "reservoir_quantile",
    "sem",
    "skewness",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "sum_no_overflow",
    "sumkahan",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

/// Whether a function computes one value of several rows.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.binary_search(&name).is_ok()
}

/// The columns of a table function, where they are always the same.
pub(super) fn table_columns(dialect: Dialect, name: &str) -> Option<&'static [&'static str]> {
    const JSON: &[&str] = &["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];
    const FILE: &[&str] = &["filename", "content", "size", "last_modified"];
    let own: &[(&str, &[&str])] = match dialect {
        Dialect::DuckDb => &[
            ("generate_series", &["generate_series"]),
            ("generate_subscripts", &["generate_subscripts"]),
            ("glob", &["file"]),
            ("json_each", JSON),
            ("json_tree", JSON),
            ("range", &["range"]),
            ("read_blob", FILE),
            ("read_text", FILE),
            ("regexp_split_to_table", &["regexp_split_to_table"]),
            ("unnest", &["unnest"]),
        ],
        Dialect::Postgres => &[
            ("generate_series", &["generate_series"]),
            ("generate_subscripts", &["generate_subscripts"]),
            ("json_array_elements", &["value"]),
            ("json_array_elements_text", &["value"]),
            ("json_each", &["key", "value"]),
            ("json_each_text", &["key", "value"]),
            ("json_object_keys", &["json_object_keys"]),
            ("jsonb_array_elements", &["value"]),
            ("jsonb_array_elements_text", &["value"]),
            ("jsonb_each", &["key", "value"]),
            ("jsonb_each_text", &["key", "value"]),
            ("jsonb_object_keys", &["jsonb_object_keys"]),
            ("jsonb_path_query", &["jsonb_path_query"]),
            ("regexp_matches", &["regexp_matches"]),
            ("regexp_split_to_table", &["regexp_split_to_table"]),
            ("string_to_table", &["string_to_table"]),
            ("unnest", &["unnest"]),
        ],
    };
    own.iter().find(|(known, _)| *known == name).map(|(_, columns)| *columns)
}

/// The columns of `describe` and `summarize`.
pub(super) fn described_columns(what: &str) -> &'static [&'static str] {
    match what {
        "describe" => &["column_name", "column_type", "null", "key", "default", "extra"],
        _ => &[
            "column_name",
            "column_type",
            "min",
            "max",
            "approx_unique",
            "avg",
            "std",
            "q25",
            "q50",
            "q75",
            "count",
            "null_percentage",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_are_sorted() {
        assert!(AGGREGATES.is_sorted());
    }
}
