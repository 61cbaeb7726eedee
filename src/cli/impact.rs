//! `kiln impact`: what a change of the project does to columns, and what that reaches.
//!
//! The version to compare with comes from git or from the artifacts of an earlier run. Neither version asks the
//! database, so that both know the same.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Data, json};

use super::args::{ImpactArgs, ImpactForm};
use super::pipeline::{self, Parsed};
use super::{ExitStatus, columns, earlier, say_data};
use crate::artifacts::{self, Earlier};
use crate::diagnostic::{Code, Diagnostic};
use crate::lineage::{self, Change, ColumnGraph, Facts, Impact};
use crate::manifest::{Manifest, NodeIndex};
use crate::project::Overrides;
use crate::ui::{ImpactText, Stream};

/// Runs the command.
pub(super) fn run(args: &ImpactArgs, overrides: &Overrides, parsed: &Parsed) -> ExitStatus {
    let state = earlier::folder(&parsed.project.settings, &parsed.project.root().root, "state");
    let done = match (&args.base, state) {
        (Some(base), _) => against_git(args, overrides, parsed, base),
        (None, Some(folder)) => against_state(args, parsed, &folder),
        (None, None) => {
            let message = "there is nothing to compare with";
            let hint = "name a commit with `--base main`, or the folder of earlier artifacts with `--state DIR`";
            Err(parsed.fail(&Diagnostic::error(Code::Usage, message).hint(hint)))
        }
    };
    done.unwrap_or_else(|status| status)
}

fn against_git(
    args: &ImpactArgs,
    overrides: &Overrides,
    parsed: &Parsed,
    base: &str,
) -> Result<ExitStatus, ExitStatus> {
    let folder = std::env::temp_dir().join(format!("kiln-impact-{}", std::process::id()));
    let checked_out = check_out(parsed, base, &folder).map_err(|error| parsed.fail(&error));
    let done = checked_out.and_then(|()| {
        let earlier = pipeline::load(&of_base(overrides, parsed, &folder), Stream::Stderr)?.parse()?;
        let graph = columns::offline_graph(&earlier, parsed);
        Ok(report(args, parsed, (&earlier.manifest, &graph), base))
    });
    let _ = fs::remove_dir_all(&folder);
    done
}

fn against_state(args: &ImpactArgs, parsed: &Parsed, folder: &Path) -> Result<ExitStatus, ExitStatus> {
    let Earlier { manifest, sql } = artifacts::read_earlier(folder).map_err(|error| parsed.fail(&error))?;
    if sql.values().all(Result::is_err) && !sql.is_empty() {
        let message = format!("`{}` has no compiled SQL", folder.join("manifest.json").display());
        let hint = "run `kiln compile` there first, or compare with `--base GIT_REF`";
        return Err(parsed.fail(&Diagnostic::error(Code::PreviousStateMissing, message).hint(hint)));
    }
    let facts = Facts { sql, columns: columns::catalog_of(parsed, &manifest), ..Facts::default() };
    let graph = lineage::build(&manifest, parsed.adapter.dialect(), &facts);
    Ok(report(args, parsed, (&manifest, &graph), &parsed.shown(folder)))
}

/// The invocation of the same command in the folder of the base.
fn of_base(overrides: &Overrides, parsed: &Parsed, folder: &Path) -> Overrides {
    let mut overrides = overrides.clone();
    overrides.project_dir = Some(folder.to_owned());
    overrides.profiles_dir = Some(parsed.project.settings.profiles_dir.clone());
    overrides.target_path = Some(folder.join(".kiln-target"));
    overrides.log_path = Some(folder.join(".kiln-logs"));
    overrides.flags.insert("quiet".to_owned(), Data::from(true));
    overrides
}

/// Puts the project as of a commit into a folder, with the packages that are installed now where git has none.
fn check_out(parsed: &Parsed, base: &str, folder: &Path) -> Result<(), Box<Diagnostic>> {
    let root = &parsed.project.root().root;
    let failed = |what: &str, why: &str| {
        let message = format!("the project as of `{base}` cannot be read: {what}: {}", why.trim());
        Box::new(
            Diagnostic::error(Code::PreviousStateMissing, message)
                .hint("name a commit, branch or tag of this project's git"),
        )
    };
    if base.starts_with('-') {
        return Err(failed("git", "a commit's name does not begin with `-`"));
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| failed("folder", &error.to_string()))?;
    let archive = folder.join(".kiln-base.tar");
    let git = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["archive", "--format=tar", "-o"])
        .arg(&archive)
        .arg(base)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("git", &error.to_string()))?;
    if !git.status.success() {
        return Err(failed("git", &String::from_utf8_lossy(&git.stderr)));
    }
    let tar = Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("tar", &error.to_string()))?;
    if !tar.status.success() {
        return Err(failed("tar", &String::from_utf8_lossy(&tar.stderr)));
    }
    let packages = &parsed.project.root().config.packages_install_path;
    let (from, to) = (root.join(packages), folder.join(packages));
    if from.is_dir() && !to.exists() {
        super::docs::copy(&from, &to).map_err(|error| failed("packages", &error.to_string()))?;
    }
    Ok(())
}

fn report(args: &ImpactArgs, parsed: &Parsed, old: (&Manifest, &ColumnGraph), base: &str) -> ExitStatus {
    let graph = columns::offline_graph(parsed, parsed);
    let new = (&*parsed.manifest, &graph);
    let impact = lineage::impact(old, new, lineage::compare(old, new));
    let text = ImpactText { old, new, impact: &impact, base };
    let written = match args.format {
        ImpactForm::Text => text.plain(),
        ImpactForm::Markdown => text.markdown(),
        ImpactForm::Json => serde_json::to_string_pretty(&as_json(old, new, &impact)).unwrap_or_default(),
    };
    say_data(&parsed.printer, written.trim_end());
    if args.strict && !impact.breaks.is_empty() { ExitStatus::Failure } else { ExitStatus::Success }
}

fn as_json(old: (&Manifest, &ColumnGraph), new: (&Manifest, &ColumnGraph), impact: &Impact) -> Data {
    let id = |ix: NodeIndex| new.0.node(ix).unique_id.as_str();
    let changes: Vec<Data> = impact
        .changes
        .iter()
        .map(|change| {
            let node = change.new.map(|ix| new.0.node(ix)).or_else(|| change.old.map(|ix| old.0.node(ix)));
            let columns: Vec<Data> = change.columns.iter().map(|column| match &column.change {
                Change::Added => json!({"column": column.column, "change": "added"}),
                Change::Removed => json!({"column": column.column, "change": "removed"}),
                Change::Redefined => json!({"column": column.column, "change": "redefined"}),
                Change::Retyped(from, to) => json!({"column": column.column, "change": "retyped", "from": from, "to": to}),
            }).collect();
            json!({
                "node": node.map(|node| node.unique_id.as_str()),
                "change": match (change.old, change.new) { (None, _) => "added", (_, None) => "removed", _ => "changed" },
                "columns": columns,
                "has_other_rows": change.has_other_rows,
                "unknown": change.unknown,
            })
        })
        .collect();
    let name = |ix: NodeIndex, column: usize| {
        new.1.node(ix).and_then(|node| node.columns.get(column)).map(|column| column.name.as_str())
    };
    let reached: Vec<Data> = impact
        .reached
        .iter()
        .map(|reached| {
            json!({
                "node": id(reached.node),
                "columns": reached.columns.iter().filter_map(|column| name(reached.node, *column)).collect::<Vec<_>>(),
                "rows": reached.rows,
                "because": reached.because,
            })
        })
        .collect();
    let breaks = impact
        .breaks
        .iter()
        .map(|found| json!({"reader": id(found.reader), "node": found.node, "column": found.column}));
    let uncertain = impact.uncertain.iter().map(|(ix, reason)| json!({"node": id(*ix), "reason": reason}));
    json!({
        "changes": changes,
        "breaks": breaks.collect::<Vec<_>>(),
        "reached": reached,
        "dependents": impact.dependents.iter().map(|ix| id(*ix)).collect::<Vec<_>>(),
        "uncertain": uncertain.collect::<Vec<_>>(),
    })
}
