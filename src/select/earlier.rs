//! Methods that compare with an earlier run: `state:`, `result:` and `source_status:`.

use super::methods::Search;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::manifest::NodeSet;
use crate::state::{Comparison, PreviousState, Question};

/// `state:modified` and its kin.
pub(super) fn state(search: &Search<'_>, value: &str, warnings: &mut Diagnostics) -> Result<NodeSet, Box<Diagnostic>> {
    let previous = needed(search, "Got a state selector method, but no comparison manifest")?;
    let question = Question::find(value).ok_or_else(|| unknown("state", value, Question::WORDS))?;
    Comparison::new(search.manifest, previous.manifest()?, search.compares_written).select(question, warnings)
}

/// `result:error`: nodes whose last result has this status.
pub(super) fn result(search: &Search<'_>, value: &str) -> Result<NodeSet, Box<Diagnostic>> {
    let what = "`result:` needs the results of an earlier run";
    let previous = needed(search, what)?;
    let results = previous.results.as_ref().ok_or_else(|| without(previous, what, "run_results.json"))?;
    let found = results.results.iter().filter(|result| result.status == value);
    Ok(found.filter_map(|result| search.manifest.find(&result.unique_id)).collect())
}

/// `source_status:fresher`: sources with newer rows than the earlier run saw.
pub(super) fn source_status(search: &Search<'_>, value: &str) -> Result<NodeSet, Box<Diagnostic>> {
    let what = "`source_status:` needs what an earlier run knew of sources";
    let previous = needed(search, what)?;
    let old = previous.sources.as_ref().ok_or_else(|| without(previous, what, "sources.json"))?;
    let now = previous.current_sources.as_ref().ok_or_else(|| {
        let message = "No current state comparison freshness results in sources.json: `source_status:` needs to know \
                       how fresh sources are now";
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        Box::new(error.hint("run `source freshness` first, which writes sources.json to the target folder"))
    })?;
    if value != "fresher" {
        return Err(unknown("source_status", value, &["fresher"]));
    }
    Ok(now.fresher_than(old).into_iter().filter_map(|id| search.manifest.find(id)).collect())
}

fn needed<'a>(search: &Search<'a>, what: &str) -> Result<&'a PreviousState, Box<Diagnostic>> {
    search.previous.ok_or_else(|| {
        let error = Diagnostic::error(Code::PreviousStateMissing, what);
        Box::new(error.hint("name the folder with the artifacts of an earlier run: `--state DIR`"))
    })
}

fn without(previous: &PreviousState, what: &str, file: &str) -> Box<Diagnostic> {
    let message = format!("{what}, but there is no {file} in `{}`", previous.folder.display());
    Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
}

fn unknown(method: &str, value: &str, words: &[&str]) -> Box<Diagnostic> {
    let message = format!("`{method}:{value}` is not a selector");
    let near = did_you_mean(value, words.iter().copied());
    let error = Diagnostic::error(Code::SelectorSyntax, message).maybe_hint(near);
    Box::new(error.hint(format!("after `{method}:` there may be {}", words.join(", "))))
}
