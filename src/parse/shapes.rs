//! The keys of entries in property files, as dbt takes them.

use super::shape::{Key, Keys, Shape};
use crate::project::yaml::Yaml;

/// A key that has to be there.
const fn must(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, may_be_null: false, is_required: true }
}

/// A key that may be missing, or null.
const fn may(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, may_be_null: true, is_required: false }
}

/// A key that may be missing, but not null.
const fn some(name: &'static str, shape: Shape) -> Key {
    Key { name, shape, may_be_null: false, is_required: false }
}

/// Groups of keys, with others beside them.
const fn open(groups: &'static [&'static [Key]]) -> Keys {
    Keys { groups, is_open: true }
}

/// Groups of keys, without others.
const fn closed(groups: &'static [&'static [Key]]) -> Keys {
    Keys { groups, is_open: false }
}

/// The shape of an entry of a list; `None` for lists whose entries are checked elsewhere.
pub(super) fn of_entry(list: &str, entry: &Yaml) -> Option<&'static Keys> {
    Some(match list {
        "models" => &MODEL,
        "seeds" | "snapshots" => &NODE,
        "analyses" => &ANALYSIS,
        "sources" if entry.get("overrides").is_some() => &SOURCE_OVERRIDE,
        "sources" => &SOURCE,
        "functions" => &FUNCTION,
        "macros" => &MACRO,
        "exposures" => &EXPOSURE,
        "groups" => &GROUP,
        "unit_tests" if entry.get("macro").is_some() => &UNIT_TEST_OF_MACRO,
        "unit_tests" => &UNIT_TEST,
        _ => return None,
    })
}

const DOCS: Keys = closed(&[&[some("show", Shape::Flag), may("node_color", Shape::Text)]]);

/// What every described thing has.
const DESCRIBED: &[Key] = &[
    must("name", Shape::Text),
    some("description", Shape::Text),
    some("config", Shape::Map),
    some("meta", Shape::Map),
    some("docs", Shape::Part(&DOCS)),
];

/// What stands beside it where there are rows: tests, constraints, the type of a column.
const TESTED: &[Key] = &[
    some("tests", Shape::List),
    some("data_tests", Shape::List),
    some("constraints", Shape::Maps),
    may("data_type", Shape::Text),
];

const COLUMNS: &[Key] = &[some("columns", Shape::Parts(&COLUMN))];

const TAGS: &[Key] = &[some("tags", Shape::Texts)];

const OF_NODES: &[Key] = &[may("quote_columns", Shape::Flag), may("access", Shape::Any)];

/// When rows were loaded.
const LOADED: &[Key] = &[
    may("freshness", Shape::Part(&FRESHNESS)),
    may("loaded_at_field", Shape::Text),
    may("loaded_at_query", Shape::Text),
];

/// Where the tables of a source are.
const PLACE: &[Key] = &[may("database", Shape::Text), may("catalog", Shape::Text), may("schema", Shape::Text)];

/// A column.
pub(super) const COLUMN: Keys =
    open(&[DESCRIBED, TESTED, TAGS, &[may("quote", Shape::Flag), may("granularity", Shape::Text)]]);

/// Which columns a version takes over.
pub(super) const WHICH_COLUMNS: Keys = closed(&[&[some("include", Shape::Any), some("exclude", Shape::Texts)]]);

const NODE: Keys = open(&[DESCRIBED, COLUMNS, TESTED, OF_NODES]);

const MODEL: Keys = open(&[
    DESCRIBED,
    COLUMNS,
    TESTED,
    OF_NODES,
    &[
        may("latest_version", Shape::Version),
        some("versions", Shape::Parts(&VERSION)),
        may("deprecation_date", Shape::Date),
        may("time_spine", Shape::Part(&TIME_SPINE)),
    ],
]);

const VERSION: Keys = closed(&[&[
    may("v", Shape::Any),
    may("defined_in", Shape::Text),
    some("description", Shape::Text),
    may("access", Shape::Any),
    some("config", Shape::Map),
    some("constraints", Shape::Maps),
    some("docs", Shape::Part(&DOCS)),
    may("data_tests", Shape::List),
    may("tests", Shape::List),
    some("columns", Shape::VersionColumns),
    may("deprecation_date", Shape::Date),
]]);

const TIME_SPINE: Keys = closed(&[&[
    must("standard_granularity_column", Shape::Text),
    some("custom_granularities", Shape::Parts(&GRANULARITY)),
]]);

const GRANULARITY: Keys = closed(&[&[must("name", Shape::Text), may("column_name", Shape::Text)]]);

const ANALYSIS: Keys = open(&[DESCRIBED, COLUMNS]);

const MACRO: Keys = open(&[DESCRIBED, &[some("arguments", Shape::Parts(&MACRO_ARGUMENT))]]);

const MACRO_ARGUMENT: Keys =
    closed(&[&[must("name", Shape::Text), may("type", Shape::Text), some("description", Shape::Text)]]);

const FUNCTION: Keys =
    open(&[DESCRIBED, &[some("arguments", Shape::Parts(&ARGUMENT)), some("returns", Shape::Part(&RETURNS))]]);

const ARGUMENT: Keys = closed(&[&[
    must("name", Shape::Text),
    some("data_type", Shape::Text),
    may("description", Shape::Text),
    may("default_value", Shape::Any),
]]);

const RETURNS: Keys = closed(&[&[some("data_type", Shape::Text), may("description", Shape::Text)]]);

const QUOTING: Keys = closed(&[&[
    may("database", Shape::Flag),
    may("schema", Shape::Flag),
    may("identifier", Shape::Flag),
    may("column", Shape::Flag),
]]);

const TIME: Keys = closed(&[&[may("count", Shape::Whole), may("period", Shape::Text)]]);

const FRESHNESS: Keys = closed(&[&[
    may("warn_after", Shape::Part(&TIME)),
    may("error_after", Shape::Part(&TIME)),
    may("filter", Shape::Text),
]]);

/// What stands under `config:` of a source or a table, where keys of one's own may stand too.
const SOURCE_CONFIG: Keys = open(&[&[
    may("freshness", Shape::Part(&OPEN_FRESHNESS)),
    may("loaded_at_field", Shape::Text),
    may("loaded_at_query", Shape::Text),
    some("meta", Shape::Map),
]]);

const OPEN_FRESHNESS: Keys = open(&[&[
    may("warn_after", Shape::Part(&OPEN_TIME)),
    may("error_after", Shape::Part(&OPEN_TIME)),
    may("filter", Shape::Text),
]]);

const OPEN_TIME: Keys = open(&[&[may("count", Shape::Whole), may("period", Shape::Text)]]);

/// What stands under `config:` of an exposure or a unit test.
const TAGGED_CONFIG: Keys = open(&[&[some("meta", Shape::Map), some("tags", Shape::TextOrTexts)]]);

const EXTERNAL: Keys = open(&[&[
    may("location", Shape::Text),
    may("file_format", Shape::Text),
    may("row_format", Shape::Text),
    may("tbl_properties", Shape::Text),
    may("partitions", Shape::List),
]]);

const TABLE: Keys = open(&[
    // Before `config` of all described things, which holds anything.
    &[some("config", Shape::Part(&SOURCE_CONFIG))],
    DESCRIBED,
    COLUMNS,
    TESTED,
    TAGS,
    LOADED,
    &[may("identifier", Shape::Text), may("external", Shape::Part(&EXTERNAL)), some("quoting", Shape::Part(&QUOTING))],
]);

const SOURCE: Keys = closed(&[
    &[must("name", Shape::Text), some("description", Shape::Text), some("meta", Shape::Map)],
    PLACE,
    &[some("loader", Shape::Text), some("quoting", Shape::Part(&QUOTING))],
    LOADED,
    &[some("tables", Shape::Parts(&TABLE))],
    TAGS,
    &[some("config", Shape::Part(&SOURCE_CONFIG))],
]);

const SOURCE_OVERRIDE: Keys = closed(&[
    &[
        must("name", Shape::Text),
        must("overrides", Shape::Text),
        some("config", Shape::Part(&SOURCE_CONFIG)),
        may("description", Shape::Text),
        may("meta", Shape::Map),
    ],
    PLACE,
    &[may("loader", Shape::Text), may("quoting", Shape::Part(&QUOTING))],
    LOADED,
    &[may("tables", Shape::Parts(&TABLE_OVERRIDE)), may("tags", Shape::Texts)],
]);

const TABLE_OVERRIDE: Keys = closed(&[&[
    must("name", Shape::Text),
    may("description", Shape::Text),
    may("meta", Shape::Map),
    may("data_type", Shape::Text),
    may("docs", Shape::Part(&DOCS)),
    may("loaded_at_field", Shape::Text),
    may("loaded_at_query", Shape::Text),
    may("identifier", Shape::Text),
    some("quoting", Shape::Part(&QUOTING)),
    may("freshness", Shape::Part(&FRESHNESS)),
    may("external", Shape::Part(&EXTERNAL)),
    may("tags", Shape::Texts),
    may("tests", Shape::List),
    may("data_tests", Shape::List),
    may("columns", Shape::Parts(&COLUMN)),
]]);

const OWNER: Keys = open(&[&[may("name", Shape::Text), may("email", Shape::TextOrTexts)]]);

const EXPOSURE: Keys = closed(&[&[
    must("name", Shape::Text),
    some("type", Shape::Any),
    some("owner", Shape::Part(&OWNER)),
    some("description", Shape::Text),
    may("label", Shape::Text),
    may("maturity", Shape::Any),
    some("meta", Shape::Map),
    some("tags", Shape::Texts),
    may("url", Shape::Text),
    some("depends_on", Shape::Texts),
    some("config", Shape::Part(&TAGGED_CONFIG)),
]]);

const GROUP: Keys = closed(&[&[
    must("name", Shape::Text),
    some("owner", Shape::Part(&OWNER)),
    may("description", Shape::Text),
    some("config", Shape::Map),
]]);

/// What every unit test says of its result and of itself.
const OF_UNIT_TESTS: &[Key] = &[
    some("expect", Shape::Part(&EXPECTED)),
    some("description", Shape::Text),
    may("overrides", Shape::Part(&OVERRIDES)),
    some("config", Shape::Part(&TAGGED_CONFIG)),
];

const UNIT_TEST: Keys = closed(&[
    &[
        must("name", Shape::Text),
        some("model", Shape::Text),
        may("cte", Shape::Any),
        may("args", Shape::Any),
        must("given", Shape::Parts(&INPUT)),
    ],
    OF_UNIT_TESTS,
    &[may("versions", Shape::Part(&VERSIONS))],
]);

/// A unit test of a macro, which may have no inputs.
const UNIT_TEST_OF_MACRO: Keys = closed(&[
    &[
        must("name", Shape::Text),
        may("model", Shape::Text),
        must("macro", Shape::Text),
        may("args", Shape::Any),
        may("cte", Shape::Any),
        some("given", Shape::Parts(&INPUT)),
    ],
    OF_UNIT_TESTS,
]);

const INPUT: Keys = closed(&[&[
    may("input", Shape::Text),
    may("cte", Shape::Any),
    may("rows", Shape::Rows),
    some("format", Shape::Text),
    may("fixture", Shape::Text),
]]);

const EXPECTED: Keys = closed(&[&[
    may("rows", Shape::Rows),
    some("format", Shape::Text),
    may("fixture", Shape::Text),
    may("text", Shape::Any),
    may("value", Shape::Any),
]]);

const OVERRIDES: Keys =
    closed(&[&[some("macros", Shape::Map), some("vars", Shape::Map), some("env_vars", Shape::Map)]]);

const VERSIONS: Keys = closed(&[&[may("include", Shape::List), may("exclude", Shape::List)]]);

/// Keys that are known to be put beside others, and that are read elsewhere.
pub(super) const ELSEWHERE: &[&str] = &[
    "access",
    "alias",
    "anchors",
    "arguments",
    "data_test",
    "database",
    "deprecation_date",
    "dimension",
    "enabled",
    "entity",
    "event_time",
    "external",
    "freshness",
    "granularity",
    "group",
    "identifier",
    "latest_version",
    "loaded_at_query",
    "loader",
    "metrics",
    "overrides",
    "policy_tags",
    "primary_entity",
    "quote",
    "quoting",
    "relation",
    "schema",
    "semantic_model",
    "tags",
    "time_spine",
    "version",
];
