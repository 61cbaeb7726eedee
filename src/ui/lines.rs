//! The lines of a run, node by node: `1 of 3 START …`, `1 of 3 OK created …`.

use serde_json::{Value as Data, json};

use super::entry::{Entry, EventName, Level, names};
use super::text::OutputLine;
use super::theme::Theme;
use crate::manifest::{HookSpec, Node, NodeKind, ResourceType};
use crate::run::{NodeResult, Timing};

/// How lines are drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Colors.
    pub theme: Theme,
    /// Where the dots end.
    pub width: usize,
    /// The target's database, which names leave out.
    pub database: String,
}

/// How a node ended, in dbt's words.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// `success`, `error`, `skipped`, `pass`, `fail`, `warn`, `no-op`, …
    pub status: &'a str,
    /// The database's word, such as `OK` or `INSERT 3`.
    pub response: &'a str,
    /// Rows that a test found.
    pub failures: Option<i64>,
    /// How long it took.
    pub seconds: f64,
    /// When it began.
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    pub finished_at: Option<jiff::Timestamp>,
}

impl Drawing {
    /// `1 of 3 START sql table model main.orders ..... [RUN]`.
    #[must_use]
    pub fn started(&self, node: &Node, position: (usize, usize), at: Option<jiff::Timestamp>) -> Entry {
        let info = node_info(node, "started", at, None);
        let (index, total) = position;
        let description = self.description(node, index);
        let text = self.line(&format!("START {description}"), "RUN", position, None);
        if let NodeKind::Hook(hook) = &node.kind {
            let facts =
                json!({"index": index, "total": total, "statement": hook_name(node, hook, index), "node_info": info});
            return entry(names::HOOK_START, Level::Info, text, facts);
        }
        let facts = json!({"index": index, "total": total, "description": description, "node_info": info});
        entry(names::START, Level::Info, text, facts)
    }

    /// `1 of 3 OK created sql table model main.orders ..... [OK in 0.03s]`.
    #[must_use]
    pub fn finished(&self, node: &Node, position: (usize, usize), outcome: Outcome<'_>) -> Entry {
        if outcome.status == "skipped" {
            return self.skipped(node, position, outcome);
        }
        let result = self.result(node, position.0, outcome);
        let text = self.line(&result.message, &result.status, position, Some(outcome.seconds));
        let facts = json!({
            "index": position.0,
            "total": position.1,
            "num_models": position.1,
            "name": node.name,
            "description": self.description(node, position.0).trim_start_matches("snapshot "),
            "statement": match &node.kind {
                NodeKind::Hook(hook) => Data::String(hook_name(node, hook, position.0)),
                _ => Data::Null,
            },
            "schema": node.schema,
            "relation": node.alias,
            "status": status_fact(result.event, outcome),
            "result_message": outcome.response,
            "source_name": source_name(node),
            "table_name": node.name,
            "num_failures": outcome.failures.unwrap_or(0),
            "execution_time": outcome.seconds,
            "attached_node": attached_node(node),
            "node_info": node_info(node, outcome.status, outcome.started_at, outcome.finished_at),
        });
        let mut entry = entry(result.event, result.level, text, facts);
        entry.data.retain(|key, value| !value.is_null() && is_fact(result.event, key));
        entry
    }

    /// `Batch 1 of 3 START batch 2024-01-31 of main.orders ..... [RUN]`.
    #[must_use]
    pub fn batch_started(&self, node: &Node, label: &str, position: (usize, usize)) -> Entry {
        let description = format!("batch {label} of {}", self.relation(node));
        let text = format!("Batch {}", self.line(&format!("START {description}"), "RUN", position, None));
        let facts = json!({
            "description": description,
            "batch_index": position.0,
            "total_batches": position.1,
            "node_info": node_info(node, "started", None, None),
        });
        entry(names::BATCH_START, Level::Info, text, facts)
    }

    /// `Batch 1 of 3 OK created batch 2024-01-31 of main.orders ..... [OK in 0.03s]`.
    #[must_use]
    pub fn batch_finished(&self, node: &Node, label: &str, position: (usize, usize), outcome: Outcome<'_>) -> Entry {
        let description = format!("batch {label} of {}", self.relation(node));
        let (level, verb, word) = match outcome.status {
            "error" => (Level::Error, "ERROR creating", self.theme.bad("ERROR")),
            "skipped" => (Level::Info, "SKIP", self.theme.caution("SKIPPED")),
            _ => (Level::Info, "OK created", self.theme.good(outcome.response)),
        };
        let line = self.line(&format!("{verb} {description}"), &word, position, Some(outcome.seconds));
        let facts = json!({
            "description": description,
            "status": if outcome.status == "success" { outcome.response } else { outcome.status },
            "batch_index": position.0,
            "total_batches": position.1,
            "execution_time": outcome.seconds,
            "node_info": node_info(node, outcome.status, outcome.started_at, outcome.finished_at),
        });
        entry(names::BATCH, level, format!("Batch {line}"), facts)
    }

    fn relation(&self, node: &Node) -> String {
        match node.database.as_deref() {
            Some(database) if database != self.database => format!("{database}.{}.{}", node.schema, node.alias),
            _ => format!("{}.{}", node.schema, node.alias),
        }
    }

    fn skipped(&self, node: &Node, position: (usize, usize), outcome: Outcome<'_>) -> Entry {
        let message = match node.resource_type {
            ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot => {
                format!("SKIP relation {}.{}", node.schema, node.name)
            }
            kind => format!("SKIP {} {}", kind.as_str(), node.name),
        };
        let text = self.line(&message, &self.theme.caution("SKIP"), position, None);
        let facts = json!({
            "resource_type": node.resource_type.as_str(),
            "schema": node.schema,
            "node_name": node.name,
            "index": position.0,
            "total": position.1,
            "node_info": node_info(node, "skipped", outcome.started_at, None),
        });
        entry(names::SKIP, Level::Info, text, facts)
    }

    /// A node that was not run because an ephemeral model in it does not compile.
    #[must_use]
    pub fn skipped_because(&self, node: &Node, position: (usize, usize)) -> Entry {
        let relation = format!("{}.{}", node.schema, node.alias);
        let message = format!("SKIP relation {relation} due to ephemeral model status 'error'");
        let text = self.line(&message, &self.theme.bad("ERROR SKIP"), position, None);
        let facts = json!({
            "schema": node.schema,
            "relation": node.alias,
            "index": position.0,
            "total": position.1,
            "status": "error",
            "node_info": node_info(node, "skipped", None, None),
        });
        entry(names::SKIP_BECAUSE, Level::Error, text, facts)
    }

    /// A node begins: for tools that follow nodes in the log.
    #[must_use]
    pub fn node_start(node: &Node, at: jiff::Timestamp) -> Entry {
        let text = format!("Began running node {}", node.unique_id);
        let facts = json!({"node_info": node_info(node, "started", Some(at), None)});
        entry(names::NODE_STARTED, Level::Debug, text, facts)
    }

    /// A node ended, with its result as a whole: for tools that follow nodes in the log.
    #[must_use]
    pub fn node_end(node: &Node, result: &NodeResult, outcome: Outcome<'_>) -> Entry {
        let text = format!("Finished running node {}", node.unique_id);
        let timing: Vec<Data> = result.timings.iter().map(timing_info).collect();
        let facts = json!({
            "node_info": node_info(node, outcome.status, outcome.started_at, outcome.finished_at),
            "run_result": {
                "status": outcome.status,
                "message": result.message.as_deref().unwrap_or(""),
                "timing_info": timing,
                "thread": result.thread_id,
                "execution_time": result.execution_time,
                "adapter_response": result.adapter_response,
                "num_failures": result.failures.unwrap_or(0),
            },
        });
        entry(names::NODE_FINISHED, Level::Debug, text, facts)
    }

    /// Why a node failed, before its line says that it did.
    #[must_use]
    pub fn node_failed(node: &Node, why: &str) -> Entry {
        let facts = json!({"exc": why, "exc_info": "", "node_info": node_info(node, "executing", None, None)});
        entry(names::NODE_FAILED, Level::Debug, why.to_owned(), facts)
    }

    fn result(&self, node: &Node, index: usize, outcome: Outcome<'_>) -> Drawn {
        let theme = self.theme;
        let description = self.description(node, index);
        let is_bad = matches!(outcome.status, "error" | "fail" | "runtime error");
        let level = if is_bad { Level::Error } else { Level::Info };
        let word = if is_bad { theme.bad("ERROR") } else { theme.good(outcome.response) };
        let made = |event, good: &str, bad: &str| {
            let verb = if is_bad { bad } else { good };
            Drawn { event, level, message: format!("{verb} {description}"), status: word.clone() }
        };
        if outcome.status == "no-op" {
            let status = theme.caution("NO-OP");
            return Drawn { status, ..made(names::NO_OP, "NO-OP", "NO-OP") };
        }
        match node.resource_type {
            ResourceType::Test | ResourceType::UnitTest => self.test_result(node, outcome),
            ResourceType::Seed => made(names::SEED, "OK loaded", "ERROR loading"),
            ResourceType::Snapshot => {
                let what = description.trim_start_matches("snapshot ").to_owned();
                let verb = if is_bad { "ERROR snapshotting" } else { "OK snapshotted" };
                Drawn { message: format!("{verb} {what}"), ..made(names::SNAPSHOT, verb, verb) }
            }
            ResourceType::Operation => {
                let status = if is_bad { theme.bad("ERROR") } else { theme.good("OK") };
                Drawn { status, ..made(names::HOOK_END, "OK", "ERROR") }
            }
            ResourceType::Model if outcome.status == "partial success" => {
                let status = theme.caution(outcome.response);
                Drawn { status, level: Level::Info, ..made(names::MODEL, "PARTIALLY created", "PARTIALLY created") }
            }
            ResourceType::Source => {
                let (level, word, status) = match outcome.status {
                    "pass" => (Level::Info, "PASS", theme.good("PASS")),
                    "warn" => (Level::Warn, "WARN", theme.caution("WARN")),
                    "error" => (Level::Error, "ERROR STALE", theme.bad("ERROR STALE")),
                    _ => (Level::Error, "ERROR", theme.bad("ERROR")),
                };
                Drawn { level, status, ..made(names::FRESHNESS, word, word) }
            }
            ResourceType::Model => made(names::MODEL, "OK created", "ERROR creating"),
            ResourceType::Function => {
                let status = if is_bad { theme.bad("ERROR") } else { theme.good("SUCCESS") };
                Drawn { status, ..made(names::FUNCTION, "OK created", "ERROR creating") }
            }
            _ => made(names::NODE, "OK", "ERROR"),
        }
    }

    fn test_result(&self, node: &Node, outcome: Outcome<'_>) -> Drawn {
        let theme = self.theme;
        let n = outcome.failures.unwrap_or(0);
        let name = test_name(node);
        let (level, word, status) = match outcome.status {
            "pass" => (Level::Info, "PASS".to_owned(), theme.good("PASS")),
            "warn" => (Level::Warn, format!("WARN {n}"), theme.caution(&format!("WARN {n}"))),
            "fail" => (Level::Error, format!("FAIL {n}"), theme.bad(&format!("FAIL {n}"))),
            _ => (Level::Error, "ERROR".to_owned(), theme.bad("ERROR")),
        };
        Drawn { event: names::TEST, level, message: format!("{word} {name}"), status }
    }

    /// `sql table model main.orders`, `seed file main.raw_orders`, `test unique_orders_id`; `index` is its place in the
    /// run, from one.
    #[must_use]
    pub fn description(&self, node: &Node, index: usize) -> String {
        let relation = || self.relation(node);
        match node.resource_type {
            ResourceType::Model if node.config.str("incremental_strategy") == Some("microbatch") => {
                format!("{} microbatch model {}", node.language, relation())
            }
            ResourceType::Model => format!("{} {} model {}", node.language, node.config.materialized(), relation()),
            ResourceType::Seed => format!("seed file {}", relation()),
            ResourceType::Snapshot => format!("snapshot {}", relation()),
            ResourceType::Function => format!("function {}", relation()),
            ResourceType::Operation => match &node.kind {
                NodeKind::Hook(hook) => format!("hook: {}", hook_name(node, hook, index)),
                _ => format!("operation {}", node.name),
            },
            ResourceType::UnitTest => format!("unit_test {}", test_name(node)),
            ResourceType::Source => format!("freshness of {}.{}", source_name(node), node.name),
            ResourceType::SavedQuery => format!("saved query {}", node.name),
            kind => format!("{} {}", kind.as_str(), node.name),
        }
    }

    fn line(&self, message: &str, status: &str, position: (usize, usize), seconds: Option<f64>) -> String {
        OutputLine { message, status, position: Some(position), seconds, width: self.width }.render()
    }
}

fn timing_info(timing: &Timing) -> Data {
    let instant = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    json!({
        "name": timing.name.as_str(),
        "started_at": instant(timing.started_at),
        "completed_at": timing.completed_at.map(instant),
    })
}

impl<'a> Outcome<'a> {
    /// The part of a result that lines show.
    #[must_use]
    pub fn of(result: &'a NodeResult) -> Self {
        let response = result.adapter_response.get("_message").and_then(Data::as_str);
        // A microbatch model has no word of the database of its own.
        let response = response.or(result.message.as_deref().filter(|_| result.batches.is_some()));
        Self {
            status: result.status.as_str(),
            response: response.filter(|word| !word.is_empty()).unwrap_or("OK"),
            failures: result.failures,
            seconds: result.execution_time,
            started_at: result.timings.first().map(|timing| timing.started_at),
            finished_at: result.timings.last().and_then(|timing| timing.completed_at),
        }
    }
}

struct Drawn {
    event: EventName,
    level: Level,
    message: String,
    status: String,
}

fn entry(event: EventName, level: Level, text: String, facts: Data) -> Entry {
    let Data::Object(data) = facts else { return Entry::new(event, level, text) };
    Entry { data, ..Entry::new(event, level, text) }
}

/// Which of the common facts an event has in dbt.
fn is_fact(event: EventName, key: &str) -> bool {
    match key {
        "index" | "status" | "execution_time" | "node_info" => true,
        "total" => event != names::TEST,
        "num_models" | "num_failures" | "name" | "attached_node" => event == names::TEST,
        "statement" => event == names::HOOK_END,
        "schema" | "relation" => event == names::SEED,
        "result_message" => [names::SEED, names::SNAPSHOT].contains(&event),
        "source_name" | "table_name" => event == names::FRESHNESS,
        "description" => ![names::TEST, names::SEED, names::HOOK_END, names::FRESHNESS].contains(&event),
        _ => false,
    }
}

/// What an event calls `status`: the database's word, or how the node ended.
fn status_fact<'a>(event: EventName, outcome: Outcome<'a>) -> &'a str {
    let has_word = ![names::HOOK_END, names::SEED, names::SNAPSHOT].contains(&event);
    match outcome.status {
        "success" | "partial success" if has_word => outcome.response,
        status => status,
    }
}

/// `tiny.on-run-start.0`: the number counts on over the hooks of all packages.
fn hook_name(node: &Node, hook: &HookSpec, index: usize) -> String {
    let when = if hook.is_end { "on-run-end" } else { "on-run-start" };
    format!("{}.{when}.{}", node.package, index - 1)
}

fn source_name(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Source(source) => &source.source_name,
        _ => "",
    }
}

fn test_name(node: &Node) -> String {
    match &node.kind {
        NodeKind::UnitTest(test) => format!("{}::{}", test.model, shown_name(node)),
        _ => node.name.clone(),
    }
}

/// The name of a node; that of a unit test says which version of the model is tested.
pub(super) fn shown_name(node: &Node) -> String {
    let version = match &node.kind {
        NodeKind::UnitTest(test) => test.version.as_ref(),
        _ => None,
    };
    match version {
        Some(Data::String(version)) => format!("{}_v{version}", node.name),
        Some(version) => format!("{}_v{version}", node.name),
        None => node.name.clone(),
    }
}

fn attached_node(node: &Node) -> Data {
    match &node.kind {
        NodeKind::Test(test) => test.attached_node.as_ref().map_or_else(|| json!(""), |id| json!(id.as_str())),
        _ => Data::Null,
    }
}

/// The facts about a node that dbt adds to every event of it.
#[must_use]
pub fn node_info(
    node: &Node,
    status: &str,
    started: Option<jiff::Timestamp>,
    finished: Option<jiff::Timestamp>,
) -> Data {
    let instant =
        |at: Option<jiff::Timestamp>| at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()).unwrap_or_default();
    json!({
        "materialized": node.config.str("materialized").unwrap_or(""),
        "meta": node.meta,
        "node_checksum": node.checksum.checksum,
        "node_finished_at": instant(finished),
        "node_name": node.name,
        "node_path": node.path,
        "node_relation": {
            "alias": if node.resource_type == ResourceType::Source { "" } else { node.alias.as_str() },
            "database": node.database.as_deref().unwrap_or(""),
            "relation_name": node.relation_name.as_deref().unwrap_or(""),
            "schema": node.schema,
        },
        "node_started_at": instant(started),
        "node_status": status,
        "resource_type": node.resource_type.as_str(),
        "unique_id": node.unique_id.as_str(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnostic::{SourceFile, Span};
    use crate::manifest::NodeConfig;

    /// A node with little more than a name, a kind and a materialization.
    pub(in crate::ui) fn node(resource_type: ResourceType, name: &str, materialized: &str) -> Node {
        let mut config = NodeConfig::default();
        config.set("materialized", Data::from(materialized));
        let path = format!("models/{name}.sql");
        Node {
            path: format!("{name}.sql"),
            original_file_path: path.clone(),
            span: Span::new(13, 19),
            fqn: vec!["shop".to_owned(), name.to_owned()],
            database: Some("db".to_owned()),
            schema: "main".to_owned(),
            config,
            ..Node::blank(resource_type, "shop", name, SourceFile::new(path, "line one\n  - unique\n"))
        }
    }

    #[track_caller]
    fn check(node: &Node, status: &str, failures: Option<i64>, expected: &str) {
        let drawing = Drawing { theme: Theme::new(false), width: 40, database: "db".to_owned() };
        let outcome = Outcome { status, response: "OK", failures, seconds: 0.031, started_at: None, finished_at: None };
        assert_eq!(drawing.finished(node, (1, 3), outcome).text, expected);
    }

    #[test]
    fn each_kind_has_its_line() {
        let model = node(ResourceType::Model, "m", "table");
        check(&model, "success", None, "1 of 3 OK created sql table model main.m  [OK in 0.03s]");
        check(&model, "error", None, "1 of 3 ERROR creating sql table model main.m  [ERROR in 0.03s]");
        check(&model, "skipped", None, "1 of 3 SKIP relation main.m ............ [SKIP]");
        let test = node(ResourceType::Test, "t", "test");
        check(&test, "pass", Some(0), "1 of 3 PASS t .......................... [PASS in 0.03s]");
        check(&test, "fail", Some(2), "1 of 3 FAIL 2 t ........................ [FAIL 2 in 0.03s]");
        let snapshot = node(ResourceType::Snapshot, "s", "snapshot");
        check(&snapshot, "success", None, "1 of 3 OK snapshotted main.s ........... [OK in 0.03s]");
        let exposure = node(ResourceType::Exposure, "e", "");
        check(&exposure, "no-op", None, "1 of 3 NO-OP exposure e ................ [NO-OP in 0.03s]");
    }
}
