//! The catalog of flags: what each is called, where else it may be set, and its default.

use serde_json::{Value as Data, json};

/// What a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Bool,
    /// An integer.
    Int,
    /// Text.
    Text,
    /// Words, separated by white space in the environment.
    List,
    /// A YAML mapping.
    Map,
}

/// One flag.
pub(super) struct Flag {
    /// dbt's name for it.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// Whether `DBT_ENGINE_<NAME>` and `DBT_<NAME>` set it.
    pub(super) has_env: bool,
    default: &'static str,
}

impl Flag {
    /// The value if nobody says anything.
    pub(super) fn default(&self) -> Data {
        match (self.kind, self.default) {
            (_, "") => Data::Null,
            (Kind::Text, text) => json!(text),
            (_, text) => serde_json::from_str(text).unwrap_or(Data::Null),
        }
    }
}

const fn env(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, has_env: true, default }
}

const fn own(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { name, kind, has_env: false, default }
}

use Kind::{Bool, Int, List, Map, Text};

/// Every flag that may come from the command line. Defaults are written as JSON, texts plainly.
#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    env("cache_selected_only", Bool, "false"),
    env("clean_project_files_only", Bool, "true"),
    own("compile", Bool, "true"),
    env("debug", Bool, "false"),
    env("defer", Bool, "false"),
    env("defer_state", Text, ""),
    env("empty", Bool, "false"),
    own("empty_catalog", Bool, "false"),
    env("event_time_end", Text, ""),
    env("event_time_start", Text, ""),
    own("exclude", List, "[]"),
    env("exclude_resource_types", List, "[]"),
    env("export_saved_queries", Bool, "false"),
    env("fail_fast", Bool, "false"),
    env("favor_state", Bool, "false"),
    env("full_refresh", Bool, "false"),
    env("include_saved_query", Bool, "false"),
    env("indirect_selection", Text, "eager"),
    own("inject_ephemeral_ctes", Bool, "true"),
    own("inline", Text, ""),
    own("inline_direct", Text, ""),
    env("introspect", Bool, "true"),
    own("limit", Int, "5"),
    env("log_cache_events", Bool, "false"),
    env("log_file_max_bytes", Int, "10485760"),
    env("log_format", Text, "default"),
    env("log_format_file", Text, "debug"),
    env("log_level", Text, "info"),
    env("log_level_file", Text, "debug"),
    env("macro_debugging", Bool, "false"),
    own("output", Text, ""),
    own("output_keys", List, "[]"),
    env("partial_parse", Bool, "true"),
    env("partial_parse_file_diff", Bool, "true"),
    env("partial_parse_file_path", Text, ""),
    env("populate_cache", Bool, "true"),
    env("print", Bool, "true"),
    env("printer_width", Int, "80"),
    env("quiet", Bool, "false"),
    own("record_timing_info", Text, ""),
    env("resource_types", List, "[]"),
    env("sample", Text, ""),
    own("select", List, "[]"),
    own("selector", Text, ""),
    env("send_anonymous_usage_stats", Bool, "false"),
    own("show", Bool, "false"),
    own("show_all_deprecations", Bool, "false"),
    env("show_resource_report", Bool, "false"),
    env("single_threaded", Bool, "false"),
    env("sqlparse", Map, ""),
    env("state", Text, ""),
    own("static", Bool, "false"),
    env("static_parser", Bool, "true"),
    env("store_failures", Bool, "false"),
    own("strict_mode", Bool, "false"),
    env("upload_to_artifacts_ingest_api", Bool, "false"),
    env("use_colors", Bool, "true"),
    env("use_colors_file", Bool, "true"),
    env("use_experimental_parser", Bool, "false"),
    env("use_fast_test_edges", Bool, "false"),
    env("version_check", Bool, "true"),
    env("warn_error", Bool, "false"),
    env("warn_error_options", Map, "{}"),
    env("write_json", Bool, "true"),
];

/// Flags that only `flags:` in dbt_project.yml sets: changes of behavior that dbt lets projects choose.
#[rustfmt::skip]
pub(super) const BEHAVIOR: &[Flag] = &[
    own("require_batched_execution_for_custom_microbatch_strategy", Bool, "false"),
    own("require_event_names_in_deprecations", Bool, "false"),
    own("require_explicit_package_overrides_for_builtin_materializations", Bool, "true"),
    own("require_resource_names_without_spaces", Bool, "true"),
    own("source_freshness_run_project_hooks", Bool, "true"),
    own("skip_nodes_if_on_run_start_fails", Bool, "false"),
    own("state_modified_compare_more_unrendered_values", Bool, "false"),
    own("state_modified_compare_vars", Bool, "false"),
    own("require_yaml_configuration_for_mf_time_spines", Bool, "false"),
    own("require_nested_cumulative_type_params", Bool, "false"),
    own("validate_macro_args", Bool, "false"),
    own("require_all_warnings_handled_by_warn_error", Bool, "false"),
    own("require_generic_test_arguments_property", Bool, "true"),
    own("require_unique_project_resource_names", Bool, "false"),
    own("require_ref_searches_node_package_before_root", Bool, "false"),
];

/// The flags that `flags:` in dbt_project.yml may set, besides those of behavior.
pub(super) const IN_PROJECT: &[&str] = &[
    "cache_selected_only",
    "debug",
    "fail_fast",
    "indirect_selection",
    "log_format",
    "log_format_file",
    "log_level",
    "log_level_file",
    "partial_parse",
    "populate_cache",
    "printer_width",
    "send_anonymous_usage_stats",
    "static_parser",
    "use_colors",
    "use_colors_file",
    "use_experimental_parser",
    "version_check",
    "warn_error",
    "warn_error_options",
    "write_json",
];

/// Whether a flag's value is the one that it has if nobody says anything.
#[must_use]
pub fn is_default(name: &str, value: &Data) -> bool {
    FLAGS.iter().find(|flag| flag.name == name).is_none_or(|flag| flag.default() == *value)
}

/// Older names of environment variables and the flags that they set. One that begins with `no_` says the opposite.
pub(super) const OLD_ENV: &[(&str, &str)] = &[
    ("artifact_state_path", "state"),
    ("defer_to_state", "defer"),
    ("favor_state_mode", "favor_state"),
    ("no_print", "print"),
];
